"""What may be wrong between an order, our record of its payment, the books and the provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from commerce.clock import from_text
from commerce.ids import derived_id
from commerce.ledger.model import entry_id_of
from commerce.lifecycle import (
    AUTHORIZED,
    AUTHORIZING,
    CANCELED,
    CANCELING,
    CAPTURED,
    COMPLETED,
    CONFIRMED,
    PENDING,
    REQUIRES_ACTION,
    VOIDED,
    VOIDING,
)
from commerce.orders.machines import RETURN_ORDER
from commerce.orders.model import Order
from commerce.orders.record import OrderRecord
from commerce.payments.model import DONE, REFUND, Payment, PaymentCall
from commerce.payments.provider import ProviderPayment

RUNNING, FINISHED, FAILED = "running", "finished", "failed"

# Whatever is younger may still be at work, and is looked at the next time.
GRACE = timedelta(minutes=15)

_UNDECIDED_OR_UNDONE = (PENDING, CANCELING, CANCELED, REQUIRES_ACTION)
# The order follows a moment after its payment.
_CHANGING = (AUTHORIZING, VOIDING, VOIDED)

AUTHORIZATION_WITHOUT_ORDER = "authorization_without_order"
CHARGE_WITHOUT_ORDER = "charge_without_order"
CHARGE_WITHOUT_RECORD = "charge_without_record"
REFUND_WITHOUT_RECORD = "refund_without_record"
CAPTURE_NOT_AT_PROVIDER = "capture_not_at_provider"
REFUND_NOT_AT_PROVIDER = "refund_not_at_provider"
AMOUNT_DIFFERS = "amount_differs"
CURRENCY_DIFFERS = "currency_differs"
LEFT_OPEN = "left_open"
LEDGER_ENTRY_MISSING = "ledger_entry_missing"
LEDGER_DIFFERS = "ledger_differs"
ORDER_WITHOUT_PAYMENT = "order_without_payment"
CAPTURED_MORE_THAN_OWED = "captured_more_than_owed"
OWED_MORE_THAN_CAPTURED = "owed_more_than_captured"
TRIAL_BALANCE = "trial_balance"
NOT_LOOKED_AT = "not_looked_at"


@dataclass(frozen=True)
class Run:
    """One comparison of everything; `checked` counts what was looked at."""

    run_id: str
    status: str
    by: str
    started_at: str
    ended_at: str | None = None
    checked: int = 0
    found: int = 0
    unrepaired: int = 0


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong; one of an order and kind is the same, however often found."""

    kind: str
    order_id: str
    expected: str
    found: str
    repaired: bool = False

    @property
    def finding_id(self) -> str:
        """What it is known by within its run."""
        return derived_id("finding", self.order_id, self.kind)


@dataclass(frozen=True)
class Facts:
    """All that is known about one order's money at one moment.

    `cash` is what each ledger entry of the order did to the cash at the provider.
    """

    order_id: str
    record: OrderRecord | None
    payment: Payment | None
    theirs: ProviderPayment | None
    calls: tuple[PaymentCall, ...] = ()
    cash: Mapping[str, int] = field(default_factory=dict)

    @property
    def order(self) -> Order | None:
        """The order, where there is one."""
        return self.record.order if self.record else None

    @property
    def standing(self) -> OrderRecord | None:
        """The order with its parts, where it stands: confirmed or completed."""
        stands = self.record and self.record.order.standing in (CONFIRMED, COMPLETED)
        return self.record if stands else None

    @property
    def charged(self) -> int:
        """What the buyer was charged: captured, less what was refunded of cancelled units."""
        return self.captured - sum(call.amount for call in self._refunds() if call.uncharges)

    @property
    def kept(self) -> int:
        """What is kept of that after all refunds but those of goods that came back."""
        return self.captured - sum(
            call.amount for call in self._refunds() if call.by != RETURN_ORDER
        )

    def _refunds(self) -> Iterator[PaymentCall]:
        return (call for call in self.calls if call.kind == REFUND and call.status == DONE)

    @property
    def captured(self) -> int:
        """What we recorded as taken."""
        return self.payment.captured if self.payment else 0

    @property
    def refunded(self) -> int:
        """What we recorded as given back."""
        return self.payment.refunded if self.payment else 0

    @property
    def captured_there(self) -> int:
        """What the provider took."""
        return self.theirs.captured if self.theirs else 0

    @property
    def refunded_there(self) -> int:
        """What the provider gave back."""
        return self.theirs.refunded if self.theirs else 0


def in_motion(facts: Facts, now: datetime) -> bool:
    """Tell whether somebody may be at work on it, so that a difference says nothing yet."""
    moments = [call.requested_at for call in facts.calls if call.open]
    if facts.payment and facts.payment.status in _CHANGING:
        moments += [from_text(facts.payment.events[-1].at)]
    if facts.theirs and facts.theirs.created_at:
        moments += [from_text(facts.theirs.created_at)] if facts.order is None else []
    if facts.order and (facts.order.status in _UNDECIDED_OR_UNDONE or _owed(facts)):
        moments += [from_text(facts.order.timeline[-1].at)]
    return any(now - at < GRACE for at in moments)


