from datetime import datetime, timedelta

import pytest

from builders import NOW, ORDER_ID, table
from commerce.dynamo.table import Update
from commerce.errors import (
    OrderCanceled,
    PaymentDeclined,
    PaymentOutcomeUnknown,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import AUTHORIZING
from commerce.payments.model import CALL_LIFE, Payment, payment_status
from commerce.payments.operations import authorize_payment, void_payment
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore, payment_key

pytestmark = pytest.mark.usefixtures("tables")

WANTED = Payment(ORDER_ID, AUTHORIZING, 1, "sandbox", 5400, "GBP")


class Till:
    """A payment store and a sandbox on test tables, with a clock to turn."""

    def __init__(self) -> None:
        self.now = NOW
        self.payments = PaymentStore(table("payments"))
        self.ledger = LedgerStore(table("ledger"))
        self.provider = SandboxProvider(table("sandbox"), self.clock, lambda _seconds: None)

    def clock(self) -> datetime:
        return self.now

    def authorize(self, token: str = "tok_visa", wanted: Payment = WANTED) -> Payment:
        return authorize_payment(
            wanted, token, self.clock, payments=self.payments, provider=self.provider
        )

    def void(self) -> Payment:
        return void_payment(
            ORDER_ID,
            self.now,
            payments=self.payments,
            ledger=self.ledger,
            provider=self.provider,
        )

    def at_provider(self) -> str | None:
        found = self.provider.find(ORDER_ID)
        return found.status if found else None

    def recorded(self) -> str:
        payment = self.payments.get(ORDER_ID)
        assert payment is not None
        return payment.status


def test_authorizing_twice_holds_the_money_once() -> None:
    till = Till()
    first = till.authorize()
    again = till.authorize()
    assert first.provider_reference == again.provider_reference
    assert (till.recorded(), till.at_provider()) == ("authorized", "authorized")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_of_nobody", "invalid_token"),
    ],
)
def test_a_declined_payment_stays_declined(token: str, reason: str) -> None:
    till = Till()
    for _ in range(2):
        with pytest.raises(PaymentDeclined) as refused:
            till.authorize(token)
        assert refused.value.details["reason"] == reason
    assert till.void().status == "declined"


def test_an_unavailable_provider_leaves_nothing_and_the_step_may_run_again() -> None:
    till = Till()
    with pytest.raises(ProviderUnavailable):
        till.authorize("tok_unavailable")
    assert (till.recorded(), till.at_provider()) == ("failed", None)
    assert till.authorize().status == "authorized"


def test_a_timeout_that_had_its_effect_is_found_by_the_next_run() -> None:
    till = Till()
    with pytest.raises(ProviderTimeout):
        till.authorize("tok_timeout")
    assert (till.recorded(), till.at_provider()) == ("authorizing", "authorized")
    assert till.authorize("tok_timeout").status == "authorized"


def test_voiding_twice_lets_go_of_the_money_once() -> None:
    till = Till()
    till.authorize()
    till.void()
    till.void()
    assert (till.recorded(), till.at_provider()) == ("voided", "voided")


def test_voiding_what_never_was_leaves_a_tombstone_that_a_late_authorization_finds() -> None:
    till = Till()
    till.void()
    with pytest.raises(OrderCanceled):
        till.authorize()
    assert (till.recorded(), till.at_provider()) == ("voided", None)


def test_a_timeout_that_had_its_effect_is_voided_at_the_provider() -> None:
    till = Till()
    with pytest.raises(ProviderTimeout):
        till.authorize("tok_timeout")
    till.void()
    assert (till.recorded(), till.at_provider()) == ("voided", "voided")


def test_a_call_that_may_still_be_under_way_keeps_the_void_open() -> None:
    till = Till()
    till.payments.record_attempt(WANTED, NOW)
    with pytest.raises(PaymentOutcomeUnknown):
        till.void()
    assert till.recorded() == "voiding"
    till.now += CALL_LIFE + timedelta(seconds=1)
    assert till.void().status == "voided"


