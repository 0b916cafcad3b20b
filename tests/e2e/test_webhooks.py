"""Events reach another system over HTTP: signed, once, and in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from cloud_in_memory import ROOT
from commerce.clock import to_text
from e2e.receiver import Received, Receiver, receiving
from e2e.recovery import wait_until
from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]


class Hooks:
    """One endpoint of the shop, as staff look after it."""

    def __init__(self, storefront: Storefront, cloud: Cloud, endpoint: Json) -> None:
        self._shop = storefront.shop
        self._cloud = cloud
        self.path = f"/admin/webhook-endpoints/{endpoint['id']}"
        self.secret: str = endpoint["secret"]

    def read(self) -> Json:
        """Read the endpoint."""
        return self._shop.ask("GET", self.path)

    def enable(self) -> None:
        """Enable it again."""
        tag = {"If-Match": f'"{self.read()["version"]}"'}
        answer = self._shop.call("PATCH", self.path, {"status": "enabled"}, headers=tag)
        assert answer.json()["status"] == "enabled"

    def deliveries(self, **query: Any) -> list[Json]:
        """List its deliveries, newest first."""
        found: list[Json] = self._shop.ask("GET", f"{self.path}/deliveries", query=query)["items"]
        return found

    def wait_for(self, status: str, attempts: int) -> Json:
        """Wait until its one delivery has this status and so many attempts, and give it."""

        def there() -> bool:
            return [
                len(each["attempts"]) >= attempts for each in self.deliveries(status=status)
            ] == [True]

        wait_until(there, f"a delivery {status} with {attempts} attempts")
        (delivery,) = self.deliveries()
        return delivery

    def sweep(self) -> None:
        """Have attempted what is due within a day."""
        name = self._cloud.stack_outputs()["SweepDeliveriesFunctionName"]
        as_of = {"as_of": to_text(datetime.now(UTC) + timedelta(days=1))}
        answer = self._cloud.functions.invoke(FunctionName=name, Payload=json.dumps(as_of))
        assert not answer.get("FunctionError"), answer["Payload"].read()


@pytest.fixture
def receiver(storefront: Storefront) -> Iterator[Receiver]:
    with receiving(storefront.shop) as running:
        yield running


@pytest.fixture
def hooks(storefront: Storefront, cloud: Cloud, receiver: Receiver) -> Iterator[Hooks]:
    """Give an endpoint that is told of orders that are placed."""
    wanted = {"url": receiver.url, "event_types": ["order.placed"]}
    endpoint = storefront.shop.ask("POST", "/admin/webhook-endpoints", wanted)
    yield Hooks(storefront, cloud, endpoint)
    storefront.shop.ask("DELETE", f"/admin/webhook-endpoints/{endpoint['id']}")


def an_order(storefront: Storefront) -> Json:
    (sku,) = storefront.stocked(10)
    order: Json = storefront.complete(storefront.cart({sku: 1})).json()
    assert order["status"] == "confirmed"
    return order


def event_of(secret: str, request: Received) -> Json:
    """Read a request as the algorithm's own library does; it raises where nothing fits."""
    event: Json = Webhook(secret).verify(request.body, dict(request.headers))
    return event


def test_an_order_is_told_to_the_endpoint_signed(
    storefront: Storefront, receiver: Receiver, hooks: Hooks
) -> None:
    order = an_order(storefront)

    (request,) = receiver.wait_for(1)

    event = event_of(hooks.secret, request)
    assert (event["type"], event["aggregate"]["id"]) == ("order.placed", order["id"])
    assert request.path == "/hooks?shop=1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == event["event_id"]
    delivery = hooks.wait_for("succeeded", attempts=1)
    assert delivery["event"] == event
    assert delivery["attempts"][0] | {"at": "", "duration_ms": 0} == {
        "number": 1,
        "at": "",
        "duration_ms": 0,
        "status_code": 200,
        "answer": "thanks",
    }


def test_the_ten_lines_of_the_page_tell_ours_from_a_forgery(
    storefront: Storefront, receiver: Receiver, hooks: Hooks
) -> None:
    (snippet,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.DOTALL
    )
    page: dict[str, Any] = {}
    exec(snippet, page)
    an_order(storefront)

    (request,) = receiver.wait_for(1)

    assert page["is_ours"](hooks.secret, request.headers, request.body.encode())
    assert not page["is_ours"](hooks.secret, request.headers, request.body.encode() + b" ")
    old = {**request.headers, "webhook-timestamp": "1700000000"}
    assert not page["is_ours"](hooks.secret, old, request.body.encode())


