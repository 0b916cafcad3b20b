"""The orders table.

============================  =================  ====================================
what                          pk                 sk
============================  =================  ====================================
the decision record           `<order id>`       `order`
lines, buyer, destination     `<order id>`       `details#<chunk>`
lines it was refused for      `<order id>`       `shortage`
fulfillments, returns, …      `<order id>`       see `commerce.orders.records`
which order has a number      `number#<number>`  `number`
the last number given         `numbers`          `counter`
============================  =================  ====================================

==========================================  ============================================
question                                    answered by
==========================================  ============================================
one order, with or without its lines        a query or get by order id
the order that has a number                 a get
a cart's attempts                           gets by the ids that follow from the cart id
orders of a status, newest first            index `by_status`: `listed`, `placed_at`
orders that are owed a step and are due     the same index: the partitions of the two
                                            statuses in flight, and those of orders that
                                            stand and are watched, which hold no other order
a customer's orders, newest first           index `by_owner`: `owner`, `placed_at`
guests' orders with an e-mail address       the same index, see `commerce.orders.owners`
customers' orders with an e-mail address    index `by_mailbox`: `mailbox`, `placed_at`
orders by number, name, SKU or day          see `commerce.orders.search`
==========================================  ============================================

`listed` is the status and one of a few shards, so that a flash sale's orders do not
all fall on one partition of the index. An order that stands and is watched has another
partition of its status, so that the sweep reads no others; the write that confirms it
enters it there and not twice. `owner` stands on an order's first details, which
are written once, so a decision costs that index nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from secrets import randbits
from typing import Any

from commerce.clock import from_text, to_text
from commerce.dynamo.sizes import runs_of, value_bytes
from commerce.dynamo.table import ConditionFailed, Item, Key, Put, Table, Update
from commerce.errors import (
    CartChanged,
    IllegalTransition,
    NotFound,
    OrderCanceled,
    PlacedByAnother,
    TransactionConflict,
)
from commerce.ids import RandomBits, is_id
from commerce.lifecycle import (
    CANCELED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    ORDER,
    PENDING,
    REQUIRES_ACTION,
    UNFULFILLED,
    follow,
)
from commerce.orders.model import (
    ATTEMPTS_MAX,
    IN_FLIGHT,
    STANDING,
    STATUSES,
    Change,
    Checkout,
    Details,
    Order,
    OrderLine,
    Stop,
    order_id_for,
    recovery_due,
)
from commerce.orders.owners import customer_in, mailbox_listing, owner_of
from commerce.settings.model import PLAIN_NUMBERS, OrderNumbers

BY_STATUS = "by_status"
BY_OWNER = "by_owner"
BY_MAILBOX = "by_mailbox"
SHARDS = 4
_COUNTER = {"pk": "numbers", "sk": "counter"}
_NUMBER_TRIES = 50
_RANDOM_BITS = 64
_PARTITION = {BY_STATUS: "listed", BY_OWNER: "owner"}
# What the first chunk has beside lines has room in an item, too; most orders have one chunk.
CHUNK_BYTES_MAX = 350_000

NOT_PLACED_YET = "attribute_not_exists(#pk)"
# A number is one order's for good; its own repeat finds it.
NUMBER_IS_FREE = "attribute_not_exists(#pk) OR #order_id = :order_id"
BELOW_START = "#last < :start"
STILL_THERE = "#status = :from"
# The saga that lost an order to another run must not undo that other run's order.
PLACED_BY_THIS_EXECUTION = "#execution = :execution"
# Two sweeps at once: one of them takes the order.
STILL_DUE = "#recovery_due_at = :seen"
# What was decided meanwhile may owe another step.
NOT_DECIDED_SINCE = "#version = :seen"


def order_key(order_id: str) -> Key:
    """Where an order's decision record stands."""
    return {"pk": order_id, "sk": "order"}


def details_key(order_id: str, chunk: int) -> Key:
    """Where a chunk of an order's lines stands; the first also has buyer and destination."""
    return {"pk": order_id, "sk": f"details#{chunk:04d}"}


def number_key(number: str) -> Key:
    """Where it stands which order has a number."""
    return {"pk": f"number#{number}", "sk": "number"}


