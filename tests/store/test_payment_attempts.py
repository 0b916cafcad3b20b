"""What is true of one call to the provider is not taken for the whole payment's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, ORDER_ID
from cloud_in_memory import ROOT, table_name, template
from commerce.dynamo.table import Item, Table, Update
from commerce.errors import (
    DomainError,
    OrderCanceled,
    PaymentDeclined,
    PaymentOutcomeUnknown,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    TransactionConflict,
)
from commerce.payments.hooks import take_message
from commerce.payments.model import CALL_LIFE, CAPTURE, REFUSED, PaymentCall
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider, payment_key
from commerce.signatures import signed_headers
from store.emulated_dynamodb import EmulatedDynamoDb
from store.interleaved import Run, TakingTurns
from store.till import AMOUNT, SERVICES, Till

KEY = b"what the provider and the shop share"


class Scripted(SandboxProvider):
    """Raises what it is told to, once for each time it is told; then it does as it should."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, lambda: NOW, lambda _seconds: None)
        self.raises: dict[str, list[type[DomainError]]] = {}
        self.answers: dict[str, ProviderPayment] = {}

    def _perhaps(self, what: str) -> None:
        if self.raises.get(what):
            raise self.raises[what].pop(0)("not now")

    def authorize(self, **asked: Any) -> ProviderPayment:
        self._perhaps("authorize")
        return self.answers.get("authorize") or super().authorize(**asked)

    def capture(self, **asked: Any) -> ProviderPayment:
        self._perhaps("capture")
        return self.answers.get("capture") or super().capture(**asked)

    def refund(self, **asked: Any) -> ProviderPayment:
        self._perhaps("refund")
        return super().refund(**asked)

    def void(self, **asked: Any) -> ProviderPayment:
        self._perhaps("void")
        return self.answers.get("void") or super().void(**asked)

    def find(self, reference: str) -> ProviderPayment | None:
        self._perhaps("find")
        return super().find(reference)


class Twice:
    """DynamoDB's client, each of whose writes of one item is sent twice."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def twice(**asked: Any) -> Any:
            call(**asked)
            return call(**asked)

        return twice if name in ("put_item", "update_item") else call


class Hiding:
    """DynamoDB's client, whose Query does not show an item yet that a transaction wrote."""

    def __init__(self, inner: Any, sort_key: str) -> None:
        self._inner, self._sort_key = inner, sort_key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def query(self, **asked: Any) -> Any:
        page = self._inner.query(**asked)
        items = [item for item in page["Items"] if item["sk"]["S"] != self._sort_key]
        return page | {"Items": items}


class Counter(Till):
    """A till whose runs take turns, at a provider that does as it is told."""

    provider: Scripted

    def __init__(self) -> None:
        client: Any = TakingTurns(EmulatedDynamoDb(*SERVICES))
        super().__init__(client, Scripted(Table(table_name("sandbox"), client)))

    def slow_authorization(self) -> Run:
        """Begin a run that has written its attempt, and stands before it asks the provider."""
        before, run = self.item().get("under_way"), Run(self.authorize)
        while self.item().get("under_way") == before and not run.ended:
            run.step()
        return run

    def at_provider(self) -> str | None:
        found = self.provider.find(ORDER_ID)
        return found.status if found else None

    def damage(self, noun: str, **facts: Any) -> None:
        """Write into a payment's item by hand."""
        sets = ", ".join(f"#{name} = :{name}" for name in facts)
        self._table(noun).update(Update(payment_key(ORDER_ID), f"SET {sets}", values=facts))

    def item(self) -> Item:
        return self._table("payments").get(payment_key(ORDER_ID)) or {}

    def after_all_calls(self) -> None:
        self.now += CALL_LIFE + timedelta(seconds=1)


@pytest.fixture
def till() -> Counter:
    return Counter()


# --- several runs of one step -----------------------------------------------------


