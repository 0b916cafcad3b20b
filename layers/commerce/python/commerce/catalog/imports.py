"""Bringing a product file into the catalogue.

A product is known by what the file calls its handle, as it stands, and a variant by its
SKU or, without one, by its option values, so the same file imported again changes nothing,
and an import that was cut off is finished by sending it again: what is there already is
only compared. Files of any length pass that way, although a request has a few seconds.

The file is the truth about what it has columns for. It leaves alone fields and
currencies it has no column for, the stock of SKUs that were counted before, and, where
one of a product's rows could not be read, the variants it does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from commerce.catalog.model import (
    VARIANTS_MAX,
    Category,
    Product,
    ProductVariant,
    default_variant_title,
    derived_handle,
    distinct_handle,
    is_handle,
    slug_of_before,
)
from commerce.catalog.schema import ImportReport, ImportRequest, RowErrorView
from commerce.catalog.shopify_csv import ParsedProduct, ParsedVariant, RowError, parse
from commerce.catalog.store import PRODUCT_ID_PREFIX, CatalogStore
from commerce.clock import Clock
from commerce.errors import (
    HandleTaken,
    InvalidRequest,
    SkuHasStock,
    SkuTaken,
    StaleVersion,
    TransactionConflict,
)
from commerce.ids import new_id

# API Gateway gives up after 29 seconds; the rest is for stock and the answer.
_SECONDS_MAX = 18
_PRODUCTS_A_READ = 50
_SKU_COLUMN = "Variant SKU"
_CATEGORY_COLUMN = "Product Category"
_PRICE_COLUMN = "Variant Price"

OpenStock = Callable[[Mapping[str, int], datetime], int]


class ProductFiles(Protocol):
    """Where uploaded files wait."""

    def text(self, version_id: str) -> str:
        """Give a file's text."""


