"""The rules of fulfillment: who may do what with which units, and when.

Each takes an order's record and gives a decision, or raises why it is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.clock import to_text
from commerce.errors import IllegalTransition, NotAllocated, NotReserved, TooManyUnits
from commerce.lifecycle import (
    CANCELED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    DELIVERED,
    FULFILLMENT,
    OPEN,
    PACKED,
    SHIPPED,
    follow,
)
from commerce.orders.model import Change
from commerce.orders.record import (
    Cancellation,
    Decision,
    Fulfillment,
    OrderRecord,
    Units,
    added,
    decided,
    part_id,
    without,
)
from commerce.payments.model import Payment
from commerce.settings.model import AT_ONCE

BUYER = "buyer"
SHORTAGE = "shortage"

# Cancelling an order cancels all its fulfillments in one transaction.
FULFILLMENTS_MAX = 80
# Each has an execution that may stop, and the order's record has room for all that did.
CANCELLATIONS_MAX = 500


@dataclass(frozen=True)
class Acting:
    """Who does something, when, and why.

    `key` is the same for all repeats of one request, so that it is decided once.
    """

    by: str
    at: datetime
    reason: str = ""
    key: str = ""

    @property
    def time(self) -> str:
        """When, as it is stored."""
        return to_text(self.at)


# --- allocation -------------------------------------------------------------------


def allocate(
    record: OrderRecord, held: Mapping[str, Mapping[str, int]], capture: str, acting: Acting
) -> Decision | None:
    """Make a fulfillment for each location that holds units of the order.

    Parameters
    ----------
    held
        What the order holds: units by SKU, by location.
    capture
        The shop's policy, `on_shipment` or `at_once`.

    Returns
    -------
    Decision | None
        None where the order was allocated before, or does not stand any more.

    Raises
    ------
    NotReserved
        The order holds less than was ordered; somebody has to look.
    """
    if record.order.allocated_at or record.order.status != CONFIRMED:
        return None
    fulfillments = [
        _opened(record, number, location, units, acting)
        for number, (location, units) in enumerate(_by_location(record, held), 1)
    ]
    charged = record.order.total if capture == AT_ONCE else None
    return decided(
        record,
        [_change(each, acting) for each in fulfillments],
        order=replace(record.order, charged=charged, allocated_at=acting.time),
        fulfillments=fulfillments,
    )


def split(
    record: OrderRecord, wanted: Units, location: str | None, acting: Acting
) -> tuple[Decision, str]:
    """Take units out of open fulfillments, to be sent by themselves.

    Returns
    -------
    tuple[Decision, str]
        The decision, and the new fulfillment's id.

    Raises
    ------
    TooManyUnits
        The open fulfillments of one location have not so many.
    IllegalTransition
        The order does not stand, or has too many fulfillments.
    """
    _require_allocated(record)
    if len(record.fulfillments) >= FULFILLMENTS_MAX:
        raise IllegalTransition("the order has too many fulfillments", status=record.order.status)
    open_ones = [each for each in record.live if each.status == OPEN]
    locations = [location] if location else list(dict.fromkeys(each.location for each in open_ones))
    for place in locations:
        taken = _take(wanted, [each for each in open_ones if each.location == place])
        if taken is None:
            continue
        changed = [_less(each, units, acting) for each, units in taken]
        new = _opened(record, len(record.fulfillments) + 1, place, wanted, acting)
        changes = [_change(each, acting) for each in (*_canceled(changed), new)]
        return decided(record, changes, fulfillments=[*changed, new]), new.id
    raise TooManyUnits("open fulfillments have not so many units at one location")


# --- one fulfillment --------------------------------------------------------------


def pack(record: OrderRecord, fulfillment_id: str, acting: Acting) -> Decision | None:
    """Record that a fulfillment's units are in a parcel; from here on the buyer cannot cancel."""
    return _advance(record, fulfillment_id, PACKED, acting)


