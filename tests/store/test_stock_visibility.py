"""A transaction's items become visible one by one, and a Query's pages come one after another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest

from builders import NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import OrderCanceled
from commerce.stock.model import CHUNK_SKUS_MAX
from commerce.stock.store import StockStore
from store.emulated_dynamodb import EmulatedDynamoDb
from store.half_visible import reading_half, reading_pages

Step = Callable[[StockStore], None]
# The chunk, the movement's record and the SKU's counts, in the order of the transaction.
ORDERS = list(permutations(range(3)))
THREE_CHUNKS = {f"SKU-{n:04d}": 1 for n in range(2 * CHUNK_SKUS_MAX + 1)}


def levels(stock: StockStore, sku: str) -> tuple[int, int, int]:
    found = stock.get(sku)
    assert found is not None
    return found.available, found.reserved, found.consumed


@pytest.fixture(scope="module")
def one_database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb("stock")


@pytest.fixture
def database(one_database: EmulatedDynamoDb) -> EmulatedDynamoDb:
    one_database.empty()
    return one_database


def stocked(client: Any, **units: int) -> StockStore:
    store = StockStore(Table(table_name("stock"), client, lambda _seconds: None))
    store.open_many(units, NOW, location="main")
    return store


class Died(Exception):
    pass


def die() -> None:
    raise Died


class Interrupted:
    """The database's client, with something done before one transaction of a number."""

    def __init__(self, inner: Any, number: int, meanwhile: Callable[[], None]) -> None:
        self._inner, self._number, self._meanwhile = inner, number, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        self._number -= 1
        if self._number == 0:
            self._meanwhile()
        return self._inner.transact_write_items(**call)


def ordered(client: Any) -> StockStore:
    stock = stocked(client, MUG=5)
    stock.reserve(ORDER_ID, {"MUG": 5}, NOW, first="main")
    return stock


def ship(store: StockStore) -> None:
    store.consume(ORDER_ID, "fulfillment_1", {"MUG": 5}, None, NOW)


def cancel(store: StockStore) -> None:
    store.release_part(ORDER_ID, "cancellation_1", {"MUG": 5}, None, NOW)


@pytest.mark.parametrize("visible", ORDERS)
@pytest.mark.parametrize(("step", "left"), [(ship, (0, 0, 5)), (cancel, (5, 0, 0))])
def test_a_repeat_that_sees_the_first_run_item_by_item_finds_it_done(
    step: Step,
    left: tuple[int, int, int],
    visible: tuple[int, ...],
    database: EmulatedDynamoDb,
) -> None:
    stock = ordered(database)
    step(reading_half(database, step, visible))
    assert levels(stock, "MUG") == left


@pytest.mark.parametrize("page", range(1, 4))
def test_a_repeat_whose_pages_come_from_before_and_after_the_first_run_finds_it_done(
    page: int, database: EmulatedDynamoDb
) -> None:
    stock = ordered(database)
    stock.release_part(ORDER_ID, "cancellation_1", {"MUG": 2}, None, NOW)

    def ship_the_rest(store: StockStore) -> None:
        store.consume(ORDER_ID, "fulfillment_1", {"MUG": 3}, None, NOW)

    ship_the_rest(reading_pages(database, page, lambda: ship_the_rest(stock)))
    ship_the_rest(stock)
    assert levels(stock, "MUG") == (2, 0, 3)


@pytest.mark.parametrize("reads", range(1, 5))
@pytest.mark.parametrize("visible", ORDERS)
def test_the_timeline_tells_of_a_shipment_wholly_or_not_at_all(
    visible: tuple[int, ...], reads: int, database: EmulatedDynamoDb
) -> None:
    ordered(database)
    (found,) = reading_half(database, ship, visible, reads).reservations(ORDER_ID)
    kinds = [became for became, part in found.parts for _ in range(part.quantity)]
    assert kinds in (["held"] * 5, ["consumed"] * 5)


@pytest.mark.parametrize("reads", range(1, 7))
@pytest.mark.parametrize("visible", [(0, 1), (1, 0)])
def test_a_release_gives_back_a_chunk_that_cannot_be_seen_yet(
    visible: tuple[int, ...], reads: int, database: EmulatedDynamoDb
) -> None:
    # The last transaction counts one SKU and writes the second chunk.
    two_chunks = dict(sorted(THREE_CHUNKS.items())[: CHUNK_SKUS_MAX + 1])
    stock = stocked(database, **two_chunks)
    half = reading_half(
        database,
        lambda store: store.reserve(ORDER_ID, two_chunks, NOW, first="main"),
        visible,
        reads,
    )
    half.release(ORDER_ID, NOW)
    assert {(one.available, one.reserved) for one in stock.levels(two_chunks).values()} == {(1, 0)}


@pytest.mark.parametrize("transaction", range(1, 4))
def test_a_reserve_between_the_steps_of_a_release_leaves_nothing_held(
    transaction: int, database: EmulatedDynamoDb
) -> None:
    stock = stocked(database, **THREE_CHUNKS)
    dying: Any = Interrupted(database, 3, die)
    with pytest.raises(Died):
        StockStore(Table(table_name("stock"), dying)).reserve(
            ORDER_ID, THREE_CHUNKS, NOW, first="main"
        )

    def late() -> None:
        with suppress(OrderCanceled):
            stock.reserve(ORDER_ID, THREE_CHUNKS, NOW, first="main")

    client: Any = Interrupted(database, transaction, late)
    StockStore(Table(table_name("stock"), client)).release(ORDER_ID, NOW)
    assert {one.reserved for one in stock.levels(THREE_CHUNKS).values()} == {0}
