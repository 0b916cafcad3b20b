"""How the catalogue lies in its table.

=============================  ==================  ====================================
pk                             sk                  what
=============================  ==================  ====================================
``product#<product_id>``       ``product``         the product with all its variants
``sku#<SKU>``                  ``variant``         what pricing needs of it, or a claim
``handle#<handle>``            ``handle``          which product has the handle
``import#<import key>``        ``import``          which product files call so
``list#all``                   ``<product_id>``    an entry for every product
``list#status#<status>``       ``<product_id>``    an entry for every product in a status
``list#category#<slug>``       ``<product_id>``    an entry for every active product in it
``categories``                 ``<slug>``          title, what is above, how many active products
``category#<hash of path>``    ``category``        which slug the category of the path has
=============================  ==================  ====================================

=====================================  ==================================================
access                                 by
=====================================  ==================================================
price a cart                           BatchGet of ``sku#…``
a product by id, by handle             Get, or Get of ``handle#…`` and Get
products of a file                     BatchGet of ``import#…`` and ``handle#…``, then of them
products of a shelf or status, newest  Query of ``list#…`` backwards (a product id sorts by
first                                  time of making), then BatchGet of the products
categories in use                      Query of ``categories``
=====================================  ==================================================

A list is a partition of its own and not an index, so it shows a change at once, is
written in the product's own transaction, and carries only what a filter looks at.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from commerce.catalog.model import (
    Category,
    CategoryCount,
    Entry,
    Media,
    Product,
    ProductVariant,
    Variant,
    sellable,
)
from commerce.clock import from_text, to_text
from commerce.dynamo.sizes import item_bytes
from commerce.dynamo.table import Item, Key

CATEGORIES = "categories"
ALL_PRODUCTS = "list#all"


def product_key(product_id: str) -> Key:
    """Give the key of a product."""
    return {"pk": f"product#{product_id}", "sk": "product"}


def sku_key(sku: str) -> Key:
    """Give the key of a SKU's item."""
    return {"pk": f"sku#{sku}", "sk": "variant"}


def handle_key(handle: str) -> Key:
    """Give the key of a handle's item."""
    return {"pk": f"handle#{handle}", "sk": "handle"}


def import_key(key: str) -> Key:
    """Give the key of the item that tells which product files call so."""
    return {"pk": f"import#{key}", "sk": "import"}


def category_key(slug: str) -> Key:
    """Give the key of a category's count."""
    return {"pk": CATEGORIES, "sk": slug}


def category_path_key(parent: str | None, title: str) -> Key:
    """Give the key of the item that tells the slug of a title within a parent."""
    digest = hashlib.sha256(json.dumps([parent, title]).encode()).hexdigest()
    return {"pk": f"category#{digest}", "sk": "category"}


def category_item(category: Category) -> Item:
    """Write a category that no product is in yet."""
    return {
        **category_key(category.slug),
        "title": category.title,
        "above": list(category.above),
        "parent": category.parent,
        "active_products": 0,
    }


def category_path_item(category: Category) -> Item:
    """Write which slug a path has."""
    return {**category_path_key(category.parent, category.title), "slug": category.slug}


def to_category(item: Item) -> Category:
    """Read what `category_item` wrote; of before there were paths, it stands at the top."""
    above = tuple(item.get("above", ()))
    return Category(item["sk"], item["title"], above, item.get("parent"))


def status_list(status: str) -> str:
    """Name the partition that lists the products in a status."""
    return f"list#status#{status}"


def category_list(slug: str) -> str:
    """Name the partition that lists the active products in a category."""
    return f"list#category#{slug}"


def sku_item(product: Product, variant: ProductVariant) -> Item:
    """Write what pricing needs; under 1 KB but for very long titles."""
    sold = sellable(product, variant)
    return {
        **sku_key(sold.sku),
        "product_id": sold.product_id,
        "title": sold.title,
        "variant_title": sold.variant_title,
        "prices": dict(sold.prices),
        "tax_class": sold.tax_class,
        "weight_grams": sold.weight_grams,
        "requires_shipping": sold.requires_shipping,
        "status": sold.status,
        "version": sold.version,
        "manage_inventory": sold.manage_inventory,
        "allow_backorder": sold.allow_backorder,
    }


def claim_item(sku: str, product: Product, claimed_until: int) -> Item:
    """Hold a SKU for a save that is under way; `claimed_until` is in epoch seconds.

    Its version is the one before, so that only this save or a later one replaces it.
    """
    return {
        **sku_key(sku),
        "product_id": product.product_id,
        "version": product.version - 1,
        "claimed_until": claimed_until,
    }


def is_claim(item: Item) -> bool:
    """Tell whether a SKU is only held yet, and cannot be sold."""
    return "claimed_until" in item


