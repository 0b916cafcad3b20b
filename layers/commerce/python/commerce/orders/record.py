"""An order with all its parts, as one value on which every later decision is made.

An order's lines never change. What becomes of their units is told by its parts: once the
order is allocated, each unit is in one fulfillment that is not cancelled, or in one
cancellation. Amounts are in minor units of the order's currency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from commerce.clock import from_text, to_text
from commerce.errors import NotFound
from commerce.lifecycle import (
    CANCELED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    DELIVERED,
    FULFILLMENT,
    OPEN,
    ORDER,
    ORDER_FULFILLMENT,
    PACKED,
    PARTIALLY_DELIVERED,
    PARTIALLY_PACKED,
    PARTIALLY_RETURNED,
    PARTIALLY_SHIPPED,
    RECEIVED,
    REFUNDED,
    REFUNDING,
    REJECTED,
    REQUESTED,
    RETURN,
    RETURNED,
    SHIPPED,
    UNFULFILLED,
    follow,
)
from commerce.money import divide_half_up
from commerce.orders.model import Change, Details, Order, OrderLine, recovery_due
from commerce.taxes import TaxCourse, share_of_tax

# Units by line id.
Units = Mapping[str, int]


def part_id(kind: str, order_id: str, number: int) -> str:
    """Name the n-th part of its kind of an order, counted from 1; the name tells the order."""
    return f"{kind}_{order_id.partition('_')[2]}_{number}"


def order_of(identifier: str, kind: str) -> tuple[str, int]:
    """Tell which order's part this is, and its number.

    Raises
    ------
    NotFound
        It is no such part's id.
    """
    head, _, rest = identifier.partition("_")
    tail, _, number = rest.partition("_")
    if head != kind or not number.isascii() or not number.isdigit() or len(number) > 4:
        raise NotFound(f"there is no such {kind}")
    return f"order_{tail}", int(number)


@dataclass(frozen=True)
class Fulfillment:
    """Units that are packed at one location and sent together.

    `amounts` are what they cost, line by line, and `amount` is what the buyer is charged when
    they are shipped: with the delivery, or nothing where the order was charged at once. It
    is `settled` once they have left the stock and are charged.
    `times` are when it came to each status.
    """

    id: str
    status: str
    location: str
    units: Units
    times: Mapping[str, str]
    amount: int = 0
    amounts: Mapping[str, int] = field(default_factory=dict)
    tracking: Mapping[str, str] | None = None
    settled: bool = False


@dataclass(frozen=True)
class Cancellation:
    """Units that are not sent any more; `parts` are those units by stock location.

    `amounts` are what the buyer does not pay for each line, or gets back. It is `settled` once
    the stock has the units, and the buyer what was paid for them.
    """

    id: str
    parts: Mapping[str, Units]
    amounts: Mapping[str, int]
    reason: str
    by: str
    at: str
    settled: bool = False

    @property
    def units(self) -> Units:
        """All its units."""
        return added(self.parts.values())

    @property
    def amount(self) -> int:
        """What the buyer does not pay, or gets back."""
        return sum(self.amounts.values())


@dataclass(frozen=True)
class Return:
    """Units that a buyer sends back.

    `restocked` and `discarded` are what came in of them, to `location`. `amounts` are what was
    paid for that, line by line, and `amount` is what is refunded of it, after
    `restocking_fee`, and with the delivery where `with_fulfillment`. `number` is what people
    call it, where its order has one. `worth` is what all that cost, and `tax` the tax in it;
    a return of before that was kept has None.
    """

    id: str
    status: str
    units: Units
    reason: str
    times: Mapping[str, str]
    note: str = ""
    location: str | None = None
    restocked: Units | None = None
    discarded: Units | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)
    amount: int = 0
    restocking_fee: int = 0
    with_fulfillment: bool = False
    number: str | None = None
    worth: int = 0
    tax: int | None = None

    @property
    def received(self) -> Units:
        """What came in."""
        return added([self.restocked or {}, self.discarded or {}])

    @property
    def claimed(self) -> Units:
        """What no other return may ask for: what came in, or may still come in."""
        if self.status == REJECTED:
            return {}
        return self.received if self.status in (RECEIVED, REFUNDING, REFUNDED) else self.units


_FURTHEST_FIRST = (
    (DELIVERED, PARTIALLY_DELIVERED),
    (SHIPPED, PARTIALLY_SHIPPED),
    (PACKED, PARTIALLY_PACKED),
)

AnyPart = TypeVar("AnyPart", Fulfillment, Cancellation, Return)


@dataclass(frozen=True)
class OrderRecord:
    """An order and its parts, as they were at one version of the order."""

    order: Order
    details: Details
    fulfillments: tuple[Fulfillment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    returns: tuple[Return, ...] = ()

    @property
    def live(self) -> tuple[Fulfillment, ...]:
        """The fulfillments that are not cancelled."""
        return tuple(each for each in self.fulfillments if each.status != CANCELED)

    def fulfillment(self, fulfillment_id: str) -> Fulfillment:
        """Give one fulfillment, or raise `NotFound`."""
        return _find(self.fulfillments, fulfillment_id)

    def cancellation(self, cancellation_id: str) -> Cancellation:
        """Give one cancellation, or raise `NotFound`."""
        return _find(self.cancellations, cancellation_id)

    def sent_back(self, return_id: str) -> Return:
        """Give one return, or raise `NotFound`."""
        return _find(self.returns, return_id)

    @property
    def under_way(self) -> tuple[Fulfillment | Cancellation | Return, ...]:
        """The parts that executions or people have not done with."""
        return (
            *(each for each in self.live if each.status != DELIVERED or not each.settled),
            *(each for each in self.cancellations if not each.settled),
            *(each for each in self.returns if each.status not in (REFUNDED, REJECTED)),
        )

    @property
    def lines(self) -> Mapping[str, OrderLine]:
        """The lines by id."""
        return {line.line_id: line for line in self.details.lines}

    @property
    def canceled(self) -> Units:
        """Units that were cancelled."""
        return added(each.units for each in self.cancellations)

    @property
    def remaining(self) -> Units:
        """Units that were ordered and not cancelled."""
        canceled = self.canceled
        left = {
            line.line_id: line.quantity - canceled.get(line.line_id, 0)
            for line in self.details.lines
        }
        return {line_id: units for line_id, units in left.items() if units}

    @property
    def shipped(self) -> Units:
        """Units that were sent."""
        return added(each.units for each in self.live if each.status in (SHIPPED, DELIVERED))

    @property
    def delivered(self) -> Units:
        """Units that arrived."""
        return added(each.units for each in self.live if each.status == DELIVERED)

    @property
    def returning(self) -> Units:
        """Units that came back, or may."""
        return added(each.claimed for each in self.returns)

    @property
    def came_back(self) -> Units:
        """Units that came back."""
        return added(each.received for each in self.returns)

    @property
    def delivery_charge(self) -> int:
        """What of the order's total is not for goods."""
        return self.order.total - sum(line.total for line in self.details.lines)

    @property
    def owed(self) -> int:
        """What the buyer pays: the total, less what was cancelled."""
        return self.order.total - sum(each.amount for each in self.cancellations)

    @property
    def all_sent(self) -> bool:
        """Whether everything was sent that was ordered and not cancelled."""
        return self.shipped == self.remaining

    @property
    def tax_course(self) -> TaxCourse:
        """How tax rises with what is charged: first for what was sent, then for what will be.

        So what was charged of an order always has the tax of its own lines, and all that is
        owed has exactly the tax of what was not cancelled.
        """
        everything = {line.line_id: line.total for line in self.details.lines}
        sent = added(each.amounts for each in self.live)
        owed = without(everything, added(each.amounts for each in self.cancellations))
        return TaxCourse(
            (
                self._taxed(sent, with_delivery=bool(self.shipped)),
                self._taxed(owed, with_delivery=True),
                self._taxed(everything, with_delivery=True),
            )
        )

    def _taxed(self, amounts: Units, *, with_delivery: bool) -> tuple[int, int]:
        """Add up what parts of lines cost, and the tax in them, with or without the delivery.

        Of what came back it is the tax that was given back, so that the rest has its own.
        """
        left = without(amounts, added(each.amounts for each in self.returns))
        amount = sum(amounts.values())
        tax = self._tax_in(left) + sum(self._tax_back(each) for each in self.returns)
        if not with_delivery:
            return amount, tax
        return amount + self.delivery_charge, tax + self.delivery_tax

    def _tax_in(self, amounts: Units) -> int:
        lines = self.lines
        return sum(
            share_of_tax(lines[line_id].tax, amount, lines[line_id].total)
            for line_id, amount in amounts.items()
        )

    def _tax_back(self, part: Return) -> int:
        if part.tax is None:
            return self._tax_in(part.amounts)
        return part.tax - (self.delivery_tax if part.worth > sum(part.amounts.values()) else 0)

    @property
    def delivery_tax(self) -> int:
        """What of the order's tax is not in its goods."""
        in_goods = sum(line.tax for line in self.details.lines)
        return max(0, self.order.totals.get("tax", 0) - in_goods)

    def tax_in(self, amounts: Units) -> int:
        """Give the tax in amounts that are refunded next, line by line."""
        refunded = [each for each in self.returns if each.status in (REFUNDING, REFUNDED)]
        paid = without(
            added(each.amounts for each in self.live), added(each.amounts for each in refunded)
        )
        return self._tax_in(paid) - self._tax_in(without(paid, amounts))

    @property
    def settled(self) -> Units:
        """Units whose amount is decided: sent or cancelled."""
        return added([self.shipped, self.canceled])

    def quantities(self, units: Units) -> dict[str, int]:
        """Give units by SKU."""
        lines = self.lines
        by_sku: Counter[str] = Counter()
        for line_id, count in units.items():
            by_sku[lines[line_id].sku] += count
        return dict(by_sku)

    def amounts(self, units: Units) -> dict[str, int]:
        """Give what units cost that are sent or cancelled next, line by line.

        Tax and discounts are in it. A line's amounts for any parts it is cut into have
        together exactly its total.
        """
        lines, before = self.lines, self.settled
        return {
            line_id: _share(lines[line_id].total, lines[line_id].quantity, before, line_id, count)
            for line_id, count in units.items()
        }

    def paid_for(self, units: Units) -> dict[str, int]:
        """Give what was paid for units that are refunded next, line by line.

        It is their share of what was sent and is not refunded. So it never exceeds what was
        paid, and all that was sent is worth exactly that, however it comes back.
        """
        refunded = [each for each in self.returns if each.status in (REFUNDING, REFUNDED)]
        left = without(self.shipped, added(each.received for each in refunded))
        paid = added(each.amounts for each in self.live)
        worth = without(paid, added(each.amounts for each in refunded))
        return {
            line_id: divide_half_up(worth.get(line_id, 0) * count, left[line_id])
            for line_id, count in units.items()
        }


