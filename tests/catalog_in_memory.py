"""A catalogue that keeps products in memory, as the items that the table would have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from builders import NOW
from commerce.catalog.categories import CategoryRegistry
from commerce.catalog.imports import import_products
from commerce.catalog.items import product_item, to_product
from commerce.catalog.model import Category, CategoryWish, Filter, Product
from commerce.catalog.saving import NOT_THERE
from commerce.catalog.schema import AdminProduct, ImportReport, ImportRequest, ProductChanges
from commerce.catalog.store import Page
from commerce.dynamo.table import ConditionFailed, Item, Key, Put
from commerce.errors import HandleTaken, SkuTaken


class _TableInMemory:
    """Keeps items, each of which is put once."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """Give an item."""
        assert consistent
        return self._items.get((key["pk"], key["sk"]))

    def put(self, put: Put) -> None:
        """Keep an item that is not there yet."""
        assert put.condition == NOT_THERE
        place = (put.item["pk"], put.item["sk"])
        if place in self._items:
            raise ConditionFailed(self._items[place])
        self._items[place] = put.item


class CatalogInMemory:
    """What an import and an export ask of `CatalogStore`."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}
        self._categories = CategoryRegistry(_TableInMemory())  # type: ignore[arg-type] # a fake

    @property
    def products(self) -> list[Product]:
        """Every product, oldest first."""
        return [to_product(json.loads(each)) for each in self._items.values()]

    def find(self, product_id: str, *, consistent: bool = False) -> Product | None:
        """Give the product of an id."""
        assert consistent
        return next((each for each in self.products if each.product_id == product_id), None)

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
        return self._categories.resolved(wishes)

    def page(
        self, _list: str, _wanted: Filter, limit: int, after: str | None, *, consistent: bool
    ) -> Page:
        """Give a page of all products, newest first."""
        assert consistent
        newest = sorted(self.products, key=lambda each: each.product_id, reverse=True)
        rest = [each for each in newest if after is None or each.product_id < after]
        last = rest[limit - 1].product_id if len(rest) > limit else None
        return Page(rest[:limit], last)

    def settle(self, product: Product) -> Product:
        """Give the product as it is."""
        return product

    def _keep(self, product: Product) -> Product:
        self._items[product.product_id] = json.dumps(product_item(product))
        return product


class NoFiles:
    """There is no upload."""

    def text(self, version_id: str) -> str:
        """Give nothing, for nobody asks."""
        raise AssertionError(version_id)


def bring(text: str, catalog: CatalogInMemory, **asked: Any) -> ImportReport:
    """Import a file's text."""
    return import_products(
        ImportRequest(csv=text, **asked),
        NoFiles(),
        catalog,  # type: ignore[arg-type] # a fake
        lambda quantities, _now: len(quantities),
        lambda: NOW,
        "GBP",
    )


WRITABLE = set(ProductChanges.model_fields)


def sent_back(product: Product) -> ProductChanges:
    """Read a product as staff do, and send what can be written of it back as it is."""
    shown = json.loads(AdminProduct.of(product).model_dump_json())
    return ProductChanges.model_validate(
        {name: value for name, value in shown.items() if name in WRITABLE}
    )