def to_variant(item: Item) -> Variant:
    """Read what `sku_item` wrote."""
    return Variant(
        sku=item["pk"].removeprefix("sku#"),
        product_id=item["product_id"],
        title=item["title"],
        variant_title=item["variant_title"],
        prices=item["prices"],
        tax_class=item["tax_class"],
        weight_grams=item["weight_grams"],
        requires_shipping=item["requires_shipping"],
        status=item["status"],
        version=item["version"],
        # Written before there was a choice: counted, and never sold beyond.
        manage_inventory=item.get("manage_inventory", True),
        allow_backorder=item.get("allow_backorder", False),
    )


def handle_item(product: Product) -> Item:
    """Write whose the handle is."""
    return {**handle_key(product.handle), "product_id": product.product_id}


def import_key_item(product: Product) -> Item:
    """Write whose the import key is."""
    return {**import_key(product.import_key), "product_id": product.product_id}


def bytes_of(product: Product) -> int:
    """Tell how much room a product takes, but for the names of its unsettled SKUs."""
    return item_bytes(product_item(replace(product, unsettled=())))


def product_item(product: Product) -> Item:
    """Write a product; under 400 KB where `bytes_of` is within `PRODUCT_BYTES_MAX`."""
    return {
        **product_key(product.product_id),
        "product_id": product.product_id,
        "handle": product.handle,
        "title": product.title,
        "description": product.description,
        "vendor": product.vendor,
        "tags": list(product.tags),
        "status": product.status,
        # What is above a category stands before it.
        "categories": [
            {"slug": c.slug, "title": c.title, "parent": c.parent} for c in product.categories
        ],
        "media": [{"url": media.url, "alt": media.alt} for media in product.media],
        "variants": [_variant_to_map(variant) for variant in product.variants],
        "version": product.version,
        "created_at": to_text(product.created_at),
        "updated_at": to_text(product.updated_at),
        "unsettled": list(product.unsettled),
        "import_key": product.import_key,
    }


def to_product(item: Item) -> Product:
    """Read what `product_item` wrote."""
    return Product(
        product_id=item["product_id"],
        handle=item["handle"],
        title=item["title"],
        description=item["description"],
        vendor=item["vendor"],
        tags=tuple(item["tags"]),
        status=item["status"],
        categories=_categories(item["categories"]),
        media=tuple(Media(**media) for media in item["media"]),
        variants=tuple(_variant_from_map(variant) for variant in item["variants"]),
        version=item["version"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        unsettled=tuple(item["unsettled"]),
        import_key=item.get("import_key", ""),
    )


def list_entries(product: Product) -> dict[str, Item]:
    """Give the product's entry in every list it belongs to, by the list's name."""
    lists = [ALL_PRODUCTS, status_list(product.status)]
    if product.status == "active":
        lists += [category_list(category.slug) for category in product.categories]
    facts = {
        "title": product.title,
        "vendor": product.vendor,
        "tags": list(product.tags),
        "currencies": list(product.currencies),
        "skus": list(product.skus),
        "bytes": len(json.dumps(product_item(product)).encode()),
    }
    return {name: {"pk": name, "sk": product.product_id, **facts} for name in lists}


def to_entry(item: Item) -> Entry:
    """Read an entry of a list."""
    return Entry(
        product_id=item["sk"],
        title=item["title"],
        vendor=item["vendor"],
        tags=frozenset(item["tags"]),
        currencies=frozenset(item["currencies"]),
        # An entry of before SKUs were looked for has none until its product is saved again.
        skus=tuple(item.get("skus", ())),
        bytes=item["bytes"],
    )


def to_category_count(item: Item) -> CategoryCount:
    """Read a category's count."""
    return CategoryCount(to_category(item), item["active_products"])


def _categories(found: list[dict[str, Any]]) -> tuple[Category, ...]:
    read: dict[str, Category] = {}
    for each in found:
        parent = read.get(each.get("parent") or "")
        read[each["slug"]] = Category(
            each["slug"],
            each["title"],
            parent.path if parent else (),
            parent.slug if parent else None,
        )
    return tuple(read.values())


def _variant_to_map(variant: ProductVariant) -> dict[str, Any]:
    return {
        "sku": variant.sku,
        "title": variant.title,
        "prices": dict(variant.prices),
        # Pairs and not a map: DynamoDB does not keep a map's order, and buyers see it.
        "option_values": [[name, value] for name, value in variant.option_values.items()],
        "compare_at_prices": dict(variant.compare_at_prices),
        "weight_grams": variant.weight_grams,
        "tax_class": variant.tax_class,
        "requires_shipping": variant.requires_shipping,
        "barcode": variant.barcode,
        "manage_inventory": variant.manage_inventory,
        "allow_backorder": variant.allow_backorder,
    }


def _variant_from_map(found: dict[str, Any]) -> ProductVariant:
    pairs = found["option_values"]
    return ProductVariant(**{**found, "option_values": dict(pairs)})