@dataclass(frozen=True)
class Decision:
    """What a decision makes of a record: the order as it becomes, and the parts it changes.

    Of `details`, where they are given, it changes how the order is delivered. `rests_on` are
    checks of what else it follows from, of other services' records.
    """

    record: OrderRecord
    order: Order
    fulfillments: tuple[Fulfillment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    returns: tuple[Return, ...] = ()
    details: Details | None = None
    rests_on: tuple[Any, ...] = ()

    @property
    def after(self) -> OrderRecord:
        """The record as it becomes."""
        before = self.record
        return OrderRecord(
            self.order,
            self.details or before.details,
            _replaced(before.fulfillments, self.fulfillments),
            _replaced(before.cancellations, self.cancellations),
            _replaced(before.returns, self.returns),
        )


def decided(
    record: OrderRecord,
    changes: Iterable[Change],
    *,
    order: Order | None = None,
    fulfillments: Iterable[Fulfillment] = (),
    cancellations: Iterable[Cancellation] = (),
    returns: Iterable[Return] = (),
    details: Details | None = None,
) -> Decision:
    """Make a decision of what changes, with the order's history and statuses following.

    This is where every edge is checked that a decision follows.

    Parameters
    ----------
    order
        The order as it becomes, where more of it changes than its history.

    Raises
    ------
    IllegalTransition
        The tables of `commerce.lifecycle` have no such edge.
    """
    before = record.order
    after = order or before
    _followed(ORDER, before.status, after.status)
    changes = tuple(changes)
    order = replace(after, version=before.version + 1, timeline=(*before.timeline, *changes))
    draft = Decision(
        record, order, tuple(fulfillments), tuple(cancellations), tuple(returns), details
    )
    _check_parts(FULFILLMENT, OPEN, record.fulfillments, draft.fulfillments)
    _check_parts(RETURN, REQUESTED, record.returns, draft.returns)
    told = fulfillment_status(draft.after)
    _followed(ORDER_FULFILLMENT, before.fulfillment_status, told)
    watched = _watched(draft.after, changes[-1].at if changes else None)
    return replace(draft, order=replace(watched, fulfillment_status=told))


def _watched(after: OrderRecord, at: str | None) -> Order:
    """Have the sweep look after an order that is owed a step, from now on and with all its tries.

    A decision of no time of its own is a step's, which ends a part of what is owed.
    """
    order = after.order
    # Who waits with a fulfillment that was cancelled may not have heard of it.
    unheard = len(after.live) < len(after.fulfillments)
    owed = order.status in (CANCELING, CONFIRMED) or (
        order.status == COMPLETED and (bool(after.under_way) or unheard)
    )
    if not owed:
        return replace(order, recovery_due_at=None, recoveries=0)
    if at is None:
        return order
    due = to_text(recovery_due(from_text(at), 0, order.status))
    return replace(order, recovery_due_at=due, recoveries=0)


def _followed(edges: Mapping[str, frozenset[str]], source: str, target: str) -> str:
    return target if source == target else follow(edges, source, target)


def _check_parts(
    edges: Mapping[str, frozenset[str]],
    first: str,
    before: Iterable[Fulfillment | Return],
    changed: Iterable[Fulfillment | Return],
) -> None:
    sources = {each.id: each.status for each in before}
    for each in changed:
        _followed(edges, sources.get(each.id, first), each.status)


def fulfillment_status(record: OrderRecord) -> str:
    """Tell how far an order's goods have come."""
    remaining = record.remaining
    if not remaining or record.order.status in (CANCELING, CANCELED):
        return CANCELED
    if record.came_back == remaining:
        return RETURNED
    statuses = {each.status for each in record.live}
    if statuses == {DELIVERED} and record.came_back:
        return PARTIALLY_RETURNED
    for furthest, partially in _FURTHEST_FIRST:
        if furthest in statuses:
            return furthest if statuses == {furthest} else partially
    return UNFULFILLED


def added(many: Iterable[Units]) -> dict[str, int]:
    """Add units up, line by line."""
    total: Counter[str] = Counter()
    for units in many:
        total.update(units)
    return {line_id: count for line_id, count in total.items() if count}


def without(units: Units, taken: Units) -> dict[str, int]:
    """Give units less those taken."""
    left = {line_id: count - taken.get(line_id, 0) for line_id, count in units.items()}
    return {line_id: count for line_id, count in left.items() if count}


def _share(total: int, of: int, before: Units, line_id: str, count: int) -> int:
    """Give what the next `count` of so many units are of a total, after those before."""
    start = before.get(line_id, 0)
    return divide_half_up(total * (start + count), of) - divide_half_up(total * start, of)


def _find(parts: Iterable[AnyPart], identifier: str) -> AnyPart:
    for part in parts:
        if part.id == identifier:
            return part
    raise NotFound(f"there is no such {identifier.partition('_')[0]}")


def _replaced(before: Iterable[AnyPart], changed: Iterable[AnyPart]) -> tuple[AnyPart, ...]:
    """Give all parts, with those that changed in place of what they were."""
    parts = {part.id: part for part in before} | {part.id: part for part in changed}
    return tuple(parts.values())
