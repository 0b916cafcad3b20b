"""What the shop does with payments: authorize, and its undo, void."""

from __future__ import annotations

from datetime import datetime

from commerce.clock import Clock
from commerce.errors import (
    IllegalTransition,
    OrderCanceled,
    PaymentDeclined,
    PaymentOutcomeUnknown,
    ProviderTimeout,
    ProviderUnavailable,
)
from commerce.orders.model import Order
from commerce.payments.model import (
    AUTHORIZED,
    AUTHORIZING,
    DECLINED,
    FAILED,
    VOIDED,
    VOIDING,
    Payment,
    may_be_under_way,
)
from commerce.payments.provider import PaymentProvider, ProviderPayment
from commerce.payments.store import PaymentStore


def payment_of(order: Order, provider: str) -> Payment:
    """Give the payment an order asks for, before anything was tried."""
    return Payment(order.order_id, AUTHORIZING, 1, provider, order.total, order.currency)


def authorize_payment(
    wanted: Payment,
    token: str,
    clock: Clock,
    *,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> Payment:
    """Hold an order's money at the provider; repeated, it is held once.

    A run that finds an attempt without an answer asks the provider what became of it,
    so a timeout that had its effect ends well.

    Raises
    ------
    PaymentDeclined
        The provider refused; `reason` is its code.
    OrderCanceled
        The payment was voided before or meanwhile; nothing is held.
    ProviderUnavailable, ProviderTimeout
        Worth another run of the step.
    """
    earlier = payments.record_attempt(wanted, clock())
    payment = earlier or wanted
    if payment.status == AUTHORIZED:
        return payment
    if payment.status == DECLINED:
        raise _declined(payment)
    if payment.status in (VOIDING, VOIDED):
        raise _canceled(payment)
    if payment.status == FAILED:
        payment = payments.record_another_attempt(payment, clock())
    answer = _ask(payment, token, earlier is not None, clock, payments, provider)
    return _settle(payment, answer, clock, payments, provider)


def void_payment(
    order_id: str, now: datetime, *, payments: PaymentStore, provider: PaymentProvider
) -> Payment:
    """Let go of an order's money; repeated, or where nothing was held, it does nothing more.

    Raises
    ------
    PaymentOutcomeUnknown
        A call to the provider may still be under way; void again a little later.
    """
    payment = payments.leave_tombstone(order_id, now)
    if payment.status in (VOIDED, DECLINED):
        return payment
    if payment.status == FAILED:
        return payments.record_answer(payment, VOIDED, now)
    if payment.status in (AUTHORIZING, AUTHORIZED):
        # From here on, an authorization that comes in late finds this and voids itself.
        payment = payments.record_answer(payment, VOIDING, now)
    held = provider.find(payment.reference) if payment.amount else None
    if held is None and payment.amount and may_be_under_way(payment, now):
        raise PaymentOutcomeUnknown("a call to the payment provider may still be under way")
    if held is not None and held.held:
        provider.void(reference=payment.reference, idempotency_key=f"void-{payment.reference}")
    return _voided(payment, now, payments)


def _ask(
    payment: Payment,
    token: str,
    asked_before: bool,
    clock: Clock,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> ProviderPayment:
    if not payment.amount:
        # Nothing to pay, so there is nothing to ask of anybody.
        return ProviderPayment(payment.reference, "", AUTHORIZED, 0, payment.currency)
    found = provider.find(payment.reference) if asked_before else None
    if found is not None:
        return found
    try:
        return provider.authorize(
            reference=payment.reference,
            amount=payment.amount,
            currency=payment.currency,
            token=token,
            idempotency_key=f"authorize-{payment.reference}",
        )
    except ProviderTimeout:
        raise
    except ProviderUnavailable:
        payments.record_answer(payment, FAILED, clock())
        raise


def _settle(
    payment: Payment,
    answer: ProviderPayment,
    clock: Clock,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> Payment:
    """Record the provider's answer, or undo it where the order was cancelled meanwhile."""
    facts = {"provider_reference": answer.provider_reference} if answer.provider_reference else {}
    if answer.status == DECLINED:
        facts["decline_reason"] = answer.decline_reason or "declined"
    target = DECLINED if answer.status == DECLINED else AUTHORIZED
    try:
        payment = payments.record_answer(payment, target, clock(), **facts)
    except IllegalTransition as refused:
        # Two runs of this step with one answer: the other recorded it first.
        if refused.details["status"] != target:
            if answer.held and answer.amount:
                provider.void(
                    reference=payment.reference, idempotency_key=f"void-{payment.reference}"
                )
            raise _canceled(payment) from None
        payment = payments.get(payment.order_id) or payment
    if payment.status == DECLINED:
        raise _declined(payment)
    return payment


def _voided(payment: Payment, now: datetime, payments: PaymentStore) -> Payment:
    try:
        return payments.record_answer(payment, VOIDED, now)
    except IllegalTransition as refused:
        if refused.details["status"] != VOIDED:
            raise
        return payments.get(payment.order_id) or payment


def _declined(payment: Payment) -> PaymentDeclined:
    return PaymentDeclined(
        "the payment was declined", reason=payment.decline_reason or "card_declined"
    )


def _canceled(payment: Payment) -> OrderCanceled:
    return OrderCanceled("the order was cancelled before its payment", order_id=payment.order_id)
