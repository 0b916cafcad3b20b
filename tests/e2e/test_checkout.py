"""Checkouts over HTTP, as a buyer meets them: answer, stock and money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from e2e.recovery import settle
from e2e.storefront import Storefront, at_once, new_key, total
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")


def bought(order: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the allocation adds to an order, which follows its confirmation by itself."""
    return {name: order[name] for name in order if name not in {"version", "fulfillments"}}


def test_a_cart_becomes_a_confirmed_order_with_its_stock_and_money_held(
    storefront: Storefront,
) -> None:
    mug, shirt = storefront.stocked(20, 20, price=1250)
    cart = storefront.cart({mug: 2, shirt: 1})

    answer = storefront.complete(cart)

    assert answer.status_code == 200
    order = answer.json()
    assert order["status"] == "confirmed"
    assert answer.headers["location"] == f"/store/orders/{order['id']}"
    assert {line["sku"]: line["quantity"] for line in order["line_items"]} == {mug: 2, shirt: 1}
    assert total(order) == total(cart) == 3 * 1250 + 399
    assert storefront.held(order["id"]) == total(cart)
    assert storefront.levels(mug) == (18, 2)
    assert storefront.levels(shirt) == (19, 1)
    read = storefront.shop.ask("GET", f"/store/orders/{order['id']}")
    assert bought({**read, "order_token": order["order_token"]}) == bought(order)


def test_every_short_line_is_listed_and_nothing_is_taken(storefront: Storefront) -> None:
    plenty, few, none = storefront.stocked(10, 2, 0)
    cart = storefront.cart({plenty: 1, few: 3, none: 1})

    answer = storefront.complete(cart)

    assert answer.status_code == 409
    assert answer.json()["code"] == "out_of_stock"
    assert answer.json()["short_lines"] == [
        {"sku": few, "requested": 3, "available": 2},
        {"sku": none, "requested": 1, "available": 0},
    ]
    assert [storefront.levels(sku) for sku in (plenty, few, none)] == [(10, 0), (2, 0), (0, 0)]
    order = storefront.order_of(cart)
    assert order["status"] == "canceled"
    assert storefront.at_provider(order["id"]) is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [("tok_declined", "card_declined"), ("tok_insufficient_funds", "insufficient_funds")],
)
def test_after_a_declined_payment_the_stock_is_back_and_the_cart_open(
    storefront: Storefront, token: str, reason: str
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})

    answer = storefront.complete(cart, token)

    assert answer.status_code == 402
    assert (answer.json()["code"], answer.json()["reason"]) == ("payment_declined", reason)
    assert storefront.levels(sku) == (5, 0)
    order = storefront.order_of(cart)
    assert order["status"] == "canceled"
    assert storefront.held(order["id"]) == 0
    assert storefront.shop.ask("GET", f"/store/carts/{cart['id']}")["status"] == "open"


def test_another_total_than_was_shown_is_refused(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 1})

    answer = storefront.complete(cart, expected_total=total(cart) - 1)

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "price_changed"
    assert (problem["expected_total"], problem["total"]) == (total(cart) - 1, total(cart))
    assert storefront.levels(sku) == (5, 0)


def test_a_provider_that_never_answers_leaves_no_doubt(
    storefront: Storefront, cloud: Cloud
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 1})

    answer = storefront.complete(cart, "tok_timeout")
    settle(cloud, sweeps_max=1)

    assert answer.status_code in {200, 202, 503}
    order = storefront.order_of(cart)
    confirmed = order["status"] == "confirmed"
    assert confirmed or order["status"] == "canceled"
    assert storefront.held(order["id"]) == (total(cart) if confirmed else 0)
    assert storefront.levels(sku) == ((4, 1) if confirmed else (5, 0))


def test_a_provider_that_is_down_costs_nothing(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 1})

    answer = storefront.complete(cart, "tok_unavailable")

    assert answer.status_code == 503
    assert answer.json()["code"] == "provider_unavailable"
    assert answer.headers["retry-after"]
    order = storefront.order_of(cart)
    assert order["status"] == "canceled"
    assert storefront.at_provider(order["id"]) is None
    assert storefront.levels(sku) == (5, 0)


