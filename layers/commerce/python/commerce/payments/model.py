"""The rules of a payment: what may be moved of it, and how it stands then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commerce.clock import from_text, to_text
from commerce.errors import AmountTooLarge, IllegalTransition
from commerce.lifecycle import (
    AUTHORIZED,
    CAPTURED,
    ORDER_PAYMENT,
    PARTIALLY_CAPTURED,
    PARTIALLY_REFUNDED,
    PENDING,
    REFUNDED,
    follow,
)

# In a payment's history: what was not captured is let go of. Its status stays `captured`.
RELEASED = "released"

CAPTURE = "capture"
REFUND = "refund"

REQUESTED = "requested"
DONE = "done"
REFUSED = "failed"

# A provider call ends with the function that makes it, at the latest; only after that
# may "the provider knows nothing of it" be believed. Longer than any such function runs.
CALL_LIFE = timedelta(seconds=12)


@dataclass(frozen=True)
class PaymentEvent:
    """One entry of a payment's history, with the provider's reference where it gave one."""

    at: str
    status: str
    reference: str = ""


@dataclass(frozen=True)
class PaymentCall:
    """One capture or refund: `requested` before the provider is called, then `done` or `failed`.

    Its id is the idempotency key the provider is called with. `running_total` is what the
    payment's calls of its kind come to with it, known once it is done; no two have the same.
    """

    call_id: str
    kind: str
    order_id: str
    amount: int
    by: str
    requested_at: datetime
    reason: str = ""
    status: str = REQUESTED
    ended_at: datetime | None = None
    provider_reference: str = ""
    refusal: str = ""
    running_total: int = 0

    @property
    def refused(self) -> bool:
        """Whether the provider refused it, for good."""
        return self.status == REFUSED

    @property
    def open(self) -> bool:
        """Whether it has no answer yet, so that its effect is not known."""
        return self.status == REQUESTED

    def left_behind(self, now: datetime) -> bool:
        """Tell whether whoever made the call is surely gone, and left it without an answer."""
        return self.open and now - self.requested_at >= CALL_LIFE


@dataclass(frozen=True)
class Payment:
    """Our record of one order's payment; amounts in minor units.

    `reference` is ours and known to the provider from the first call on;
    `provider_reference` is theirs and known once they answered. `tax` is what of `amount`
    is tax. `claimed` is what captures took or are asking for; `captured` and `refunded`
    are what is done; `refundable` is what no refund has taken or is asking for. `released`
    is what is let go of, the rest of a payment of which a part was captured; `released_at`
    is when the provider had done so. `under_way` are the attempts to authorize it that have
    no answer yet, each as `attempt_at` names it.
    """

    order_id: str
    status: str
    version: int
    provider: str = ""
    amount: int = 0
    currency: str = ""
    provider_reference: str | None = None
    decline_reason: str | None = None
    under_way: frozenset[str] = frozenset()
    events: tuple[PaymentEvent, ...] = ()
    tax: int = 0
    claimed: int = 0
    captured: int = 0
    refundable: int = 0
    refunded: int = 0
    released: int = 0
    released_at: datetime | None = None

    @property
    def reference(self) -> str:
        """What the provider knows this payment by."""
        return self.order_id

    @property
    def capturable(self) -> int:
        """What is authorized and no capture has taken or is asking for."""
        if self.released or self.status not in (AUTHORIZED, CAPTURED):
            return 0
        return self.amount - self.claimed

    @property
    def rest(self) -> int:
        """What is authorized and neither taken nor let go of, asked for or not."""
        if self.status not in (AUTHORIZED, CAPTURED):
            return 0
        return self.amount - self.captured - self.released

    @property
    def net(self) -> int:
        """What the shop has got of it."""
        return self.captured - self.refunded


def available(payment: Payment, kind: str) -> int:
    """Tell how much may still be captured or refunded.

    Raises
    ------
    IllegalTransition
        A payment of this status is not captured, or nothing of it was; `status` names it.
    """
    if kind == CAPTURE and payment.status not in (AUTHORIZED, CAPTURED):
        raise IllegalTransition(
            f"the payment is {payment.status} and cannot be captured", status=payment.status
        )
    if kind == REFUND and not payment.captured:
        raise IllegalTransition(
            f"the payment is {payment.status} and has nothing to refund", status=payment.status
        )
    return payment.capturable if kind == CAPTURE else payment.refundable


def amount_to_move(payment: Payment, kind: str, wanted: int | None) -> int:
    """Choose the amount of a capture or refund: all there is where none is wanted.

    Raises
    ------
    AmountTooLarge
        There is less than is wanted, or nothing.
    IllegalTransition
        See `available`.
    """
    left = available(payment, kind)
    amount = left if wanted is None else wanted
    if not 0 < amount <= left:
        raise AmountTooLarge(f"there are {left} left to {kind}", available=left)
    return amount


def moved(payment: Payment, call: PaymentCall) -> Payment:
    """Give a payment as a capture or refund leaves it that the provider did."""
    if call.kind == REFUND:
        return replace(payment, refunded=payment.refunded + call.amount)
    # A capture that comes in while its order is undone changes nothing about that.
    status = CAPTURED if payment.status == AUTHORIZED else payment.status
    return replace(payment, status=status, captured=payment.captured + call.amount)


def adds_up(payment: Payment, calls: Iterable[PaymentCall]) -> bool:
    """Tell whether these are the calls that a payment's sums were made of, and all of them."""
    sums: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if not call.refused:
            sums[call.kind, REQUESTED] += call.amount
        if call.status == DONE:
            sums[call.kind, DONE] += call.amount
    return (
        sums[CAPTURE, REQUESTED] == payment.claimed
        and sums[CAPTURE, DONE] == payment.captured
        and sums[REFUND, REQUESTED] == payment.captured - payment.refundable
        and sums[REFUND, DONE] == payment.refunded
    )


def payment_status(payment: Payment | None) -> str:
    """Say how a payment stands, with how much of it was captured and refunded."""
    if payment is None:
        return PENDING
    if payment.status != CAPTURED:
        return payment.status
    if payment.refunded:
        return REFUNDED if payment.refunded == payment.captured else PARTIALLY_REFUNDED
    whole = payment.captured + payment.released == payment.amount
    return CAPTURED if whole else PARTIALLY_CAPTURED


def follow_published(before: Payment | None, after: Payment) -> None:
    """Check that a payment's published status may go where a write takes it.

    Raises
    ------
    IllegalTransition
        `ORDER_PAYMENT` has no such edge.
    """
    source, target = payment_status(before), payment_status(after)
    if source != target:
        follow(ORDER_PAYMENT, source, target)


def attempt_at(now: datetime, run: str) -> str:
    """Name an attempt to authorize a payment by when it began and the run that makes it."""
    return f"{to_text(now)}#{run}"


def may_be_under_way(payment: Payment, now: datetime) -> bool:
    """Tell whether an attempt to authorize it may still take effect."""
    return any(
        now - from_text(attempt.partition("#")[0]) < CALL_LIFE for attempt in payment.under_way
    )