@dataclass
class _Tally:
    """What an import has done so far."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    left: int = 0
    variants: int = 0
    quantities: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def import_products(
    request: ImportRequest,
    files: ProductFiles,
    catalog: CatalogStore,
    open_stock: OpenStock,
    clock: Clock,
    base_currency: str,
) -> ImportReport:
    """Create and update the products of a file.

    Parameters
    ----------
    open_stock
        Gives SKUs that have no stock yet their first units, and tells how many it were.
    base_currency
        The currency of prices without one, where the request names none.

    Raises
    ------
    NotFound
        There is no file of the version id.
    InvalidImport
        The file is no product CSV.
    """
    deadline = clock() + timedelta(seconds=_SECONDS_MAX)
    text = request.csv if request.csv is not None else files.text(request.version_id or "")
    parsed = parse(text, request.currency or base_currency, request.markets)
    tally = _Tally(errors=list(parsed.errors))
    for start in range(0, len(parsed.products), _PRODUCTS_A_READ):
        some = parsed.products[start : start + _PRODUCTS_A_READ]
        if clock() < deadline:
            _import_some(some, catalog, clock, deadline, tally)
        else:
            tally.left += len(some)
    stock_set = open_stock(tally.quantities, clock()) if tally.quantities else 0
    return ImportReport(
        version_id=request.version_id,
        products_created=tally.created,
        products_updated=tally.updated,
        products_unchanged=tally.unchanged,
        products_left=tally.left,
        variants=tally.variants,
        stock_set=stock_set,
        skus_removed=tally.removed,
        errors=[
            RowErrorView(line=error.line, column=error.column, reason=error.reason)
            for error in sorted(tally.errors, key=lambda error: error.line)
        ],
    )


def _import_some(
    some: Sequence[ParsedProduct],
    catalog: CatalogStore,
    clock: Clock,
    deadline: datetime,
    tally: _Tally,
) -> None:
    existing = _existing(some, catalog)
    for parsed in some:
        if clock() >= deadline:
            tally.left += 1
        else:
            old = existing.get(parsed.key)
            _import_one(_with_skus_of(parsed, old), old, catalog, clock(), tally)


def _existing(some: Sequence[ParsedProduct], catalog: CatalogStore) -> dict[str, Product]:
    """Find the products of a file by key.

    Imports made handles of keys before they kept those, so a product without one is also
    found by what its handle was made of, if it has the title and a SKU that the file names.
    """
    found = catalog.find_imported([parsed.key for parsed in some])
    new = [parsed for parsed in some if parsed.key not in found]
    handles = {parsed.key: slug_of_before(parsed.key) for parsed in new}
    before = catalog.find_without_key([*filter(None, dict.fromkeys(handles.values()))])
    for parsed in new:
        product = before.get(handles[parsed.key])
        named = {variant.sku for variant in parsed.variants}
        if (
            product
            and product.title == parsed.fields["title"]
            and not named.isdisjoint(product.skus)
        ):
            found[parsed.key] = product
    return found


def _with_skus_of(parsed: ParsedProduct, old: Product | None) -> ParsedProduct:
    """Give variants without a SKU the one that their choice has already."""
    named = {variant.sku for variant in parsed.variants if not variant.made}
    known = {
        frozenset(variant.option_values.items()): variant.sku
        for variant in reversed(old.variants if old else ())
        if variant.sku not in named
    }
    variants = tuple(
        replace(variant, sku=known.get(_choice(variant), variant.sku)) if variant.made else variant
        for variant in parsed.variants
    )
    return replace(parsed, variants=variants)


def _choice(variant: ParsedVariant) -> frozenset[tuple[str, str]]:
    return frozenset(variant.fields["option_values"].items())


def _import_one(
    parsed: ParsedProduct,
    old: Product | None,
    catalog: CatalogStore,
    now: datetime,
    tally: _Tally,
) -> None:
    try:
        product = _merged(parsed, old, catalog, now, tally)
        if product is None:
            return
        if product is old:
            catalog.settle(old)
            tally.unchanged += 1
        elif old:
            catalog.replace(old, product)
            tally.updated += 1
            tally.removed += [sku for sku in old.skus if sku not in product.skus]
        else:
            _add(product, catalog)
            tally.created += 1
    except SkuTaken as refused:
        # Once more, without the SKUs of others.
        rest = _without(parsed, set(refused.details["skus"]), tally)
        if len(rest.variants) < len(parsed.variants):
            _import_one(rest, old, catalog, now, tally)
        return
    except (InvalidRequest, SkuHasStock) as refused:
        tally.errors.append(RowError(parsed.line, "", refused.sentence))
        return
    except (HandleTaken, StaleVersion, TransactionConflict):
        reason = "somebody else changed the product at this moment: import it again"
        tally.errors.append(RowError(parsed.line, "", reason))
        return
    tally.variants += len(parsed.variants)
    tally.quantities |= {
        variant.sku: variant.quantity for variant in parsed.variants if variant.quantity is not None
    }


def _add(product: Product, catalog: CatalogStore) -> None:
    try:
        catalog.add(product)
    except HandleTaken:
        # Its key is another, so it is another product, and gets a handle of its own.
        handle = distinct_handle(product.handle, product.product_id)
        catalog.add(replace(product, handle=handle))


def _without(parsed: ParsedProduct, taken: set[str], tally: _Tally) -> ParsedProduct:
    """Leave out the variants whose SKU another product has, and say so."""
    refused = [variant for variant in parsed.variants if variant.sku in taken]
    if not refused:
        return parsed
    for variant in refused:
        reason = f"another product has the SKU {variant.sku}"
        tally.errors.append(RowError(variant.line, _SKU_COLUMN, reason))
    kept = tuple(variant for variant in parsed.variants if variant.sku not in taken)
    return replace(parsed, variants=kept, whole=False)


def _merged(
    parsed: ParsedProduct, old: Product | None, catalog: CatalogStore, now: datetime, tally: _Tally
) -> Product | None:
    """Give the product as the file wants it; `old` itself where nothing differs."""
    variants = _merged_variants(parsed, old)
    priceless = {variant.sku for variant in variants if not variant.prices}
    for variant in parsed.variants:
        if variant.sku in priceless:
            tally.errors.append(RowError(variant.line, _PRICE_COLUMN, "has no price"))
    variants = [variant for variant in variants if variant.sku not in priceless]
    if len(variants) > VARIANTS_MAX:
        reason = f"the product would have more than {VARIANTS_MAX} variants"
        tally.errors.append(RowError(parsed.line, _SKU_COLUMN, reason))
        return None
    if not variants or not parsed.variants:
        return None
    fields = {**parsed.fields, "variants": tuple(variants)}
    if "categories" in fields:
        fields |= _resolved_categories(parsed, old, catalog, tally)
    if old is None:
        return replace(_blank_product(parsed.key, now), **fields)
    if not old.import_key and old.handle != parsed.key:
        fields["import_key"] = parsed.key
    return old.changed(now, **fields)


def _resolved_categories(
    parsed: ParsedProduct, old: Product | None, catalog: CatalogStore, tally: _Tally
) -> dict[str, tuple[Category, ...]]:
    """Give the categories that a file names; those there are where they cannot be had."""
    there = old.categories if old else ()
    try:
        wanted = catalog.resolved(parsed.fields["categories"])
    except InvalidRequest as refused:
        tally.errors.append(RowError(parsed.line, _CATEGORY_COLUMN, refused.sentence))
        return {"categories": there}
    # In which order they were told makes no difference.
    return {"categories": there if set(there) == set(wanted) else wanted}


def _merged_variants(parsed: ParsedProduct, old: Product | None) -> list[ProductVariant]:
    before = {variant.sku: variant for variant in old.variants} if old else {}
    named = [_merged_variant(variant, before.get(variant.sku)) for variant in parsed.variants]
    if parsed.whole:
        return named
    skus = {variant.sku for variant in named}
    return named + [variant for sku, variant in before.items() if sku not in skus]


def _merged_variant(parsed: ParsedVariant, old: ProductVariant | None) -> ProductVariant:
    base = old or _blank_variant(parsed.sku)
    option_values = parsed.fields["option_values"]
    # A title that staff gave stays for as long as it names the same choice.
    keeps_title = old is not None and old.option_values == option_values
    title = base.title if keeps_title else default_variant_title(option_values)
    return replace(
        base,
        **{"title": title, **parsed.fields},
        prices=_merged_prices(base.prices, parsed.prices),
        compare_at_prices=_merged_prices(base.compare_at_prices, parsed.compare_at_prices),
    )


def _merged_prices(before: Mapping[str, int], wanted: Mapping[str, int | None]) -> dict[str, int]:
    merged = {**before, **wanted}
    return {currency: amount for currency, amount in merged.items() if amount is not None}


def _blank_product(key: str, now: datetime) -> Product:
    product_id = new_id(PRODUCT_ID_PREFIX, now)
    return Product(
        product_id=product_id,
        handle=key if is_handle(key) else derived_handle(key, product_id),
        title="",
        description="",
        vendor="",
        tags=(),
        status="active",
        categories=(),
        media=(),
        variants=(),
        version=1,
        created_at=now,
        updated_at=now,
        import_key=key,
    )


def _blank_variant(sku: str) -> ProductVariant:
    return ProductVariant(
        sku=sku,
        title="",
        prices={},
        option_values={},
        compare_at_prices={},
        weight_grams=0,
        tax_class="standard",
        requires_shipping=True,
        barcode="",
    )
