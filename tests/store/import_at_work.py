"""Imports of product files into the test catalogue, and what they leave there."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from builders import NOW, table
from catalog_builders import catalog
from commerce.catalog.imports import import_products
from commerce.catalog.model import Filter, Product
from commerce.catalog.schema import ImportReport, ImportRequest
from commerce.stock.store import StockStore


class Files:
    """Uploaded files, by version id."""

    def __init__(self, **files: str) -> None:
        self._files = files

    def text(self, version_id: str) -> str:
        return self._files[version_id]


class StoppedClock:
    """Always the same time."""

    def __call__(self) -> datetime:
        return NOW


def bring(
    text: str, clock: object = None, base_currency: str = "GBP", **other: object
) -> ImportReport:
    """Import a file's text."""
    stock = StockStore(table("stock"))
    return import_products(
        ImportRequest.model_validate({"csv": text, **other}),
        Files(),
        catalog(),
        partial(stock.open_many, location="main"),
        clock or StoppedClock(),  # type: ignore[arg-type] # any clock
        base_currency,
    )


def counts(report: ImportReport) -> tuple[int, int, int]:
    """Tell how many products were created, updated and left as they were."""
    return report.products_created, report.products_updated, report.products_unchanged


def errors(report: ImportReport) -> list[tuple[int, str]]:
    """Tell line and column of what was left out."""
    return [(error.line, error.column) for error in report.errors]


def shelf() -> list[Product]:
    """Give every product, oldest first."""
    page = catalog().page("list#all", Filter(), 100, None, consistent=True)
    return sorted(page.products, key=lambda product: product.product_id)


def units(sku: str) -> int | None:
    """Tell how many units of a SKU can be sold; None where none were ever counted."""
    stock = StockStore(table("stock")).get(sku)
    return stock.available if stock else None
