"""The list of stock has every SKU once, in order, however it is paged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, cursors
from catalog_builders import product, variant
from cloud_in_memory import table_name
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.errors import InvalidCursor
from commerce.ids import new_id
from commerce.settings.store import SettingsStore
from commerce.stock.listing import list_stock
from commerce.stock.model import Adjustment, Terms
from commerce.stock.schema import StockList, StockListQuery
from commerce.stock.store import StockStore
from store.emulated_dynamodb import EmulatedDynamoDb

PRODUCTS = 24


class Shop:
    """Twenty-four products of three variants: plenty of A, one of B, and no C yet."""

    def __init__(self) -> None:
        client: Any = EmulatedDynamoDb("stock", "catalog", "settings")

        def table(noun: str) -> Table:
            return Table(table_name(noun), client, lambda _seconds: None)

        self.stock, self.catalog = StockStore(table("stock")), CatalogStore(table("catalog"))
        self.settings = SettingsStore(table("settings"))
        self.skus: list[str] = []
        for number in range(PRODUCTS):
            made = NOW + timedelta(minutes=number)
            skus = [f"{kind}-{number:02d}" for kind in "ABC"]
            self.catalog.add(
                product(*skus, product_id=new_id("prod", made), handle=f"goods-{number}")
            )
            self.skus = [*skus, *self.skus]
            self.fill(skus[0], 90)
            self.fill(skus[1], 1)

    def fill(self, sku: str, units: int, place: str = "main") -> None:
        change = Adjustment(f"adj_{sku}{place}", sku, place, units, "initial", "ada", NOW)
        self.stock.adjust(change)

    def page(self, **query: Any) -> StockList:
        return list_stock(
            StockListQuery(**query),
            stock=self.stock,
            catalog=self.catalog,
            settings=self.settings,
            cursors=cursors(),
        )

    def all(self, **query: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = self.page(cursor=cursor, **query)
            assert len(page.items) <= query.get("limit", 20)
            found += [row.sku for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 72, 100])
def test_every_sku_stands_in_the_list_once_newest_product_first(shop: Shop, limit: int) -> None:
    assert shop.all(limit=limit) == shop.skus


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_filters_pass_what_they_ask_for_page_by_page(shop: Shop, limit: int) -> None:
    def of(*kinds: str) -> list[str]:
        return [sku for sku in shop.skus if sku[0] in kinds]

    assert shop.all(limit=limit, sku="B-") == of("B")
    assert shop.all(limit=limit, state="low") == of("B", "C")
    assert shop.all(limit=limit, state="out") == of("C")
    assert shop.all(limit=limit, location="main") == of("A", "B")
    assert shop.all(limit=limit, location="north") == []
    assert shop.all(limit=limit, state="backordered") == []


def test_a_cursor_fits_no_other_filter(shop: Shop) -> None:
    cursor = shop.page(limit=1, sku="A").next_cursor
    with pytest.raises(InvalidCursor):
        shop.page(limit=1, sku="B", cursor=cursor)


def test_what_is_not_counted_is_not_low_and_what_is_owed_is_told() -> None:
    shop = Shop()
    kinds = (
        variant("TICKET", manage_inventory=False),
        variant("PRINT", allow_backorder=True),
    )
    shop.catalog.add(
        product(variants=kinds, product_id=new_id("prod", NOW + timedelta(days=1)), handle="new")
    )
    shop.fill("A-00", 3, "north")
    backorderable = Terms(backorderable={"PRINT"})
    shop.stock.reserve("order_1", {"PRINT": 2}, NOW, first="main", terms=backorderable)
    assert shop.all(state="backordered") == ["PRINT"]
    assert shop.all(location="north") == ["A-00"]
    assert "TICKET" not in shop.all(state="low", limit=100)
    first, second = shop.page(limit=2).items
    assert (first.manage_inventory, first.available) == (False, 0)
    assert (second.allow_backorder, second.backordered, second.available) == (True, 2, 0)
