"""What must be true of an order's record, however it came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from commerce.lifecycle import (
    CANCELED,
    CANCELING,
    FULFILLMENT,
    ORDER,
    ORDER_FULFILLMENT,
    REFUNDED,
    REFUNDING,
    REQUIRES_ACTION,
    RETURN,
)
from commerce.orders.record import Fulfillment, OrderRecord, Return, added


def check_history(before: OrderRecord | None, after: OrderRecord) -> None:
    """Only edges of the tables were followed, each is told, and none is told otherwise later."""
    for source, target in _edges(after):
        kind, was, now = target
        edges = {"order": ORDER, "fulfillment": FULFILLMENT, "return": RETURN}[kind]
        assert source == was or not source, (source, target)
        assert now in edges[was] or now == was == REQUIRES_ACTION, target
    if before is None:
        return
    told = len(before.order.timeline)
    assert after.order.timeline[:told] == before.order.timeline
    if after != before:
        assert after.order.version > before.order.version
    source, target_ = before.order.fulfillment_status, after.order.fulfillment_status
    assert source == target_ or target_ in ORDER_FULFILLMENT[source]
    for part in before.fulfillments:
        assert after.fulfillment(part.id).status in (part.status, *FULFILLMENT[part.status])


def _edges(record: OrderRecord) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Walk each edge that is told: where the part was by what was told before, and the edge."""
    stands: dict[str, str] = {}
    for change in record.order.timeline:
        kind = change.part.partition("_")[0] or "order"
        source = stands.get(change.part, "")
        if kind != "cancellation" and source:
            yield source, (kind, change.was or source, change.status)
        stands[change.part] = change.status
    parts: tuple[Fulfillment | Return, ...] = (*record.fulfillments, *record.returns)
    for part in parts:
        assert stands[part.id] == part.status
    assert stands[""] == record.order.status


def check_units(record: OrderRecord) -> None:
    """Each unit is in one live fulfillment or in one cancellation, and comes back once."""
    ordered = {line.line_id: line.quantity for line in record.details.lines}
    for units in (*(each.units for each in record.live), record.canceled, record.came_back):
        assert min(units.values(), default=1) > 0
    if record.order.allocated_at and record.order.status not in (CANCELING, CANCELED):
        assert added([*(each.units for each in record.live), record.canceled]) == ordered
    returning, shipped = Counter(record.returning), Counter(record.shipped)
    assert returning <= shipped


def check_amounts(record: OrderRecord) -> None:
    """What is sent and cancelled costs its share of the total, and comes back for no more."""
    order = record.order
    sent = added(each.amounts for each in record.live)
    canceled = added(each.amounts for each in record.cancellations)
    for each in record.details.lines:
        cut = sent.get(each.line_id, 0) + canceled.get(each.line_id, 0)
        settled = record.settled.get(each.line_id, 0)
        assert 0 <= cut <= each.total
        assert settled < each.quantity or cut == each.total
    assert min((each.amount for each in record.returns), default=0) >= 0
    if order.charged is None and record.shipped:
        charged = sum(each.amount for each in record.live)
        assert charged == sum(sent.values()) + record.delivery_charge
    refunded = [each for each in record.returns if each.status in (REFUNDING, REFUNDED)]
    worth = Counter(added(each.amounts for each in refunded))
    assert worth <= Counter(sent)
    if added(each.received for each in refunded) == record.shipped:
        assert +worth == +Counter(sent)
    given_back = sum(each.amount for each in refunded)
    assert given_back <= sum(worth.values()) + record.delivery_charge
