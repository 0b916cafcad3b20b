"""Giving the whole catalogue as product files, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from commerce.catalog import items, shopify_rows
from commerce.catalog.model import Filter, Product
from commerce.catalog.schema import ExportPage, ExportQuery
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.settings.model import ShopSettings

# A function's answer is at most 6 MB with all around it.
ANSWER_BYTES_MAX = 5_000_000
_LIST = "export"


def export_products(
    query: ExportQuery, catalog: CatalogStore, cursors: Cursors, settings: ShopSettings
) -> ExportPage:
    """Give products of every status as a file that an import takes, newest first.

    Each page is a whole file with the same columns, but for currencies that the settings do
    not name.

    Raises
    ------
    InvalidCursor
        It was altered, or is of another list.
    """
    pages: list[ExportPage] = []

    def read(after: str | None) -> tuple[list[Product], str | None]:
        found = catalog.page(items.ALL_PRODUCTS, Filter(), query.limit, after, consistent=True)
        products, last = found.products, found.after
        page = _page(products, settings)
        # Only where keys are long and variants many, for each of their rows has the key.
        while len(page.model_dump_json().encode()) > ANSWER_BYTES_MAX and len(products) > 1:
            products = products[: len(products) // 2]
            last = products[-1].product_id
            page = _page(products, settings)
        pages.append(page)
        return products, last

    _, next_cursor = cursors.page(_LIST, query.cursor, read)
    return pages[0].model_copy(update={"next_cursor": next_cursor})


def _page(products: Sequence[Product], settings: ShopSettings) -> ExportPage:
    currencies = {*settings.currencies, *_priced_in(products)}
    text = shopify_rows.render(products, settings.base_currency, currencies)
    return ExportPage(csv=text, currency=settings.base_currency, products=len(products))


def _priced_in(products: Iterable[Product]) -> set[str]:
    return {
        code
        for product in products
        for variant in product.variants
        for code in (*variant.prices, *variant.compare_at_prices)
    }
