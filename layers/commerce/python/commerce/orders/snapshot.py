"""An order with all its parts as they were at one moment.

A Query shows a transaction's items one by one, and anything may happen between two of its
pages. So the order's record keeps of which version each of its parts is: a read that finds
other parts than the record tells of is made again, and what is decided on it writes each
part only where it is still the one that was read.

`parts` are the versions of what decisions change. Cancellations and the older history are
only ever added, so the record keeps how many there are. A record that was written before
it kept any of that is taken as it is found, and keeps it from the next decision on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from commerce.dynamo.sizes import runs_of, value_bytes
from commerce.dynamo.table import Item, Put, Table, Update
from commerce.errors import NotFound, OutOfStock, TransactionConflict
from commerce.ids import is_id
from commerce.lifecycle import COMPLETED, CONFIRMED
from commerce.orders.model import Change
from commerce.orders.record import Cancellation, Fulfillment, OrderRecord, Return
from commerce.orders.store import (
    change_item,
    order_from,
    order_key,
    read_details,
    shortage_key,
)

# A part that was read is written where it is still of that version, and a new one where
# there is none.
STILL_AS_READ = "#version = :read"
NOT_THERE_YET = "attribute_not_exists(#version)"

# Of the history, what stands in the order's record itself; each decision writes that again.
TAIL_BYTES_MAX = 20_000
_HISTORY_BYTES_MAX = 200_000

_SHORT = shortage_key("")["sk"]
_CHANGED = ("details", "fulfillment", "return")
_ADDED = ("cancellation", "history")
_READS = 6


@dataclass(frozen=True)
class Snapshot:
    """A record, and of which version each part is that it was read from, by sort key.

    `history` are the entries of the record's history that stand in items of their own.
    """

    record: OrderRecord
    versions: Mapping[str, int]
    history: tuple[tuple[Change, ...], ...] = ()

    @property
    def tail(self) -> tuple[Change, ...]:
        """The entries of the history that stand in the order's record."""
        return self.record.order.timeline[sum(map(len, self.history)) :]

    def put(self, item: Item) -> Put:
        """Write a part, if it is still the one that was read."""
        condition, values = self._as_read(item["sk"])
        return Put(item, condition, values)

    def change_details(
        self, sets: Mapping[str, Any], version: int, removes: Iterable[str] = ()
    ) -> Update:
        """Change facts of the order's first details, if they are still those that were read."""
        key = {"pk": self.record.order.order_id, "sk": "details#0000"}
        condition, values = self._as_read(key["sk"])
        expression = "SET #version = :version, " + ", ".join(f"#{name} = :{name}" for name in sets)
        gone = ", ".join(f"#{name}" for name in removes)
        if gone:
            expression += f" REMOVE {gone}"
        return Update(key, expression, condition, {**sets, **values, "version": version})

    def write_history(self, number: int, entries: Iterable[Change], version: int) -> Update:
        """Write entries of the history into an item of their own, counted from 1."""
        key = {"pk": self.record.order.order_id, "sk": f"history#{number:04d}"}
        condition, values = self._as_read(key["sk"])
        return Update(
            key,
            "SET #version = :version, #entries = :entries",
            condition,
            {**values, "version": version, "entries": [change_item(each) for each in entries]},
        )

    def rolled_over(
        self, more: Iterable[Change], version: int, *, but_last: bool = False
    ) -> list[Update]:
        """Move the history out of the order's record where it grows too long with `more`.

        `but_last` leaves its last entry there, where nothing else comes to stand in it.
        """
        tail = [change_item(each) for each in (*self.tail, *more)]
        moved = self.tail[:-1] if but_last else self.tail
        if value_bytes(tail) <= TAIL_BYTES_MAX or not moved:
            return []
        sized = ((each, value_bytes(change_item(each))) for each in moved)
        runs = runs_of(sized, _HISTORY_BYTES_MAX)
        return [
            self.write_history(number, run, version)
            for number, run in enumerate(runs, len(self.history) + 1)
        ]

    def parts_with(self, written: Iterable[str], version: int) -> dict[str, Any]:
        """Give what the order's record keeps of its parts, once those are written as `version`."""
        versions = {**self.versions, **dict.fromkeys(written, version)}
        kinds = [sort_key.partition("#")[0] for sort_key in versions]
        changed = {
            sort_key: each
            for sort_key, each in versions.items()
            if sort_key.partition("#")[0] in _CHANGED
        }
        return {"parts": changed, **{f"{kind}_count": kinds.count(kind) for kind in _ADDED}}

    def _as_read(self, sort_key: str) -> tuple[str, dict[str, int]]:
        version = self.versions.get(sort_key)
        # Details that were written before they had a version have none.
        return (STILL_AS_READ, {"read": version}) if version else (NOT_THERE_YET, {})