def test_a_receiver_that_fails_twice_gets_it_in_the_end(
    storefront: Storefront, receiver: Receiver, hooks: Hooks
) -> None:
    receiver.answers = [500, 302]  # a redirect is no success, and is not followed
    an_order(storefront)

    hooks.wait_for("pending", attempts=1)
    hooks.sweep()
    waiting = hooks.wait_for("pending", attempts=2)
    hooks.sweep()
    delivery = hooks.wait_for("succeeded", attempts=3)

    assert [each["status_code"] for each in delivery["attempts"]] == [500, 302, 200]
    assert waiting["next_attempt_at"] > waiting["attempts"][1]["at"]
    assert "next_attempt_at" not in delivery
    ids = {event_of(hooks.secret, each)["event_id"] for each in receiver.received}
    assert len(ids) == 1
    assert len(receiver.received) == 3


def test_an_event_that_comes_again_is_delivered_once(
    storefront: Storefront, cloud: Cloud, receiver: Receiver, hooks: Hooks
) -> None:
    an_order(storefront)
    event = hooks.wait_for("succeeded", attempts=1)["event"]

    planner = cloud.stack_outputs()["PlanDeliveriesFunctionName"]
    again = cloud.functions.invoke(FunctionName=planner, Payload=json.dumps({"detail": event}))

    assert json.loads(again["Payload"].read()) == {"planned": 0}
    assert len(hooks.deliveries()) == len(receiver.received) == 1


def test_a_receiver_that_is_gone_is_told_nothing_until_staff_enable_it(
    storefront: Storefront, receiver: Receiver, hooks: Hooks
) -> None:
    receiver.answers = [410]
    an_order(storefront)
    refused = hooks.wait_for("failed", attempts=1)

    assert (hooks.read()["status"], hooks.read()["disabled_reason"]) == ("disabled", "gone")
    resend = f"{hooks.path}/deliveries/{refused['id']}/resend"
    answer = storefront.shop.call("POST", resend)
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")

    hooks.enable()
    assert storefront.shop.call("POST", resend, key=new_key()).status_code == 202

    delivery = hooks.wait_for("succeeded", attempts=2)
    assert delivery["id"] == refused["id"]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert "disabled_reason" not in hooks.read()


def kept(cloud: Cloud, secret: str) -> list[str]:
    """Name the tables that have a secret."""
    hidden = secret.removeprefix("whsec_")
    scan = cloud.dynamodb.get_paginator("scan")
    return [
        name
        for name in cloud.dynamodb.list_tables()["TableNames"]
        if any(kind in name for kind in ("Webhooks", "Idempotency", "Audit"))
        for page in scan.paginate(TableName=name)
        if hidden in json.dumps(page["Items"], default=str)
    ]


def test_after_a_rotation_both_secrets_verify(
    storefront: Storefront, receiver: Receiver, hooks: Hooks, cloud: Cloud
) -> None:
    key, path = new_key(), f"{hooks.path}/rotate-secret"
    rotated = storefront.shop.ask("POST", path, key=key)
    assert "secret" not in hooks.read()
    again = storefront.shop.ask("POST", path, key=key)
    assert again == {name: value for name, value in rotated.items() if name != "secret"}
    for secret in (hooks.secret, rotated["secret"]):
        assert kept(cloud, secret) == []
    an_order(storefront)

    (request,) = receiver.wait_for(1)

    assert event_of(hooks.secret, request) == event_of(rotated["secret"], request)
    assert len(request.headers["webhook-signature"].split()) == 2


def test_pages_of_deliveries_hold_each_once(
    storefront: Storefront, receiver: Receiver, hooks: Hooks
) -> None:
    orders = [an_order(storefront)["id"] for _ in range(3)]
    receiver.wait_for(3)

    first = storefront.shop.ask("GET", f"{hooks.path}/deliveries", query={"limit": 2})
    more = {"limit": 2, "cursor": first["next_cursor"]}
    second = storefront.shop.ask("GET", f"{hooks.path}/deliveries", query=more)

    listed = [each["event"]["aggregate"]["id"] for each in first["items"] + second["items"]]
    assert listed == orders[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/hooks", "https://169.254.169.254/latest", "http://example.com/hooks"],
)
def test_nobody_registers_a_private_address_or_plain_http(storefront: Storefront, url: str) -> None:
    answer = storefront.shop.call("POST", "/admin/webhook-endpoints", {"url": url})

    assert (answer.status_code, answer.json()["code"]) == (422, "address_refused")


def test_an_endpoint_registered_while_private_ones_were_allowed_is_not_sent_to_afterwards(
    storefront: Storefront, cloud: Cloud
) -> None:
    with receiving(storefront.shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["order.placed"]}
        endpoint = storefront.shop.ask("POST", "/admin/webhook-endpoints", wanted)
    hooks = Hooks(storefront, cloud, endpoint)
    an_order(storefront)

    delivery = hooks.wait_for("pending", attempts=1)

    assert delivery["attempts"][0]["error"].startswith("address_refused")
    storefront.shop.ask("DELETE", hooks.path)
