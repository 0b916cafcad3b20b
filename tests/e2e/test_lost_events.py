"""Events that never come to anybody: the sweep finds what an order is owed, and has it done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from commerce.dynamo.table import Table
from e2e.event_log import Log
from e2e.recovery import sweep, wait_until
from e2e.sales import Executions, Money, Sale
from e2e.storefront import Storefront
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME

pytestmark = pytest.mark.xdist_group("deployed_shop")


@contextmanager
def deaf(cloud: Cloud, *consumers: str) -> Iterator[None]:
    """Have the bus hand nothing to some consumers, and keep nothing for them."""
    named = [
        rule["Name"]
        for rule in cloud.events.list_rules(EventBusName=STACK_NAME)["Rules"]
        for target in cloud.events.list_targets_by_rule(Rule=rule["Name"], EventBusName=STACK_NAME)[
            "Targets"
        ]
        if any(consumer in target["Arn"] for consumer in consumers)
    ]
    assert len(named) == len(consumers), named
    for name in named:
        cloud.events.disable_rule(Name=name, EventBusName=STACK_NAME)
    try:
        yield
    finally:
        for name in named:
            cloud.events.enable_rule(Name=name, EventBusName=STACK_NAME)


def test_what_orders_are_owed_is_done_though_every_event_of_it_is_lost(
    storefront: Storefront, cloud: Cloud
) -> None:
    log, executions = Log(storefront), Executions(cloud)
    packed, partly, arrived = Sale(storefront, 2), Sale(storefront, 3), Sale(storefront, 2)
    parcel = packed.allocated()
    partly.allocated()
    arrived.arrive()
    wait_until(lambda: bool(executions.names("fulfil-order", packed.id)), "the packing")

    with deaf(cloud, "StartExecutions", "AnswerWaits"):
        placed = Sale(storefront, 2)
        log.wait_for(placed.id, "order.placed")
        packed.pack(parcel)
        packed.ship(parcel)
        log.wait_for(parcel, "fulfillment.shipped")
        assert partly.cancel("admin", 1).status_code == 202
        (cancellation,) = partly.read()["cancellations"]
        log.wait_for(cancellation["id"], "order.lines_canceled")
        wish = arrived.send_back(1).json()["id"]
        arrived.decide(wish, "approve")
        arrived.decide(wish, "receive", {"restock": arrived.lines(1)})
        log.wait_for(wish, "return.received")
    assert placed.read()["fulfillments"] == []
    assert packed.money() == Money()
    assert partly.stock() == [(7, 3, 0)]

    sweep(cloud)

    assert placed.allocated()
    packed.wait(lambda order: bool(order["payment"]["captured"]), "the capture")
    assert packed.money() == Money(captured=packed.total)
    wait_until(lambda: partly.stock() == [(8, 2, 0)], "the stock of what was cancelled")
    wait_until(lambda: arrived.stock() == [(9, 0, 2)], "the stock of what came back")
    orders = Table(cloud.stack_outputs()["OrdersTableName"], cloud.dynamodb)
    wait = "#pk = :order AND begins_with(#sk, :wait)", {"order": arrived.id, "wait": "wait#return"}
    wait_until(lambda: any(orders.query(*wait, consistent=True)), "who waits for the refund")
    with deaf(cloud, "AnswerWaits"):
        arrived.decide(wish, "refund")
        log.wait_for(wish, "return.refunding")
    sweep(cloud)
    arrived.wait(lambda order: order["returns"][0]["status"] == "refunded", "the refund")
    # And all goes on as ever from there.
    packed.deliver(parcel)
    packed.wait_for("completed")
    placed.arrive()
    partly.arrive()
    sweep(cloud)
    for sale in (packed, placed, partly, arrived):
        wait_until(lambda sale=sale: sale.read()["status"] == "completed", "completion")  # type: ignore[misc]
        assert sale.read().get("recovery_due_at") is None
    assert executions.names("fulfil-order", placed.id) == [placed.id]
