"""Stock stores whose database is disturbed, or taken by many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cloud_in_memory import table_name
from commerce.dynamo.table import Table, dynamodb_client
from commerce.stock.store import StockStore


class Interrupted:
    """DynamoDB's client, with something done before one transaction of a number."""

    def __init__(self, number: int, meanwhile: Callable[[], None]) -> None:
        self._number, self._meanwhile = number, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(dynamodb_client(), name)

    def transact_write_items(self, **call: Any) -> Any:
        self._number -= 1
        if self._number == 0:
            self._meanwhile()
        return dynamodb_client().transact_write_items(**call)


class OneByOne:
    """DynamoDB's client that takes one call at a time, for moto's calls are not atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        call = getattr(dynamodb_client(), name)

        def alone(**arguments: Any) -> Any:
            with self._lock:
                return call(**arguments)

        return alone


def interrupted(number: int, meanwhile: Callable[[], None]) -> StockStore:
    """Give a store with something done before one transaction of a number."""
    client: Any = Interrupted(number, meanwhile)
    return StockStore(Table(table_name("stock"), client))


def shared() -> StockStore:
    """Give a store that threads may use at once."""
    client: Any = OneByOne()
    return StockStore(Table(table_name("stock"), client))