def left_open(facts: Facts) -> bool:
    """Tell whether a call, an authorization, an undo or a release has no answer."""
    payment = facts.payment
    if payment is None:
        return False
    releasing = payment.released and not payment.released_at
    unsettled = payment.status in (AUTHORIZING, VOIDING)
    return bool(unsettled or releasing or any(call.open for call in facts.calls))


def findings(facts: Facts) -> Iterator[Finding]:
    """Name what is wrong with one order's money; each cause once, not what follows from it."""
    if left_open(facts):
        yield _finding(LEFT_OPEN, facts, "an answer", "none")
        return
    orphan = _orphan(facts)
    if orphan:
        yield orphan
        return
    missing = _without_payment(facts)
    if missing:
        yield missing
        return
    yield from _owed(facts)
    yield from _amounts(facts)
    yield from _ledger(facts)


def _orphan(facts: Facts) -> Finding | None:
    """Find money held or taken for an order that is none, or is cancelled."""
    theirs = facts.theirs
    if theirs is None or (facts.order and facts.order.status != CANCELED):
        return None
    if theirs.net:
        return _finding(CHARGE_WITHOUT_ORDER, facts, 0, theirs.net)
    if theirs.held or theirs.undecided:
        return _finding(AUTHORIZATION_WITHOUT_ORDER, facts, 0, theirs.amount)
    return None


def _without_payment(facts: Facts) -> Finding | None:
    """Find an order that stands and for which nothing is held or taken."""
    if facts.record is None or facts.order is None or facts.captured or not facts.record.owed:
        return None
    if facts.order.status == COMPLETED and facts.payment is None:
        return _finding(ORDER_WITHOUT_PAYMENT, facts, CAPTURED, "no payment")
    # What was completed may have been let go of, whole, where only gifts of it were sent.
    if facts.order.status != CONFIRMED:
        return None
    ours = facts.payment.status if facts.payment else "no payment"
    if ours not in (AUTHORIZED, CAPTURED):
        return _finding(ORDER_WITHOUT_PAYMENT, facts, AUTHORIZED, ours)
    theirs = facts.theirs.status if facts.theirs else "nothing at the provider"
    if theirs not in (AUTHORIZED, CAPTURED):
        return _finding(ORDER_WITHOUT_PAYMENT, facts, AUTHORIZED, theirs)
    return None


def _owed(facts: Facts) -> list[Finding]:
    """Compare what was captured with what the order costs, less what was cancelled of it."""
    record = facts.standing
    if record is None or facts.payment is None:
        return []
    if facts.kept > record.owed:
        return [_finding(CAPTURED_MORE_THAN_OWED, facts, record.owed, facts.kept)]
    if record.all_sent and facts.charged < record.owed:
        return [_finding(OWED_MORE_THAN_CAPTURED, facts, record.owed, facts.charged)]
    return []


def _amounts(facts: Facts) -> Iterator[Finding]:
    """Compare our record with the provider's."""
    payment, theirs = facts.payment, facts.theirs
    if payment and theirs and payment.amount:
        if payment.amount != theirs.amount:
            yield _finding(AMOUNT_DIFFERS, facts, payment.amount, theirs.amount)
        if payment.currency != theirs.currency:
            yield _finding(CURRENCY_DIFFERS, facts, payment.currency, theirs.currency)
    for ours, there, unknown_here, unknown_there in (
        (facts.captured, facts.captured_there, CHARGE_WITHOUT_RECORD, CAPTURE_NOT_AT_PROVIDER),
        (facts.refunded, facts.refunded_there, REFUND_WITHOUT_RECORD, REFUND_NOT_AT_PROVIDER),
    ):
        if there != ours:
            kind = unknown_here if there > ours else unknown_there
            yield _finding(kind, facts, ours, there)


def _ledger(facts: Facts) -> Iterator[Finding]:
    """Compare the books with our record, which they follow."""
    due = {entry_id_of(call.call_id) for call in facts.calls if call.status == DONE}
    missing = due - facts.cash.keys()
    if missing:
        yield _finding(LEDGER_ENTRY_MISSING, facts, len(due), len(due) - len(missing))
        return
    net, booked = facts.captured - facts.refunded, sum(facts.cash.values())
    if booked != net:
        yield _finding(LEDGER_DIFFERS, facts, net, booked)


def repaired(finding: Finding) -> Finding:
    """Give a finding as one that is repaired."""
    return replace(finding, repaired=True)


def _finding(kind: str, facts: Facts, expected: object, found: object) -> Finding:
    return Finding(kind, facts.order_id, str(expected), str(found))
