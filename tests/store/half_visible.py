"""DynamoDB's client while a transaction ends: what it wrote becomes visible item by item.

`inner` is the client of the database that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from cloud_in_memory import table_name
from commerce.dynamo.table import Item, Table, from_wire, to_wire
from commerce.stock.store import StockStore


class HalfVisible:
    """Reads find a transaction's items as they were, until each of them has become visible.

    Parameters
    ----------
    transaction
        Does the transaction whose items are then seen one by one.
    order
        In which order its items become visible, by their number in it.
    reads
        How many items are read before the next one becomes visible.
    """

    def __init__(
        self,
        inner: Any,
        transaction: Callable[[StockStore], None],
        order: Sequence[int],
        reads: int,
    ) -> None:
        self._inner = inner
        before: list[tuple[Item, Item | None]] = []
        client: Any = _Noting(inner, before)
        transaction(StockStore(Table(table_name("stock"), client)))
        self._hidden = [before[number] for number in order]
        self._reads = self._left = reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put_item(self, **call: Any) -> Any:
        self._wait_for([call["Item"]])
        return self._inner.put_item(**call)

    def transact_write_items(self, **call: Any) -> Any:
        writes = [what for write in call["TransactItems"] for what in write.values()]
        self._wait_for([what.get("Key") or what["Item"] for what in writes])
        return self._inner.transact_write_items(**call)

    def get_item(self, **call: Any) -> Any:
        answer = self._inner.get_item(**call)
        key = from_wire(call["Key"])
        return {"Item": to_wire(item)} if (item := self._seen(key, answer.get("Item"))) else {}

    def batch_get_item(self, **call: Any) -> Any:
        answer = self._inner.batch_get_item(**call)
        for table, asked in call["RequestItems"].items():
            found = {_key(from_wire(item)): item for item in answer["Responses"][table]}
            seen = [
                self._seen(from_wire(key), found.get(_key(from_wire(key)))) for key in asked["Keys"]
            ]
            answer["Responses"][table] = [to_wire(item) for item in seen if item]
        return answer

    def query(self, **call: Any) -> Any:
        answer = self._inner.query(**call)
        # An item that is not there yet is passed by before the next one is read.
        seen = [self._seen(from_wire(item), item) for item in answer["Items"]]
        answer["Items"] = [to_wire(item) for item in seen if item]
        return answer

    def transact_get_items(self, **call: Any) -> Any:
        keys = [_key(from_wire(each["Get"]["Key"])) for each in call["TransactItems"]]
        if any(_key(now) in keys for now, _ in self._hidden):
            self._hidden.pop(0)
            reasons = [{"Code": "TransactionConflict"} for _ in keys]
            response: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": reasons,
            }
            raise ClientError(response, "TransactGetItems")
        return self._inner.transact_get_items(**call)

    def _seen(self, key: Item, wire: Any) -> Item | None:
        item = from_wire(wire) if wire else None
        for now, before in self._hidden:
            if _key(now) == _key(key):
                item = before
        self._left -= 1
        if not self._left and self._hidden:
            self._hidden.pop(0)
            self._left = self._reads
        return item

    def _wait_for(self, keys: Sequence[Any]) -> None:
        """Let a write wait for a transaction that holds one of its items."""
        wanted = {_key(from_wire({name: key[name] for name in ("pk", "sk")})) for key in keys}
        if any(_key(now) in wanted for now, _ in self._hidden):
            self._hidden.clear()


class _Noting:
    """Notes what stood before in the place of each item that the last transaction writes."""

    def __init__(self, inner: Any, before: list[tuple[Item, Item | None]]) -> None:
        self._inner, self._before = inner, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        self._before.clear()
        for write in call["TransactItems"]:
            ((kind, what),) = write.items()
            if kind == "ConditionCheck":
                continue
            key = what.get("Key") or {name: what["Item"][name] for name in ("pk", "sk")}
            found = self._inner.get_item(TableName=what["TableName"], Key=key)
            before = from_wire(found["Item"]) if "Item" in found else None
            self._before.append((from_wire(key), before))
        return self._inner.transact_write_items(**call)


class Paged:
    """Gives a Query one item a page, and does something after a page of a number."""

    def __init__(self, inner: Any, number: int, meanwhile: Callable[[], None]) -> None:
        self._inner, self._number, self._meanwhile = inner, number, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def query(self, **call: Any) -> Any:
        answer = self._inner.query(**{**call, "Limit": 1})
        self._number -= 1
        if self._number == 0:
            self._meanwhile()
        return answer


def _key(item: Item) -> tuple[str, str]:
    return item["pk"], item["sk"]


def reading_half(
    inner: Any, transaction: Callable[[StockStore], None], order: Sequence[int], reads: int = 1
) -> StockStore:
    """Give a store that sees what a transaction wrote item by item; see `HalfVisible`."""
    client: Any = HalfVisible(inner, transaction, order, reads)
    return StockStore(Table(table_name("stock"), client, lambda _seconds: None))


def reading_pages(inner: Any, number: int, meanwhile: Callable[[], None]) -> StockStore:
    """Give a store that reads page by page, with something done after a page."""
    client: Any = Paged(inner, number, meanwhile)
    return StockStore(Table(table_name("stock"), client, lambda _seconds: None))
