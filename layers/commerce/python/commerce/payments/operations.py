"""What the shop does with payments: authorize and void, capture and refund."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from commerce.clock import Clock
from commerce.dynamo.table import Write
from commerce.errors import (
    AmountTooLarge,
    IdempotencyKeyReused,
    IllegalTransition,
    OrderCanceled,
    PaymentDeclined,
    PaymentOutcomeUnknown,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    TransactionConflict,
)
from commerce.ids import derived_id
from commerce.ledger.model import entry_of, tax_entry_of
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import (
    AUTHORIZED,
    AUTHORIZING,
    CAPTURED,
    CONFIRMED,
    DECLINED,
    FAILED,
    REFUNDED,
    VOIDED,
    VOIDING,
)
from commerce.orders.model import Order
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.payments.model import (
    CAPTURE,
    REFUND,
    REFUSED,
    Claim,
    Payment,
    PaymentCall,
    amount_to_move,
    may_be_under_way,
    tax_of_claim,
)
from commerce.payments.provider import PaymentProvider, ProviderPayment
from commerce.payments.store import Attempt, PaymentStore
from commerce.taxes import TaxCourse

logger = logging.getLogger(__name__)

# What a capture or refund may be refused with.
MOVEMENT_REFUSALS = (
    AmountTooLarge,
    IllegalTransition,
    IdempotencyKeyReused,
    ProviderRejected,
    ProviderUnavailable,
    ProviderTimeout,
    TransactionConflict,
)

VOID = "void_payment"
# Each try fails only where another part of the same payment was booked since it began.
BOOKING_TRIES = 20


@dataclass(frozen=True)
class Movement:
    """A capture or refund as it is asked for.

    `amount` is in minor units, all that is left where None. `key` is the same for all
    repeats of one call, and another for each other call on the order. `by` is who asks.
    """

    order_id: str
    amount: int | None
    key: str
    by: str
    reason: str = ""


@dataclass(frozen=True)
class Asking:
    """What is asked of a payment, and checks of what that follows from."""

    claim: Claim | None
    rests_on: tuple[Write, ...] = ()


# Asked again where the payment changed before the call was recorded.
Ask = Callable[[Payment], Asking]


def payment_of(order: Order, provider: str) -> Payment:
    """Give the payment an order asks for, before anything was tried."""
    return Payment(
        order.order_id,
        AUTHORIZING,
        1,
        provider,
        order.total,
        order.currency,
        tax=order.totals.get("tax", 0),
    )


def authorize_payment(
    wanted: Payment,
    token: str,
    clock: Clock,
    *,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> Payment:
    """Hold an order's money at the provider; repeated, it is held once.

    Where there is nothing to pay it is paid, and nobody is asked.

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
    if not wanted.amount:
        payment = payments.record_paid(wanted, clock())
        if payment.status not in (AUTHORIZED, CAPTURED):
            raise _canceled(payment)
        return payment
    attempt = payments.record_attempt(wanted, clock())
    payment = attempt.payment
    if payment.status in (AUTHORIZED, CAPTURED):
        return payment
    if payment.status == DECLINED:
        raise _declined(payment)
    if not attempt.name:
        raise _canceled(payment)
    answer = _ask(attempt, token, clock, payments, provider)
    return _settle(payment, answer, clock, payments, provider)


