"""A SKU is given up only where nothing is left of it, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, ORDER_ID
from catalog_builders import OTHER_ID, PRODUCT_ID, product
from cloud_in_memory import table_name
from commerce.catalog.model import Product
from commerce.catalog.saving import GIVEN_UP_MIN
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.errors import InvalidRequest, NotFound, OutOfStock, SkuHasStock
from commerce.stock.model import Adjustment, Terms
from commerce.stock.operations import units_at
from commerce.stock.store import StockStore
from store.emulated_dynamodb import EmulatedDynamoDb

LATER = NOW + timedelta(hours=1)
MANY = [f"MUG-{number:03d}" for number in range(100)]


@pytest.fixture(scope="module")
def one_database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb("stock", "catalog")


@pytest.fixture
def database(one_database: EmulatedDynamoDb) -> EmulatedDynamoDb:
    one_database.empty()
    return one_database


class Shop:
    """A catalogue and its stock, in one database."""

    def __init__(self, client: Any) -> None:
        def table(noun: str) -> Table:
            return Table(table_name(noun), client, lambda _seconds: None)

        self.stock = StockStore(table("stock"))
        self.catalog = CatalogStore(table("catalog"), self.stock.none_left)

    def add(self, sku: str, delta: int, call: str = "") -> None:
        change = Adjustment(f"adj_{sku}{delta}", sku, "main", delta, "found", "ada", NOW, call=call)
        self.stock.adjust(change, self.catalog.is_sold(sku) if delta > 0 else None)

    def rename(self, old: Product, *skus: str, **other: Any) -> Product:
        variants = product(*skus).variants
        return self.catalog.replace(old, old.changed(LATER, variants=variants, **other))


class Meanwhile:
    """The database's client, with something done before the transaction that has a check."""

    def __init__(self, inner: Any, what: Callable[[], None]) -> None:
        self._inner, self._what = inner, [what]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        if self._what and any("ConditionCheck" in write for write in call["TransactItems"]):
            self._what.pop()()
        return self._inner.transact_write_items(**call)


def hold(shop: Shop, **units: int) -> None:
    backorderable = Terms(backorderable={"MUG"})
    shop.stock.reserve(ORDER_ID, units, NOW, first="main", terms=backorderable)


def ship(shop: Shop, **units: int) -> None:
    shop.stock.consume(ORDER_ID, "fulfillment_1", units, None, NOW)


def hold_what_is_there(shop: Shop) -> None:
    shop.add("MUG", 1)
    hold(shop, MUG=1)


def send_what_is_not_there(shop: Shop) -> None:
    hold(shop, MUG=1)
    ship(shop, MUG=1)


HAVING: dict[str, Callable[[Shop], None]] = {
    "available": lambda shop: shop.add("MUG", 1),
    "held": hold_what_is_there,
    "owed": lambda shop: hold(shop, MUG=1),
    "sent ahead": send_what_is_not_there,
}


@pytest.mark.parametrize("units", HAVING.values(), ids=HAVING)
@pytest.mark.parametrize("to", [("CUP",), ("CUP", "PEN")])
def test_a_sku_that_has_units_is_kept(
    database: EmulatedDynamoDb, units: Callable[[Shop], None], to: tuple[str, ...]
) -> None:
    shop = Shop(database)
    mug = shop.catalog.add(product("MUG"))
    units(shop)
    with pytest.raises(SkuHasStock) as refused:
        shop.rename(mug, *to)
    assert [each["sku"] for each in refused.value.details["units"]] == ["MUG"]
    assert shop.catalog.find(PRODUCT_ID, consistent=True) == mug
    assert set(shop.catalog.variants(["MUG", *to])) == {"MUG"}


def test_a_sku_that_was_sold_out_and_sent_is_given_up_and_its_name_brings_no_units(
    database: EmulatedDynamoDb,
) -> None:
    shop = Shop(database)
    mug = shop.catalog.add(product("MUG"))
    shop.add("MUG", 2)
    hold(shop, MUG=2)
    ship(shop, MUG=2)
    shop.rename(mug, "CUP")
    shop.catalog.add(product("MUG", product_id=OTHER_ID, handle="other"))
    with pytest.raises(OutOfStock):
        shop.stock.reserve("order_2", {"MUG": 1}, NOW, first="main")


MEANWHILE: dict[str, Callable[[Shop], None]] = {
    "a first unit": lambda shop: shop.add("MUG", 1),
    "an order that is owed some": lambda shop: hold(shop, MUG=1),
}


@pytest.mark.parametrize("event", MEANWHILE.values(), ids=MEANWHILE)
@pytest.mark.parametrize("stocked_before", [False, True])
def test_units_that_come_while_the_sku_is_given_up_keep_it(
    database: EmulatedDynamoDb, event: Callable[[Shop], None], stocked_before: bool
) -> None:
    shop = Shop(database)
    mug = shop.catalog.add(product("MUG"))
    if stocked_before:
        shop.add("MUG", 5)
        shop.add("MUG", -5)
    with pytest.raises(SkuHasStock):
        Shop(Meanwhile(database, lambda: event(shop))).rename(mug, "CUP")
    assert set(shop.catalog.variants(["MUG", "CUP"])) == {"MUG"}


@pytest.mark.parametrize("stocked_before", [False, True])
def test_units_that_come_after_the_sku_was_given_up_are_refused(
    database: EmulatedDynamoDb, stocked_before: bool
) -> None:
    shop = Shop(database)
    mug = shop.catalog.add(product("MUG"))
    if stocked_before:
        shop.add("MUG", 5)
        shop.add("MUG", -5)

    def give_up() -> None:
        shop.rename(mug, "CUP")

    late = Shop(Meanwhile(database, give_up))
    with pytest.raises(NotFound):
        late.add("MUG", 1)
    assert late.stock.open_many({"MUG": 9}, NOW, location="main", guard=late.catalog.is_sold) == 0
    assert units_at(["main"], stock=shop.stock, catalog=shop.catalog) == {}


def test_many_skus_are_given_up_at_once_and_too_many_are_refused(
    database: EmulatedDynamoDb,
) -> None:
    shop = Shop(database)
    mug = shop.catalog.add(product(*MANY))
    with pytest.raises(InvalidRequest):
        shop.rename(mug, "CUP")
    assert shop.catalog.find(PRODUCT_ID, consistent=True) == mug
    # Whatever else changes.
    fewer = shop.rename(
        mug, "CUP", *MANY[GIVEN_UP_MIN:], handle="cup", status="draft", categories=()
    )
    assert fewer.unsettled == ()
    assert set(shop.catalog.variants(MANY)) == set(MANY[GIVEN_UP_MIN:])


def test_places_with_units_are_named_with_some_of_their_skus(database: EmulatedDynamoDb) -> None:
    shop = Shop(database)
    shop.catalog.add(product(*MANY[:9], "MUG"))
    for sku in MANY[:8]:
        shop.add(sku, 1)
    shop.add(MANY[8], 1)
    shop.add(MANY[8], -1)
    found = units_at(["main", "north"], stock=shop.stock, catalog=shop.catalog)
    assert found.keys() == {"main"}
    assert len(found["main"]) == 5
    assert MANY[8] not in found["main"]
