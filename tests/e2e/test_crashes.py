"""Functions that die in the middle of the saga; after recovery nothing is lost or taken twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from commerce.orders.model import order_id_for
from e2e.crashes import Environments
from e2e.recovery import settle, wait_until
from e2e.storefront import Storefront, new_key, total
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

FORWARD = ("PlaceOrder", "ReserveStock", "AuthorizePayment", "ConfirmOrder")
UNDO = ("BeginCancel", "VoidPayment", "ReleaseStock", "CloseOrder")
BIG = 1_110


@pytest.fixture(scope="module")
def environments(deployed_shop: Workspace, cloud: Cloud, storefront: Storefront) -> Environments:
    """Give the functions' processes, of which each step has one."""
    (sku,) = storefront.stocked(10)
    for token in ("tok_visa", "tok_declined"):
        storefront.complete(storefront.cart({sku: 1}), token)
    return Environments(deployed_shop, cloud)


@pytest.fixture
def quick_retries(deployed_shop: Workspace) -> Iterator[None]:
    """Let state machines wait a tenth of the time between tries."""
    _scale_waiting(deployed_shop, 0.1)
    yield
    _scale_waiting(deployed_shop, 1)


def _scale_waiting(workspace: Workspace, factor: float) -> None:
    config = {"stepfunctions._SFN_WAIT_SCALE": factor}
    address = f"{workspace.cloud_url}/_ministack/config"
    httpx.post(address, json=config, trust_env=False).raise_for_status()


@pytest.mark.parametrize("step", FORWARD)
def test_a_step_killed_once_is_done_again_and_the_order_stands(
    storefront: Storefront, environments: Environments, step: str
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})

    with ThreadPoolExecutor() as buyer, environments.stopped(step) as processes:
        checkout = buyer.submit(storefront.complete, cart)
        environments.kill_the_called(step, processes)
        answer = checkout.result()

    assert answer.status_code == 200
    assert storefront.order_of(cart)["status"] == "confirmed"
    assert storefront.levels(sku) == (3, 2)
    assert storefront.held(answer.json()["id"]) == total(cart)


@pytest.mark.parametrize("step", UNDO)
def test_an_undo_step_killed_once_is_done_again_and_all_is_given_back(
    storefront: Storefront, environments: Environments, step: str
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})

    with ThreadPoolExecutor() as buyer, environments.stopped(step) as processes:
        checkout = buyer.submit(storefront.complete, cart, "tok_declined")
        environments.kill_the_called(step, processes)
        answer = checkout.result()

    assert answer.status_code == 402
    order = storefront.order_of(cart)
    assert order["status"] == "canceled"
    assert storefront.levels(sku) == (5, 0)
    assert storefront.held(order["id"]) == 0


@pytest.mark.parametrize("step", FORWARD)
@pytest.mark.usefixtures("quick_retries")
def test_a_step_that_dies_each_time_is_undone(
    storefront: Storefront, environments: Environments, cloud: Cloud, step: str
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})

    with environments.out_of_order(step):
        answer = storefront.complete(cart)
    settle(cloud)

    assert answer.status_code in {202, 503}
    assert storefront.levels(sku) == (5, 0)
    assert storefront.held(order_id_for(cart["id"], 1)) == 0
    # Where it was placed at all, the cart is open for another attempt; that one succeeds.
    assert storefront.complete(cart).status_code == 200


@pytest.mark.parametrize("step", UNDO)
@pytest.mark.usefixtures("quick_retries")
def test_an_undo_step_that_dies_each_time_is_finished_by_the_sweep(
    storefront: Storefront, environments: Environments, cloud: Cloud, step: str
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})

    with environments.out_of_order(step):
        answer = storefront.complete(cart, "tok_declined")
    settle(cloud)

    assert answer.status_code in {202, 402}
    order = storefront.order_of(cart)
    print(order["timeline"], order["recoveries"])
    assert order["status"] == "canceled"
    assert storefront.levels(sku) == (5, 0)
    assert storefront.held(order["id"]) == 0


@pytest.mark.parametrize(("token", "books_have_it"), [("tok_slow", False), ("tok_timeout", True)])
def test_a_payment_step_killed_during_the_providers_call_charges_once(
    storefront: Storefront, environments: Environments, token: str, books_have_it: bool
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})
    order_id = order_id_for(cart["id"], 1)

    def call_is_under_way() -> bool:
        if books_have_it:
            return storefront.at_provider(order_id) is not None
        return storefront.payment_status(order_id) == "authorizing"

    with ThreadPoolExecutor() as buyer:
        checkout = buyer.submit(storefront.complete, cart, token)
        wait_until(call_is_under_way, "the call to the provider")
        environments.kill("AuthorizePayment")
        answer = checkout.result()

    assert answer.status_code == 200
    assert storefront.held(order_id) == total(cart)
    assert storefront.levels(sku) == (3, 2)


def test_a_buyer_whose_call_died_asks_again_and_gets_the_order(
    storefront: Storefront, environments: Environments
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})
    key = new_key()
    order_id = order_id_for(cart["id"], 1)

    with ThreadPoolExecutor() as buyer:
        checkout = buyer.submit(storefront.complete, cart, "tok_slow", key=key)
        wait_until(lambda: storefront.payment_status(order_id) is not None, "the payment step")
        environments.kill("CompleteCart")
        died = checkout.result()
    wait_until(
        lambda: storefront.complete(cart, "tok_slow", key=key).status_code != 409,
        "the first call to end",
    )
    answer = storefront.complete(cart, "tok_slow", key=key)

    assert (died.status_code, died.json()["code"]) == (503, "unavailable")
    assert died.headers["retry-after"] == "1"
    assert (answer.status_code, answer.json()["id"]) == (200, order_id)
    assert storefront.held(order_id) == total(cart)
    assert storefront.levels(sku) == (3, 2)


def test_a_big_reservation_killed_halfway_is_completed(
    storefront: Storefront, environments: Environments
) -> None:
    skus = storefront.stocked(*[3] * BIG)
    cart = storefront.cart(dict.fromkeys(skus, 2))
    order_id = order_id_for(cart["id"], 1)

    with ThreadPoolExecutor() as buyer:
        checkout = buyer.submit(storefront.complete, cart)
        wait_until(lambda: bool(storefront.reservations(order_id)), "the first chunk")
        environments.kill("ReserveStock")
        answer = checkout.result()

    assert answer.status_code == 200
    assert storefront.reservations(order_id) == {"held": 12}


def test_a_big_release_killed_halfway_is_completed(
    storefront: Storefront, environments: Environments
) -> None:
    skus = storefront.stocked(*[3] * BIG)
    cart = storefront.cart(dict.fromkeys(skus, 2))
    order_id = order_id_for(cart["id"], 1)

    with ThreadPoolExecutor() as buyer:
        checkout = buyer.submit(storefront.complete, cart, "tok_declined")
        wait_until(lambda: "released" in storefront.reservations(order_id), "the first chunk")
        environments.kill("ReleaseStock")
        answer = checkout.result()

    assert answer.status_code == 402
    assert storefront.reservations(order_id) == {"released": 12}
