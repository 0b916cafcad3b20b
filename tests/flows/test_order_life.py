"""Whatever fails in an order's life, it ends right, or a person is told and it goes on then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from builders import NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.orders.continuations import answer_wait
from commerce.orders.model import Order
from commerce.orders.records import RecordStore
from commerce.orders.watchdog import WATCHDOG
from commerce.payments.model import payment_status
from commerce.returns.model import Refund
from commerce.stock.model import Adjustment
from simulated_life import ASKED, CONSUMERS, SimulatedLife
from simulated_shop import Fault, FaultyDatabase
from state_machine import ABORTED, FAILED, RUNNING, SUCCEEDED
from store.emulated_dynamodb import EmulatedDynamoDb
from store.till import Interrupted, Till

SERVICES = ("ledger", "orders", "payments", "sandbox", "settings", "stock")
READS = {"batch_get_item", "get_item", "query"}

JAM, MUG, TEA = "line_1", "line_2", "line_3"
SKUS = {JAM: "JAM", MUG: "MUG", TEA: "TEA"}
# A jar of jam, two mugs and three packs of tea at 5.00, and 3.99 for their delivery.
EVERYTHING = {JAM: 1, MUG: 2, TEA: 3}
TOTAL, DELIVERY = 3399, 399

ONE_PLACE = {"main": {"JAM": 10, "MUG": 10, "TEA": 10}}
TWO_PLACES = {"main": {"JAM": 10, "TEA": 2}, "east": {"MUG": 10, "TEA": 1}}


@dataclass(frozen=True)
class Life:
    """What people do with an order, one after another, and how it ends.

    `kept` is what the buyer has paid in the end; `money` is the payment's status then, and
    `money_at_once` the same where the order was charged at once, if that differs. `sent` and
    `restocked` are units by line.
    """

    deeds: tuple[tuple[Any, ...], ...]
    kept: int
    status: str = "completed"
    goods: str = "delivered"
    money: str = "captured"
    money_at_once: str = ""
    sent: Mapping[str, int] = field(default_factory=lambda: dict(EVERYTHING))
    restocked: Mapping[str, int] = field(default_factory=dict)
    stock: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: ONE_PLACE)


def sent(number: int) -> tuple[tuple[Any, ...], ...]:
    """Give what people do with one parcel."""
    return ("pack", number), ("ship", number), ("deliver", number)


LIVES = {
    "one parcel": Life(sent(1), TOTAL),
    "a parcel from each of two places": Life((*sent(1), *sent(2)), TOTAL, stock=TWO_PLACES),
    "two parcels, the second one first": Life(
        (
            ("split", {TEA: 2, MUG: 1}),
            ("pack", 1),
            ("pack", 2),
            ("ship", 2),
            ("ship", 1),
            ("deliver", 2),
            ("deliver", 1),
        ),
        TOTAL,
    ),
    "a parcel that is packed anew": Life((("pack", 1), ("begin_again", 1), *sent(2)), TOTAL),
    "a shortage": Life(
        (("miss", 1, {TEA: 1, JAM: 1}), *sent(1)),
        TOTAL - 1000,
        money_at_once="partially_refunded",
        sent={MUG: 2, TEA: 2},
    ),
    "units cancelled before packing and after": Life(
        (("cancel", {TEA: 1}), ("pack", 1), ("cancel", {MUG: 1}), ("ship", 1), ("deliver", 1)),
        TOTAL - 1000,
        money_at_once="partially_refunded",
        sent={JAM: 1, MUG: 1, TEA: 2},
    ),
    "the rest cancelled after a parcel arrived": Life(
        (("split", {TEA: 3}), *sent(1), ("pack", 2), ("cancel", {TEA: 3})),
        TOTAL - 1500,
        money_at_once="partially_refunded",
        sent={JAM: 1, MUG: 2},
    ),
    "cancelled as a whole": Life(
        (("pack", 1), ("cancel",)), 0, "canceled", "canceled", "voided", "refunded", {}
    ),
    "returned in two parts": Life(
        (
            *sent(1),
            ("request", {MUG: 1, TEA: 2}),
            ("approve", 1),
            ("request", {TEA: 1, MUG: 1}),
            ("receive", 1, {TEA: 1}, {MUG: 1}),
            ("refund", 1, Refund(restocking_fee=100)),
            ("approve", 2),
            ("receive", 2, {TEA: 1, MUG: 1}, {}),
            ("refund", 2, Refund(amount=700)),
        ),
        TOTAL - 900 - 700,
        goods="partially_returned",
        money="partially_refunded",
        restocked={MUG: 1, TEA: 2},
    ),
    "sent back before the last parcel arrives": Life(
        (
            ("split", {TEA: 3}),
            *sent(1),
            ("request", {MUG: 2}),
            ("pack", 2),
            ("ship", 2),
            ("approve", 1),
            ("deliver", 2),
            ("receive", 1, {MUG: 2}, {}),
            ("refund", 1, Refund()),
        ),
        TOTAL - 1000,
        goods="partially_returned",
        money="partially_refunded",
        restocked={MUG: 2},
    ),
    "returned whole, and asked for in vain before": Life(
        (
            *sent(1),
            ("request", EVERYTHING),
            ("reject", 1),
            ("request", EVERYTHING),
            ("approve", 2),
            ("receive", 2, EVERYTHING, {}),
            ("refund", 2, Refund(with_fulfillment=True)),
        ),
        0,
        goods="returned",
        money="refunded",
        restocked=EVERYTHING,
    ),
}
KINDS = ("worker", "step", "execution")
# Of each kind in each life; all there are with `--hypothesis-profile thorough`.
ROUNDS = settings().max_examples // 25
POLICIES = ("on_shipment", "at_once")


def faults(database: FaultyDatabase, kind: str) -> Iterator[Fault]:
    """Give every fault of a kind that may strike again what was just done.

    What people ask dies with its worker, no other way; an event is taken by no execution.
    """
    for at, (call, step) in enumerate(zip(database.names, database.steps, strict=True), 1):
        asked, consumed = step.startswith(ASKED), step in CONSUMERS
        if (kind == "step" and asked) or (kind == "execution" and (asked or consumed)):
            continue
        yield Fault(at, False, kind)
        if call not in READS:
            yield Fault(at, True, kind)


@pytest.fixture(scope="module")
def database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb(*SERVICES)


def begin(
    database: EmulatedDynamoDb, life: Life, capture: str, dice: Random | None = None
) -> SimulatedLife:
    """Place the order; what becomes of it is still to come."""
    database.empty()
    shop = SimulatedLife(capture=capture, inner=database, delivery="gb-standard", dice=dice)
    for place, units in life.stock.items():
        for sku, count in units.items():
            change = Adjustment(f"{sku}-{place}", sku, place, count, "counted", "staff", NOW)
            shop.stock.adjust(change)
    order = shop.checkout()
    assert isinstance(order, Order)
    assert (order.total, order.status) == (TOTAL, "confirmed")
    shop.database.names.clear()
    shop.database.steps.clear()
    return shop


def live(shop: SimulatedLife, life: Life) -> None:
    """Do all that people do; with dice, as early as they may or later, whatever is not done."""
    for deed in life.deeds:
        while (shop.dice is None or shop.dice.randrange(4)) and shop.go_on():
            pass
        while refusal := shop.ask(*deed):
            assert shop.go_on(), refusal
    shop.come_to_rest()


def assert_it_ended_right(shop: SimulatedLife, life: Life, database: EmulatedDynamoDb) -> None:
    shop.database.fault = None
    record, payment = shop.record(), shop.payments.get(ORDER_ID)
    assert payment is not None
    assert (record.order.status, record.order.fulfillment_status) == (life.status, life.goods)
    at_once = shop.capture == "at_once" and payment.captured
    assert payment_status(payment) == ((at_once and life.money_at_once) or life.money)
    assert not shop.executions(RUNNING)
    assert not shop.dead_letters
    assert_nothing_died_silently(shop)
    assert_stock_is_right(shop, life)
    till = Till(database)
    till.assert_books_are_right()
    at_provider = shop.provider.find(ORDER_ID)
    assert at_provider is not None
    assert (at_provider.net, payment.net, till.held()) == (life.kept, life.kept, 0)


def assert_nothing_died_silently(shop: SimulatedLife) -> None:
    """Each execution that ended too early handed the order to a person."""
    order = shop.record().order
    told = [each.by for each in order.timeline if each.status == "requires_action"]
    stopped = shop.executions(FAILED, ABORTED)
    # There is nothing more to do for an order that is cancelled.
    assert told.count(WATCHDOG) == len(stopped) or order.status == "canceled"


def assert_stock_is_right(shop: SimulatedLife, life: Life) -> None:
    for line_id, sku in SKUS.items():
        initial = sum(place.get(sku, 0) for place in life.stock.values())
        gone, back = life.sent.get(line_id, 0), life.restocked.get(line_id, 0)
        stock = shop.stock.levels([sku])[sku]
        assert (stock.available, stock.reserved, stock.consumed) == (
            initial - gone + back,
            0,
            gone,
        ), sku


@pytest.mark.parametrize("capture", POLICIES)
@pytest.mark.parametrize("name", LIVES)
def test_a_life_ends_right_where_nothing_fails(
    name: str, capture: str, database: EmulatedDynamoDb
) -> None:
    shop = begin(database, LIVES[name], capture)
    live(shop, LIVES[name])
    assert_it_ended_right(shop, LIVES[name], database)
    assert not shop.executions(FAILED, ABORTED)


@pytest.mark.parametrize("capture", POLICIES)
@pytest.mark.parametrize("name", LIVES)
def test_a_fault_at_any_call_is_survived_or_seen_and_a_redrive_ends_it(
    name: str, capture: str, database: EmulatedDynamoDb
) -> None:
    life = LIVES[name]
    shop = begin(database, life, capture)
    live(shop, life)
    calls = shop.database
    for kind in KINDS:
        every = list(faults(calls, kind))
        for fault in every[POLICIES.index(capture) :: math.ceil(len(every) / ROUNDS)]:
            shop = begin(database, life, capture)
            shop.database.fault = fault
            live(shop, life)
            assert_it_ended_right(shop, life, database)


@pytest.mark.parametrize("capture", POLICIES)
@pytest.mark.parametrize("name", LIVES)
def test_events_come_late_and_in_any_order_and_twice_whatever_fails(
    name: str, capture: str, database: EmulatedDynamoDb
) -> None:
    for seed in range(ROUNDS):
        dice = Random(f"{name} {capture} {seed}")
        shop = begin(database, LIVES[name], capture, dice)
        shop.database.fault = Fault(dice.randrange(1, 80), bool(seed % 2), dice.choice(KINDS))
        live(shop, LIVES[name])
        assert_it_ended_right(shop, LIVES[name], database)


class NewestFirst(Random):
    """Dice that always choose what came up last."""

    def randrange(self, start: int, *_: Any) -> int:
        return start - 1


@pytest.mark.parametrize("name", ["one parcel", "returned in two parts"])
def test_an_event_that_comes_again_before_its_answer_is_noted_starts_nothing(
    name: str, database: EmulatedDynamoDb
) -> None:
    life = LIVES[name]
    shop = begin(database, life, "on_shipment", NewestFirst())
    live(shop, life)
    answered = list(zip(shop.database.names, shop.database.steps, strict=True))
    ends = [at for at, call in enumerate(answered, 1) if call == ("delete_item", "AnswerWaits")]
    assert len(ends) == sum(deed[0] != "request" for deed in life.deeds)
    for at in ends:
        shop = begin(database, life, "on_shipment", NewestFirst())
        shop.database.fault = Fault(at, False, "worker")
        live(shop, life)
        assert len(shop.executions(SUCCEEDED)) == 1 + len(shop.record().returns)
        assert_it_ended_right(shop, life, database)


def test_a_late_event_ends_no_wait_that_began_since(database: EmulatedDynamoDb) -> None:
    life = LIVES["one parcel"]
    shop = begin(database, life, "on_shipment")
    shop.come_to_rest()
    shop.ask("pack", 1)
    shop.come_to_rest()

    def ship() -> None:
        shop.ask("ship", 1)
        shop.come_to_rest()

    interrupted: Any = Interrupted(2, ship, shop.inner)
    parcel = shop.record().fulfillments[0].id
    records = RecordStore(Table(table_name("orders"), interrupted))
    answer_wait(parcel, records=records, tokens=shop.tokens())
    shop.come_to_rest()
    shop.ask("deliver", 1)
    shop.come_to_rest()
    assert_it_ended_right(shop, life, database)


@pytest.mark.parametrize("capture", POLICIES)
@pytest.mark.parametrize("name", LIVES)
def test_an_event_that_never_comes_to_anybody_is_made_good_by_the_sweep(
    name: str, capture: str, database: EmulatedDynamoDb
) -> None:
    life = LIVES[name]
    shop = begin(database, life, capture)
    live(shop, life)
    every = range(1, shop.published + 1)
    for at in every[POLICIES.index(capture) :: math.ceil(len(every) / ROUNDS)]:
        shop = begin(database, life, capture)
        shop.lost = lambda number, _type, at=at: number == at
        live(shop, life)
        let_waits_for_a_canceled_order_run_out(shop)
        assert_it_ended_right(shop, life, database)
        assert shop.record().order.recovery_due_at is None
        assert life.status == "canceled" or not shop.executions(FAILED, ABORTED)


def let_waits_for_a_canceled_order_run_out(shop: SimulatedLife) -> None:
    """Nothing is owed to it, so an execution that was not told of it waits for nothing."""
    if shop.record().order.status == "canceled":
        for execution in shop.executions(RUNNING):
            assert execution.waits_for
            shop.task_tokens.time_out(execution.waits_for)
        shop.come_to_rest()


@pytest.mark.parametrize("capture", POLICIES)
@pytest.mark.parametrize("name", LIVES)
def test_where_every_event_is_lost_the_sweep_does_all_the_work(
    name: str, capture: str, database: EmulatedDynamoDb
) -> None:
    shop = begin(database, LIVES[name], capture)
    shop.lost = lambda _number, _type: True
    live(shop, LIVES[name])
    let_waits_for_a_canceled_order_run_out(shop)
    assert_it_ended_right(shop, LIVES[name], database)


@pytest.mark.parametrize("name", ["one parcel", "returned in two parts"])
def test_a_redrive_of_which_nobody_hears_is_made_good_by_the_sweep(
    name: str, database: EmulatedDynamoDb
) -> None:
    life = LIVES[name]
    shop = begin(database, life, "on_shipment")
    shop.lost = lambda _number, type_: type_ == "order.resumed"
    for deed in life.deeds:
        shop.come_to_rest()
        for execution in shop.executions(RUNNING):
            assert execution.waits_for
            shop.task_tokens.time_out(execution.waits_for)
        shop.come_to_rest()
        assert shop.ask(*deed) is None
    shop.come_to_rest()
    assert shop.executions(FAILED)
    assert_it_ended_right(shop, life, database)


@pytest.mark.parametrize("stopped_after", range(4))
def test_an_order_that_arrived_while_it_required_action_is_completed_after_the_redrive(
    stopped_after: int, database: EmulatedDynamoDb
) -> None:
    shop = begin(database, LIVES["one parcel"], "on_shipment")
    for deed in (("pack", 1), ("ship", 1), ("request", {MUG: 1})):
        shop.come_to_rest()
        assert shop.ask(*deed) is None
    shop.come_to_rest()
    assert shop.ask("deliver", 1) is None
    # While the parcel's execution comes to its last step, the return's is stopped.
    for _ in range(stopped_after):
        shop.go_on()
    (asked,) = shop.machines["return_order"].executions.values()
    assert asked.waits_for
    shop.task_tokens.time_out(asked.waits_for)
    shop.come_to_rest()
    assert shop.record().order.status == "completed"
    later: list[tuple[Any, ...]] = [("approve", 1), ("receive", 1, {MUG: 1}, {})]
    for decision in [*later, ("refund", 1, Refund())]:
        assert shop.ask(*decision) is None
        shop.come_to_rest()
    assert not shop.executions(RUNNING)
    assert shop.record().order.status == "completed"


@pytest.mark.parametrize("name", ["one parcel", "returned in two parts"])
def test_who_waits_too_long_for_a_person_is_seen_and_waits_again(
    name: str, database: EmulatedDynamoDb
) -> None:
    life = LIVES[name]
    shop = begin(database, life, "on_shipment")
    for deed in life.deeds:
        shop.come_to_rest()
        for execution in shop.executions(RUNNING):
            assert execution.waits_for
            shop.task_tokens.time_out(execution.waits_for)
        shop.come_to_rest()
        assert shop.ask(*deed) is None
    shop.come_to_rest()
    assert shop.executions(FAILED)
    assert_it_ended_right(shop, life, database)
