"""Members of staff: what a role has its limit in, and when a token opens no more.

test_access_matrix.py calls every route as every role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from commerce.access import Role
from e2e.customers import new_email
from e2e.recovery import wait_until
from e2e.sales import Sale, policies
from e2e.storefront import Storefront, new_key
from e2e.tokens import Ask, sign_in
from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


@pytest.fixture(scope="module")
def tokens(deployed_shop: Workspace) -> Mapping[Role, str]:
    """Sign in one of each role."""
    return {role: staff.token(deployed_shop, role) for role in Role}


def test_support_gives_back_a_limited_amount_of_one_order_and_a_manager_the_rest(
    storefront: Storefront, deployed_shop: Workspace, tokens: Mapping[Role, str]
) -> None:
    sale = Sale(storefront, 2)
    sale.arrive()
    wish = sale.send_back(1).json()["id"]
    sale.decide(wish, "approve")
    sale.decide(wish, "receive", {"restock": sale.lines(1)})

    def refund(role: Role, path: str, amount: int) -> httpx.Response:
        return httpx.post(
            f"{deployed_shop.base_url}/admin/{path}/refund",
            json={"amount": amount, **({} if path.startswith("returns") else {"reason": "late"})},
            headers={"Authorization": tokens[role], "Idempotency-Key": new_key()},
            timeout=40,
            trust_env=False,
        )

    order, returned = f"orders/{sale.id}", f"returns/{wish}"
    with policies(storefront.shop, support_refund_limit={"GBP": 500}):
        assert refund(Role.SUPPORT, order, 300).status_code == 200
        for path in (order, returned):
            refused = refund(Role.SUPPORT, path, 201)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            assert refused.json()["limit"] == 500
        assert refund(Role.SUPPORT, returned, 200).status_code == 202
        assert refund(Role.SUPPORT, order, 1).status_code == 403
        assert refund(Role.MANAGER, order, 100).status_code == 200
    sale.wait(lambda order: bool(order["returns"][0]["status"] == "refunded"), "the refund")
    assert sale.money().refunded == 600


def test_support_cancels_what_gives_back_no_more_than_its_limit(
    storefront: Storefront, deployed_shop: Workspace, tokens: Mapping[Role, str]
) -> None:
    sale = Sale(storefront, 1, 1)
    sale.allocated()
    taken = storefront.shop.call("POST", f"/admin/orders/{sale.id}/capture", {}, key=new_key())
    assert taken.status_code == 200, taken.text

    def cancel(*units: int) -> httpx.Response:
        return httpx.post(
            f"{deployed_shop.base_url}/admin/orders/{sale.id}/cancel",
            json={"reason": "ordered twice"}
            | ({"line_items": sale.lines(*units)} if units else {}),
            headers={"Authorization": tokens[Role.SUPPORT], "Idempotency-Key": new_key()},
            timeout=40,
            trust_env=False,
        )

    with policies(storefront.shop, support_refund_limit={"GBP": sale.cost(0)}):
        refused = cancel()
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert refused.json()["limit"] == sale.cost(0)
        assert cancel(1).status_code == 202
        assert cancel(0, 1).status_code == 403
    # Whoever takes all that is left takes no more than what was not cancelled.
    sale.wait(lambda order: bool(order["payment"]["refunded"]), "the refund")
    assert sale.money().refunded == sale.cost(0)
    again = storefront.shop.call("POST", f"/admin/orders/{sale.id}/capture", {}, key=new_key())
    assert (again.status_code, again.json()["code"]) == (409, "amount_too_large")
    assert again.json()["available"] == 0


def test_an_id_token_opens_nothing(cloud: Cloud, ask: Ask) -> None:
    signed_in = _of_ours(cloud, Role.OWNER)
    assert ask("GET /admin/orders", signed_in["AccessToken"]).status_code == 200
    assert ask("GET /admin/orders", signed_in["IdToken"]).status_code == 401
    assert ask("GET /admin/orders", signed_in["RefreshToken"]).status_code == 401


def test_who_signs_out_everywhere_is_out_within_seconds(cloud: Cloud, ask: Ask) -> None:
    token = _of_ours(cloud, Role.AUDITOR)["AccessToken"]
    assert ask("GET /admin/orders", token).status_code == 200
    cloud.cognito.global_sign_out(AccessToken=token)
    _is_soon_out(ask, token)


def test_who_is_disabled_or_deleted_is_out_within_seconds(cloud: Cloud, ask: Ask) -> None:
    pool = cloud.stack_outputs()["UserPoolId"]
    for change in (cloud.cognito.admin_disable_user, cloud.cognito.admin_delete_user):
        name = new_email()
        token = _of_ours(cloud, Role.AUDITOR, name)["AccessToken"]
        assert ask("GET /admin/orders", token).status_code == 200
        change(UserPoolId=pool, Username=name)
        _is_soon_out(ask, token)


def _is_soon_out(ask: Ask, token: str) -> None:
    """Wait for what processes of the authorizer remember; the promise is five seconds."""
    answers: list[httpx.Response] = []

    def is_out() -> bool:
        answers.append(ask("GET /admin/orders", token))
        return answers[-1].status_code == 401

    wait_until(is_out, "the token to be over")
    assert answers[-1].json()["code"] == "unauthenticated"
    assert answers[-1].headers["www-authenticate"] == "Bearer"


def _of_ours(cloud: Cloud, role: Role, name: str = "") -> dict[str, Any]:
    outputs = cloud.stack_outputs()
    pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
    return sign_in(cloud, pool, client, role, name=name)
