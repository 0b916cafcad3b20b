"""A catalogue that keeps products in memory, as the items that the table would have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from commerce.catalog.items import product_item, to_product
from commerce.catalog.model import Category, CategoryWish, Product, category_slugs
from commerce.catalog.schema import AdminProduct, ProductChanges
from commerce.errors import HandleTaken, SkuTaken


class CatalogInMemory:
    """What an import and an export ask of `CatalogStore`."""

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}

    @property
    def products(self) -> list[Product]:
        """Every product, oldest first."""
        return [to_product(json.loads(each)) for each in self._items.values()]

    def find_imported(self, keys: Sequence[str]) -> dict[str, Product]:
        """Give the products of these import keys."""
        return {each.import_key: each for each in self.products if each.import_key in keys}

    def find_without_key(self, _handles: Sequence[str]) -> dict[str, Product]:
        """Give nothing, for every product here has a key."""
        return {}

    def add(self, product: Product) -> Product:
        """Keep a new product."""
        others = self.products
        if product.handle in {each.handle for each in others}:
            raise HandleTaken("taken")
        taken = sorted({sku for each in others for sku in each.skus} & set(product.skus))
        if taken:
            raise SkuTaken("taken", skus=taken)
        return self._keep(replace(product, import_key=product.import_key or product.handle))

    def replace(self, _old: Product, new: Product) -> Product:
        """Keep a changed product."""
        return self._keep(new)

    def resolved(self, wishes: Sequence[CategoryWish]) -> tuple[Category, ...]:
        """Give the categories of these paths, each after those above it."""
        found: dict[str, Category] = {}
        for wish in wishes:
            parent = None
            for depth, title in enumerate(wish.path):
                slug = category_slugs(wish.path[: depth + 1])[-1]
                found[slug] = Category(slug, title, wish.path[:depth], parent)
                parent = slug
        return tuple(found.values())

    def settle(self, product: Product) -> Product:
        """Give the product as it is."""
        return product

    def _keep(self, product: Product) -> Product:
        self._items[product.product_id] = json.dumps(product_item(product))
        return product


WRITABLE = set(ProductChanges.model_fields)


def sent_back(product: Product) -> ProductChanges:
    """Read a product as staff do, and send what can be written of it back as it is."""
    shown = json.loads(AdminProduct.of(product).model_dump_json())
    return ProductChanges.model_validate(
        {name: value for name, value in shown.items() if name in WRITABLE}
    )
