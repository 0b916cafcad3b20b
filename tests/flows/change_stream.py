"""A table's stream, told by comparing items before and after each write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commerce.clock import Clock, to_text
from commerce.dynamo.table import from_wire
from commerce.events.model import Change

Wire = dict[str, Any]

_WRITES = {"put_item", "update_item", "delete_item", "transact_write_items"}


class ChangeStream:
    """DynamoDB's client, which keeps in `changes` what is written to one table."""

    def __init__(self, inner: Any, table: str, clock: Clock) -> None:
        self.changes: list[Change] = []
        self._inner = inner
        self._table = table
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        return self._watched(call) if name in _WRITES else call

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(**arguments: Any) -> Any:
            keys = self._written(arguments)
            before = [self._image(key) for key in keys]
            answer = call(**arguments)
            for key, old in zip(keys, before, strict=True):
                new = self._image(key)
                if new != old:
                    now = to_text(self._clock())
                    self.changes.append(Change(from_wire(key), old, new, now))
            return answer

        return watched

    def _written(self, arguments: Wire) -> list[Wire]:
        """Give the keys of the table's items that a call may write."""
        writes = [arguments]
        if "TransactItems" in arguments:
            actions = [next(iter(each.items())) for each in arguments["TransactItems"]]
            writes = [write for kind, write in actions if kind != "ConditionCheck"]
        items = [
            write.get("Item") or write["Key"]
            for write in writes
            if write["TableName"] == self._table
        ]
        return [{name: item[name] for name in ("pk", "sk")} for item in items]

    def _image(self, key: Wire) -> dict[str, Any] | None:
        answer = self._inner.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return from_wire(answer["Item"]) if "Item" in answer else None
