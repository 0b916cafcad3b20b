"""What the shop does with an order from its confirmation on: send it, or cancel it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from commerce.clock import Clock
from commerce.errors import PaymentOutcomeUnknown
from commerce.fulfillment import model as rules
from commerce.fulfillment.model import Acting
from commerce.ids import derived_id
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import CANCELED, CANCELING
from commerce.orders.calls import Call
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER
from commerce.orders.operations import undo
from commerce.orders.record import Decision, Fulfillment, OrderRecord, Units, order_of
from commerce.orders.records import RecordStore, made_by
from commerce.payments.model import CAPTURE, REFUND, Claim, Payment, PaymentCall, amount_to_move
from commerce.payments.operations import (
    Ask,
    Asking,
    Movement,
    capture_payment,
    correct_tax,
    refund_payment,
    release_rest,
)
from commerce.payments.provider import PaymentProvider
from commerce.payments.store import PaymentStore
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore
from commerce.workflows import StateMachine

UNDONE = (CANCELING, CANCELED)


@dataclass(frozen=True)
class Till:
    """What money is moved with."""

    payments: PaymentStore
    ledger: LedgerStore
    provider: PaymentProvider


@dataclass(frozen=True)
class Allowance:
    """How much money may go back of an order, by currency, over all that support decides."""

    limits: Mapping[str, int]
    payments: PaymentStore


# --- what people decide -----------------------------------------------------------


def cancel_order(
    order_id: str,
    units: Units | None,
    acting: Acting,
    *,
    records: RecordStore,
    recovery: StateMachine,
    allowance: Allowance | None = None,
) -> OrderRecord:
    """Cancel a whole order, or some of its units where `units` are given.

    A whole order's money is let go and its stock given back by an execution of its own;
    units' by `cancel_lines`, which the event of the cancellation starts. Repeated, a whole
    order is cancelled once.

    Parameters
    ----------
    allowance
        What bounds the money that goes back by it; nothing where None.

    Raises
    ------
    IllegalTransition
        It is too late: a part is packed, for a buyer, or on its way.
    TooManyUnits
        There are not so many that may still be cancelled.
    Forbidden
        More money would go back than the allowance lets.
    """

    def decide(record: OrderRecord) -> Decision | None:
        if units is None:
            decision = rules.cancel(record, acting)
        else:
            decision = rules.cancel_units(record, units, acting)
        if decision is None or allowance is None:
            return decision
        return _within(allowance, decision, acting)

    call = Call.of("cancel_order", acting.key, units, acting.reason)
    return undo(records.decide(order_id, decide, call).order, records, recovery)


def report_shortage(
    fulfillment_id: str,
    missing: Units,
    acting: Acting,
    *,
    records: RecordStore,
    recovery: StateMachine,
) -> OrderRecord:
    """Cancel units that a packer cannot find; see `fulfillment.model.report_shortage`."""
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    record = records.decide(
        order_id,
        lambda record: rules.report_shortage(record, fulfillment_id, missing, acting),
        Call.of("report_shortage", acting.key, fulfillment_id, missing),
    )
    return undo(record.order, records, recovery)


def create_fulfillment(
    order_id: str, units: Units, location: str | None, acting: Acting, *, records: RecordStore
) -> tuple[OrderRecord, str]:
    """Send some units of an order by themselves; gives the new fulfillment's id too."""
    call = Call.of("create_fulfillment", acting.key, units, location)
    record = records.decide(
        order_id, lambda record: rules.split(record, units, location, acting)[0], call
    )
    return record, made_by(record, call)


def read_fulfillment(
    fulfillment_id: str, *, records: RecordStore
) -> tuple[OrderRecord, Fulfillment]:
    """Read a fulfillment and its order as they are now.

    Raises
    ------
    NotFound
        There is no such fulfillment.
    """
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    record = records.get(order_id)
    return record, record.fulfillment(fulfillment_id)


def pack(fulfillment_id: str, acting: Acting, *, records: RecordStore) -> OrderRecord:
    """Record that a fulfillment is packed."""
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    return records.decide(order_id, lambda record: rules.pack(record, fulfillment_id, acting))


def ship(
    fulfillment_id: str, tracking: Mapping[str, str], acting: Acting, *, records: RecordStore
) -> OrderRecord:
    """Record that a parcel is on its way; its stock and money follow."""
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    return records.decide(
        order_id, lambda record: rules.ship(record, fulfillment_id, tracking, acting)
    )


def deliver(fulfillment_id: str, acting: Acting, *, records: RecordStore) -> OrderRecord:
    """Record that a parcel arrived."""
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    return records.decide(order_id, lambda record: rules.deliver(record, fulfillment_id, acting))


