"""Money taken and given back on the deployed shop, by many at once; the books follow."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from e2e.recovery import wait_until
from e2e.storefront import Storefront, at_once, new_key

pytestmark = pytest.mark.xdist_group("deployed_shop")

ROUNDS = 4


def an_order(storefront: Storefront) -> dict[str, Any]:
    (sku,) = storefront.stocked(5)
    answer = storefront.complete(storefront.cart({sku: 2}))
    assert answer.is_success, answer.text
    order: dict[str, Any] = answer.json()
    return order


def test_an_order_is_captured_in_parts_refunded_and_told_in_its_timeline(
    storefront: Storefront,
) -> None:
    order = an_order(storefront)
    path = f"/admin/orders/{order['id']}"
    key = new_key()
    for _ in range(2):
        first = storefront.shop.call("POST", f"{path}/capture", {"amount": 500}, key=key)
        assert first.json()["captured"] == 500
    whole = storefront.shop.call("POST", f"{path}/capture", {}, key=new_key())
    assert (whole.json()["status"], whole.json()["net"]) == ("captured", order["total"])
    more = storefront.shop.call("POST", f"{path}/capture", {"amount": 1}, key=new_key())
    assert (more.status_code, more.json()["code"]) == (409, "amount_too_large")
    assert more.json()["available"] == 0
    back = {"amount": 300, "reason": "arrived broken"}
    refunded = storefront.shop.call("POST", f"{path}/refund", back, key=new_key())
    assert refunded.json()["net"] == order["total"] - 300
    staff = storefront.order(order["id"])
    assert staff["payment"]["status"] == "partially_refunded"
    told = {each["what"]: each["detail"] for each in staff["timeline"] if each.get("detail")}
    assert re.fullmatch(r"3.00 GBP, sandbox_refund_\w+, arrived broken", told["payment refunded"])
    assert re.search(r"sandbox_capture_\w+", told["payment captured"])
    revenue = storefront.shop.ask("GET", "/admin/accounts/refunds", query={"limit": 1})
    assert revenue["items"][0]["order_id"] == order["id"]


def test_of_two_captures_at_once_that_exceed_the_order_one_wins(storefront: Storefront) -> None:
    for _ in range(ROUNDS):
        order = an_order(storefront)
        path = f"/admin/orders/{order['id']}"
        for call, body in (("capture", {}), ("refund", {"reason": "arrived broken"})):
            wanted = {**body, "amount": order["total"] // 2 + 1}
            answers = at_once(
                *(
                    partial(storefront.shop.call, "POST", f"{path}/{call}", wanted, key=new_key())
                    for _ in range(2)
                )
            )
            assert sorted(each.status_code for each in answers) == [200, 409]
            refused = max(answers, key=lambda each: each.status_code)
            assert refused.json()["code"] == "amount_too_large"
        payment = storefront.order(order["id"])["payment"]
        assert (payment["captured"], payment["net"]) == (order["total"] // 2 + 1, 0)


def test_store_credit_that_many_spend_at_once_is_spent_once(storefront: Storefront) -> None:
    credit = f"store_credit:{new_key()}"
    gift = {"to": credit, "amount": 500, "currency": "GBP", "reason": "goodwill"}
    storefront.shop.ask("POST", "/admin/accounts/refunds/transfers", gift)
    spend = {"to": "revenue", "amount": 300, "currency": "GBP", "reason": "order"}
    path = f"/admin/accounts/{credit}/transfers"
    answers = at_once(
        *(partial(storefront.shop.call, "POST", path, spend, key=new_key()) for _ in range(4))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert {each.json().get("code") for each in answers} == {None, "insufficient_balance"}
    (balance,) = storefront.shop.ask("GET", f"/admin/accounts/{credit}")["balances"]
    assert balance["balance"] == 200


@pytest.mark.parametrize("order_id", ["order_1", "x" * 3000, "%20"])
def test_no_money_moves_for_an_order_that_is_none(storefront: Storefront, order_id: str) -> None:
    for call, body in (("capture", {}), ("refund", {"reason": "arrived broken"})):
        path = f"/admin/orders/{order_id}/{call}"
        answer = storefront.shop.call("POST", path, body, key=new_key())
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_captured_order_that_is_cancelled_is_refunded(storefront: Storefront) -> None:
    order = an_order(storefront)
    path = f"/admin/orders/{order['id']}"
    storefront.shop.ask("POST", f"{path}/capture", {"amount": 700}, key=new_key())
    storefront.shop.ask("POST", f"{path}/refund", {"amount": 200, "reason": "late"}, key=new_key())
    storefront.shop.ask("POST", f"/store/orders/{order['id']}/cancel", {})
    wait_until(
        lambda: bool(storefront.order(order["id"])["status"] == "canceled"), "the cancellation"
    )
    payment = storefront.order(order["id"])["payment"]
    assert (payment["captured"], payment["refunded"], payment["net"]) == (700, 700, 0)
    books = storefront.at_provider(order["id"])
    assert books is not None
    assert books.net == 0
    (sku,) = (line["sku"] for line in order["line_items"])
    assert storefront.levels(sku) == (5, 0)
    more = storefront.shop.call("POST", f"{path}/capture", {}, key=new_key())
    assert more.status_code == 409