@pytest.mark.parametrize("times", [2, 5])
def test_the_same_call_sent_at_once_is_one_order_and_one_authorization(
    storefront: Storefront, times: int
) -> None:
    (sku,) = storefront.stocked(20)
    cart = storefront.cart({sku: 1})
    key = new_key()

    answers = at_once(*[lambda: storefront.complete(cart, key=key)] * times)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] >= 1
    assert statuses.keys() <= {200, 202, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "request_in_progress"
    # Fails where two orders were made: the second cart attempt would hold units of its own.
    assert storefront.levels(sku) == (19, 1)
    order = storefront.order_of(cart)
    assert storefront.held(order["id"]) == total(cart)
    again = storefront.complete(cart, key=key)
    assert again.status_code == 200
    for answer in answers:
        if answer.status_code == 200:
            assert bought(answer.json()) == bought(again.json())


def test_two_buttons_pressed_at_once_are_one_order(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(20)
    cart = storefront.cart({sku: 1})

    answers = at_once(*[lambda: storefront.complete(cart)] * 3)

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {
        "checkout_in_progress",
        "cart_completed",
    }
    assert storefront.levels(sku) == (19, 1)


def test_a_key_with_another_body_is_refused(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(20)
    cart = storefront.cart({sku: 1})
    key = new_key()
    first = storefront.complete(cart, key=key)

    other = storefront.complete(cart, "tok_slow", key=key)

    assert first.status_code == 200
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


def test_without_a_key_a_checkout_is_refused(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(20)
    cart = storefront.cart({sku: 1})

    answer = storefront.shop.call(
        "POST",
        f"/store/carts/{cart['id']}/complete",
        {"payment": {"provider": "sandbox", "token": "tok_visa"}},
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_required"
    assert storefront.levels(sku) == (20, 0)


def test_a_cart_of_nothing_needs_no_payment_and_any_other_does(storefront: Storefront) -> None:
    (paid,) = storefront.stocked(20)
    free = f"{paid}-guide"
    columns = (
        "Handle,Title,Variant SKU,Variant Inventory Qty,Variant Price,Variant Requires Shipping"
    )
    row = f"{free},Guide,{free},20,0.00,false"
    storefront.shop.ask("POST", "/admin/imports", {"csv": f"{columns}\n{row}"})

    def complete(sku: str) -> httpx.Response:
        cart = storefront.cart({sku: 1})
        path = f"/store/carts/{cart['id']}/complete"
        return storefront.shop.call("POST", path, {"expected_total": total(cart)}, key=new_key())

    order, refused = complete(free), complete(paid)

    assert (order.status_code, order.json()["total"]) == (200, 0)
    assert order.json()["payment_status"] == "captured"
    assert storefront.at_provider(order.json()["id"]) is None
    assert (refused.status_code, refused.json()["code"]) == (422, "payment_required")
    assert [fault["path"] for fault in refused.json()["errors"]] == ["$.payment"]
    assert storefront.levels(paid) == (20, 0)


def test_after_a_refusal_the_cart_may_be_completed_anew(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(20)
    cart = storefront.cart({sku: 1})
    refused_key, key = new_key(), new_key()
    refused = storefront.complete(cart, "tok_declined", key=refused_key)

    order = storefront.complete(cart, key=key)

    assert (refused.status_code, order.status_code) == (402, 200)
    first, second = storefront.order_of(cart, 1), storefront.order_of(cart, 2)
    assert (first["status"], second["status"]) == ("canceled", "confirmed")
    assert order.json()["id"] == second["id"] != first["id"]
    assert (storefront.held(first["id"]), storefront.held(second["id"])) == (0, total(cart))
    assert storefront.levels(sku) == (19, 1)
    repeated = storefront.complete(cart, "tok_declined", key=refused_key)
    assert repeated.status_code == 402
    assert repeated.json()["code"] == "payment_declined"
    assert bought(storefront.complete(cart, key=key).json()) == bought(order.json())


def test_fifty_buyers_of_ten_units_get_exactly_ten(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(10)
    carts = [storefront.cart({sku: 1}) for _ in range(50)]

    answers = at_once(*[lambda cart=cart: storefront.complete(cart) for cart in carts])

    outcomes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert outcomes == {(200, None): 10, (409, "out_of_stock"): 40}
    assert storefront.levels(sku) == (0, 10)
    held = [storefront.held(storefront.order_of(cart)["id"]) for cart in carts]
    assert sorted(held) == [0] * 40 + [total(carts[0])] * 10
