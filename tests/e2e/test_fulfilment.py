"""A confirmed order on its way to the buyer, whole, in parts or not at all, over HTTP."""

from __future__ import annotations

import pytest

from e2e.sales import Executions, Money, Sale, code_of, policies, trial_balance
from e2e.storefront import Storefront
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")


def test_an_order_is_charged_when_it_is_shipped_and_completed_when_it_arrives(
    storefront: Storefront, cloud: Cloud
) -> None:
    sale = Sale(storefront, 2)
    parcel = sale.allocated()
    assert sale.statuses() == ("confirmed", "authorized", "unfulfilled")

    sale.pack(parcel)
    assert sale.statuses() == ("confirmed", "authorized", "packed")
    assert (sale.stock(), sale.money()) == ([(8, 2, 0)], Money())

    sale.ship(parcel, carrier="Royal Mail", tracking_number="RM1")
    sale.wait(lambda order: order["payment_status"] == "captured", "the capture")
    assert sale.statuses() == ("confirmed", "captured", "shipped")
    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))

    sale.deliver(parcel)
    sale.wait_for("completed")
    assert sale.statuses() == ("completed", "captured", "delivered")
    assert sale.history() == [
        (None, "pending"),
        ("pending", "confirmed"),
        ("confirmed", "completed"),
    ]
    assert sale.history(parcel) == [
        (None, "open"),
        ("open", "packed"),
        ("packed", "shipped"),
        ("shipped", "delivered"),
    ]
    assert Executions(cloud).names("fulfil-order", sale.id) == [sale.id]
    assert trial_balance(storefront.shop) == 0


def test_each_parcel_is_charged_as_it_leaves_and_the_rest_is_let_go_at_the_end(
    storefront: Storefront, cloud: Cloud
) -> None:
    sale = Sale(storefront, 3, 1)
    first = sale.allocated()
    second = sale.split(2)
    one_unit, other = sale.cost(0) // 3, sale.cost(1)

    sale.send(second)
    assert sale.money() == Money(captured=2 * one_unit + sale.delivery)
    assert sale.stock() == [(7, 1, 2), (9, 1, 0)]
    assert sale.statuses() == ("confirmed", "partially_captured", "partially_shipped")

    assert sale.cancel("admin", 0, 1).status_code == 202
    sale.wait(lambda _: sale.stock()[1] == (10, 0, 0), "the release")
    sale.deliver(second)
    sale.send(first)
    assert sale.statuses()[2] == "partially_delivered"
    sale.deliver(first)
    sale.wait_for("completed")

    assert sale.money() == Money(captured=sale.total - other, released=other)
    assert sale.stock() == [(7, 0, 3), (10, 0, 0)]
    assert sale.statuses() == ("completed", "captured", "delivered")
    # The second parcel has an execution of its own, started once.
    assert Executions(cloud).names("fulfil-order", sale.id) == sorted([sale.id, second])


def test_a_parcel_that_is_begun_again_is_sent_once(storefront: Storefront) -> None:
    sale = Sale(storefront, 2)
    lost = sale.allocated()
    sale.pack(lost)
    again = storefront.shop.ask("POST", f"/admin/fulfillments/{lost}/cancel")["id"]
    late = storefront.shop.call("POST", f"/admin/fulfillments/{lost}/ship", {})
    assert code_of(late) == (409, "illegal_transition")

    sale.send(again)
    sale.deliver(again)
    sale.wait_for("completed")

    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))
    assert sale.history(lost) == [(None, "open"), ("open", "packed"), ("packed", "canceled")]


def test_what_a_packer_cannot_find_is_released_and_not_charged(storefront: Storefront) -> None:
    sale = Sale(storefront, 3)
    parcel = sale.allocated()
    sale.short(parcel, 1)
    sale.wait(lambda _: sale.stock() == [(8, 2, 0)], "the release")

    sale.send(parcel)
    sale.deliver(parcel)
    order = sale.wait_for("completed")

    (shortage,) = order["cancellations"]
    assert (shortage["reason"], shortage["amount"]) == ("shortage", sale.cost(0) // 3)
    missing = shortage["amount"]
    assert sale.money() == Money(captured=sale.total - missing, released=missing)
    assert sale.stock() == [(8, 0, 2)]


def test_an_order_of_which_nothing_can_be_found_is_cancelled(storefront: Storefront) -> None:
    sale = Sale(storefront, 2)
    sale.short(sale.allocated(), 2)
    sale.wait_for("canceled")

    assert sale.statuses() == ("canceled", "voided", "canceled")
    assert (sale.stock(), storefront.held(sale.id)) == ([(10, 0, 0)], 0)


def test_a_buyer_may_cancel_until_packing_and_staff_until_shipment(storefront: Storefront) -> None:
    placed, packed, shipped = (Sale(storefront, 2) for _ in range(3))
    for sale in (packed, shipped):
        sale.pack(sale.allocated())
    shipped.ship(shipped.allocated())

    assert placed.cancel("store").status_code == 202
    assert code_of(packed.cancel("store")) == (409, "illegal_transition")
    assert packed.cancel("admin").status_code == 202
    for area in ("store", "admin"):
        assert code_of(shipped.cancel(area)) == (409, "illegal_transition")
        assert code_of(shipped.cancel(area, 1)) == (409, "too_many_units")

    for sale in (placed, packed):
        sale.wait_for("canceled")
        assert sale.statuses() == ("canceled", "voided", "canceled")
        assert (sale.stock(), storefront.held(sale.id)) == ([(10, 0, 0)], 0)
        assert sale.history()[2:] == [("confirmed", "canceling"), ("canceling", "canceled")]
    late = storefront.shop.call("POST", f"/admin/fulfillments/{packed.allocated()}/ship", {})
    assert code_of(late) == (409, "illegal_transition")
    shipped.deliver(shipped.allocated())
    shipped.wait_for("completed")
    assert shipped.money() == Money(captured=shipped.total)


@pytest.mark.parametrize("capture", ["on_shipment", "at_once"])
def test_units_a_buyer_cancels_are_not_paid_for(storefront: Storefront, capture: str) -> None:
    with policies(storefront.shop, capture=capture):
        sale = Sale(storefront, 3, 1)
        parcel = sale.allocated()
    if capture == "at_once":
        sale.wait(lambda order: order["payment_status"] == "captured", "the capture")
        assert sale.money() == Money(captured=sale.total)
    assert code_of(sale.cancel("store", 4)) == (409, "too_many_units")

    assert sale.cancel("store", 1, 1).status_code == 202
    sale.wait(lambda _: sale.stock() == [(8, 2, 0), (10, 0, 0)], "the release")
    sale.pack(parcel)
    sale.ship(parcel)
    sale.deliver(parcel)
    sale.wait_for("completed")

    waived = sale.cost(0) // 3 + sale.cost(1)
    assert sale.stock() == [(8, 0, 2), (10, 0, 0)]
    if capture == "at_once":
        assert sale.money() == Money(captured=sale.total, refunded=waived)
    else:
        assert sale.money() == Money(captured=sale.total - waived, released=waived)
