"""Captures and refunds: never more than there is, each once, and the books always with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOW, ORDER_ID, details, line, order, table
from cloud_in_memory import empty_tables
from commerce.errors import (
    AmountTooLarge,
    DomainError,
    IdempotencyKeyReused,
    IllegalTransition,
    NotFound,
    PaymentOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from commerce.lifecycle import REFUNDED, VOIDING
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.model import (
    CALL_LIFE,
    CAPTURE,
    REFUSED,
    Payment,
    PaymentCall,
    payment_status,
)
from commerce.payments.operations import Movement, capture_order
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from simulated_shop import Fault, FaultyDatabase
from state_machine import WorkerDied
from store.emulated_dynamodb import EmulatedDynamoDb
from store.till import AMOUNT, SERVICES, TAX_OF_IT, Interrupted, Till


@pytest.fixture
def till() -> Iterator[Till]:
    with empty_tables():
        till = Till()
        till.authorize()
        yield till


def test_an_authorization_is_in_no_account(till: Till) -> None:
    assert set(till.balances().values()) == {0}


def test_a_capture_without_an_amount_takes_all_there_is(till: Till) -> None:
    payment = till.capture()
    assert (payment.captured, payment_status(payment)) == (AMOUNT, "captured")
    assert till.balances() == {
        "receivable": 0,
        "cash_at_provider": AMOUNT,
        "refunds": 0,
        "revenue": AMOUNT - TAX_OF_IT,
        "tax": TAX_OF_IT,
        "store_credit": 0,
    }


def test_a_capture_sent_again_takes_the_money_once(till: Till) -> None:
    till.capture(2000)
    assert till.capture(2000).captured == 2000
    till.assert_books_are_right()


def test_a_capture_that_another_run_has_booked_is_known_and_not_booked_again(till: Till) -> None:
    till.capture()
    payment, (call,) = till.payments.get_with_calls(ORDER_ID)
    begun = replace(call, status="requested", ended_at=None, provider_reference="")
    before = till.balances()

    assert till.payments.record_done(payment, begun, "another", NOW, []) == call
    assert till.payments.get(ORDER_ID) == payment
    assert till.balances() == before


def test_a_key_that_comes_with_another_amount_is_refused(till: Till) -> None:
    till.capture(2000)
    with pytest.raises(IdempotencyKeyReused):
        till.capture(1999)
    till.assert_books_are_right()


def test_captures_in_parts_take_the_amount_and_its_tax_and_no_penny_more(till: Till) -> None:
    for number in range(7):
        till.capture(771, key=f"c{number}")
    assert payment_status(till.recorded()) == "partially_captured"
    with pytest.raises(AmountTooLarge) as refused:
        till.capture(4, key="too much")
    assert refused.value.details["available"] == AMOUNT - 7 * 771 == 3
    till.capture(key="the rest")
    assert till.balances()["tax"] == TAX_OF_IT
    with pytest.raises(AmountTooLarge):
        till.capture(key="again")
    till.assert_books_are_right()


def test_refunds_in_parts_give_back_what_was_captured_and_its_tax(till: Till) -> None:
    till.capture(4000)
    payment = till.refund(1999)
    assert (payment.net, payment_status(payment)) == (2001, "partially_refunded")
    with pytest.raises(AmountTooLarge) as refused:
        till.refund(2002, key="f2")
    assert refused.value.details["available"] == 2001
    assert payment_status(till.refund(key="f3")) == "refunded"
    assert till.balances()["cash_at_provider"] == till.balances()["tax"] == 0
    till.assert_books_are_right()


def test_what_was_refunded_may_not_be_captured_again_but_the_rest_may(till: Till) -> None:
    till.capture(4000)
    till.refund()
    with pytest.raises(AmountTooLarge):
        till.capture(1401, key="c2")
    assert till.capture(1400, key="c3").net == 1400
    till.assert_books_are_right()


def test_nothing_is_refunded_before_something_is_captured(till: Till) -> None:
    with pytest.raises(IllegalTransition):
        till.refund(1)


@pytest.mark.usefixtures("tables")
def test_an_order_without_a_payment_has_nothing_to_capture() -> None:
    with pytest.raises(NotFound):
        Till().capture()


def test_a_voided_payment_is_not_captured(till: Till) -> None:
    till.void()
    with pytest.raises(IllegalTransition) as refused:
        till.capture()
    assert refused.value.details["status"] == "voided"


def test_an_order_is_charged_only_where_it_stands(till: Till) -> None:
    orders, records = OrderStore(table("orders")), RecordStore(table("orders"))
    totals = {"subtotal": AMOUNT, "tax": TAX_OF_IT, "total": AMOUNT}
    orders.place_once(order(totals=totals), details(line(total=AMOUNT, tax=TAX_OF_IT)))
    books: dict[str, Any] = {
        "payments": till.payments,
        "ledger": till.ledger,
        "provider": till.provider,
    }
    wanted = Movement(ORDER_ID, None, "c1", "ada")
    with pytest.raises(IllegalTransition) as refused:
        capture_order(wanted, till.clock, records=records, **books)
    assert refused.value.details["status"] == "pending"
    orders.confirm(ORDER_ID, "place_order", NOW)
    done = capture_order(wanted, till.clock, records=records, **books)
    assert done.captured == AMOUNT


# --- the undo -----------------------------------------------------------------


def test_voiding_a_captured_payment_refunds_what_is_left_of_it(till: Till) -> None:
    till.capture(4000)
    till.refund(1000)
    assert till.void().status == "refunded"
    assert till.void().status == "refunded"
    assert till.recorded().net == 0
    till.assert_books_are_right()


def test_voiding_ends_a_capture_that_nobody_answered_and_refunds_it(till: Till) -> None:
    left = PaymentCall("capture_1", CAPTURE, ORDER_ID, 4000, "ada", NOW)
    till.payments.record_call(till.recorded(), left)
    assert till.void().status == "refunded"
    assert (till.recorded().captured, till.recorded().net) == (4000, 0)
    till.assert_books_are_right()


# --- letting the rest go ----------------------------------------------------------


def test_what_is_not_captured_is_let_go_of_once_and_captured_no_more(till: Till) -> None:
    till.capture(4000)
    for _ in range(2):
        payment = till.release()
        assert (payment.released, payment.captured) == (AMOUNT - 4000, 4000)
    assert payment_status(payment) == "captured"
    assert till.held() == 0
    with pytest.raises(AmountTooLarge) as refused:
        till.capture(1, key="c2")
    assert refused.value.details["available"] == 0
    till.refund(1000)
    till.assert_books_are_right()
    assert till.void().status == "refunded"


def test_a_payment_of_which_nothing_was_captured_is_voided_when_it_is_let_go_of(
    till: Till,
) -> None:
    for _ in range(2):
        assert till.release().status == "voided"
    assert till.held() == 0


@pytest.mark.parametrize("before", [0, 1000])
def test_nothing_is_let_go_of_while_a_capture_has_no_answer(till: Till, before: int) -> None:
    if before:
        till.capture(before)
    left = PaymentCall("capture_1", CAPTURE, ORDER_ID, 4000, "ada", NOW)
    till.payments.record_call(till.recorded(), left)
    with pytest.raises(PaymentOutcomeUnknown):
        till.release()
    till.now += CALL_LIFE
    till.capture(400, key="c2")
    assert till.release().released == AMOUNT - before - 4400
    assert till.held() == 0
    till.assert_books_are_right()


def test_an_undo_is_not_closed_while_a_refund_of_it_is_under_way(till: Till) -> None:
    till.capture(4000)
    undone = till.payments.record_answer(till.recorded(), VOIDING, till.now)

    with pytest.raises(PaymentOutcomeUnknown):
        till.payments.close(undone, REFUNDED, till.now)

    assert till.recorded().status == VOIDING
    assert till.void().status == REFUNDED
    till.assert_books_are_right()


def test_the_undo_of_an_order_charged_in_part_lets_go_of_the_rest(till: Till) -> None:
    till.capture(4000)
    assert till.held() == AMOUNT - 4000
    till.void()
    assert till.held() == 0
    till.assert_books_are_right()


# --- the provider -------------------------------------------------------------


class Refusing(SandboxProvider):
    """Refuses captures as long as it is told to, with the error it is told."""

    error: type[DomainError] | None = None

    def capture(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        if self.error:
            raise self.error("not now")
        return super().capture(reference=reference, amount=amount, idempotency_key=idempotency_key)


def refusing(error: type[DomainError]) -> tuple[Till, Refusing]:
    provider = Refusing(table("sandbox"), lambda: NOW)
    till = Till(provider=provider)
    till.authorize()
    provider.error = error
    return till, provider


@pytest.mark.usefixtures("tables")
def test_a_capture_the_provider_refuses_gives_its_room_back_and_stays_refused() -> None:
    till, provider = refusing(ProviderRejected)
    for _ in range(2):
        with pytest.raises(ProviderRejected):
            till.capture()
        provider.error = None
    assert till.recorded().capturable == AMOUNT
    till.capture(key="c2")
    till.assert_books_are_right()


@pytest.mark.usefixtures("tables")
def test_a_capture_without_an_answer_keeps_its_room_and_is_made_again() -> None:
    till, provider = refusing(ProviderUnavailable)
    with pytest.raises(ProviderUnavailable):
        till.capture(5000)
    with pytest.raises(AmountTooLarge):
        till.capture(500, key="c2")
    provider.error = None
    assert till.capture(5000).captured == 5000
    till.assert_books_are_right()


@pytest.mark.usefixtures("tables")
def test_a_call_left_behind_is_ended_by_the_next_one() -> None:
    till, provider = refusing(ProviderUnavailable)
    with pytest.raises(ProviderUnavailable):
        till.capture(5000)
    provider.error = None
    till.now += CALL_LIFE + timedelta(seconds=1)
    assert till.capture(400, key="c2").captured == 5400
    till.assert_books_are_right()


# --- at once ------------------------------------------------------------------

# Before each call to the database that one of two makes, the other does its whole work.
ROUNDS = 200
Act = Callable[[Till], object]
RACES: dict[str, tuple[int, Act, Act]] = {
    "two captures": (0, lambda t: t.capture(3000, "a"), lambda t: t.capture(3000, "b")),
    "two captures that fit": (0, lambda t: t.capture(2001, "a"), lambda t: t.capture(3399, "b")),
    "one capture twice": (0, lambda t: t.capture(3000, "a"), lambda t: t.capture(3000, "a")),
    "two refunds": (4000, lambda t: t.refund(2500, "a"), lambda t: t.refund(2500, "b")),
    "two refunds that fit": (4000, lambda t: t.refund(1501, "a"), lambda t: t.refund(999, "b")),
    "one refund twice": (4000, lambda t: t.refund(2500, "a"), lambda t: t.refund(2500, "a")),
    "a capture and a refund": (3000, lambda t: t.capture(key="a"), lambda t: t.refund(key="b")),
    "a capture and the undo": (0, lambda t: t.capture(3000, "a"), lambda t: t.void()),
    "the undo and a capture": (0, lambda t: t.void(), lambda t: t.capture(3000, "a")),
    "the undo and a refund": (3000, lambda t: t.void(), lambda t: t.refund(1000, "a")),
    "two undos": (3000, lambda t: t.void(), lambda t: t.void()),
    "a capture and letting go": (1000, lambda t: t.capture(3000, "a"), lambda t: t.release()),
    "letting go and a capture": (1000, lambda t: t.release(), lambda t: t.capture(3000, "a")),
    "letting go and the undo": (1000, lambda t: t.release(), lambda t: t.void()),
    "the undo and letting go": (1000, lambda t: t.void(), lambda t: t.release()),
    "all let go and a capture": (0, lambda t: t.release(), lambda t: t.capture(3000, "a")),
    "letting go twice": (1000, lambda t: t.release(), lambda t: t.release()),
    "all let go twice": (0, lambda t: t.release(), lambda t: t.release()),
}
# Two with one aim: who comes second finds it done, and is told no error.
OF_ONE_AIM = {"two undos", *(name for name in RACES if name.endswith("twice"))}


def attempt(act: Act, till: Till) -> bool:
    try:
        act(till)
    except DomainError:
        return False
    return True


def race(
    database: EmulatedDynamoDb, before: int, one: Act, other: Act, number: int
) -> tuple[int, int, Till]:
    """Give how many won, how many calls the interrupted one made, and the till."""
    database.empty()
    till = Till(database)
    till.authorize()
    if before:
        till.capture(before, "before")
    outcomes: list[bool] = []
    meanwhile = partial(attempt, other, Till(database))
    client = Interrupted(number, lambda: outcomes.append(meanwhile()), database)
    outcomes.append(attempt(one, Till(client)))
    return outcomes.count(True), client.calls, till


def refused_by_the_provider(till: Till) -> int:
    """Count the calls that should never have been made, for there was no room for them."""
    _, calls = till.payments.get_with_calls(ORDER_ID)
    return sum(call.status == REFUSED for call in calls)


@pytest.mark.parametrize("name", RACES)
def test_whatever_two_do_at_once_the_books_are_right(name: str) -> None:
    before, one, other = RACES[name]
    exclusive = name in ("two captures", "two refunds")
    rounds, number = 0, 0
    database = EmulatedDynamoDb(*SERVICES)
    while True:
        number += 1
        won, calls, till = race(database, before, one, other, number)
        if number > calls:
            break
        rounds += 1
        if exclusive:
            assert (won, refused_by_the_provider(till)) == (1, 0), number
        if name in OF_ONE_AIM:
            assert won == 2, number
        if "undo" in name:
            # Who lost to the undo is done; the undo itself is tried again.
            till.void()
            assert till.recorded().net == 0
        if "let" in name:
            till.release()
            assert till.held() == 0
            # Who came too late was told so by us.
            assert refused_by_the_provider(till) == 0, number
        till.assert_books_are_right()
    assert rounds >= 5


@pytest.mark.parametrize("name", ["two captures", "two refunds"])
def test_of_two_at_once_that_exceed_what_there_is_one_wins_in_200_rounds(name: str) -> None:
    before, one, other = RACES[name]
    client = EmulatedDynamoDb(*SERVICES)
    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            client.empty()
            till = Till(client)
            till.authorize()
            if before:
                till.capture(before, "before")
            outcomes = pool.map(lambda act: attempt(act, Till(client)), (one, other))
            assert list(outcomes).count(True) == 1, number
            assert refused_by_the_provider(till) == 0, number
            till.assert_books_are_right()


@pytest.mark.parametrize("what", ["capture", "refund"])
def test_a_message_and_our_own_answer_book_money_once_in_200_rounds(what: str) -> None:
    client = EmulatedDynamoDb(*SERVICES)
    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            client.empty()
            till = Till(client)
            till.authorize()
            if what == "refund":
                till.capture(4000, "before")
            ours = pool.submit(getattr(Till(client), what), 3000, "a")
            # The provider tells of it again and again until our own answer is there.
            told = 0
            while not ours.done() or not told:
                Till(client).settle()
                told += 1
            moved = ours.result().refunded if what == "refund" else ours.result().captured
            assert moved == 3000, number
            till.assert_books_are_right()


# --- faults -------------------------------------------------------------------


def a_days_work(till: Till, looked_at: Till) -> None:
    """Capture in two parts, refund one, undo the rest: each tried again until it is done."""
    steps: list[Act] = [
        lambda t: t.capture(3001, "a"),
        lambda t: t.capture(key="b"),
        lambda t: t.refund(1000, "c"),
        lambda t: t.void(),
    ]
    for number, step in enumerate(steps):
        for _ in range(2):
            try:
                step(till)
            except WorkerDied:
                continue
            break
        if number < 3:
            assert looked_at.recorded().captured == (3001, AMOUNT, AMOUNT)[number]


def test_a_death_before_or_after_any_call_to_the_database_leaves_the_books_right() -> None:
    database = EmulatedDynamoDb(*SERVICES)
    till = Till(database)
    till.authorize()
    counted = FaultyDatabase(inner=database)
    a_days_work(Till(counted), till)
    calls = len(counted.names)
    assert calls > 30
    for at in range(1, calls + 1):
        for after in (False, True):
            database.empty()
            till.authorize()
            a_days_work(Till(FaultyDatabase(Fault(at, after, "worker"), database)), till)
            assert (till.recorded().captured, till.recorded().net) == (AMOUNT, 0), (at, after)
            till.assert_books_are_right()


# --- any order of anything ----------------------------------------------------

amounts = st.one_of(st.none(), st.integers(1, 1200))
keys = st.sampled_from("abcdef")
acts = st.one_of(
    st.tuples(st.just("capture"), amounts, keys),
    st.tuples(st.just("refund"), amounts, keys),
    st.tuples(st.just("void"), st.none(), st.just("")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(amount=st.integers(1, 1500), tax=st.integers(0, 400), work=st.lists(acts, max_size=12))
def test_any_sequence_of_captures_refunds_and_voids_keeps_the_books_right(
    amount: int, tax: int, work: list[tuple[str, int | None, str]]
) -> None:
    till = Till(EmulatedDynamoDb(*SERVICES))
    till.authorize(amount, min(tax, amount))
    for what, part, key in work:
        before: Payment = till.recorded()
        try:
            done = till.void() if what == "void" else getattr(till, what)(part, key)
        except DomainError:
            # What is refused changes nothing.
            assert till.recorded() == before
        else:
            assert done == till.recorded()
        till.assert_books_are_right()