def cancel_fulfillment(
    fulfillment_id: str, acting: Acting, *, records: RecordStore
) -> tuple[OrderRecord, str]:
    """Begin a fulfillment again that was not sent; gives the id of the one in its place."""
    order_id, _ = order_of(fulfillment_id, "fulfillment")
    call = Call.of("cancel_fulfillment", acting.key, fulfillment_id)
    record = records.decide(
        order_id, lambda record: rules.begin_again(record, fulfillment_id, acting)[0], call
    )
    return record, made_by(record, call)


# --- the steps of fulfil_order ----------------------------------------------------


def allocate_order(
    order_id: str,
    now: datetime,
    *,
    records: RecordStore,
    stock: StockStore,
    settings: SettingsStore,
) -> OrderRecord:
    """Share an order's lines out to the locations that hold them; repeated, once."""
    held: dict[str, dict[str, int]] = {}
    for reservation in stock.holdings(order_id):
        for part in reservation.allocations:
            by_sku = held.setdefault(part.location, {})
            by_sku[part.sku] = by_sku.get(part.sku, 0) + part.quantity
    capture = settings.current().policies.capture
    acting = Acting(FULFIL_ORDER, now)
    return records.decide(order_id, lambda record: rules.allocate(record, held, capture, acting))


def what_follows(record: OrderRecord, fulfillment_id: str | None) -> dict[str, str | None]:
    """Tell the execution that allocated an order what it goes on with.

    `next` is `charge` or `send`, or `nothing` where the order was cancelled meanwhile. An
    execution of a later fulfillment goes on with that one; the first one's charges the order.
    """
    first = record.fulfillments[0].id if record.fulfillments else None
    at_once = fulfillment_id is None and record.order.charged is not None
    follows = "charge" if at_once else "send"
    return {
        "order_id": record.order.order_id,
        "fulfillment_id": fulfillment_id or first,
        "next": follows if first else "nothing",
    }


def charge_order(order_id: str, clock: Clock, *, records: RecordStore, till: Till) -> None:
    """Capture what is charged at once, less what staff captured before; repeated, once."""

    def amount(record: OrderRecord, payment: Payment) -> int:
        if record.order.status in UNDONE:
            return 0
        return (record.order.charged or 0) - payment.claimed

    _capture(order_id, "charge", "charged at once", amount, clock, records, till)


def consume_stock(
    fulfillment_id: str, now: datetime, *, records: RecordStore, stock: StockStore
) -> None:
    """Let a shipped fulfillment's units leave the stock for good; repeated, once.

    One that was cancelled is not shipped, and nothing leaves.
    """
    record, parcel = read_fulfillment(fulfillment_id, records=records)
    if parcel.status != CANCELED:
        quantities = record.quantities(parcel.units)
        stock.consume(record.order.order_id, parcel.id, quantities, parcel.location, now)


def capture_shipment(
    fulfillment_id: str, clock: Clock, *, records: RecordStore, till: Till
) -> None:
    """Capture what a shipped fulfillment costs, and record that it is settled; repeated, once.

    What staff captured by hand before counts for what was sent. One that was cancelled costs
    nothing.

    Raises
    ------
    ProviderRejected, AmountTooLarge
        The money is not to be had; somebody has to look.
    PaymentOutcomeUnknown
        The order is charged at once and that is not done yet; try again a little later.
    """
    record, parcel = read_fulfillment(fulfillment_id, records=records)
    if parcel.settled or parcel.status == CANCELED:
        return
    order_id = record.order.order_id

    def amount(record: OrderRecord, payment: Payment) -> int:
        _require_charged(record, payment)
        sent = sum(each.amount for each in record.live)
        return min(record.fulfillment(parcel.id).amount, sent - payment.claimed)

    _capture(order_id, parcel.id, "shipped", amount, clock, records, till)
    records.decide(order_id, lambda record: rules.settle(record, fulfillment_id))


def complete_order(
    order_id: str,
    by: str,
    clock: Clock,
    *,
    records: RecordStore,
    payments: PaymentStore,
    provider: PaymentProvider,
) -> OrderRecord:
    """Complete an order of which everything arrived, and let go of money it will not need."""
    record = records.get(order_id)
    if rules.complete(record, Acting(by, clock())) is None:
        return record
    release_rest(order_id, clock(), payments=payments, provider=provider)
    return records.decide(order_id, lambda record: rules.complete(record, Acting(by, clock())))


# --- the steps of cancel_lines ----------------------------------------------------


def release_canceled(
    cancellation_id: str, now: datetime, *, records: RecordStore, stock: StockStore
) -> None:
    """Give cancelled units back to the stock; repeated, once.

    Where the whole order is cancelled by now, its undo gives all back.
    """
    order_id, _ = order_of(cancellation_id, "cancellation")
    record = records.get(order_id)
    if record.order.status in UNDONE:
        return
    for location, units in record.cancellation(cancellation_id).parts.items():
        movement = f"{cancellation_id}.{location}"
        stock.release_part(order_id, movement, record.quantities(units), location, now)