def ship(
    record: OrderRecord, fulfillment_id: str, tracking: Mapping[str, str], acting: Acting
) -> Decision | None:
    """Record that a parcel is on its way, and what it costs the buyer.

    The first one is charged with the delivery of the whole order. Nothing is charged of an
    order that was charged at once. Said again with the same tracking, it is recorded once.
    """
    parcel = record.fulfillment(fulfillment_id)
    if parcel.status == SHIPPED:
        return _advance(record, fulfillment_id, SHIPPED, acting, tracking=tracking or None)
    amounts = record.amounts(parcel.units)
    delivery = 0 if record.shipped else record.delivery_charge
    at_once = record.order.charged is not None
    return _advance(
        record,
        fulfillment_id,
        SHIPPED,
        acting,
        amount=0 if at_once else sum(amounts.values()) + delivery,
        amounts=amounts,
        tracking=tracking or None,
    )


def deliver(record: OrderRecord, fulfillment_id: str, acting: Acting) -> Decision | None:
    """Record that a parcel arrived."""
    return _advance(record, fulfillment_id, DELIVERED, acting)


def begin_again(record: OrderRecord, fulfillment_id: str, acting: Acting) -> tuple[Decision, str]:
    """Cancel a fulfillment that was not sent; its units are still owed, so another is opened.

    Returns
    -------
    tuple[Decision, str]
        The decision, and the id of the fulfillment in its place.
    """
    _require_standing(record)
    given_up = record.fulfillment(fulfillment_id)
    follow(FULFILLMENT, given_up.status, CANCELED)
    if len(record.fulfillments) >= FULFILLMENTS_MAX:
        raise IllegalTransition("the order has too many fulfillments", status=record.order.status)
    canceled = _to(given_up, CANCELED, acting)
    number = len(record.fulfillments) + 1
    new = _opened(record, number, given_up.location, given_up.units, acting)
    changes = [_change(canceled, acting, given_up.status), _change(new, acting)]
    return decided(record, changes, fulfillments=[canceled, new]), new.id


# --- cancellation -----------------------------------------------------------------


def cancel(record: OrderRecord, acting: Acting) -> Decision | None:
    """Cancel a whole order; None where it was cancelled before.

    Raises
    ------
    IllegalTransition
        The order is not confirmed, or a parcel is on its way; a buyer is refused from the
        moment something is packed.
    """
    if record.order.status in (CANCELING, CANCELED):
        return None
    order = record.order
    # Staff may give up an order that could not go on.
    given_up = acting.by != BUYER and order.resumes_to == CONFIRMED
    if not given_up:
        _require_standing(record)
    _require_not_beyond(record.live, acting)
    canceled = [_to(each, CANCELED, acting) for each in record.live]
    change = Change(acting.time, CANCELING, acting.by, acting.reason, was=order.status)
    changes = [
        change,
        *(
            _change(after, acting, before.status)
            for before, after in zip(record.live, canceled, strict=True)
        ),
    ]
    return decided(
        record,
        changes,
        order=replace(order, status=CANCELING, stops=(), resumes_to=None),
        fulfillments=canceled,
    )


def cancel_units(record: OrderRecord, wanted: Units, acting: Acting) -> Decision:
    """Cancel units that are not sent yet, those not packed first.

    Where nothing would be left of an order of which nothing was sent, the whole order is
    cancelled.

    Raises
    ------
    TooManyUnits
        There are not so many that may still be cancelled.
    IllegalTransition, NotAllocated
        The order does not stand, was confirmed this moment, or has too many cancellations.
    """
    _require_allocated(record)
    allowed = (OPEN,) if acting.by == BUYER else (OPEN, PACKED)
    sources = sorted(
        (each for each in record.live if each.status in allowed),
        key=lambda each: allowed.index(each.status),
    )
    return _cancel_from(record, sources, wanted, acting)


