"""What calls to DynamoDB cost, computed from the sizes of the items they touch.

The rules are AWS's: a write costs a unit a started KB of the larger of the item before
and after, twice that in a transaction, and as much again in every index the item enters,
changes in or leaves, where a changed key is a deletion and an insertion. A read costs a
unit a started 4 KB, half of that where it may be a moment behind, twice in a transaction.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

from cloud_in_memory import table_name, template
from commerce.dynamo.table import dynamodb_client

Wire = dict[str, Any]

_KEY = ("pk", "sk")


def value_bytes(value: Wire) -> int:
    """Give the size of one attribute's value as DynamoDB counts it."""
    ((kind, content),) = value.items()
    if kind in ("S", "SS"):
        return sum(len(text.encode()) for text in ([content] if kind == "S" else content))
    if kind == "N":
        text = str(content)
        digits = text.lstrip("-").strip("0") or "0"
        return math.ceil(len(digits) / 2) + 1 + text.startswith("-")
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return 3 + sum(1 + value_bytes(part) for part in content)
    assert kind == "M", kind
    return 3 + sum(1 + len(name) + value_bytes(part) for name, part in content.items())


def item_bytes(item: Wire | None) -> int:
    """Give the size of an item."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in (item or {}).items())


def write_units(size: int) -> int:
    """Give what writing so many bytes costs."""
    return max(1, math.ceil(size / 1024))


def read_units(size: int, *, consistent: bool) -> float:
    """Give what reading so many bytes costs."""
    return max(1, math.ceil(size / 4096)) * (1 if consistent else 0.5)


class CapacityMeter:
    """DynamoDB's client, with the units of every call added up by table."""

    def __init__(self) -> None:
        self.writes: Counter[str] = Counter()
        self.reads: defaultdict[str, float] = defaultdict(float)
        self.items: dict[str, int] = {}
        self._client: Any = dynamodb_client()
        self._indexes = {
            table_name(name.removesuffix("Table")): resource["Properties"]["GlobalSecondaryIndexes"]
            for name, resource in template()["Resources"].items()
            if "GlobalSecondaryIndexes" in resource.get("Properties", {})
        }

    def get_item(self, **call: Any) -> Any:
        answer = self._client.get_item(**call)
        size = item_bytes(answer.get("Item"))
        self.reads[call["TableName"]] += read_units(size, consistent=call["ConsistentRead"])
        return answer

    def batch_get_item(self, **call: Any) -> Any:
        answer = self._client.batch_get_item(**call)
        for table, wanted in call["RequestItems"].items():
            found = answer["Responses"].get(table, [])
            missing = len(wanted["Keys"]) - len(found)
            consistent = wanted["ConsistentRead"]
            for size in [*map(item_bytes, found), *[0] * missing]:
                self.reads[table] += read_units(size, consistent=consistent)
        return answer

    def query(self, **call: Any) -> Any:
        answer = self._client.query(**call)
        size = sum(map(item_bytes, answer["Items"]))
        self.reads[call["TableName"]] += read_units(size, consistent=call["ConsistentRead"])
        return answer

    def put_item(self, **call: Any) -> Any:
        return self._written(call, call["Item"], self._client.put_item, 1)

    def update_item(self, **call: Any) -> Any:
        return self._written(call, call["Key"], self._client.update_item, 1)

    def transact_write_items(self, **call: Any) -> Any:
        writes = [next(iter(write.values())) for write in call["TransactItems"]]
        places = [(write["TableName"], _key(write.get("Item") or write["Key"])) for write in writes]
        before = [self._read(*place) for place in places]
        answer = self._client.transact_write_items(**call)
        for place, old in zip(places, before, strict=True):
            self._count(place[0], old, self._read(*place), 2)
        return answer

    def _written(self, call: Any, item: Wire, write: Any, factor: int) -> Any:
        place = call["TableName"], _key(item)
        before = self._read(*place)
        answer = write(**call)
        self._count(place[0], before, self._read(*place), factor)
        return answer

    def _read(self, table: str, key: Wire) -> Wire | None:
        item: Wire | None = self._client.get_item(
            TableName=table, Key=key, ConsistentRead=True
        ).get("Item")
        return item

    def _count(self, table: str, before: Wire | None, after: Wire | None, factor: int) -> None:
        size = max(item_bytes(before), item_bytes(after))
        self.writes[table] += factor * write_units(size)
        name = (after or before or {})["sk"]["S"].partition("#")[0]
        self.items[f"{table}/{name}"] = size
        for index in self._indexes.get(table, []):
            old, new = _entry(index, before), _entry(index, after)
            if old == new:
                continue
            keys = [part["AttributeName"] for part in index["KeySchema"]]
            moved = old and new and any(old[name] != new[name] for name in keys)
            self.writes[f"{table}/index"] += (2 if moved else 1) * write_units(
                max(item_bytes(old), item_bytes(new))
            )


def _key(item: Wire) -> Wire:
    return {name: item[name] for name in _KEY}


def _entry(index: Any, item: Wire | None) -> Wire | None:
    """Give an item as an index has it; None where it is not in it."""
    keys = [part["AttributeName"] for part in index["KeySchema"]]
    if item is None or any(name not in item for name in keys):
        return None
    projected = {*keys, *_KEY, *index["Projection"].get("NonKeyAttributes", [])}
    if index["Projection"]["ProjectionType"] == "ALL":
        return item
    return {name: value for name, value in item.items() if name in projected}
