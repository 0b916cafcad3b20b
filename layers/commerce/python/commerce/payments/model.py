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
    AUTHORIZING,
    CAPTURED,
    ORDER_PAYMENT,
    PARTIALLY_CAPTURED,
    PARTIALLY_REFUNDED,
    PENDING,
    REFUNDED,
    follow,
)
from commerce.taxes import TaxCourse, share_of_tax

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
    `tax` is what of the amount is tax; a call of before it was kept with it has None.
    `uncharges` tells a refund of what was cancelled: the order costs that much less.
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
    tax: int | None = None
    uncharges: bool = False

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
    no answer yet, each as `attempt_at` names it. `uncharged` is what refunds of cancelled
    units took or ask for; `tax_charged` is the tax in what is charged, and `tax_refunded` in
    what all other refunds gave back, with the calls under way.
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
    uncharged: int = 0
    tax_charged: int = 0
    tax_refunded: int = 0

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

    @property
    def charged(self) -> int:
        """What its order is charged: what captures took or ask for, less what was cancelled."""
        return self.claimed - self.uncharged

    @property
    def kept(self) -> int:
        """What the shop will have got of it once all calls under way are done."""
        return self.claimed - self.captured + self.refundable

    @property
    def tax_kept(self) -> int:
        """What of that is tax."""
        return self.tax_charged - self.tax_refunded


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


@dataclass(frozen=True)
class Worth:
    """What goods that come back cost, and the tax in that; less of it may be given back."""

    amount: int
    tax: int


@dataclass(frozen=True)
class Claim:
    """What a capture or refund takes.

    `taxed` tells the tax in it: the order's course for what it is charged, and what the goods
    cost for a refund of goods; without it, the amount has an even share of all there is.
    """

    amount: int
    taxed: TaxCourse | Worth | None = None
    uncharges: bool = False


def tax_of_claim(payment: Payment, kind: str, claim: Claim) -> int:
    """Tell the tax in a capture or refund that is asked for next.

    What an order is charged has the tax of its course, so a call that changes that has the
    difference, whatever was booked before. A refund has the tax of its goods, or an even
    share of what is kept; the refund of all that is kept has all tax that is left.
    """
    course = claim.taxed if isinstance(claim.taxed, TaxCourse) else _evenly(payment)
    if kind == CAPTURE:
        return course.within(payment.charged + claim.amount) - payment.tax_charged
    if claim.uncharges:
        return payment.tax_charged - course.within(payment.charged - claim.amount)
    worth = claim.taxed if isinstance(claim.taxed, Worth) else None
    worth = worth or Worth(payment.kept, payment.tax_kept)
    wanted = share_of_tax(worth.tax, claim.amount, worth.amount)
    left = payment.kept - claim.amount
    return max(payment.tax_kept - left, min(wanted, payment.tax_kept))


def claimed(payment: Payment, call: PaymentCall) -> Payment:
    """Give a payment as a capture or refund leaves it that is about to be asked for."""
    tax = call.tax or 0
    if call.kind == CAPTURE:
        return replace(
            payment, claimed=payment.claimed + call.amount, tax_charged=payment.tax_charged + tax
        )
    after = replace(payment, refundable=payment.refundable - call.amount)
    if not call.uncharges:
        return replace(after, tax_refunded=payment.tax_refunded + tax)
    return replace(
        after,
        uncharged=payment.uncharged + call.amount,
        tax_charged=payment.tax_charged - tax,
    )


def _evenly(payment: Payment) -> TaxCourse:
    return TaxCourse(((payment.amount, payment.tax),))


def amount_to_move(
    payment: Payment, kind: str, wanted: int | None, at_most: int | None = None
) -> int:
    """Choose the amount of a capture or refund: all there is where none is wanted.

    Parameters
    ----------
    at_most
        What may be moved though there is more; no less than there is where None.

    Raises
    ------
    AmountTooLarge
        There is less than is wanted, or nothing.
    IllegalTransition
        See `available`.
    """
    left = available(payment, kind)
    left = left if at_most is None else max(0, min(left, at_most))
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
    if payment.status in (AUTHORIZING, AUTHORIZED) and not payment.amount:
        # As it was recorded before nothing to pay was paid from the start.
        return CAPTURED
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
