"""How large an item is, as DynamoDB counts it: names and texts in UTF-8, and what holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

# An item has at most 400 KB; what may still come to one is left room for.
ITEM_BYTES_MAX = 400 * 1024
# A transaction has at most 4 MB of items. The embedded cloud counts the request that carries
# them, in which a number takes several times as much.
TRANSACTION_BYTES_MAX = 1_500_000

Thing = TypeVar("Thing")


def value_bytes(value: Any) -> int:
    """Give the size of a value of an item; never less than DynamoDB counts."""
    if isinstance(value, str):
        return len(value.encode())
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return len(str(abs(value))) // 2 + 3
    if isinstance(value, Mapping):
        return 3 + sum(1 + value_bytes(name) + value_bytes(part) for name, part in value.items())
    return 3 + sum(1 + value_bytes(part) for part in value)


def item_bytes(item: Mapping[str, Any]) -> int:
    """Give the size of an item; never less than DynamoDB counts."""
    return sum(value_bytes(name) + value_bytes(value) for name, value in item.items())


def runs_of(things: Iterable[tuple[Thing, int]], bytes_max: int) -> Iterator[list[Thing]]:
    """Cut things, each with its size, into runs that are as long as fits; each has one at least."""
    run: list[Thing] = []
    size = 0
    for thing, more in things:
        if run and size + more > bytes_max:
            yield run
            run, size = [], 0
        run.append(thing)
        size += more
    if run:
        yield run