def shortage_key(order_id: str) -> Key:
    """Where the short lines of an order stand that was refused for them."""
    return {"pk": order_id, "sk": "shortage"}


def listed(order_id: str, status: str, *, owed: bool = False) -> str:
    """Name the partition of `by_status` an order stands in.

    Parameters
    ----------
    owed
        Whether the sweep looks after it.
    """
    return f"{_watched(status) if owed else status}#{sum(order_id.encode()) % SHARDS}"


def _watched(status: str) -> str:
    """Name orders of a status that the sweep looks after; all are, of those in flight."""
    return f"{status}_owed" if status in STANDING else status


def newest_in(
    table: Table,
    partitions: Iterable[str],
    id_of: Callable[[Item], str],
    limit: int,
    before: tuple[str, str] | None,
    index: str = BY_STATUS,
) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Read a page of some partitions of an index as (time, id), descending in both.

    Parameters
    ----------
    id_of
        Tells what an entry is known by.
    before
        The position after which to go on, as given with the page before.

    Returns
    -------
    tuple
        The page, and the position to go on from, None on the last page.
    """
    walks = [_newest_of(table, each, id_of, limit, before, index) for each in partitions]
    entries = list(islice(merge(*walks, reverse=True), limit + 1))
    page = entries[:limit]
    return page, page[-1] if len(entries) > limit else None


def _newest_of(
    table: Table,
    partition: str,
    id_of: Callable[[Item], str],
    limit: int,
    before: tuple[str, str] | None,
    index: str,
) -> Iterator[tuple[str, str]]:
    condition, values = f"#{_PARTITION[index]} = :partition", {"partition": partition}
    if before:
        condition += " AND #placed_at <= :before"
        values["before"] = before[0]
    # One more than the page tells whether there is another, and one more whether a tie goes on.
    entries = table.query(condition, values, index=index, newest_first=True, page_size=limit + 2)
    positions = ((str(entry["placed_at"]), id_of(entry)) for entry in entries)
    later = (place for place in positions if before is None or place < before)
    # What was placed at one moment comes in no order of ids from the index.
    wanted = 0
    for _, tie in groupby(later, key=itemgetter(0)):
        if wanted > limit:
            return
        places = sorted(tie, reverse=True)
        wanted += len(places)
        yield from places


def partitions_of(statuses: Iterable[str]) -> list[str]:
    """Name all partitions of `by_status` that orders of some statuses stand in."""
    names = dict.fromkeys(name for each in statuses for name in (each, _watched(each)))
    return [f"{name}#{shard}" for name in names for shard in range(SHARDS)]


class OrderStore:
    """Orders, and the decisions about them."""

    def __init__(self, table: Table, random_bits: RandomBits = randbits) -> None:
        self._table = table
        self._random_bits = random_bits

    def get(self, order_id: str) -> Order:
        """Read the decision record as it is now.

        Raises
        ------
        NotFound
            There is no such order.
        """
        item = self._table.get(order_key(_checked(order_id)))
        if item is None:
            raise NotFound("there is no such order")
        return order_from(item)

    def lines(self, order_id: str) -> tuple[OrderLine, ...]:
        """Read an order's lines as they are now."""
        chunks = self._table.query(
            "#pk = :id AND begins_with(#sk, :prefix)",
            {"id": order_id, "prefix": "details#"},
            consistent=True,
        )
        return read_details(chunks).lines

    def attempts(self, cart_id: str) -> list[Order]:
        """Read all orders a cart became so far, first to latest."""
        found = []
        for attempt in range(1, ATTEMPTS_MAX + 1):
            item = self._table.get(order_key(order_id_for(cart_id, attempt)))
            if item is None:
                break
            found.append(order_from(item))
            if item["status"] != CANCELED:
                break
        return found

    def checkout_of(self, cart_id: str) -> Checkout:
        """Tell how far a cart's latest attempt to become an order has come."""
        earlier = self.attempts(cart_id)
        if not earlier:
            return Checkout(1)
        return Checkout(earlier[-1].attempt, earlier[-1].order_id, earlier[-1].standing)

    def place_once(self, order: Order, details: Details) -> None:
        """Record a pending order and its lines; repeated by the same execution, once.

        The decision record comes first and says by a digest which lines are its own: only a
        run that has those writes them, and each chunk once. So a late run changes nothing of
        what became of the order since.

        Raises
        ------
        PlacedByAnother
            Another execution placed this order.
        CartChanged
            A repeat found another cart than the one it placed, or other prices.
        """
        chunks = _detail_items(order, details)
        digest = _digest(chunks)
        head = _order_item(order) | {
            "details_digest": digest,
            "parts": {chunk["sk"]: chunk["version"] for chunk in chunks},
            "cancellation_count": 0,
            "history_count": 0,
        }
        try:
            self._table.put(Put(head, NOT_PLACED_YET))
        except ConditionFailed as failed:
            first = order_from(failed.item or {})
            if first.execution != order.execution:
                raise PlacedByAnother(
                    "another run of the saga placed this order",
                    order_id=first.order_id,
                    status=first.status,
                ) from None
            # A record of before has no digest.
            placed = (failed.item or {}).get("details_digest", digest)
            if (first.cart_version, first.totals, placed) != (
                order.cart_version,
                order.totals,
                digest,
            ):
                raise CartChanged("the cart changed while it was being ordered") from None
        for chunk in chunks:
            with suppress(ConditionFailed):  # a run before this one wrote it, and it is the same
                self._table.put(Put(chunk, NOT_PLACED_YET))

    def confirm(self, order_id: str, by: str, now: datetime) -> Order:
        """Decide that the order stands, and number it; repeated, it says so again.

        The number is taken before, so a run that dies in between leaves a gap, as does one
        that finds the order confirmed, or cancelled, by another.

        Raises
        ------
        OrderCanceled
            The undo was decided before.
        """
        order = self._as_placed(order_id)
        if order.status == CONFIRMED:
            return order
        try:
            if order.status != PENDING:
                raise _not_pending(order)
            return self._move(order_id, PENDING, CONFIRMED, by, now, number=self._number(order))
        except IllegalTransition as refused:
            if refused.details["status"] == CONFIRMED:
                return self.get(order_id)
            raise OrderCanceled("the order was cancelled before", order_id=order_id) from None

    def _as_placed(self, order_id: str) -> Order:
        """Read a decision record that may be a moment old: how it is numbered never changes."""
        item = self._table.get(order_key(_checked(order_id)), consistent=False)
        return order_from(item) if item else self.get(order_id)

    def id_of_number(self, number: str) -> str | None:
        """Give the id of the order that has a number; None where none has it."""
        item = self._table.get(number_key(number))
        return str(item["order_id"]) if item else None

    def _number(self, order: Order) -> str:
        """Take a number that no other order has."""
        wanted = order.numbering
        for _ in range(_NUMBER_TRIES):
            digits = self._random_digits() if wanted.random else self._next(wanted.start)
            number = f"{wanted.prefix}{digits}"
            take = Update(
                number_key(number),
                "SET #order_id = :order_id",
                NUMBER_IS_FREE,
                {"order_id": order.order_id},
            )
            try:
                self._table.update(take)
            except ConditionFailed:
                continue
            return number
        raise TransactionConflict("others keep taking the same numbers")

    def _next(self, start: int) -> int:
        """Count on; from `start`, where it was set above what was counted to."""
        counted = Update(
            _COUNTER,
            "SET #last = if_not_exists(#last, :before) + :one",
            values={"before": start - 1, "one": 1},
        )
        last = int(self._table.update(counted)["last"])
        if last >= start:
            return last
        with suppress(ConditionFailed):  # another has moved it there; count on from it
            jump = Update(_COUNTER, "SET #last = :start", BELOW_START, {"start": start})
            return int(self._table.update(jump)["last"])
        return int(self._table.update(counted)["last"])

    def _random_digits(self) -> int:
        low = 10**7
        return low + self._random_bits(_RANDOM_BITS) % (9 * low)

    def begin_cancel(
        self, order_id: str, execution: str, by: str, refusal: Mapping[str, Any], now: datetime
    ) -> Order | None:
        """Decide that the order is undone, with the reason the buyer is told.

        Returns
        -------
        Order | None
            The order as it stands, `canceling` or already decided otherwise; None where
            there is none or another execution placed it.
        """
        change = Change(to_text(now), CANCELING, by, str(refusal.get("error", "")))
        update = self._transition(order_id, PENDING, change)
        try:
            item = self._table.update(
                replace(
                    update,
                    expression=f"{update.expression}, #refusal = :refusal",
                    condition=f"{update.condition} AND {PLACED_BY_THIS_EXECUTION}",
                    values={**update.values, "refusal": refusal, "execution": execution},
                )
            )
        except ConditionFailed as failed:
            if failed.item is None or failed.item["execution"] != execution:
                return None
            item = failed.item
        return order_from(item)

    def note_shortage(self, order_id: str, short_lines: Iterable[Mapping[str, Any]]) -> None:
        """Record which lines of an order are short, all of them; what was noted first stays.

        It stands in an item of its own: two thousand lines take most of half an item.
        """
        lines = [[line["sku"], line["requested"], line["available"]] for line in short_lines]
        item = {**shortage_key(order_id), "lines": lines}
        with suppress(ConditionFailed):
            self._table.put(Put(item, NOT_PLACED_YET))

    def redrive(self, order_id: str, by: str, now: datetime) -> Order:
        """Take up the undo of an order that a person has looked at; repeated, it says so again.

        Raises
        ------
        IllegalTransition
            The order does not require action; `status` tells.
        """
        try:
            return self._move(order_id, REQUIRES_ACTION, CANCELING, by, now, "redrive")
        except IllegalTransition as refused:
            if refused.details["status"] in (CANCELING, CANCELED):
                return self.get(order_id)
            raise

    def close(self, order_id: str, by: str, now: datetime) -> Order:
        """Record that the undo is done; repeated, it says so again.

        Raises
        ------
        IllegalTransition
            The order is not being undone.
        """
        try:
            return self._move(order_id, CANCELING, CANCELED, by, now)
        except IllegalTransition as refused:
            if refused.details["status"] == CANCELED:
                return self.get(order_id)
            raise

    def require_action(self, order_id: str, by: str, reason: str, now: datetime) -> Order:
        """Hand an order whose undo failed to a person; repeated, it says so again.

        Raises
        ------
        IllegalTransition
            The order is not being undone.
        """
        try:
            return self._move(order_id, CANCELING, REQUIRES_ACTION, by, now, reason)
        except IllegalTransition as refused:
            if refused.details["status"] == REQUIRES_ACTION:
                return self.get(order_id)
            raise

    def overdue(self, as_of: datetime, statuses: Iterable[str] = IN_FLIGHT) -> Iterator[Order]:
        """Walk the orders that are owed a step and due, oldest first in each shard.

        Why one could not be read is raised at the end, when all others were given.
        """
        unread: list[Exception] = []
        for status in statuses:
            for shard in range(SHARDS):
                entries = self._table.query(
                    "#listed = :listed",
                    {"listed": f"{_watched(status)}#{shard}", "now": to_text(as_of)},
                    index=BY_STATUS,
                    filter_by="#recovery_due_at <= :now",
                )
                for entry in entries:
                    # The index may be a moment behind; the record decides.
                    try:
                        order = self.get(entry["pk"])
                    except Exception as error:
                        unread.append(error)
                        continue
                    if order.recovery_due_at and order.recovery_due_at <= to_text(as_of):
                        yield order
        if unread:
            raise unread[0]

    def defer_recovery(self, order: Order, now: datetime) -> Order | None:
        """Take an overdue order for recovery; None where another sweep took it first."""
        try:
            item = self._table.update(
                Update(
                    order_key(order.order_id),
                    "SET #recovery_due_at = :next, #recoveries = :recoveries, "
                    "#version = #version + :one",
                    STILL_DUE,
                    {
                        "next": to_text(recovery_due(now, order.recoveries + 1, order.status)),
                        "recoveries": order.recoveries + 1,
                        "seen": order.recovery_due_at,
                        "one": 1,
                    },
                )
            )
        except ConditionFailed:
            return None
        return order_from(item)

    def rest(self, order: Order) -> bool:
        """Have the sweep leave an order alone; tell whether nothing was decided since it was read.

        It is no decision, so the order's version stays.
        """
        update = Update(
            order_key(order.order_id),
            "SET #listed = :listed REMOVE #recovery_due_at, #recoveries",
            NOT_DECIDED_SINCE,
            {"listed": listed(order.order_id, order.status), "seen": order.version},
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return False
        return True

    def list_newest(
        self, status: str | None, *, limit: int, before: tuple[str, str] | None = None
    ) -> tuple[list[Order], tuple[str, str] | None]:
        """Read a page of orders, newest first.

        Parameters
        ----------
        status
            Only orders of this status; all where None.
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The orders, and the position to go on from, None on the last page.
        """
        partitions = partitions_of([status] if status else STATUSES)
        page, further = newest_in(
            self._table, partitions, lambda entry: str(entry["pk"]), limit, before
        )
        return self._heads(page), further

    def list_newest_of(
        self, owner: str, *, limit: int, before: tuple[str, str] | None = None
    ) -> tuple[list[Order], tuple[str, str] | None]:
        """Read a page of an owner's orders, newest first; see `list_newest`."""
        page, further = newest_in(
            self._table, [owner], lambda entry: str(entry["pk"]), limit, before, BY_OWNER
        )
        return self._heads(page), further

    def ids_of(self, owner: str) -> Iterator[str]:
        """Walk the ids of an owner's orders, oldest first; the index may be a moment behind."""
        entries = self._table.query("#owner = :owner", {"owner": owner}, index=BY_OWNER)
        return (str(entry["pk"]) for entry in entries)

    def _heads(self, page: list[tuple[str, str]]) -> list[Order]:
        heads = self._table.get_many([order_key(order_id) for _, order_id in page])
        by_id = {head["pk"]: order_from(head) for head in heads}
        return [by_id[order_id] for _, order_id in page if order_id in by_id]

    def standing_page(
        self, after: Mapping[str, Any] | None, limit: int
    ) -> tuple[list[str], dict[str, Any] | None]:
        """Read a page of the ids of confirmed and completed orders, and the place to go on from."""
        place = after or {"partition": 0, "start": None}
        number: int = place["partition"]
        partitions = partitions_of((CONFIRMED, COMPLETED))
        entries, last = self._table.query_page(
            "#listed = :listed",
            {"listed": partitions[number]},
            index=BY_STATUS,
            limit=limit,
            start=place["start"],
        )
        if last is None:
            number += 1
        further = {"partition": number, "start": last} if number < len(partitions) else None
        return [entry["pk"] for entry in entries], further

    def _move(
        self,
        order_id: str,
        source: str,
        target: str,
        by: str,
        now: datetime,
        reason: str = "",
        **sets: str,
    ) -> Order:
        try:
            update = self._transition(order_id, source, Change(to_text(now), target, by, reason))
            more = "".join(f", #{name} = :{name}" for name in sets)
            update = replace(
                update, expression=update.expression + more, values={**update.values, **sets}
            )
            return order_from(self._table.update(update))
        except ConditionFailed as failed:
            if failed.item is None:
                raise NotFound("there is no such order") from None
            raise IllegalTransition(
                f"the order is {failed.item['status']}, not {source}",
                order_id=order_id,
                status=failed.item["status"],
            ) from None

    def _transition(self, order_id: str, source: str, change: Change) -> Update:
        """Write the one statement that may change an order's status."""
        follow(ORDER, source, change.status)
        expression = (
            "SET #status = :to, #listed = :listed, #version = #version + :one, "
            "#timeline = list_append(#timeline, :entry)"
        )
        values: dict[str, Any] = {
            "from": source,
            "to": change.status,
            "listed": listed(order_id, change.status, owed=True),
            "one": 1,
            "entry": [change_item(change)],
        }
        # `REMOVE` leads, so that a caller can go on with another `SET` clause.
        if change.status in (CANCELED, REQUIRES_ACTION):
            expression = f"REMOVE #recovery_due_at {expression}"
        elif (source, change.status) != (PENDING, CANCELING):
            # Owed another step: the sweep watches it from now on, with all its tries.
            expression = f"REMOVE #recoveries {expression}, #recovery_due_at = :due"
            values["due"] = to_text(recovery_due(from_text(change.at), 0, change.status))
        return Update(order_key(order_id), expression, STILL_THERE, values)


def _not_pending(order: Order) -> IllegalTransition:
    return IllegalTransition(
        f"the order is {order.status}, not {PENDING}", order_id=order.order_id, status=order.status
    )


def _checked(order_id: str) -> str:
    """Give an order id back; DynamoDB refuses some texts as keys, and none of them is an id."""
    if not is_id(order_id, "order"):
        raise NotFound("there is no such order")
    return order_id


def _order_item(order: Order) -> Item:
    item = {
        name: value
        for name, value in asdict(order).items()
        if value not in (None, 0, (), UNFULFILLED) or name == "totals"
    }
    del item["order_id"], item["numbering"]
    if order.numbering != PLAIN_NUMBERS:
        item["numbering"] = asdict(order.numbering)
    return {
        **item,
        **order_key(order.order_id),
        "listed": listed(order.order_id, order.status, owed=bool(order.recovery_due_at)),
        "totals": dict(order.totals),
        "timeline": [change_item(change) for change in order.timeline],
    }


def order_from(item: Mapping[str, Any], earlier: Iterable[Mapping[str, str]] = ()) -> Order:
    """Read a decision record; `earlier` are the entries of its history that are not in it."""
    return Order(
        order_id=item["pk"],
        cart_id=item["cart_id"],
        attempt=item["attempt"],
        status=item["status"],
        version=item["version"],
        currency=item["currency"],
        totals=item["totals"],
        line_count=item["line_count"],
        placed_at=item["placed_at"],
        execution=item["execution"],
        idempotency_key=item["idempotency_key"],
        fingerprint=item["fingerprint"],
        cart_version=item["cart_version"],
        settings_version=item["settings_version"],
        timeline=tuple(Change(**entry) for entry in (*earlier, *item["timeline"])),
        recovery_due_at=item.get("recovery_due_at"),
        recoveries=item.get("recoveries", 0),
        refusal=item.get("refusal"),
        fulfillment_status=item.get("fulfillment_status", UNFULFILLED),
        allocated_at=item.get("allocated_at"),
        charged=item.get("charged"),
        stops=tuple(Stop(**stop) for stop in item.get("stops", [])),
        resumes_to=item.get("resumes_to"),
        resumed=tuple(item.get("resumed", [])),
        number=item.get("number"),
        numbering=OrderNumbers(**item.get("numbering", {})),
    )


def change_item(change: Change) -> dict[str, str]:
    """Give an entry of the history as it is stored."""
    return {name: value for name, value in asdict(change).items() if value}


def _detail_items(order: Order, details: Details) -> list[Item]:
    lines = [_line_item(line) for line in details.lines]
    runs = [*runs_of(((line, value_bytes(line) + 1) for line in lines), CHUNK_BYTES_MAX)] or [[]]
    chunks: list[Item] = [
        {**details_key(order.order_id, number), "version": order.version, "lines": run}
        for number, run in enumerate(runs)
    ]
    chunks[0] |= {
        "buyer": dict(details.buyer),
        "fulfillment": dict(details.fulfillment),
        "owner": owner_of(details),
        "placed_at": order.placed_at,
    }
    if details.customer_id is not None and details.buyer.get("email"):
        chunks[0]["mailbox"] = mailbox_listing(details.buyer["email"])
    if details.storefront is not None:
        chunks[0]["storefront"] = details.storefront
    return chunks


def _line_item(line: OrderLine) -> Item:
    """Write a line; that it is counted and not sold beyond goes without saying."""
    item = asdict(line)
    if line.manage_inventory:
        del item["manage_inventory"]
    if not line.allow_backorder:
        del item["allow_backorder"]
    return item


def _digest(chunks: list[Item]) -> str:
    """Tell an order's lines, buyer and destination from any others; not when it was placed."""
    facts = [{**chunk, "placed_at": ""} for chunk in chunks]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def read_details(items: Iterable[Item]) -> Details:
    """Put an order's chunks of lines together."""
    chunks = sorted(items, key=lambda item: str(item["sk"]))
    first = chunks[0] if chunks else {}
    return Details(
        tuple(OrderLine(**line) for chunk in chunks for line in chunk["lines"]),
        first.get("buyer", {}),
        first.get("fulfillment", {}),
        customer_in(first.get("owner", "")),
        first.get("storefront"),
    )