def given_back_by(decision: Decision, payment: Payment) -> int:
    """Tell how much a cancellation has the shop give back, of a payment as it is.

    All that is kept of it where the whole order is cancelled; of units, what is charged more
    then than the order costs. What is about to be charged at once counts as charged.
    """
    after = decision.after
    if after.order.status == CANCELING:
        return payment.kept
    due = max(0, (after.order.charged or 0) - payment.claimed)
    excess = payment.charged + due - after.owed
    canceled = sum(each.amount for each in decision.cancellations)
    return max(0, min(canceled, excess, payment.kept + due))


def report_shortage(
    record: OrderRecord, fulfillment_id: str, missing: Units, acting: Acting
) -> Decision:
    """Cancel units that a packer cannot find.

    Raises
    ------
    TooManyUnits
        The fulfillment has not so many.
    IllegalTransition
        It is on its way, or was cancelled, or the order has too many cancellations.
    """
    _require_allocated(record)
    source = record.fulfillment(fulfillment_id)
    if source.status not in (OPEN, PACKED):
        raise _not_now(source)
    return _cancel_from(record, [source], missing, replace(acting, reason=SHORTAGE))


def settle(record: OrderRecord, fulfillment_id: str) -> Decision | None:
    """Record that a shipped fulfillment has left the stock and is charged; once."""
    parcel = record.fulfillment(fulfillment_id)
    if parcel.settled:
        return None
    return decided(record, [], fulfillments=[replace(parcel, settled=True)])


def settle_cancellation(record: OrderRecord, cancellation_id: str) -> Decision | None:
    """Record that the stock has cancelled units, and the buyer what was paid for them; once."""
    canceled = record.cancellation(cancellation_id)
    if canceled.settled:
        return None
    return decided(record, [], cancellations=[replace(canceled, settled=True)])


def complete(record: OrderRecord, acting: Acting) -> Decision | None:
    """Complete an order of which everything that was not cancelled arrived; None before."""
    if record.order.status != CONFIRMED or not record.order.allocated_at:
        return None
    if not all(each.status == DELIVERED and each.settled for each in record.live):
        return None
    change = Change(acting.time, COMPLETED, acting.by, was=record.order.status)
    return decided(record, [change], order=replace(record.order, status=COMPLETED))


# --- what these share -------------------------------------------------------------


def _advance(
    record: OrderRecord,
    fulfillment_id: str,
    status: str,
    acting: Acting,
    *,
    amount: int = 0,
    amounts: Mapping[str, int] | None = None,
    tracking: Mapping[str, str] | None = None,
) -> Decision | None:
    before = record.fulfillment(fulfillment_id)
    if before.status == status and (status != SHIPPED or before.tracking == tracking):
        return None
    if status not in FULFILLMENT[before.status]:
        raise _not_now(before)
    _require_standing(record)
    after = _to(before, status, acting)
    if status == SHIPPED:
        after = replace(after, amount=amount, amounts=amounts or {}, tracking=tracking)
    return decided(record, [_change(after, acting, before.status)], fulfillments=[after])


def _cancel_from(
    record: OrderRecord, sources: Iterable[Fulfillment], wanted: Units, acting: Acting
) -> Decision:
    taken = _take(wanted, sources)
    if taken is None:
        raise TooManyUnits("there are not so many units that may still be cancelled")
    if without(record.remaining, wanted) == {}:
        whole = cancel(record, acting)
        if whole is not None:
            return whole
    if len(record.cancellations) >= CANCELLATIONS_MAX:
        raise IllegalTransition(
            "the order has too many cancellations; it may still be cancelled as a whole",
            status=record.order.status,
        )
    parts: dict[str, Units] = {}
    for source, units in taken:
        parts[source.location] = added([parts.get(source.location, {}), units])
    cancellation = Cancellation(
        part_id("cancellation", record.order.order_id, len(record.cancellations) + 1),
        parts,
        record.amounts(wanted),
        acting.reason,
        acting.by,
        acting.time,
    )
    changed = [_less(source, units, acting) for source, units in taken]
    entry = Change(acting.time, CANCELED, acting.by, acting.reason, cancellation.id)
    changes = [entry, *(_change(each, acting) for each in _canceled(changed))]
    return decided(record, changes, fulfillments=changed, cancellations=[cancellation])


