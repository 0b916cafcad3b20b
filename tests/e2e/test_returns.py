"""Goods that come back and money that is given back, over HTTP."""

from __future__ import annotations

from functools import partial

import pytest

from e2e.crashes import Environments
from e2e.sales import Executions, Money, Sale, code_of, policies, trial_balance
from e2e.storefront import Storefront, at_once, new_key
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


def asked_for(sale: Sale, *units: int) -> str:
    answer = sale.send_back(*units)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


def refunded(sale: Sale, wish: str) -> None:
    """Wait until a return's money is given back."""

    def given(order: dict[str, list[dict[str, str]]]) -> bool:
        return any(each["id"] == wish and each["status"] == "refunded" for each in order["returns"])

    sale.wait(given, f"the refund of {wish}")


def test_an_order_comes_back_in_two_returns(storefront: Storefront, cloud: Cloud) -> None:
    sale = Sale(storefront, 3)
    assert code_of(sale.send_back(1)) == (409, "too_many_units")
    sale.arrive()
    unit = sale.cost(0) // 3

    first = asked_for(sale, 2)
    assert code_of(sale.send_back(2)) == (409, "too_many_units")
    sale.decide(first, "approve")
    sale.decide(first, "receive", {"restock": sale.lines(1), "discard": sale.lines(1)})
    sale.wait(lambda _: sale.stock() == [(8, 0, 3)], "the restock")
    assert sale.statuses() == ("completed", "captured", "partially_returned")
    sale.decide(first, "refund", {"restocking_fee": 150})
    refunded(sale, first)
    assert sale.money() == Money(captured=sale.total, refunded=2 * unit - 150)

    second = asked_for(sale, 1)
    sale.decide(second, "approve")
    sale.decide(second, "receive", {"restock": sale.lines(1)})
    path = f"/admin/returns/{second}/refund"
    dear = storefront.shop.call("POST", path, {"amount": unit + 1}, key=new_key())
    assert (code_of(dear), dear.json()["available"]) == ((409, "amount_too_large"), unit)
    sale.decide(second, "refund", {"amount": 400, "with_fulfillment": True})
    refunded(sale, second)

    assert code_of(sale.send_back(1)) == (409, "too_many_units")
    assert sale.stock() == [(9, 0, 3)]
    assert sale.money() == Money(captured=sale.total, refunded=2 * unit - 150 + 400)
    assert sale.statuses() == ("completed", "partially_refunded", "returned")
    for wish in (first, second):
        assert sale.history(wish) == [
            (None, "requested"),
            ("requested", "approved"),
            ("approved", "received"),
            ("received", "refunding"),
            ("refunding", "refunded"),
        ]
        assert Executions(cloud).status("return-order", wish) == "SUCCEEDED"
    assert trial_balance(storefront.shop) == 0


def test_two_returns_of_the_same_unit_at_once_are_one(storefront: Storefront) -> None:
    sale = Sale(storefront, 1)
    sale.arrive()

    answers = at_once(*[partial(sale.send_back, 1)] * 2)

    assert sorted(map(code_of, answers), key=str) == [(201, None), (409, "too_many_units")]


def test_a_return_that_is_refused_gives_nothing_back(storefront: Storefront, cloud: Cloud) -> None:
    sale = Sale(storefront, 2)
    sale.arrive()
    wish = asked_for(sale, 2)
    storefront.shop.ask("POST", f"/admin/returns/{wish}/reject", {"reason": "worn"})
    late = storefront.shop.call("POST", f"/admin/returns/{wish}/approve")
    assert code_of(late) == (409, "illegal_transition")

    executions = Executions(cloud)
    sale.wait(lambda _: executions.status("return-order", wish) == "SUCCEEDED", "the end")
    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))
    # What was refused may be asked for again.
    asked_for(sale, 2)


def test_goods_come_back_only_within_the_window(storefront: Storefront) -> None:
    sale = Sale(storefront, 1)
    sale.arrive()

    with policies(storefront.shop, return_window_days=0):
        late = sale.send_back(1)
    assert code_of(late) == (409, "return_window_closed")
    delivered = sale.read()["fulfillments"][0]["delivered_at"]
    assert late.json()["until"] == delivered
    assert sale.send_back(1).status_code == 201


def test_staff_give_money_back_without_a_return_once(storefront: Storefront) -> None:
    sale = Sale(storefront, 2)
    sale.arrive()
    path, body = f"/admin/orders/{sale.id}/refund", {"amount": 300, "reason": "arrived late"}
    key = new_key()

    again = [storefront.shop.call("POST", path, body, key=key) for _ in range(2)]
    other = storefront.shop.call("POST", path, {**body, "amount": 301}, key=key)
    more = storefront.shop.call("POST", path, {**body, "amount": sale.total}, key=new_key())

    assert [each.status_code for each in again] == [200, 200]
    assert again[0].json() == again[1].json()
    assert other.status_code == 422
    assert code_of(more) == (409, "amount_too_large")
    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(sale.total, 300))
    assert sale.statuses() == ("completed", "partially_refunded", "delivered")


def test_a_return_is_paid_no_more_than_staff_have_left_of_its_order(
    storefront: Storefront, deployed_shop: Workspace, cloud: Cloud
) -> None:
    sale = Sale(storefront, 1)
    sale.arrive()
    wish = asked_for(sale, 1)
    sale.decide(wish, "approve")
    sale.decide(wish, "receive", {"restock": sale.lines(1)})
    environments = Environments(deployed_shop, cloud)

    # Between the decision and the payment, most of it is refunded by hand.
    with environments.stopped("PayRefund"):
        sale.decide(wish, "refund")
        by_hand = {"amount": sale.total - 100, "reason": "late"}
        path = f"/admin/orders/{sale.id}/refund"
        storefront.shop.ask("POST", path, by_hand, key=new_key())
    refunded(sale, wish)

    assert sale.money() == Money(captured=sale.total, refunded=sale.total)
    assert sale.statuses() == ("completed", "refunded", "returned")
