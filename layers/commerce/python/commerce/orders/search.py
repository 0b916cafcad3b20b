"""Staff look for orders: by number, e-mail address, name, SKU, day and status, in any combination.

=====================  ==========================================================================
asked for              where it is looked
=====================  ==========================================================================
a number               one get: at most one order
an e-mail address      the entries of its mailbox in `by_owner` (guests') and `by_mailbox`
                       (customers'), newest first
nothing of these       the entries of the statuses in `by_status`, newest first
days                   within those entries, by their time
a name, a SKU          in the orders themselves, so many at a call; the cursor goes on from there
=====================  ==========================================================================

Every entry is looked at in the order itself: an index may be a moment behind.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import groupby, islice
from math import ceil
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from commerce.clock import to_text
from commerce.dynamo.table import Item, Key, Table
from commerce.mailboxes import mailbox
from commerce.orders.model import STATUSES, Details, Order
from commerce.orders.owners import guest_listings, mailbox_listing
from commerce.orders.store import (
    BY_MAILBOX,
    BY_OWNER,
    BY_STATUS,
    OrderStore,
    details_key,
    order_from,
    order_key,
    partitions_of,
    read_details,
)

# So many orders are looked at in one call, for what no index tells.
LOOKED_AT_MAX = 200
_AT_ONCE = 25
_ENTRIES = 25
# Before lines were cut by bytes, so many made a chunk.
_LINES_ONCE_IN_A_CHUNK = 250
_HASH_KEYS = {BY_STATUS: "listed", BY_OWNER: "owner", BY_MAILBOX: "mailbox"}

Place = tuple[str, str]


@dataclass(frozen=True)
class Search:
    """What is looked for; what is None, anything is.

    An order is placed at `placed_from` or later, and before `placed_before`, as stored.
    """

    number: str | None = None
    email: str | None = None
    name: str | None = None
    sku: str | None = None
    placed_from: str | None = None
    placed_before: str | None = None
    status: str | None = None

    @property
    def takes_details(self) -> bool:
        """Whether an order's own record does not tell."""
        return any(each is not None for each in (self.email, self.name, self.sku))

    def fits(self, order: Order, details: Details) -> bool:
        """Tell whether this is one."""
        return (
            (self.status is None or order.status == self.status)
            and (self.number is None or order.number == self.number)
            and (self.placed_from is None or order.placed_at >= self.placed_from)
            and (self.placed_before is None or order.placed_at < self.placed_before)
            and (self.sku is None or any(line.sku == self.sku for line in details.lines))
            and (self.name is None or _named(details, self.name))
            and (
                self.email is None or mailbox(details.buyer.get("email", "")) == mailbox(self.email)
            )
        )


def day_begins(day: date, zone: str) -> str:
    """Give the moment at which a day begins in a time zone, as orders keep theirs."""
    return to_text(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC))


def day_after_begins(day: date, zone: str) -> str:
    """Give the moment at which a day has ended in a time zone."""
    return day_begins(day + timedelta(days=1), zone)


class OrderSearch:
    """Looks for orders in the orders table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._orders = OrderStore(table)

    def page(
        self, wanted: Search, *, limit: int, before: Place | None = None
    ) -> tuple[list[Order], Place | None]:
        """Look for orders, newest first.

        Parameters
        ----------
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The orders that were found among those looked at, fewer than `limit` or none
            where they are rare, and the position to go on from, None once all were looked at.
        """
        places = self._places(wanted, before)
        found: list[Order] = []
        looked_at = 0
        last: Place | None = None
        while looked_at < LOOKED_AT_MAX:
            batch = list(islice(places, _AT_ONCE))
            if not batch:
                return found, None
            for place, order in self._those_of(batch, wanted):
                looked_at += 1
                last = place
                if order is not None:
                    found.append(order)
                if len(found) == limit:
                    further = place != batch[-1] or next(places, None) is not None
                    return found, last if further else None
        return found, last if next(places, None) is not None else None

    def _places(self, wanted: Search, before: Place | None) -> Iterator[Place]:
        if wanted.number is not None:
            order_id = self._orders.id_of_number(wanted.number)
            # The one entry has no further page; its time is of no matter.
            return iter([("", order_id)] if order_id and before is None else [])
        if wanted.email is not None:
            partitions = [(BY_OWNER, name) for name in guest_listings(wanted.email)]
            partitions.append((BY_MAILBOX, mailbox_listing(wanted.email)))
        else:
            statuses = [wanted.status] if wanted.status else STATUSES
            partitions = [(BY_STATUS, name) for name in partitions_of(statuses)]
        walks = [self._walk(index, name, wanted, before) for index, name in partitions]
        once = groupby(merge(*walks, reverse=True))
        return (place for place, _ in once)

    def _walk(
        self, index: str, partition: str, wanted: Search, before: Place | None
    ) -> Iterator[Place]:
        """Walk a partition of an index from the newest entry on, those of one moment by id."""
        entries = self._entries(index, partition, wanted, before)
        for _, moment in groupby(entries, itemgetter(0)):
            yield from (
                place for place in sorted(moment, reverse=True) if before is None or place < before
            )

    def _entries(
        self, index: str, partition: str, wanted: Search, before: Place | None
    ) -> Iterator[Place]:
        latest = min(filter(None, [wanted.placed_before, before and before[0]]), default="~")
        key = _HASH_KEYS[index]
        start: Item | None = None
        while True:
            items, start = self._table.query_page(
                f"#{key} = :partition AND #placed_at BETWEEN :from AND :to",
                {"partition": partition, "from": wanted.placed_from or "0", "to": latest},
                index=index,
                limit=_ENTRIES,
                start=start,
                newest_first=True,
            )
            yield from ((str(item["placed_at"]), str(item["pk"])) for item in items)
            if start is None:
                return

    def _those_of(self, batch: list[Place], wanted: Search) -> Iterator[tuple[Place, Order | None]]:
        """Give each place with its order, None where it is not one that is wanted."""
        ids = [order_id for _, order_id in batch]
        heads = {item["pk"]: item for item in self._table.get_many(list(map(order_key, ids)))}
        details: dict[str, list[Item]] = {}
        if wanted.takes_details:
            keys = [key for head in heads.values() for key in _details_of(head, wanted)]
            for item in self._table.get_many(keys):
                details.setdefault(item["pk"], []).append(item)
        for place in batch:
            head = heads.get(place[1])
            order = order_from(head) if head else None
            read = read_details(details.get(place[1], []))
            yield place, order if order and wanted.fits(order, read) else None


def _details_of(head: Mapping[str, Any], wanted: Search) -> list[Key]:
    """Name the items of an order's lines, for a SKU all; the first has buyer and destination."""
    told = [name for name in head.get("parts", {}) if name.startswith("details#")]
    count = len(told) or ceil(head["line_count"] / _LINES_ONCE_IN_A_CHUNK)
    return [
        details_key(head["pk"], number) for number in range(count if wanted.sku is not None else 1)
    ]


def _named(details: Details, wanted: str) -> bool:
    """Tell whether every word of a name is in one of those of buyer, recipient or company."""
    places = details.buyer, details.fulfillment.get("destination", {})
    fields = "first_name", "last_name", "organization"
    names = _folded(" ".join(place.get(field, "") for place in places for field in fields))
    return all(word in names for word in _folded(wanted).split())


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in letters if not unicodedata.combining(char))
