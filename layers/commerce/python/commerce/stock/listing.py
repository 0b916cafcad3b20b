"""The list of stock: a SKU of the catalogue a row, product by product."""

from __future__ import annotations

import json

from commerce.catalog import items
from commerce.catalog.model import Filter, Product, ProductVariant
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.settings.store import SettingsStore
from commerce.stock.model import Level, Stock
from commerce.stock.schema import StockList, StockListQuery, StockRow, stock_row
from commerce.stock.store import StockStore

_PRODUCTS_A_READ = 20
# A filter passes over so many rows a request, and the page ends with what it found.
_ROWS_LOOKED_AT_MAX = 2_000


def list_stock(
    query: StockListQuery,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
    cursors: Cursors,
) -> StockList:
    """List the units of the catalogue's SKUs, newest product first.

    Raises
    ------
    InvalidCursor
        It was made for another list.
    """
    low = settings.current().policies.low_stock_units

    def read(after: str | None) -> tuple[list[StockRow], str | None]:
        return _rows(query, after, low, stock, catalog)

    conditions = json.dumps(["stock", query.sku, query.location, query.state])
    rows, next_cursor = cursors.page(conditions, query.cursor, read)
    return StockList(items=rows, next_cursor=next_cursor)


def _rows(
    query: StockListQuery, after: str | None, low: int, stock: StockStore, catalog: CatalogStore
) -> tuple[list[StockRow], str | None]:
    """Read a page; a position is the product before, and how many of the next one's are done."""
    before, _, done = (after or "/0").partition("/")
    product_id, skip = before or None, int(done)
    rows: list[StockRow] = []
    looked_at = 0
    while True:
        page = catalog.page(
            items.ALL_PRODUCTS, Filter(), _PRODUCTS_A_READ, product_id, consistent=False
        )
        found = stock.levels(_skus(page.products, query.sku))
        for product in page.products:
            for number, variant in enumerate(product.variants):
                if number < skip:
                    continue
                if len(rows) == query.limit:
                    return rows, f"{product_id or ''}/{number}"
                looked_at += 1
                if not variant.sku.startswith(query.sku):
                    continue
                units = found.get(variant.sku, Stock(variant.sku, 0, {}))
                if _is_wanted(query, variant, units, low):
                    rows.append(stock_row(product, variant, units))
            product_id, skip = product.product_id, 0
        if page.after is None:
            return rows, None
        product_id = page.after
        if looked_at >= _ROWS_LOOKED_AT_MAX:
            return rows, f"{product_id}/0"


def _skus(products: list[Product], prefix: str) -> list[str]:
    return [sku for product in products for sku in product.skus if sku.startswith(prefix)]


def _is_wanted(query: StockListQuery, variant: ProductVariant, units: Stock, low: int) -> bool:
    """Tell whether a row passes; what is not counted is neither low nor out."""
    if query.location is None:
        available, backordered = units.available, units.backordered
    elif query.location in units.locations:
        level = units.locations[query.location]
        available, backordered = level.available, level.backordered
    elif query.state is None:
        return False
    else:
        available, backordered = Level().available, Level().backordered
    if query.state is None:
        return True
    if not variant.manage_inventory:
        return False
    return {
        "out": available == 0,
        "low": available <= low,
        "backordered": backordered > 0,
    }[query.state]
