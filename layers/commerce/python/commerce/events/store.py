"""The events table: each event once, for 90 days.

==================  ===================================  ================================
what                pk                                   sk
==================  ===================================  ================================
an event            `<aggregate type>#<aggregate id>`    `<version>#<event type>`
==================  ===================================  ================================

=======================================  =================================================
question                                 answered by
=======================================  =================================================
was this event recorded before           the key: a type happens once at a version
events of one thing, newest first        queries by its key, one for each type of aggregate
events of a type, or all, newest first   index `by_type`: `type`, `listed_at`
=======================================  =================================================

`listed_at` is the time and the event's id, so no two events share a place in a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from commerce.dynamo.table import ConditionFailed, Item, Key, Put, Table
from commerce.events.model import Aggregate, DomainEvent

BY_TYPE = "by_type"
KEPT = timedelta(days=90)
AGGREGATES = (
    "order",
    "payment",
    "fulfillment",
    "cancellation",
    "return",
    "stock",
    "product",
)

NOT_RECORDED_YET = "attribute_not_exists(#pk)"
# Above every place in a list: a time begins with a digit.
_NEWEST = "~"


def event_key(aggregate: Aggregate, type_: str) -> Key:
    """Where an event stands; versions are padded, so that text order is their order."""
    return {
        "pk": f"{aggregate.type}#{aggregate.id}",
        "sk": f"{aggregate.version:012d}#{type_}",
    }


class EventStore:
    """The log of what happened."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record_once(self, event: DomainEvent, now: datetime) -> bool:
        """Record an event; tell whether this was the first time it came."""
        item = {
            **event_key(event.aggregate, event.type),
            **asdict(event),
            "listed_at": f"{event.occurred_at}#{event.event_id}",
            "expires_at": int((now + KEPT).timestamp()),
        }
        try:
            self._table.put(Put(item, NOT_RECORDED_YET))
        except ConditionFailed:
            return False
        return True

    def newest(
        self,
        types: tuple[str, ...],
        aggregate_id: str | None = None,
        *,
        limit: int,
        before: str | None = None,
    ) -> tuple[list[DomainEvent], str | None]:
        """Read a page of events, newest first.

        Parameters
        ----------
        types
            Only events of these types.
        aggregate_id
            Only events of what has this id; an order and its payment share one.
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The events, and the position to go on from, None on the last page.
        """
        place = before or _NEWEST
        if aggregate_id is None:
            walks = [self._of_type(type_, place, limit + 1) for type_ in types]
        else:
            things = [f"{noun}#{aggregate_id}" for noun in AGGREGATES]
            walks = [self._of_one(thing, types, place, limit + 1) for thing in things]
        found = list(islice(merge(*walks, key=_place, reverse=True), limit + 1))
        page = [_event(item) for item in found[:limit]]
        return page, _place(found[limit - 1]) if len(found) > limit else None

    def _of_type(self, type_: str, before: str, page_size: int) -> Iterator[Item]:
        return self._table.query(
            "#type = :type AND #listed_at < :before",
            {"type": type_, "before": before},
            index=BY_TYPE,
            newest_first=True,
            page_size=page_size,
        )

    def _of_one(
        self, pk: str, types: tuple[str, ...], before: str, page_size: int
    ) -> Iterator[Item]:
        items = self._table.query(
            "#pk = :pk",
            {"pk": pk, "before": before},
            newest_first=True,
            filter_by="#listed_at < :before",
            page_size=page_size,
        )
        return (item for item in items if item["type"] in types)


def _place(item: Mapping[str, Any]) -> str:
    place: str = item["listed_at"]
    return place


def _event(item: Mapping[str, Any]) -> DomainEvent:
    return DomainEvent(
        item["event_id"],
        item["type"],
        item["schema_version"],
        item["occurred_at"],
        Aggregate(**item["aggregate"]),
        item["data"],
    )