def test_a_slow_run_that_lands_after_a_refused_one_is_authorized_and_found_so(
    till: Counter,
) -> None:
    slow = till.slow_authorization()
    till.provider.raises["authorize"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    slow.end()
    assert till.authorize().status == "authorized"
    assert (till.recorded().status, till.held()) == ("authorized", AMOUNT)


@pytest.mark.parametrize("status", ["voided", "refunded", "captured", "expired"])
@pytest.mark.parametrize("recorded", ["authorizing", "failed"])
def test_only_the_answer_that_says_so_is_taken_for_an_authorization(
    till: Counter, status: str, recorded: str
) -> None:
    error = ProviderTimeout if recorded == "authorizing" else ProviderUnavailable
    till.provider.raises["authorize"] = [error]
    with pytest.raises(error):
        till.authorize()
    till.provider.authorize(
        reference=ORDER_ID, amount=AMOUNT, currency="GBP", token="tok_visa", idempotency_key="a"
    )
    till.damage("sandbox", status=status)
    with pytest.raises(OrderCanceled):
        till.authorize()
    till.settle()
    assert till.recorded().status == "authorizing"


def test_an_answer_that_leaves_it_open_is_no_authorization(till: Counter) -> None:
    till.provider.answers["authorize"] = ProviderPayment(ORDER_ID, "p1", "pending", AMOUNT, "GBP")
    with pytest.raises(ProviderTimeout):
        till.authorize()
    assert till.recorded().status == "authorizing"


def test_a_void_after_a_refused_run_waits_for_the_slow_one_and_leaves_nothing_held(
    till: Counter,
) -> None:
    slow = till.slow_authorization()
    till.provider.raises["authorize"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    with pytest.raises(PaymentOutcomeUnknown):
        till.void()
    with pytest.raises(OrderCanceled):
        slow.end()
    assert till.void().status == "voided"
    assert till.held() == 0


def test_a_void_after_a_refused_run_lets_go_of_what_a_dead_one_holds(till: Counter) -> None:
    slow = till.slow_authorization()
    till.provider.raises["authorize"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    # The provider does it, and the run dies before it hears of it.
    while till.at_provider() is None:
        slow.step()
    slow.lose()
    assert till.void().status == "voided"
    assert till.held() == 0


def test_a_void_outlives_the_later_call_of_a_retry(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderTimeout]
    with pytest.raises(ProviderTimeout):
        till.authorize()
    till.now += CALL_LIFE - timedelta(seconds=1)
    late = till.slow_authorization()
    late.step()
    till.now += timedelta(seconds=2)
    with pytest.raises(PaymentOutcomeUnknown):
        till.void()
    with pytest.raises(OrderCanceled):
        late.end()
    assert till.void().status == "voided"
    assert till.held() == 0


def test_a_void_of_runs_that_all_had_no_effect_waits_for_nobody(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderUnavailable, ProviderUnavailable]
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            till.authorize()
    assert till.recorded().status == "failed"
    assert till.void().status == "voided"


def test_a_void_asks_the_provider_whatever_our_record_says(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    # A provider that refused the call and held the money all the same.
    till.provider.authorize(
        reference=ORDER_ID, amount=AMOUNT, currency="GBP", token="tok_visa", idempotency_key="a"
    )
    assert till.void().status == "voided"
    assert till.held() == 0
    till.damage("sandbox", status="authorized")
    till.provider.raises["void"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.void()


def test_a_declined_payment_of_which_something_is_held_is_let_go_of(till: Counter) -> None:
    with pytest.raises(PaymentDeclined):
        till.authorize(token="tok_declined")
    till.damage("sandbox", status="authorized")
    assert till.void().status == "declined"
    assert till.held() == 0


def test_a_look_that_failed_made_no_call(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    till.provider.raises["find"] = [ProviderTimeout]
    with pytest.raises(ProviderTimeout):
        till.authorize()
    assert till.void().status == "voided"


def test_a_record_of_before_attempts_had_names_is_voided_once_its_call_is_over(
    till: Counter,
) -> None:
    for status in ("authorizing", "failed"):
        till.client._inner.empty()
        old = {
            **payment_key(ORDER_ID),
            "status": status,
            "version": 1,
            "provider": "sandbox",
            "amount": AMOUNT,
            "currency": "GBP",
            "attempted_at": "2026-03-01T12:00:00.000Z",
            "events": [{"at": "2026-03-01T12:00:00.000Z", "status": status}],
        }
        facts = {name: value for name, value in old.items() if name not in ("pk", "sk")}
        till.damage("payments", **facts)
        with pytest.raises(PaymentOutcomeUnknown):
            till.void()
        till.after_all_calls()
        assert till.void().status == "voided"
        till.now = NOW


def test_a_record_of_before_attempts_had_names_is_taken_up_by_another_run(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderUnavailable, ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    item = {name: value for name, value in till.item().items() if name not in ("pk", "sk")}
    del item["attempts"]
    till.client._inner.empty()
    till.damage("payments", **{**item, "status": "authorizing"})
    with pytest.raises(ProviderUnavailable):
        till.authorize()
    # The earlier call may still be under way.
    assert till.recorded().status == "authorizing"
    assert till.authorize().status == "authorized"


def test_a_write_of_an_attempt_that_applied_unheard_is_one_attempt(till: Counter) -> None:
    """The SDK repeats a write by itself; the run it is of finds what it wrote."""

    repeating = Till(Twice(till.client), till.provider)
    till.provider.raises["authorize"] = [ProviderUnavailable] * 2
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            repeating.authorize()
    assert till.recorded().status == "failed"
    assert repeating.void().status == "voided"


# --- the void ---------------------------------------------------------------------


def test_a_void_that_fails_at_the_provider_stays_open_and_is_taken_up(till: Counter) -> None:
    till.authorize()
    for error in (ProviderUnavailable, ProviderTimeout, ProviderRejected):
        till.provider.raises["void"] = [error]
        with pytest.raises(error):
            till.void()
        assert (till.recorded().status, till.held()) == ("voiding", AMOUNT)
    assert till.void().status == "voided"
    assert till.held() == 0


def test_a_void_after_which_something_is_held_is_not_done(till: Counter) -> None:
    till.authorize()
    still = till.provider.find(ORDER_ID)
    assert still is not None
    till.provider.answers["void"] = still
    with pytest.raises(PaymentOutcomeUnknown):
        till.void()
    assert till.recorded().status == "voiding"


def test_a_void_that_was_refused_for_good_is_made_again_under_another_key(till: Counter) -> None:
    till.authorize()
    till.damage("sandbox", status="expired")
    with pytest.raises(ProviderRejected):
        till.provider.void(reference=ORDER_ID, idempotency_key=f"void-{ORDER_ID}")
    till.damage("sandbox", status="authorized")
    assert till.void().status == "voided"
    assert till.held() == 0


def test_a_payment_is_not_voided_while_a_capture_of_it_is_claimed(till: Counter) -> None:
    till.authorize()
    call = PaymentCall("capture_1", CAPTURE, ORDER_ID, 4000, "ada", NOW)
    till.payments.record_call(till.recorded(), call)
    # A capture whose call item the undo's Query does not show yet.
    undone = till.payments.begin_undo(till.recorded(), NOW)
    with pytest.raises(PaymentOutcomeUnknown):
        till.payments.close(replace(undone, claimed=0), "voided", NOW)
    till.provider.capture(reference=ORDER_ID, amount=4000, idempotency_key="capture_1")
    assert till.void().status == "refunded"
    till.assert_books_are_right()


def test_an_undo_waits_for_a_capture_it_cannot_see_yet_and_gives_all_back(till: Counter) -> None:
    till.authorize()
    till.capture(1000, "a")
    late = PaymentCall("capture_late", CAPTURE, ORDER_ID, 700, "ada", NOW)
    till.payments.record_call(till.recorded(), late)
    till.provider.capture(reference=ORDER_ID, amount=700, idempotency_key=late.call_id)
    hiding = Hiding(till.client, "capture#capture_late")
    with pytest.raises(TransactionConflict):
        Till(hiding, till.provider).void()
    assert (till.recorded().status, till.recorded().refunded) == ("voiding", 0)
    assert till.void().status == "refunded"
    assert (till.recorded().captured, till.recorded().net) == (1700, 0)
    till.assert_books_are_right()


def test_an_undo_whose_refund_was_refused_refunds_under_another_key(till: Counter) -> None:
    till.authorize()
    till.capture(1000, "a")
    till.damage("sandbox", net=0)
    with pytest.raises(ProviderRejected):
        till.void()
    till.damage("sandbox", net=1000)
    assert till.void().status == "refunded"
    _, calls = till.payments.get_with_calls(ORDER_ID)
    assert [call.status == REFUSED for call in calls].count(True) == 1
    assert till.recorded().net == 0
    till.assert_books_are_right()


# --- captures and refunds ---------------------------------------------------------


def test_a_capture_is_booked_only_where_the_answer_says_that_it_was_done(till: Counter) -> None:
    till.authorize()
    unchanged = till.provider.find(ORDER_ID)
    assert unchanged is not None
    till.provider.answers["capture"] = unchanged
    with pytest.raises(ProviderTimeout):
        till.capture(1000)
    assert till.recorded().captured == 0
    till.provider.answers.clear()
    assert till.capture(1000).captured == 1000
    till.assert_books_are_right()


# --- what the provider tells ------------------------------------------------------


def test_a_message_whose_work_failed_is_worked_off_when_it_comes_again(till: Counter) -> None:
    till.provider.raises["authorize"] = [ProviderTimeout]
    with pytest.raises(ProviderTimeout):
        till.authorize()
    till.provider.authorize(
        reference=ORDER_ID, amount=AMOUNT, currency="GBP", token="tok_visa", idempotency_key="a"
    )
    body = f'{{"type": "payment.authorized", "data": {{"reference": "{ORDER_ID}"}}}}'.encode()
    headers = signed_headers("m1", body.decode(), [KEY], till.now)

    def tell() -> str:
        return take_message("sandbox", headers, body, KEY, till.clock, **till._books())

    till.provider.raises["find"] = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        tell()
    assert till.recorded().status == "authorizing"
    assert tell() == "settled"
    assert till.recorded().status == "authorized"
    assert tell() == "repeated"


# --- how long a call lives --------------------------------------------------------


def test_a_call_to_the_provider_lives_longer_than_any_function_that_begins_one() -> None:
    document = template()
    default = document["Globals"]["Function"]["Timeout"]
    begin = {}
    for name, resource in document["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        file = ROOT / properties["CodeUri"] / f"{properties['Handler'].partition('.')[0]}.py"
        # What reconciliation makes was begun by others, under keys that they recorded.
        if file.parent.name != "reconciliation" and "SandboxProvider" in file.read_text():
            begin[name] = properties.get("Timeout", default)
    assert len(begin) > 5
    life = CALL_LIFE.total_seconds()
    assert {name: timeout for name, timeout in begin.items() if timeout >= life} == {}
