"""Buyers of the deployed shop get their e-mails, in their language, once."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from commerce.event_bus import EventBus
from commerce.events.model import Aggregate, DomainEvent, event_id
from commerce.events.schema import document
from commerce.orders.model import order_id_for
from e2e.command_line import run_pushcart
from e2e.crashes import Environments
from e2e.dead_letters import Queues
from e2e.recovery import wait_until
from e2e.storefront import Storefront, at_once, new_key
from pushcart import mails
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME, Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]


class Post:
    """What the mail service sent, and what the back office says of it."""

    def __init__(self, workspace: Workspace, cloud: Cloud, storefront: Storefront) -> None:
        self._workspace = workspace
        self._cloud = cloud
        self._shop = storefront.shop

    def sent(self, order_id: str) -> list[Json]:
        """Read the e-mails about an order, oldest first."""
        found = [mail for mail in mails.newest(self._workspace) if order_id in mail["BodyText"]]
        return found[::-1]

    def recorded(self, order_id: str, count: int = 1) -> list[Json]:
        """Wait until so many e-mails about an order are recorded as sent; give all, newest first.

        As each is sent before it is recorded, none is on its way then.
        """
        query: dict[str, str | int] = {"order_id": order_id}
        found: list[Json] = []

        def enough() -> bool:
            found[:] = self._shop.ask("GET", "/admin/emails", query=query)["items"]
            return [each["status"] for each in found] == ["sent"] * count

        wait_until(enough, f"{count} e-mails about {order_id}")
        return found

    def bring(self, event: Json) -> Json:
        """Hand an event to the sender once more, and wait for its answer."""
        called = self._cloud.functions.invoke(
            FunctionName=self._cloud.stack_outputs()["SendEmailFunctionName"],
            Payload=json.dumps({"detail": event}),
        )
        answer: Json = json.loads(called["Payload"].read())
        return answer


@pytest.fixture
def post(deployed_shop: Workspace, cloud: Cloud, storefront: Storefront) -> Post:
    return Post(deployed_shop, cloud, storefront)


@pytest.fixture
def bus(cloud: Cloud) -> EventBus:
    return EventBus(STACK_NAME, cloud.events)


def an_order(storefront: Storefront, **buyer: str) -> Json:
    first, second = storefront.stocked(10, 10, price=1250)
    answer = storefront.complete(storefront.cart({first: 2, second: 1}, **buyer))
    assert answer.status_code == 200
    order: Json = answer.json()
    return order


def event_of(order: Json, type_: str = "order.placed") -> Json:
    aggregate = Aggregate("order", order["id"], order["version"])
    data = {"currency": "GBP", "total": order["total"], "line_count": 2}
    return document(
        DomainEvent(event_id(type_, aggregate), type_, 1, order["placed_at"], aggregate, data)
    )


def test_a_german_and_an_english_buyer_each_get_their_order_once(
    storefront: Storefront, post: Post
) -> None:
    orders = {
        language: an_order(storefront, email=f"{language}@example.com", language=tag)
        for language, tag in (("de", "de-AT"), ("en", "en-GB"))
    }

    for language, order in orders.items():
        (record,) = post.recorded(order["id"])
        (mail,) = post.sent(order["id"])
        assert record["message_id"] == mail["MessageId"]
        assert mail["To"] == [f"{language}@example.com"]
        assert mail["Source"] == "shop@pushcart.example"
        pounds = f"{order['total'] / 100:.2f}"
        total = f"{pounds.replace('.', ',')}\N{NO-BREAK SPACE}£"
        line = "25,00\N{NO-BREAK SPACE}£"
        if language == "en":
            total, line = f"£{pounds}", "£25.00"
        for part in (mail["BodyText"], mail["BodyHtml"]):
            assert total in part
            assert line in part
            assert all(each["title"] in part for each in order["line_items"])
        assert mail["Subject"].startswith({"de": "Ihre Best", "en": "Your order"}[language])


def test_an_event_that_comes_again_sends_nothing(
    storefront: Storefront, post: Post, bus: EventBus
) -> None:
    order = an_order(storefront)
    (record,) = post.recorded(order["id"])
    event = event_of(order) | {"event_id": record["event_id"], "occurred_at": record["occurred_at"]}

    bus.publish(event)
    answers = at_once(*[partial(post.bring, event)] * 3)

    assert answers == [{"sent": False}] * 3
    assert len(post.sent(order["id"])) == 1


def test_a_cancelled_order_is_told_and_a_refused_checkout_is_not(
    storefront: Storefront, post: Post
) -> None:
    (sku,) = storefront.stocked(1)
    refused = storefront.cart({sku: 1})
    assert storefront.complete(refused, "tok_declined").status_code == 402
    order = an_order(storefront)
    storefront.shop.ask("POST", f"/store/orders/{order['id']}/cancel", {})

    post.recorded(order["id"], 2)

    assert [mail["Subject"].partition(":")[0] for mail in post.sent(order["id"])] == [
        "Your order is confirmed",
        "Your order is cancelled",
    ]
    no_order = storefront.order_of(refused)
    assert post.bring(event_of(no_order) | {"type": "order.canceled"}) == {"sent": False}
    assert post.sent(no_order["id"]) == []


def test_a_refund_by_staff_is_told(storefront: Storefront, post: Post) -> None:
    order = an_order(storefront)
    path = f"/admin/orders/{order['id']}"
    storefront.shop.ask("POST", f"{path}/capture", {"amount": 1000}, key=new_key())
    back = {"amount": 250, "reason": "late"}
    storefront.shop.ask("POST", f"{path}/refund", back, key=new_key())

    post.recorded(order["id"], 2)

    subjects = [mail["Subject"] for mail in post.sent(order["id"])]
    assert "We have given you money back: £2.50" in subjects


def test_a_poison_event_is_set_aside_and_later_ones_are_told(
    storefront: Storefront, post: Post, bus: EventBus, queues: Queues, deployed_shop: Workspace
) -> None:
    nobodys = Aggregate("payment", order_id_for("cart_nobody", 1), 2)
    sums = {"amount": 1, "captured": 1, "refunded": 1}
    data = {"order_id": nobodys.id, "provider": "sandbox", "currency": "GBP", **sums}
    # Only the sender listens to it.
    type_ = "payment.refunded"
    told = DomainEvent(event_id(type_, nobodys), type_, 1, "now", nobodys, data)
    bus.publish(document(told))
    wait_until(lambda: queues.depth(queues.events) == 1, "the dead letter")

    post.recorded(an_order(storefront)["id"])
    again = run_pushcart(deployed_shop, "redrive-events")

    assert again.returncode == 1
    assert "failed again" in again.stderr
    assert queues.depth(queues.events) == 1


def test_what_a_broken_sender_missed_is_redriven_and_sent_once(
    storefront: Storefront,
    post: Post,
    queues: Queues,
    deployed_shop: Workspace,
    cloud: Cloud,
) -> None:
    with Environments(deployed_shop, cloud).out_of_order("SendEmail"):
        order = an_order(storefront)
        wait_until(lambda: queues.depth(queues.events) >= 1, "the dead letter")
    assert post.sent(order["id"]) == []

    done = run_pushcart(deployed_shop, "redrive-events")

    assert (done.returncode, done.stderr) == (0, "")
    post.recorded(order["id"])
    assert len(post.sent(order["id"])) == 1


def test_no_address_is_in_a_log(
    storefront: Storefront, post: Post, deployed_shop: Workspace
) -> None:
    post.recorded(an_order(storefront, email="secret@example.com")["id"])

    done = run_pushcart(deployed_shop, "logs", "SendEmail")

    assert done.stdout
    assert "secret@example.com" not in done.stdout


def test_the_command_lists_what_was_sent_and_shows_one_whole(
    storefront: Storefront, post: Post, deployed_shop: Workspace
) -> None:
    order = an_order(storefront, language="de")
    (record,) = post.recorded(order["id"])

    newest = run_pushcart(deployed_shop, "mails", "--limit", "1")
    (line,) = newest.stdout.splitlines()
    whole = run_pushcart(deployed_shop, "mails", "--id", record["message_id"])

    assert record["subject"] in line
    assert "To: ada@example.com" in whole.stdout.splitlines()
    assert f"Bestellung {order['number']} ({order['id']})" in whole.stdout.splitlines()
