"""Products as rows of a Shopify product CSV; pure, and the other way round of `shopify_csv`.

What the format has no column for stands in two of our own, which other shops pass over:
`Variant Title`, where it is none that follows from the option values, and `Categories`, where
a product stands in more than one or a category has a slug of its own. What is written is read
as it was.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from commerce.catalog.csv_cells import guarded
from commerce.catalog.model import (
    NO_CHOICE,
    Category,
    Media,
    Product,
    ProductVariant,
    category_slugs,
    default_variant_title,
)
from commerce.money import in_major_unit

_COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *(f"Option{number} {what}" for number in (1, 2, 3) for what in ("Name", "Value")),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Policy"),
    *("Variant Fulfillment Service", "Variant Price", "Variant Compare At Price"),
    *("Variant Requires Shipping", "Variant Taxable", "Variant Barcode", "Image Src"),
    *("Image Position", "Image Alt Text", "Variant Weight Unit", "Variant Tax Code", "Status"),
    *("Variant Title", "Categories"),
)


def render(products: Iterable[Product], base: str, currencies: Iterable[str]) -> str:
    """Write a file of products, with a price in the base currency and one in each other."""
    others = sorted({*currencies} - {base})
    prices = [f"{what} / {code}" for code in others for what in ("Price", "Compare At Price")]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*_COLUMNS, *prices], restval="")
    writer.writeheader()
    for product in products:
        for row in _rows(product, base, others):
            writer.writerow({name: guarded(cell) for name, cell in row.items()})
    return text.getvalue()


def _rows(product: Product, base: str, others: Sequence[str]) -> Iterator[dict[str, str]]:
    first = _product_cells(product)
    images = enumerate(product.media, start=1)
    for variant, image in zip_longest(product.variants, images):
        row = {"Handle": product.import_key or product.handle, **first}
        if variant:
            row |= _variant_cells(variant, base, others)
        if image:
            row |= _image_cells(*image)
        yield row
        first = {}


def _product_cells(product: Product) -> dict[str, str]:
    leaves = _leaves(product.categories)
    path, more = _category_cells(leaves)
    return {
        "Title": product.title,
        "Body (HTML)": product.description,
        "Vendor": product.vendor,
        "Product Category": path,
        "Categories": more,
        "Tags": ", ".join(product.tags),
        "Published": _boolean(product.status == "active"),
        "Status": product.status,
    }


def _leaves(categories: Sequence[Category]) -> list[Category]:
    """Give the categories that no other is within: those above follow from them."""
    above = {category.parent for category in categories}
    return [category for category in categories if category.slug not in above]


def _category_cells(leaves: Sequence[Category]) -> tuple[str, str]:
    """Give the path that the format has a column for, and what our own says beside it."""
    path = ""
    more: list[dict[str, object]] = []
    for position, leaf in enumerate(leaves):
        plain = leaf.slug in category_slugs(leaf.path)
        sayable = not any(">" in title for title in leaf.path)
        if position == 0 and sayable:
            path = " > ".join(leaf.path)
        if position > 0 or not sayable or not plain:
            more.append({"path": list(leaf.path)} | ({} if plain else {"slug": leaf.slug}))
    return path, json.dumps(more, ensure_ascii=False) if more else ""


def _variant_cells(variant: ProductVariant, base: str, others: Sequence[str]) -> dict[str, str]:
    usual, earlier = default_variant_title(variant.option_values), variant.compare_at_prices
    return {
        **_option_cells(variant.option_values),
        "Variant SKU": variant.sku,
        "Variant Title": "" if variant.title == usual else variant.title,
        "Variant Grams": str(variant.weight_grams),
        "Variant Weight Unit": "g",
        "Variant Inventory Tracker": "shopify" if variant.manage_inventory else "",
        "Variant Inventory Policy": "continue" if variant.allow_backorder else "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Price": _amount(variant.prices, base),
        "Variant Compare At Price": _amount(earlier, base),
        "Variant Requires Shipping": _boolean(variant.requires_shipping),
        "Variant Taxable": _boolean(variant.tax_class != "zero"),
        "Variant Tax Code": variant.tax_class if variant.tax_class == "reduced" else "",
        "Variant Barcode": variant.barcode,
        **{f"Price / {code}": _amount(variant.prices, code) for code in others},
        **{
            f"Compare At Price / {code}": _amount(variant.compare_at_prices, code)
            for code in others
        },
    }


def _option_cells(option_values: Mapping[str, str]) -> dict[str, str]:
    cells = {}
    for number, (name, value) in enumerate(option_values.items() or [NO_CHOICE], start=1):
        cells[f"Option{number} Name"] = name
        cells[f"Option{number} Value"] = value
    return cells


def _image_cells(position: int, media: Media) -> dict[str, str]:
    return {"Image Src": media.url, "Image Position": str(position), "Image Alt Text": media.alt}


def _amount(amounts: Mapping[str, int], currency: str) -> str:
    return in_major_unit(amounts[currency], currency) if currency in amounts else ""


def _boolean(truth: bool) -> str:
    return "TRUE" if truth else "FALSE"
