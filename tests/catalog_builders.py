"""Small builders of the catalogue: products, and lines of a product file."""

from __future__ import annotations

import csv
import io
from typing import Any

from builders import NOW, table
from commerce.catalog.model import Category, Product, ProductVariant
from commerce.catalog.operations import OnSale
from commerce.catalog.store import CatalogStore
from commerce.settings.recent import RecentSettings
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore

PRODUCT_ID = "prod_01kjm2h5k0abcdefghjkmnpqrstvwxyz0123"
OTHER_ID = "prod_01kjm2h5k1abcdefghjkmnpqrstvwxyz0123"
MUGS = Category("mugs", "Mugs")


def catalog() -> CatalogStore:
    """Open the test catalogue."""
    return CatalogStore(table("catalog"))


def on_sale() -> OnSale:
    """Give what buyers are told of the test stock."""
    settings = SettingsStore(table("settings"))
    return OnSale(StockStore(table("stock")).available, RecentSettings(settings))


def variant(sku: str = "MUG-BLU", **other: Any) -> ProductVariant:
    """Give a variant."""
    facts: dict[str, Any] = {
        "title": "Blue",
        "prices": {"GBP": 950, "EUR": 1100},
        "option_values": {"Colour": sku},
        "compare_at_prices": {},
        "weight_grams": 210,
        "tax_class": "standard",
        "requires_shipping": True,
        "barcode": "",
    }
    return ProductVariant(sku=sku, **{**facts, **other})


def product(*skus: str, **other: Any) -> Product:
    """Give an active product with these SKUs."""
    facts: dict[str, Any] = {
        "product_id": PRODUCT_ID,
        "handle": "enamel-mug",
        "title": "Enamel Mug",
        "description": "A steel mug.",
        "vendor": "Tin Lane",
        "tags": ("kitchen",),
        "status": "active",
        "categories": (MUGS,),
        "media": (),
        "variants": tuple(variant(sku) for sku in skus or ("MUG-BLU",)),
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "import_key": other.get("handle", "enamel-mug"),
    }
    return Product(**{**facts, **other})


def csv_row(**cells: str) -> dict[str, str]:
    """Give a row of a product file; the keywords are column names with underscores."""
    facts = {
        "Handle": "enamel-mug",
        "Title": "Enamel Mug",
        "Option1 Name": "Colour",
        "Option1 Value": "Blue",
        "Variant SKU": "MUG-BLU",
        "Variant Price": "9.50",
    }
    return {**facts, **{name.replace("_", " "): value for name, value in cells.items()}}


def csv_text(*rows: dict[str, str]) -> str:
    """Write rows as a product file with the columns of all of them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