def _by_location(
    record: OrderRecord, held: Mapping[str, Mapping[str, int]]
) -> list[tuple[str, Units]]:
    """Share the order's lines out to the locations that hold their SKUs."""
    left = {location: dict(by_sku) for location, by_sku in held.items()}
    shares: dict[str, dict[str, int]] = {location: {} for location in sorted(left)}
    lines = record.lines
    for line_id, ordered in record.remaining.items():
        sku, missing = lines[line_id].sku, ordered
        for location, share in shares.items():
            here = min(missing, left[location].get(sku, 0))
            if here:
                share[line_id] = here
                left[location][sku] -= here
                missing -= here
        if missing:
            raise NotReserved(f"the order holds {ordered - missing} of {ordered} {sku}")
    return [(location, units) for location, units in shares.items() if units]


def _take(wanted: Units, sources: Iterable[Fulfillment]) -> list[tuple[Fulfillment, Units]] | None:
    """Choose units from fulfillments, one after another; None where they have too few."""
    left: Units = dict(wanted)
    taken: list[tuple[Fulfillment, Units]] = []
    for source in sources:
        units = {
            line_id: min(count, source.units[line_id])
            for line_id, count in left.items()
            if line_id in source.units
        }
        if units:
            taken.append((source, units))
            left = without(left, units)
    return None if left or not taken else taken


def _less(fulfillment: Fulfillment, units: Units, acting: Acting) -> Fulfillment:
    """Take units out of a fulfillment; one of which nothing is left is cancelled."""
    left = without(fulfillment.units, units)
    if left:
        return replace(fulfillment, units=left)
    return _to(fulfillment, CANCELED, acting)


def _opened(
    record: OrderRecord, number: int, location: str, units: Units, acting: Acting
) -> Fulfillment:
    identifier = part_id("fulfillment", record.order.order_id, number)
    return Fulfillment(identifier, OPEN, location, dict(units), {OPEN: acting.time})


def _to(fulfillment: Fulfillment, status: str, acting: Acting) -> Fulfillment:
    return replace(fulfillment, status=status, times={**fulfillment.times, status: acting.time})


def _canceled(fulfillments: Iterable[Fulfillment]) -> list[Fulfillment]:
    return [each for each in fulfillments if each.status == CANCELED]


def _change(fulfillment: Fulfillment, acting: Acting, was: str = "") -> Change:
    return Change(acting.time, fulfillment.status, acting.by, acting.reason, fulfillment.id, was)


def _require_standing(record: OrderRecord) -> None:
    if record.order.status != CONFIRMED:
        status = record.order.status
        raise IllegalTransition(f"the order is {status}", status=status)


def _require_allocated(record: OrderRecord) -> None:
    _require_standing(record)
    if not record.order.allocated_at:
        raise NotAllocated("the order was confirmed this moment; try again in a second")


def _require_not_beyond(fulfillments: Iterable[Fulfillment], acting: Acting) -> None:
    refused = (PACKED, SHIPPED, DELIVERED) if acting.by == BUYER else (SHIPPED, DELIVERED)
    for each in fulfillments:
        if each.status in refused:
            raise IllegalTransition(
                f"a part of the order is {each.status}, so it cannot be cancelled as a whole",
                status=each.status,
                fulfillment_id=each.id,
            )


def _not_now(fulfillment: Fulfillment) -> IllegalTransition:
    return IllegalTransition(
        f"the fulfillment is {fulfillment.status}",
        status=fulfillment.status,
        fulfillment_id=fulfillment.id,
    )
