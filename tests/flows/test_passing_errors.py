"""What may pass in the database ends no step of any machine: it is tried again and done once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import cycle

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from builders import ORDER_ID
from deployed import STATE_MACHINES, function_of, state_machine, tasks
from simulated_shop import Fault, FaultyDatabase, SimulatedShop
from state_machine import ABORTED, FAILED
from store.emulated_dynamodb import EmulatedDynamoDb
from store.sdk_repeats import WRITES, failed
from test_order_life import LIVES, assert_it_ended_right, begin, live
from test_order_life import SERVICES as OF_A_LIFE
from test_order_saga import PLENTY, SHORT, assert_money_and_stock_are_right, new_shop

URL = {"endpoint_url": "https://dynamodb.test"}
# One of each kind: `test_database_errors` names them all. Two come after a write's effect.
PASSING: dict[str, Exception] = {
    "throttled": failed("ProvisionedThroughputExceededException"),
    "throttled in a transaction": failed(
        "TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]
    ),
    "not there": failed("InternalServerError", status=500),
    "no way there": EndpointConnectionError(**URL),
    "no answer": ReadTimeoutError(**URL),
}
MAY_BE_DONE = ["not there", "no answer"]
READS = {"batch_get_item", "get_item", "query"}
# What the nightly run does is tried again whatever it fails with.
LIVED = [file for file in STATE_MACHINES if file != "reconcile_payments.asl.json"]


@pytest.fixture(scope="module")
def database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb(*OF_A_LIFE)


def faults(calls: FaultyDatabase, steps: Collection[str]) -> Iterator[Fault]:
    """Strike each of these steps with each error once, at one of its calls after another."""
    for step in steps:
        its = [
            (at, call)
            for at, (call, in_step) in enumerate(zip(calls.names, calls.steps, strict=True), 1)
            if in_step == step and call in WRITES | READS
        ]
        before, after = cycle(its), cycle([one for one in its if one[1] in WRITES] or its)
        for name, error in PASSING.items():
            at, call = next(after if name in MAY_BE_DONE else before)
            yield Fault(at, name in MAY_BE_DONE and call in WRITES, "call", error)


# The lives, how their orders are charged, and the steps that they are struck in.
PASSED = {
    "a shortage": (
        "at_once",
        ["AllocateOrder", "ChargeOrder", "AwaitDecision", "ReleaseCanceled", "RefundCanceled"],
    ),
    "cancelled as a whole": ("on_shipment", ["VoidPayment", "ReleaseStock", "CloseOrder"]),
    "returned in two parts": (
        "on_shipment",
        [
            *("ConsumeStock", "CaptureShipment", "CompleteOrder"),
            *("RestockReturn", "PayRefund", "CloseReturn"),
        ],
    ),
}
PLACING = ["PlaceOrder", "ReserveStock", "AuthorizePayment", "ConfirmOrder"]
UNDOING = ["BeginCancel", "VoidPayment", "ReleaseStock", "CloseOrder"]


def test_every_step_of_every_machine_is_struck() -> None:
    steps = {
        function_of(task).removesuffix("Function")
        for file in LIVED
        for task in tasks(state_machine(file)).values()
    }

    assert steps == {*PLACING, *UNDOING, *(step for _, some in PASSED.values() for step in some)}


@pytest.mark.parametrize("name", PASSED)
def test_a_life_is_what_it_would_have_been_whatever_passes(
    name: str, database: EmulatedDynamoDb
) -> None:
    life, (capture, steps) = LIVES[name], PASSED[name]
    shop = begin(database, life, capture)
    live(shop, life)
    for fault in faults(shop.database, steps):
        shop = begin(database, life, capture)
        shop.database.fault = fault
        live(shop, life)
        assert shop.database.struck_step in steps
        assert not shop.executions(FAILED, ABORTED), fault
        assert_it_ended_right(shop, life, database)


@pytest.mark.parametrize(
    ("token", "units", "ends", "steps"),
    [
        ("tok_visa", PLENTY, "confirmed", PLACING),
        ("tok_declined", PLENTY, "canceled", UNDOING),
        ("tok_visa", SHORT, "canceled", UNDOING),
    ],
)
def test_a_checkout_is_what_it_would_have_been_whatever_passes(
    token: str, units: dict[str, int], ends: str, steps: list[str], database: EmulatedDynamoDb
) -> None:
    shop: SimulatedShop = new_shop(database, units)
    shop.checkout(token)
    for fault in faults(shop.database, steps):
        shop = new_shop(database, units, fault)
        shop.checkout(token)
        assert shop.database.struck_step in steps
        order = shop.orders.get(ORDER_ID)
        assert order.status == ends, fault
        assert_money_and_stock_are_right(shop, order, units)