def refund_canceled(
    cancellation_id: str, clock: Clock, *, records: RecordStore, till: Till
) -> None:
    """Give back what was charged of cancelled units, and record that they are settled; once.

    Where the whole order is cancelled by now, its undo gives all back.

    Raises
    ------
    PaymentOutcomeUnknown
        The order is charged at once and that is not done yet; try again a little later.
    """
    order_id, _ = order_of(cancellation_id, "cancellation")

    def ask(payment: Payment) -> Asking:
        record = records.get(order_id)
        if record.order.status in UNDONE:
            return Asking(None)
        _require_charged(record, payment)
        excess = payment.charged - record.owed
        amount = min(record.cancellation(cancellation_id).amount, excess)
        if amount > payment.refundable and payment.claimed > payment.captured:
            raise PaymentOutcomeUnknown("a capture of this order is under way")
        # What staff gave back by hand cannot be given back again.
        amount = min(amount, payment.refundable)
        if amount > 0:
            return Asking(Claim(amount, record.tax_course, uncharges=True))
        _require_as_read(payment, till)
        return Asking(None)

    _, calls = till.payments.get_with_calls(order_id)
    key, _ = attempt(calls, REFUND, order_id, cancellation_id)
    wanted = Movement(order_id, None, key, CANCEL_LINES, "cancelled")
    refund(wanted, clock, till, ask)
    record = records.get(order_id)
    if record.order.status in UNDONE:
        return
    correct_tax(
        order_id,
        record.tax_course,
        CANCEL_LINES,
        clock(),
        payments=till.payments,
        ledger=till.ledger,
    )
    if not record.owed:
        # Only what costs nothing is left to send, so nothing has to be held for it.
        release_rest(order_id, clock(), payments=till.payments, provider=till.provider)
    records.decide(order_id, lambda record: rules.settle_cancellation(record, cancellation_id))


def _within(allowance: Allowance, decision: Decision, acting: Acting) -> Decision:
    """Take from the allowance what a cancellation gives back of the payment as it is now."""
    order_id = decision.order.order_id
    payment = allowance.payments.get(order_id)
    if payment is None:
        return decision
    amount = rules.given_back_by(decision, payment)
    if amount:
        name = f"cancel_{acting.key or decision.order.version}"
        limit = allowance.limits.get(payment.currency, 0)
        allowance.payments.take_allowance(order_id, name, amount, limit)
    # A capture meanwhile would make it more than was let.
    return replace(decision, rests_on=(allowance.payments.unchanged(payment),))


def attempt(
    calls: Iterable[PaymentCall], kind: str, order_id: str, key: str
) -> tuple[str, PaymentCall | None]:
    """Give the key to call the provider with, and the call that was made with it, if any.

    A provider's refusal of a key is final, so a redrive after one calls with another.
    """
    made = {call.call_id: call for call in calls}
    for number in count():
        used = f"{key}.{number}" if number else key
        call = made.get(derived_id(kind, order_id, used))
        if call is None or not call.refused:
            return used, call
    raise AssertionError("counting ended")


def refund(wanted: Movement, clock: Clock, till: Till, ask: Ask | None = None) -> None:
    """Give money back; see `refund_payment`."""
    refund_payment(wanted, clock, ask=ask, **vars(till))


def _require_charged(record: OrderRecord, payment: Payment) -> None:
    if payment.captured < (record.order.charged or 0):
        raise PaymentOutcomeUnknown("the order is being charged")


def _require_as_read(payment: Payment, till: Till) -> None:
    """Ask again for a payment that a Query may have shown as it was before a transaction."""
    current = till.payments.get(payment.order_id)
    if current is None or current.version != payment.version:
        raise PaymentOutcomeUnknown("money of this order is being moved")


def _capture(
    order_id: str,
    name: str,
    reason: str,
    amount_of: Callable[[OrderRecord, Payment], int],
    clock: Clock,
    records: RecordStore,
    till: Till,
) -> None:
    """Capture what an order as it is now is to be charged, under one name once.

    A cancellation at the same moment is known here, or knows of this capture.
    """

    def ask(payment: Payment) -> Asking:
        record = records.get(order_id)
        amount = amount_of(record, payment)
        if amount <= 0:
            return Asking(None)
        amount = amount_to_move(payment, CAPTURE, amount)
        return Asking(Claim(amount, record.tax_course), (records.unchanged(record),))

    _, calls = till.payments.get_with_calls(order_id)
    key, _ = attempt(calls, CAPTURE, order_id, name)
    wanted = Movement(order_id, None, key, FULFIL_ORDER, reason)
    capture_payment(wanted, clock, ask=ask, **vars(till))
