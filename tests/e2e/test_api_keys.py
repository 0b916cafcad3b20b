"""API keys of integrations on the deployed shop: for how long each opens what it does.

test_access_matrix.py calls every route with keys of every scope.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from commerce.clock import to_text
from e2e.recovery import wait_until
from e2e.sales import policies
from e2e.storefront import BUYER, DESTINATION, Storefront, new_key
from e2e.tokens import Ask
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]
Make = Callable[..., Json]


@pytest.fixture
def make(storefront: Storefront) -> Iterator[Make]:
    """Give what makes a key; all are revoked afterwards."""
    made: list[str] = []

    def make(*scopes: str, **more: Any) -> Json:
        body = {"name": "Warehouse", "scopes": list(scopes), **more}
        key = storefront.shop.ask("POST", "/admin/api-keys", body, key=new_key())
        made.append(key["id"])
        return key

    yield make
    for key_id in made:
        storefront.shop.ask("DELETE", f"/admin/api-keys/{key_id}")


def _read(storefront: Storefront, key: Json) -> Json:
    return storefront.shop.ask("GET", f"/admin/api-keys/{key['id']}")


def test_what_no_key_may_be_given_is_refused(storefront: Storefront) -> None:
    for scopes in (["keys:write"], ["orders:delete"], ["*"], []):
        body = {"name": "Warehouse", "scopes": scopes}
        answer = storefront.shop.call("POST", "/admin/api-keys", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), scopes


def test_a_secret_is_shown_once_and_kept_nowhere(storefront: Storefront, cloud: Cloud) -> None:
    body, key = {"name": "Till", "scopes": ["stock:read"]}, new_key()
    first, again = (
        storefront.shop.call("POST", "/admin/api-keys", body, key=key) for _ in range(2)
    )
    secret = first.json()["secret"]
    path = f"/admin/api-keys/{first.json()['id']}"

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == {name: v for name, v in first.json().items() if name != "secret"}
    for seen in (storefront.shop.ask("GET", path), storefront.shop.ask("GET", "/admin/api-keys")):
        assert secret not in json.dumps(seen)
    storefront.shop.ask("DELETE", path)
    hidden = secret.split("_", 2)[2]  # which has underscores of its own
    tables = cloud.dynamodb.list_tables()["TableNames"]
    for name in tables:
        if "ApiKeys" in name:
            for page in cloud.dynamodb.get_paginator("scan").paginate(TableName=name):
                assert hidden not in json.dumps(page["Items"], default=str)


def test_a_rotated_key_opens_with_both_secrets_until_the_overlap_is_over(
    storefront: Storefront, make: Make, ask: Ask
) -> None:
    key = make("orders:read")
    path = f"/admin/api-keys/{key['id']}/rotate"
    second = storefront.shop.ask("POST", path, {"overlap_hours": 1}, key=new_key())
    for secret in (key["secret"], second["secret"]):
        assert ask("GET /admin/orders", secret).status_code == 200
    third = storefront.shop.ask("POST", path, {"overlap_hours": 0}, key=new_key())

    opened = {
        number: ask("GET /admin/orders", each["secret"]).status_code
        for number, each in enumerate((key, second, third), 1)
    }
    assert opened == {1: 401, 2: 401, 3: 200}


def test_a_revoked_key_opens_nothing_from_that_moment(
    storefront: Storefront, make: Make, ask: Ask
) -> None:
    key = make("orders:read")
    assert ask("GET /admin/orders", key["secret"]).status_code == 200
    gone = storefront.shop.ask("DELETE", f"/admin/api-keys/{key['id']}")
    assert gone["status"] == "revoked"
    assert ask("GET /admin/orders", key["secret"]).status_code == 401
    rotated = storefront.shop.call("POST", f"/admin/api-keys/{key['id']}/rotate", {})
    assert (rotated.status_code, rotated.json()["code"]) == (409, "api_key_not_active")


def test_a_key_that_runs_out_opens_nothing_from_then_on(make: Make, ask: Ask) -> None:
    soon = to_text(datetime.now(UTC) + timedelta(seconds=4))
    secret = make("orders:read", expires_at=soon)["secret"]
    assert ask("GET /admin/orders", secret).status_code == 200
    wait_until(lambda: ask("GET /admin/orders", secret).status_code == 401, "the key to run out")


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "next week", "2099-13-01T00:00:00Z"])
def test_a_key_that_would_have_run_out_is_not_made(storefront: Storefront, moment: str) -> None:
    body = {"name": "Till", "scopes": ["stock:read"], "expires_at": moment}
    answer = storefront.shop.call("POST", "/admin/api-keys", body, key=new_key())
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "$.expires_at")


def test_a_keys_last_use_is_seen_and_histories_name_it(
    storefront: Storefront, deployed_shop: Workspace, make: Make
) -> None:
    (sku,) = storefront.stocked(1)
    key = make("stock:write", name="Scanner")
    assert _read(storefront, key).get("last_used_at") is None
    headers = {"Authorization": f"Bearer {key['secret']}"}
    body = {"delta": 2, "reason": "found"}
    url = f"{deployed_shop.base_url}/admin/stock/{sku}/adjustments"
    answer = httpx.post(url, json=body, headers=headers, timeout=40, trust_env=False)
    assert answer.status_code == 201, answer.text
    assert _read(storefront, key)["last_used_at"] >= key["created_at"]
    adjusted = storefront.shop.ask("GET", f"/admin/stock/{sku}")["adjustments"]
    by = {each["reason"]: each["by"] for each in adjusted}
    assert by["found"] == f"Scanner ({key['id']})"


def test_a_key_over_its_rate_waits_while_another_goes_on(
    cloud: Cloud, make: Make, ask: Ask
) -> None:
    busy, calm = make("orders:read")["secret"], make("orders:read")["secret"]
    with _plan_with(cloud, "/throttle/rateLimit", "0.01", "/throttle/burstLimit", "2"):
        answers = [ask("GET /admin/orders", busy) for _ in range(3)]
        other = ask("GET /admin/orders", calm)

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "too_many_requests"
    assert int(answers[2].headers["retry-after"]) >= 1
    assert other.status_code == 200


def test_a_key_over_its_quota_is_told_so(cloud: Cloud, make: Make, ask: Ask) -> None:
    secret = make("orders:read")["secret"]
    with _plan_with(cloud, "/quota/limit", "1"):
        answers = [ask("GET /admin/orders", secret) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].json()["code"] == "quota_exceeded"
    assert int(answers[1].headers["retry-after"]) >= 1


def test_a_usage_key_sent_by_the_caller_counts_for_nothing(
    make: Make, cloud: Cloud, deployed_shop: Workspace
) -> None:
    """The staff's is in the template; a key that named it would have the staff's rate."""
    secret = make("orders:read")["secret"]
    staffs = next(
        each["value"]
        for each in cloud.apis.get_api_keys(includeValues=True)["items"]
        if each["value"].endswith("staff-usage-identifier")
    )
    headers = {"Authorization": secret, "x-api-key": staffs}
    url = f"{deployed_shop.base_url}/admin/orders"
    with _plan_with(cloud, "/quota/limit", "1"):
        answers = [httpx.get(url, headers=headers, timeout=40, trust_env=False) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429]


# --- publishable keys ---------------------------------------------------------


def test_an_order_tells_staff_which_storefront_sold_it(storefront: Storefront, make: Make) -> None:
    app = make(type="publishable", name="App")
    (sku,) = storefront.stocked(1)
    opened = _open_cart(storefront, app["key"], line_items=[{"sku": sku, "quantity": 1}])
    assert opened.status_code == 201
    path = f"/store/carts/{opened.json()['id']}"
    rest = {"buyer": BUYER, "fulfillment": {"destination": DESTINATION}}
    order = storefront.complete(storefront.shop.ask("PATCH", path, rest)).json()

    assert storefront.order(order["id"])["storefront"] == app["id"]
    assert "storefront" not in order


def test_a_publishable_key_is_none_of_staffs_and_a_secret_one_none_of_a_storefronts(
    storefront: Storefront, make: Make, ask: Ask
) -> None:
    app, till = make(type="publishable"), make("orders:read")
    assert "secret" not in app
    assert ask("GET /admin/orders", app["key"]).status_code == 401
    for text in (till["secret"], f"pk_{till['id'].partition('_')[2]}", "pk_1", "app"):
        refused = _open_cart(storefront, text)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), text


def test_a_storefront_whose_key_was_revoked_opens_no_cart(
    storefront: Storefront, make: Make
) -> None:
    app = make(type="publishable")
    assert _open_cart(storefront, app["key"]).status_code == 201
    storefront.shop.ask("DELETE", f"/admin/api-keys/{app['id']}")
    assert _open_cart(storefront, app["key"]).status_code == 401


def test_a_shop_may_ask_every_storefront_for_its_key(storefront: Storefront, make: Make) -> None:
    app = make(type="publishable")
    with policies(storefront.shop, require_publishable_key=True):
        without, with_key = _open_cart(storefront, None), _open_cart(storefront, app["key"])
    assert (without.status_code, without.json()["code"]) == (401, "unauthenticated")
    assert with_key.status_code == 201


def _open_cart(storefront: Storefront, key: str | None, **more: Any) -> httpx.Response:
    headers = {} if key is None else {"X-Publishable-Key": key}
    body = {"currency": "GBP", **more}
    return storefront.shop.call("POST", "/store/carts", body, headers=headers)


@contextmanager
def _plan_with(cloud: Cloud, *changes: str) -> Iterator[None]:
    """Change parts of the integrations' usage plan for a while."""
    plans = cloud.apis.get_usage_plans()["items"]
    (plan,) = (each for each in plans if each["name"].endswith("-integrations"))
    wanted = dict(zip(changes[::2], changes[1::2], strict=True))
    before = {path: str(_at(plan, path)) for path in wanted}
    _change(cloud, plan["id"], wanted)
    try:
        yield
    finally:
        _change(cloud, plan["id"], before)


def _at(plan: Json, path: str) -> Any:
    _, part, name = path.split("/")
    return plan[part][name]


def _change(cloud: Cloud, plan_id: str, values: dict[str, str]) -> None:
    patch = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    cloud.apis.update_usage_plan(usagePlanId=plan_id, patchOperations=patch)