def read_snapshot(table: Table, order_id: str) -> Snapshot:
    """Read an order and all its parts as they were at one moment.

    Raises
    ------
    NotFound
        There is no such order.
    TransactionConflict
        It kept changing while it was read.
    """
    if not is_id(order_id, "order"):
        raise NotFound("there is no such order")
    for tries in range(_READS):
        items = list(table.query("#pk = :id", {"id": order_id}, consistent=True))
        head = next((item for item in items if item["sk"] == order_key(order_id)["sk"]), None)
        if head is None:
            raise NotFound("there is no such order")
        parts = [item for item in items if item["sk"].partition("#")[0] in (*_CHANGED, *_ADDED)]
        if _are_of(parts, head):
            short = next((item["lines"] for item in items if item["sk"] == _SHORT), None)
            return _snapshot(_with_shortage(head, short), parts)
        table.back_off(tries)
    raise TransactionConflict("the order kept changing while it was read")


def part_facts(item: Item) -> dict[str, Any]:
    """Give what a part's item tells of the part itself."""
    own = {"pk", "sk", "version", "listed", "placed_at", "owner"}
    return {name: value for name, value in item.items() if name not in own}


def _with_shortage(head: Item, short: Iterable[tuple[str, int, int]] | None) -> Item:
    """Have an order that was refused for lines that are short say which these are."""
    refusal = head.get("refusal", {})
    if short is None or refusal.get("error") != OutOfStock.__name__:
        return head
    names = ("sku", "requested", "available")
    lines = [dict(zip(names, line, strict=True)) for line in short]
    return {**head, "refusal": {**refusal, "short_lines": lines}}


def _are_of(parts: Iterable[Item], head: Item) -> bool:
    """Tell whether these are the parts that the order's record tells of, each as it tells."""
    found = {item["sk"]: item.get("version", 0) for item in parts}
    if "parts" not in head:
        return all(version <= head["version"] for version in found.values())
    told = dict(head["parts"])
    if not _lines_are_there(head):
        told = {
            sort_key: version
            for sort_key, version in told.items()
            if sort_key in found or not sort_key.startswith("details#")
        }
    changed = {
        sort_key: version
        for sort_key, version in found.items()
        if sort_key.partition("#")[0] in _CHANGED
    }
    added = {
        f"{kind}#{number:04d}" for kind in _ADDED for number in range(1, head[f"{kind}_count"] + 1)
    }
    return changed == told and found.keys() - changed.keys() == added


def _lines_are_there(head: Item) -> bool:
    """Tell whether the lines must have been written, which come after the order's record."""
    standing = head.get("resumes_to", head["status"])
    return standing in (CONFIRMED, COMPLETED) or "allocated_at" in head


def _snapshot(head: Item, parts: list[Item]) -> Snapshot:
    by_kind: dict[str, list[Item]] = {kind: [] for kind in (*_CHANGED, *_ADDED)}
    for item in parts:
        by_kind[item["sk"].partition("#")[0]].append(item)
    history = tuple(
        tuple(Change(**entry) for entry in item["entries"]) for item in by_kind["history"]
    )
    record = OrderRecord(
        order_from(
            head, earlier=[entry for item in by_kind["history"] for entry in item["entries"]]
        ),
        read_details(by_kind["details"]),
        tuple(Fulfillment(**part_facts(item)) for item in by_kind["fulfillment"]),
        tuple(Cancellation(**part_facts(item)) for item in by_kind["cancellation"]),
        tuple(Return(**part_facts(item)) for item in by_kind["return"]),
    )
    return Snapshot(record, {item["sk"]: item.get("version", 0) for item in parts}, history)
