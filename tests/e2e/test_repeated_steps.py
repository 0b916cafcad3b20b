"""Steps of the saga called once more, or too late, on the deployed functions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from commerce.orders.model import order_id_for
from e2e.recovery import settle, wait_until
from e2e.storefront import Storefront
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]
CARD = {"provider": "sandbox", "token": "tok_visa"}


def step(cloud: Cloud, function: str, order_id: str, **more: Any) -> str | None:
    """Call a step of an order as a state machine does; give the error's name, if any."""
    pages = cloud.functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    (name,) = [each for each in names if f"-{function}Function-" in each]
    called = cloud.functions.invoke(
        FunctionName=name, Payload=json.dumps({"order_id": order_id, **more})
    )
    answer: Json = json.loads(called["Payload"].read()) or {}
    return answer["errorType"] if called.get("FunctionError") else None


def undo(cloud: Cloud, order_id: str) -> list[str | None]:
    """Call all steps of the undo, in their order."""
    begun = {"execution": "test", "failure": {"Error": "Test"}}
    return [
        step(cloud, "BeginCancel", order_id, **begun),
        step(cloud, "VoidPayment", order_id),
        step(cloud, "ReleaseStock", order_id),
        step(cloud, "CloseOrder", order_id),
    ]


def test_a_step_that_comes_again_finds_its_work_done(storefront: Storefront, cloud: Cloud) -> None:
    (sku,) = storefront.stocked(5)
    order_id = storefront.complete(storefront.cart({sku: 2})).json()["id"]
    wait_until(lambda: bool(storefront.order(order_id)["fulfillments"]), "the allocation")
    before, held = storefront.order(order_id), storefront.at_provider(order_id)

    again = [
        step(cloud, "ReserveStock", order_id),
        step(cloud, "AuthorizePayment", order_id, payment=CARD),
        step(cloud, "ConfirmOrder", order_id),
    ]

    assert again == [None] * 3
    assert storefront.order(order_id) == before
    assert storefront.at_provider(order_id) == held
    assert storefront.levels(sku) == (3, 2)


def test_an_undo_that_comes_again_gives_nothing_back_twice(
    storefront: Storefront, cloud: Cloud
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})
    assert storefront.complete(cart, "tok_declined").status_code == 402
    order_id = order_id_for(cart["id"], 1)
    before = storefront.order(order_id)
    assert before["status"] == "canceled"

    assert undo(cloud, order_id) == [None] * 4
    late = [
        step(cloud, "ReserveStock", order_id),
        step(cloud, "AuthorizePayment", order_id, payment=CARD),
        step(cloud, "ConfirmOrder", order_id),
    ]

    assert None not in late
    assert storefront.order(order_id) == before
    assert storefront.held(order_id) == 0
    assert storefront.levels(sku) == (5, 0)


def test_money_that_is_held_after_its_order_was_cancelled_is_let_go(
    storefront: Storefront, cloud: Cloud
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})
    order_id = order_id_for(cart["id"], 1)
    with ThreadPoolExecutor(1) as buyer:
        checkout = buyer.submit(storefront.complete, cart, "tok_slow")
        wait_until(
            lambda: storefront.payment_status(order_id) == "authorizing", "the provider's call"
        )
        undo(cloud, order_id)
        assert checkout.result().status_code in (402, 409, 503)

    settle(cloud)
    assert storefront.order(order_id)["status"] == "canceled"
    assert storefront.held(order_id) == 0
    assert storefront.levels(sku) == (5, 0)