def void_payment(
    order_id: str,
    now: datetime,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment:
    """Let go of an order's money, and give back what was taken of it.

    Repeated, or where nothing was held, it does nothing more. From its first write on
    nothing is captured any more; a capture under way then is ended here, and refunded.

    Raises
    ------
    PaymentOutcomeUnknown
        A call to the provider may still be under way; void again a little later.
    """
    payment = payments.leave_tombstone(order_id, now)
    while payment.status in (AUTHORIZING, FAILED, AUTHORIZED, CAPTURED):
        # From here on, an authorization that comes in late finds this and voids itself.
        payment = payments.begin_undo(payment, now)
    if payment.status == VOIDING and payment.claimed:
        payment = _give_all_back(payment, now, payments, ledger, provider)
    # Whatever we believe: a call that came in late may have left something held.
    _let_go(payment, now, provider)
    if payment.status != VOIDING:
        return payment
    return payments.close(payment, REFUNDED if payment.captured else VOIDED, now)


def release_rest(
    order_id: str, now: datetime, *, payments: PaymentStore, provider: PaymentProvider
) -> Payment:
    """Let go of what is held and will not be captured; repeated, once.

    From its first write on nothing is captured any more. A payment of which nothing was
    captured is `voided`; where nothing is held, nothing is done.

    Raises
    ------
    NotFound
        The order has no payment.
    PaymentOutcomeUnknown
        A capture, an authorization or the undo is under way; try again a little later.
    """
    payment, _ = payments.get_with_calls(order_id)
    if payment.rest:
        payment = payments.record_release(payment, now)
    if payment.status == AUTHORIZING or (payment.status == VOIDING and payment.claimed):
        raise PaymentOutcomeUnknown("the payment is being made or undone")
    if payment.status == VOIDING:
        _let_go(payment, now, provider)
        return payments.close(payment, VOIDED, now)
    if payment.released and not payment.released_at:
        reference = _let_go(payment, now, provider)
        return payments.record_released(payment, reference, now)
    return payment


def capture_order(
    wanted: Movement,
    clock: Clock,
    *,
    records: RecordStore,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment:
    """Capture an order's payment where the order stands; see `capture_payment`.

    No more is taken than the order costs less what was cancelled of it: of a cancellation
    and a capture at the same moment, the later one knows the other.

    Raises
    ------
    NotFound
        There is no such order.
    IllegalTransition
        The order is not confirmed; `status` is where it is.
    """

    def ask(payment: Payment) -> Asking:
        record = records.get(wanted.order_id)
        _require_confirmed(record)
        left = record.owed - payment.charged
        amount = amount_to_move(payment, CAPTURE, wanted.amount, left)
        return Asking(Claim(amount, record.tax_course), (records.unchanged(record),))

    _require_confirmed(records.get(wanted.order_id))
    return capture_payment(
        wanted, clock, ask=ask, payments=payments, ledger=ledger, provider=provider
    )


def capture_payment(
    wanted: Movement,
    clock: Clock,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
    ask: Ask | None = None,
) -> Payment:
    """Take held money, in whole or in part; repeated with the same `key`, it is taken once.

    The amount's room is taken first, then the provider is called, then what it did is
    recorded and booked in one transaction. A repeat goes on where the first run ended.

    Parameters
    ----------
    ask
        Gives what is asked of the payment as it is; what is `wanted` of it where None.

    Raises
    ------
    NotFound
        The order has no payment.
    AmountTooLarge
        More than is left to capture; `available` tells how much that is.
    IllegalTransition
        The payment is not authorized; `status` is where it is.
    IdempotencyKeyReused
        The key came with another amount before.
    ProviderRejected
        The provider refuses for good; the room is given back.
    ProviderUnavailable, ProviderTimeout
        Worth a repeat with the same `key`. Until then the room stays taken.
    TransactionConflict
        Others kept moving money of this payment.
    """
    return _move_money(CAPTURE, wanted, ask, clock, payments, ledger, provider)


def refund_payment(
    wanted: Movement,
    clock: Clock,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
    ask: Ask | None = None,
) -> Payment:
    """Give taken money back, in whole or in part; repeated with the same `key`, once.

    Goes as `capture_payment` does, with the same errors; `AmountTooLarge` where it is
    more than was captured, less all other refunds, those under way too.
    """
    return _move_money(REFUND, wanted, ask, clock, payments, ledger, provider)


def correct_tax(
    order_id: str,
    course: TaxCourse,
    by: str,
    now: datetime,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
) -> None:
    """Book how much of what an order is charged is tax, where no money is moved; once.

    Where units are cancelled that nobody was charged for yet, what was charged is for others.
    """
    for _ in range(BOOKING_TRIES):
        payment, _ = payments.get_with_calls(order_id)
        tax = course.within(payment.charged)
        if tax == payment.tax_charged:
            return
        entry = tax_entry_of(payment, tax, by, now)
        if payments.record_tax(payment, tax, ledger.writes(entry)):
            return
    raise TransactionConflict("others keep moving money of this payment")


def refund_within(
    limits: Mapping[str, int],
    wanted: Movement,
    clock: Clock,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment:
    """Refund as `refund_payment` does, and no more of one order than a limit, over all calls.

    Parameters
    ----------
    limits
        Minor units by currency; nothing may be given back in a currency without one.

    Raises
    ------
    Forbidden
        It would be more, with those before it.
    """
    payment, calls = payments.get_with_calls(wanted.order_id)
    call_id = derived_id(REFUND, wanted.order_id, wanted.key)
    if all(call.call_id != call_id for call in calls):
        # Of what there is now: a capture meanwhile must not make it more than was let.
        wanted = replace(wanted, amount=amount_to_move(payment, REFUND, wanted.amount))
        payments.take_allowance(
            wanted.order_id, call_id, wanted.amount or 0, limits.get(payment.currency, 0)
        )
    return refund_payment(wanted, clock, payments=payments, ledger=ledger, provider=provider)


def finish_calls(
    payment: Payment,
    calls: Iterable[PaymentCall],
    now: datetime,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> None:
    """Make calls again that have no answer, each with its own key, and record the answers."""
    for call in calls:
        if not call.open:
            continue
        try:
            _finish(call, lambda: now, payments, ledger, provider)
        except ProviderRejected as refused:
            logger.warning("%s of %s was refused: %s", call.kind, payment.order_id, refused)


def settle_payment(
    order_id: str,
    clock: Clock,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment | None:
    """Ask the provider what became of all that has no answer yet, and record it.

    Takes and gives back nothing that an undo has not begun to: whoever made a call records
    the same, and who comes second finds it done. What is not decided stays open.

    Returns
    -------
    Payment | None
        The payment as it is now; None where nothing was ever tried.

    Raises
    ------
    PaymentOutcomeUnknown, ProviderUnavailable, ProviderTimeout, TransactionConflict
        Worth another try.
    """
    payment, calls = payments.find_with_calls(order_id)
    if payment is None:
        return None
    if payment.status == AUTHORIZING:
        answer = provider.find(payment.reference)
        if answer is not None and not answer.undecided:
            with suppress(PaymentDeclined, OrderCanceled):
                _settle(payment, answer, clock, payments, provider)
    for call in calls:
        if not call.open:
            continue
        done = provider.find_call(order_id, call.call_id)
        if done is not None and done.refused:
            payments.record_refused(call, "the provider refused", clock())
        elif done is not None:
            _book(call, done.call_reference, clock(), payments, ledger)
    if payment.status == VOIDING:
        void_payment(order_id, clock(), payments=payments, ledger=ledger, provider=provider)
    if payment.released and not payment.released_at:
        release_rest(order_id, clock(), payments=payments, provider=provider)
    return payments.get(order_id)


def _require_confirmed(record: OrderRecord) -> None:
    if record.order.status != CONFIRMED:
        status = record.order.status
        raise IllegalTransition(f"the order is {status} and is not charged", status=status)


def _move_money(
    kind: str,
    wanted: Movement,
    ask: Ask | None,
    clock: Clock,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment:
    call_id = derived_id(kind, wanted.order_id, wanted.key)
    now = clock()
    for _ in range(BOOKING_TRIES):
        payment, calls = payments.get_with_calls(wanted.order_id)
        others = [call for call in calls if call.call_id != call_id and call.left_behind(now)]
        if others:
            finish_calls(payment, others, now, payments=payments, ledger=ledger, provider=provider)
            payment, calls = payments.get_with_calls(wanted.order_id)
        call = next((call for call in calls if call.call_id == call_id), None)
        if call is None:
            claim, rests_on = _asked(kind, wanted, payment, ask)
            if claim is None:
                return payment
            call = payments.record_call(
                payment, _new_call(call_id, kind, wanted, payment, claim, now), rests_on
            )
        if call is not None:
            break
    else:
        raise TransactionConflict("others keep moving money of this payment")
    if wanted.amount not in (None, call.amount):
        raise IdempotencyKeyReused("this Idempotency-Key came with another amount")
    _finish(call, clock, payments, ledger, provider)
    return payments.get(wanted.order_id) or payment


def _asked(
    kind: str, wanted: Movement, payment: Payment, ask: Ask | None
) -> tuple[Claim | None, tuple[Write, ...]]:
    if ask is None:
        return Claim(amount_to_move(payment, kind, wanted.amount)), ()
    asking = ask(payment)
    return asking.claim, asking.rests_on


def _new_call(
    call_id: str, kind: str, wanted: Movement, payment: Payment, claim: Claim, now: datetime
) -> PaymentCall:
    return PaymentCall(
        call_id,
        kind,
        wanted.order_id,
        claim.amount,
        wanted.by,
        now,
        wanted.reason,
        tax=tax_of_claim(payment, kind, claim),
        uncharges=claim.uncharges,
    )


def _finish(
    call: PaymentCall,
    clock: Clock,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> None:
    """Bring a recorded call to its end, whoever began it; one that ended stays as it is."""
    if call.open:
        make = provider.capture if call.kind == CAPTURE else provider.refund
        try:
            answer = make(reference=call.order_id, amount=call.amount, idempotency_key=call.call_id)
        except ProviderRejected as refused:
            call = payments.record_refused(call, refused.sentence, clock())
        else:
            done = answer.captured if call.kind == CAPTURE else answer.refunded
            if done < call.amount:
                raise ProviderTimeout(
                    f"the payment provider does not say that it did the {call.kind}"
                )
            call = _book(call, answer.call_reference, clock(), payments, ledger)
    if call.status == REFUSED:
        raise ProviderRejected(call.refusal, reference=call.order_id)


def _book(
    call: PaymentCall,
    reference: str,
    now: datetime,
    payments: PaymentStore,
    ledger: LedgerStore,
) -> PaymentCall:
    for _ in range(BOOKING_TRIES):
        payment = payments.get(call.order_id)
        if payment is None:
            break
        entry = entry_of(payment, call, now)
        ended = payments.record_done(payment, call, reference, now, ledger.writes(entry))
        if ended is not None:
            return ended
    raise TransactionConflict("others keep booking parts of this payment")


def _give_all_back(
    payment: Payment,
    now: datetime,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Payment:
    """End what is under way, and refund what was captured and is not given back."""
    payment, calls = payments.get_with_calls(payment.order_id)
    finish_calls(payment, calls, now, payments=payments, ledger=ledger, provider=provider)
    payment = payments.get(payment.order_id) or payment
    if payment.refundable:
        # A later run finds more calls, so it never takes the refund of this one for its own.
        wanted = Movement(
            payment.order_id, None, f"void {len(calls)}", VOID, "the order was cancelled"
        )
        payment = refund_payment(
            wanted, lambda: now, payments=payments, ledger=ledger, provider=provider
        )
    return payment


def _ask(
    attempt: Attempt,
    token: str,
    clock: Clock,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> ProviderPayment:
    """Ask what became of earlier attempts, and make this one where they came to nothing."""
    payment = attempt.payment
    try:
        found = None if attempt.first else provider.find(payment.reference)
    except (ProviderUnavailable, ProviderTimeout):
        payments.record_no_effect(payment, attempt.name, clock())
        raise
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
    except (ProviderUnavailable, ProviderRejected):
        payments.record_no_effect(payment, attempt.name, clock())
        raise


def _settle(
    payment: Payment,
    answer: ProviderPayment,
    clock: Clock,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> Payment:
    """Record the provider's answer, or undo it where the order was cancelled meanwhile.

    Only the answer that says so is taken for an authorization: what was voided, or is in
    any other state, holds nothing for this order.
    """
    if answer.undecided:
        raise ProviderTimeout("the payment provider tells the result later")
    if answer.status not in (AUTHORIZED, DECLINED):
        raise _canceled(payment)
    target = answer.status
    facts = {"provider_reference": answer.provider_reference} if answer.provider_reference else {}
    if target == DECLINED:
        facts["decline_reason"] = answer.decline_reason or "declined"
    try:
        payment = payments.record_answer(payment, target, clock(), **facts)
    except IllegalTransition as refused:
        # Two with one answer: a run of this step or a message recorded it first.
        recorded = refused.details["status"]
        if recorded != target and (target, recorded) != (AUTHORIZED, CAPTURED):
            if answer.held:
                _void_there(payment.reference, provider)
            raise _canceled(payment) from None
        payment = replace(
            payment,
            status=recorded,
            provider_reference=answer.provider_reference or None,
            decline_reason=facts.get("decline_reason"),
        )
    if payment.status == DECLINED:
        raise _declined(payment)
    return payment


def _let_go(payment: Payment, now: datetime, provider: PaymentProvider) -> str:
    """Have the provider let go of what it holds, once; give what it knows that by."""
    if not payment.amount:
        # Nobody was ever asked to hold anything.
        return ""
    held = provider.find(payment.reference)
    if held is None and payment.status == VOIDING and may_be_under_way(payment, now):
        raise PaymentOutcomeUnknown("a call to the payment provider may still be under way")
    if held is None or not (held.held or held.undecided):
        return ""
    answer = _void_there(payment.reference, provider)
    if answer.held or answer.undecided:
        raise PaymentOutcomeUnknown("the payment provider still holds the money")
    return answer.call_reference


def _void_there(reference: str, provider: PaymentProvider) -> ProviderPayment:
    """Void at the provider under one key, whoever does, and another where it was refused."""
    for number in count():
        key = f"void-{reference}.{number}" if number else f"void-{reference}"
        made = provider.find_call(reference, key)
        if made is None or not made.refused:
            return provider.void(reference=reference, idempotency_key=key)
    raise AssertionError("counting ended")


def _declined(payment: Payment) -> PaymentDeclined:
    return PaymentDeclined(
        "the payment was declined", reason=payment.decline_reason or "card_declined"
    )


def _canceled(payment: Payment) -> OrderCanceled:
    return OrderCanceled("the order was cancelled before its payment", order_id=payment.order_id)
