"""An order that costs nothing is placed, paid, sent, sent back and cancelled without a provider."""

from __future__ import annotations

from typing import Any

import pytest

from builders import NOW, ORDER_ID, line
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import AmountTooLarge, NotFound, PaymentRequired
from commerce.lifecycle import COMPLETED, CONFIRMED
from commerce.orders.model import Order
from commerce.payments.model import payment_status
from commerce.stock.store import StockStore
from simulated_shop import SimulatedShop
from store.emulated_dynamodb import EmulatedDynamoDb
from store.shop_at_work import SERVICES, ShopAtWork, lines_of, refusal


def a_shop(unit_price: int) -> SimulatedShop:
    database = EmulatedDynamoDb(*SERVICES)
    client: Any = database
    units = {"JAM": 10, "MUG": 10, "TEA": 10}
    StockStore(Table(table_name("stock"), client)).open_many(units, NOW, location="main")
    return SimulatedShop(inner=database, unit_price=unit_price)


def test_a_cart_of_nothing_is_completed_without_a_payment_and_is_paid() -> None:
    shop = a_shop(0)
    for _ in range(2):
        order = shop.checkout(token=None)
        assert isinstance(order, Order)
        assert (order.status, order.total) == (CONFIRMED, 0)
    assert payment_status(shop.payments.get(ORDER_ID)) == "captured"
    assert shop.provider.find(ORDER_ID) is None


def test_a_payment_that_is_given_for_nothing_is_not_used() -> None:
    shop = a_shop(0)
    order = shop.checkout(token="tok_declined")
    assert isinstance(order, Order)
    assert order.status == CONFIRMED
    assert shop.provider.find(ORDER_ID) is None


def test_a_cart_that_costs_something_needs_a_payment_and_makes_no_order_without_one() -> None:
    shop = a_shop(500)
    refused = shop.checkout(token=None)
    assert isinstance(refused, PaymentRequired)
    assert refused.details["total"] > 0
    assert [fault["path"] for fault in refused.details["errors"]] == ["$.payment"]
    with pytest.raises(NotFound):
        shop.orders.get(ORDER_ID)
    # The same cart is completed with one.
    order = shop.checkout(token="tok_visa", key="key-2")
    assert isinstance(order, Order)
    assert order.status == CONFIRMED


def test_an_order_of_nothing_that_is_cancelled_is_undone() -> None:
    shop = a_shop(0)
    shop.checkout(token=None)
    shop.cancel()
    shop.sweep()
    assert shop.orders.get(ORDER_ID).status == "canceled"
    assert payment_status(shop.payments.get(ORDER_ID)) == "voided"


@pytest.mark.parametrize("capture", ["on_shipment", "at_once"])
def test_an_order_of_nothing_is_sent_and_sent_back(capture: str) -> None:
    shop = ShopAtWork(EmulatedDynamoDb(*SERVICES), capture)
    shop.fill({("SKU1", "main"): 2})
    order_id = shop.place(1, lines_of(2, totals=(0,)), 0)
    shop.allocate(order_id)
    shop.charge(order_id)
    part = shop.record(order_id).fulfillments[0].id
    refused = refusal(lambda: shop.capture(order_id, None, "by hand"))
    assert isinstance(refused, AmountTooLarge)
    for step in (shop.pack, shop.ship, shop.consume, shop.capture_shipment, shop.deliver):
        step(part)
    assert shop.complete(order_id).order.status == COMPLETED
    back = shop.request(order_id, {"line_1": 1})
    shop.approve(back)
    shop.receive(back, {"line_1": 1}, {})
    shop.refund_return(back)
    for step in (shop.restock, shop.pay_refund, shop.close_return):
        step(back)
    assert shop.record(order_id).sent_back(back).status == "refunded"
    assert payment_status(shop.payment(order_id)) == "captured"
    shop.check_stock_and_books()


def test_what_is_held_is_let_go_of_once_only_gifts_are_left_of_an_order() -> None:
    shop = ShopAtWork(EmulatedDynamoDb(*SERVICES))
    shop.fill({("SKU1", "main"): 1, ("SKU2", "main"): 1})
    gift = line("SKU2", 1, 0, line_id="line_2", total=0, tax=0)
    order_id = shop.place(1, (*lines_of(1), gift), 0)
    shop.allocate(order_id)
    shop.cancel(order_id, {"line_1": 1})
    cancellation = shop.record(order_id).cancellations[0].id
    for _ in range(2):
        shop.release_canceled(cancellation)
        shop.refund_canceled(cancellation)
    theirs = shop.till.provider.find(order_id)
    assert theirs is not None
    assert (theirs.held, theirs.captured) == (0, 0)
    part = shop.record(order_id).live[0].id
    for step in (shop.pack, shop.ship, shop.consume, shop.capture_shipment, shop.deliver):
        step(part)
    assert shop.complete(order_id).order.status == COMPLETED
    assert payment_status(shop.payment(order_id)) == "voided"
