"""What buyers and staff do with the catalogue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commerce.catalog import items
from commerce.catalog.availability import Available, Offer, offer_of
from commerce.catalog.model import Category, Filter, Product, derived_handle, distinct_handle
from commerce.catalog.schema import (
    AdminProduct,
    AdminProductList,
    AdminProductsQuery,
    CategoryCountView,
    CategoryList,
    CategoryView,
    NewProduct,
    ProductChanges,
    StoreProduct,
    StoreProductList,
    StoreProductsQuery,
)
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.errors import HandleTaken, NotFound, SkuTaken, StaleVersion
from commerce.settings.recent import RecentSettings

_ARCHIVE_TRIES = 3

# --- buyers -------------------------------------------------------------------


@dataclass(frozen=True)
class OnSale:
    """What is asked to tell buyers whether they can have something."""

    available: Available
    settings: RecentSettings

    def offers(self, products: Sequence[Product]) -> dict[str, Offer]:
        """Tell of every SKU of some products; one look at the stock for all of them."""
        variants = [variant for product in products for variant in product.variants]
        counted = [variant.sku for variant in variants if variant.manage_inventory]
        available = self.available(counted) if counted else {}
        few = self.settings.current().policies.few_units
        return {
            variant.sku: offer_of(variant, available.get(variant.sku, 0), few)
            for variant in variants
        }


def list_store_products(
    query: StoreProductsQuery, catalog: CatalogStore, cursors: Cursors, stock: OnSale
) -> StoreProductList:
    """List active products, newest first."""
    where = items.category_list(query.category) if query.category else items.status_list("active")
    wanted = Filter(query.q, query.vendor, query.tag, query.currency or "")
    page, next_cursor = _page(query, where, wanted, catalog, cursors, consistent=False)
    # The list is read before the products: one archived in between is left out.
    shown = [product for product in page if product.status == "active"]
    if query.currency:
        shown = [product.with_prices_in(query.currency) for product in shown]
    offers = stock.offers(shown)
    return StoreProductList(
        items=[StoreProduct.of(product, offers) for product in shown], next_cursor=next_cursor
    )


def read_store_product(id_or_handle: str, catalog: CatalogStore, stock: OnSale) -> StoreProduct:
    """Read an active product.

    Raises
    ------
    NotFound
        There is none, or it is not active.
    """
    product = catalog.find(id_or_handle)
    if product is None or product.status != "active":
        raise NotFound("there is no such product")
    return StoreProduct.of(product, stock.offers([product]))


def list_categories(catalog: CatalogStore) -> CategoryList:
    """List the categories in use, by slug."""
    return CategoryList(
        items=[
            CategoryCountView(
                **CategoryView.of(count.category).model_dump(), products=count.products
            )
            for count in catalog.categories()
        ]
    )


# --- staff --------------------------------------------------------------------


def list_all_products(
    query: AdminProductsQuery, catalog: CatalogStore, cursors: Cursors
) -> AdminProductList:
    """List products of every status or of one, newest first."""
    where = items.status_list(query.status) if query.status else items.ALL_PRODUCTS
    page, next_cursor = _page(query, where, Filter(), catalog, cursors, consistent=True)
    return AdminProductList(items=list(map(AdminProduct.of, page)), next_cursor=next_cursor)


def create_product(
    body: NewProduct, product_id: str, now: datetime, catalog: CatalogStore
) -> Product:
    """Save a new product under this id; one that is there already stays as it is.

    A handle that was not asked for but follows from the title never stands in the
    way: where it is taken, it gets a suffix.

    Raises
    ------
    HandleTaken, SkuTaken, TransactionConflict, InvalidRequest
        As `CatalogStore.add` and `CatalogStore.resolved`.
    """
    categories = catalog.resolved([category.to_model() for category in body.categories])
    product = _new_product(body, product_id, now, categories)
    try:
        return catalog.add(product)
    except HandleTaken:
        if body.handle:
            raise
        return catalog.add(_with_distinct_handle(product))
    except (StaleVersion, SkuTaken):
        made_before = catalog.find(product_id, consistent=True)
        if made_before is None:
            raise
        return catalog.settle(made_before)


def read_product(id_or_handle: str, catalog: CatalogStore) -> Product:
    """Read a product as staff see it, and finish its last save where that was cut off.

    Raises
    ------
    NotFound
        There is none.
    """
    product = catalog.find(id_or_handle, consistent=True)
    if product is None:
        raise NotFound("there is no such product")
    return catalog.settle(product)


def change_product(
    id_or_handle: str, changes: ProductChanges, version: int, now: datetime, catalog: CatalogStore
) -> Product:
    """Change what is named in `changes`; a change of nothing keeps the version.

    Parameters
    ----------
    version
        The one the change is based on.

    Raises
    ------
    NotFound
        There is no such product.
    StaleVersion
        It is not at that version.
    HandleTaken, SkuTaken, TransactionConflict, InvalidRequest
        As `CatalogStore.replace` and `CatalogStore.resolved`.
    """
    product = read_product(id_or_handle, catalog)
    if product.version != version:
        raise StaleVersion(
            "somebody else changed the product; read it again", version=product.version
        )
    return _saved(product, product.changed(now, **changed_fields(changes, catalog)), catalog)


def archive_product(
    id_or_handle: str, version: int | None, now: datetime, catalog: CatalogStore
) -> Product:
    """Take a product off sale and keep it, with its handle and SKUs.

    Archiving twice changes nothing more. With a `version`, as `change_product`.
    """
    archived = ProductChanges(status="archived")
    if version is not None:
        return change_product(id_or_handle, archived, version, now, catalog)
    # The caller named no version, so whichever is there now will do.
    for _ in range(_ARCHIVE_TRIES):
        current = read_product(id_or_handle, catalog)
        try:
            return _saved(current, current.changed(now, status="archived"), catalog)
        except StaleVersion as stale:
            refusal = stale
    raise refusal


def _saved(old: Product, new: Product, catalog: CatalogStore) -> Product:
    return old if new is old else catalog.replace(old, new)


def _new_product(
    body: NewProduct, product_id: str, now: datetime, categories: tuple[Category, ...]
) -> Product:
    return Product(
        product_id=product_id,
        handle=body.handle or derived_handle(body.title, product_id),
        title=body.title,
        description=body.description,
        vendor=body.vendor,
        tags=tuple(dict.fromkeys(body.tags)),
        status=body.status,
        categories=categories,
        media=tuple(media.to_model() for media in body.media),
        variants=tuple(variant.to_model() for variant in body.variants),
        version=1,
        created_at=now,
        updated_at=now,
    )


def _with_distinct_handle(product: Product) -> Product:
    return replace(product, handle=distinct_handle(product.handle, product.product_id))


def changed_fields(changes: ProductChanges, catalog: CatalogStore) -> dict[str, Any]:
    """Give the fields of a product that are named in `changes`, by name."""
    fields: dict[str, Any] = {
        name: getattr(changes, name)
        for name in ("title", "handle", "status", "description", "vendor")
    }
    if changes.tags is not None:
        fields["tags"] = tuple(dict.fromkeys(changes.tags))
    if changes.categories is not None:
        wishes = [category.to_model() for category in changes.categories]
        fields["categories"] = catalog.resolved(wishes)
    for name in ("media", "variants"):
        if (writes := getattr(changes, name)) is not None:
            fields[name] = tuple(write.to_model() for write in writes)
    return {name: value for name, value in fields.items() if value is not None}


def _page(
    query: StoreProductsQuery | AdminProductsQuery,
    where: str,
    wanted: Filter,
    catalog: CatalogStore,
    cursors: Cursors,
    *,
    consistent: bool,
) -> tuple[list[Product], str | None]:
    def read(after: str | None) -> tuple[list[Product], str | None]:
        page = catalog.page(where, wanted, query.limit, after, consistent=consistent)
        return page.products, page.after

    # A cursor belongs to a list and its filter, not to the size of the page.
    return cursors.page(json.dumps([where, *vars(wanted).values()]), query.cursor, read)
