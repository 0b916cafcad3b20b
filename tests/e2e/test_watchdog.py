"""Executions that stop before their work is done: a person is told, and a redrive goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from commerce.dynamo.table import Table, Update
from commerce.payments.sandbox import payment_key
from e2e.sales import Executions, Json, Money, Sale, code_of
from e2e.storefront import Storefront
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")


@pytest.fixture
def executions(cloud: Cloud) -> Executions:
    return Executions(cloud)


@contextmanager
def provider_refusing(cloud: Cloud, order_id: str, damage: str, repair: str) -> Iterator[None]:
    """Have the provider's books of a payment so that it refuses a call, for a while."""
    books = Table(cloud.stack_outputs()["SandboxTableName"], cloud.dynamodb)
    books.update(Update(payment_key(order_id), damage, values={"none": 0}))
    yield
    books.update(Update(payment_key(order_id), repair))


def handed_over(sale: Sale) -> Json:
    """Wait until the order requires action; give why, of which there is one reason."""
    (stop,) = sale.wait_for("requires_action")["stops"]
    why: Json = stop
    return why


def test_a_refused_capture_is_told_and_done_by_the_redrive(
    storefront: Storefront, cloud: Cloud, executions: Executions
) -> None:
    sale = Sale(storefront, 2)
    parcel = sale.allocated()
    sale.pack(parcel)
    with provider_refusing(cloud, sale.id, "SET #released = :none", "REMOVE #released"):
        sale.ship(parcel)
        stop = handed_over(sale)
        assert (stop["machine"], stop["execution"]) == ("fulfil_order", sale.id)
        assert (stop["error"], stop["cause"]) == (
            "ProviderRejected",
            "the provider refused to capture",
        )
        # The goods are gone, the money is not there: nobody goes on by mistake.
        assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money())
        late = storefront.shop.call("POST", f"/admin/fulfillments/{parcel}/deliver")
        assert code_of(late) == (409, "illegal_transition")

    sale.redrive()
    sale.redrive()
    sale.wait(lambda order: order["payment_status"] == "captured", "the capture")
    sale.deliver(parcel)
    order = sale.wait_for("completed")

    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))
    assert order["stops"] == []
    assert sale.history()[2:] == [
        ("confirmed", "requires_action"),
        ("requires_action", "confirmed"),
        ("confirmed", "completed"),
    ]
    # One that stopped, and one that went on, however often it was redriven.
    first, second = executions.names("fulfil-order", sale.id)
    assert [executions.status("fulfil-order", each) for each in (first, second)] == [
        "FAILED",
        "SUCCEEDED",
    ]


def test_a_refused_refund_of_a_return_is_told_and_done_by_the_redrive(
    storefront: Storefront, cloud: Cloud
) -> None:
    sale = Sale(storefront, 1)
    sale.arrive()
    wish = sale.send_back(1).json()["id"]
    sale.decide(wish, "approve")
    sale.decide(wish, "receive", {"restock": sale.lines(1)})
    with provider_refusing(cloud, sale.id, "SET #net = :none", "SET #net = #captured"):
        sale.decide(wish, "refund")
        stop = handed_over(sale)
        assert (stop["machine"], stop["error"]) == ("return_order", "ProviderRejected")

    sale.redrive()
    order = sale.wait(lambda order: order["returns"][0]["status"] == "refunded", "the refund")

    assert order["status"] == "completed"
    assert (sale.stock(), sale.money()) == ([(10, 0, 1)], Money(sale.total, sale.cost(0)))


def test_an_execution_that_is_stopped_while_it_waits_goes_on_after_a_redrive(
    storefront: Storefront, executions: Executions
) -> None:
    sale = Sale(storefront, 2)
    parcel = sale.allocated()
    executions.stop("fulfil-order", sale.id)
    stop = handed_over(sale)
    assert stop["error"] == "ABORTED"
    late = storefront.shop.call("POST", f"/admin/fulfillments/{parcel}/pack")
    assert code_of(late) == (409, "illegal_transition")

    sale.redrive()
    sale.send(parcel)
    sale.deliver(parcel)
    sale.wait_for("completed")

    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))


def test_staff_may_give_up_an_order_that_stopped(
    storefront: Storefront, executions: Executions
) -> None:
    sale = Sale(storefront, 2)
    sale.allocated()
    executions.stop("fulfil-order", sale.id)
    handed_over(sale)
    assert code_of(sale.cancel("store")) == (409, "illegal_transition")

    assert sale.cancel("admin").status_code == 202
    sale.wait_for("canceled")

    assert (sale.stock(), storefront.held(sale.id)) == ([(10, 0, 0)], 0)