def test_an_authorization_that_comes_in_after_the_void_began_voids_itself() -> None:
    till = Till()

    class VoidedMeanwhile(SandboxProvider):
        def authorize(
            self, *, reference: str, amount: int, currency: str, token: str, idempotency_key: str
        ) -> ProviderPayment:
            with pytest.raises(PaymentOutcomeUnknown):
                till.void()
            return super().authorize(
                reference=reference,
                amount=amount,
                currency=currency,
                token=token,
                idempotency_key=idempotency_key,
            )

    till.provider = VoidedMeanwhile(table("sandbox"), till.clock)
    with pytest.raises(OrderCanceled):
        till.authorize()
    assert (till.recorded(), till.at_provider()) == ("voiding", "voided")
    assert till.void().status == "voided"


def test_an_order_that_costs_nothing_is_paid_and_asks_nobody() -> None:
    till = Till()
    free = Payment(ORDER_ID, AUTHORIZING, 1, "", 0, "GBP")
    for _ in range(2):
        assert payment_status(till.authorize("", free)) == "captured"
    assert till.at_provider() is None
    for _ in range(2):
        assert till.void().status == "voided"
    with pytest.raises(OrderCanceled):
        till.authorize("", free)
    assert till.at_provider() is None


@pytest.mark.parametrize("status", ["authorizing", "authorized"])
def test_an_order_that_costs_nothing_and_was_recorded_as_held_is_paid(status: str) -> None:
    till = Till()
    facts = {
        "status": status,
        "version": 1,
        "amount": 0,
        "currency": "GBP",
        "attempted_at": "2026-03-01T12:00:00.000Z",
        "events": [],
    }
    sets = ", ".join(f"#{name} = :{name}" for name in facts)
    table("payments").update(Update(payment_key(ORDER_ID), f"SET {sets}", values=facts))
    free = Payment(ORDER_ID, AUTHORIZING, 1, "", 0, "GBP")
    assert payment_status(till.authorize("", free)) == "captured"
    assert payment_status(till.payments.get(ORDER_ID)) == "captured"
    assert till.void().status == "voided"


def sandbox_with_authorization() -> SandboxProvider:
    provider = Till().provider
    provider.authorize(
        reference="r1", amount=1000, currency="GBP", token="tok_visa", idempotency_key="a"
    )
    return provider


def test_the_provider_captures_in_parts_and_never_more_than_it_holds() -> None:
    provider = sandbox_with_authorization()
    provider.capture(reference="r1", amount=600, idempotency_key="c1")
    provider.capture(reference="r1", amount=600, idempotency_key="c1")
    with pytest.raises(ProviderRejected):
        provider.capture(reference="r1", amount=500, idempotency_key="c2")
    assert provider.capture(reference="r1", amount=400, idempotency_key="c3").captured == 1000


def test_the_provider_refunds_never_more_than_it_took() -> None:
    provider = sandbox_with_authorization()
    provider.capture(reference="r1", amount=800, idempotency_key="c1")
    provider.refund(reference="r1", amount=500, idempotency_key="f1")
    provider.refund(reference="r1", amount=500, idempotency_key="f1")
    with pytest.raises(ProviderRejected):
        provider.refund(reference="r1", amount=400, idempotency_key="f2")
    assert provider.refund(reference="r1", amount=300, idempotency_key="f3").net == 0


def test_the_provider_lets_go_of_what_it_has_not_taken_and_takes_no_more() -> None:
    provider = sandbox_with_authorization()
    provider.capture(reference="r1", amount=400, idempotency_key="c1")
    for _ in range(2):
        left = provider.void(reference="r1", idempotency_key="v1")
        assert (left.status, left.captured, left.held) == ("captured", 400, 0)
    with pytest.raises(ProviderRejected):
        provider.capture(reference="r1", amount=1, idempotency_key="c2")
    with pytest.raises(ProviderRejected):
        provider.void(reference="r1", idempotency_key="v2")


def test_the_provider_refuses_a_key_that_comes_with_another_call() -> None:
    provider = sandbox_with_authorization()
    provider.capture(reference="r1", amount=100, idempotency_key="c1")
    with pytest.raises(ProviderRejected):
        provider.capture(reference="r1", amount=200, idempotency_key="c1")
