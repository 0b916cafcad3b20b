"""A product, its variants and what follows from them; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from commerce import ids
from commerce.texts import folded

Status = Literal["draft", "active", "archived"]
TaxClass = Literal["standard", "reduced", "zero"]

STATUSES: tuple[Status, ...] = get_args(Status)
TAX_CLASSES: tuple[TaxClass, ...] = get_args(TaxClass)

# The title of a variant that has no others beside it, and none of its own.
ONLY_VARIANT_TITLE = "Default"

# What a product may have at most of each. All of it at once would not fit: see PRODUCT_BYTES_MAX.
VARIANTS_MAX = 100
CATEGORIES_MAX = 10
MEDIA_MAX = 250
TAGS_MAX = 250
OPTIONS_MAX = 3
CURRENCIES_MAX = 10
TITLE_CHARS_MAX = 255
HANDLE_CHARS_MAX = 120
IMPORT_KEY_CHARS_MAX = 255
VENDOR_CHARS_MAX = 255
TAG_CHARS_MAX = 255
CATEGORY_CHARS_MAX = 255
URL_CHARS_MAX = 1024
ALT_CHARS_MAX = 512
SKU_CHARS_MAX = 64
OPTION_NAME_CHARS_MAX = 255
OPTION_VALUE_CHARS_MAX = 255
BARCODE_CHARS_MAX = 255
DESCRIPTION_BYTES_MAX = 65_536
# A list's entry has the tags, too, and a save writes up to a dozen entries in 4 MB.
TAGS_BYTES_MAX = 65_536
# DynamoDB takes items of 400 KB; the rest is for the SKUs of a save that is under way.
PRODUCT_BYTES_MAX = 380_000

AMOUNT_MAX = 10_000_000_000
WEIGHT_GRAMS_MAX = 10_000_000

# Printable ASCII, no blank at either end: a SKU travels in paths, files and labels.
SKU_PATTERN = r"^[!-~](?:[ -~]*[!-~])?$"
# How a new one is written: without a slash, which parts a path in two however it is
# encoded, and not as the dots that a path is shortened by.
NEW_SKU_PATTERN = r"^(?:[!-\-0-~]|[!-\-0-~][!-.0-~]|\.[!-\-0-~]|[!-.0-~][ -.0-~]+[!-.0-~])$"
HANDLE_PATTERN = r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$"

# What Shopify's file writes for a product that comes in one form only: no choice at all.
NO_CHOICE = ("Title", "Default Title")

_HANDLE_SUFFIX_CHARS = 6
_MADE_SKU_SUFFIX_CHARS = 10
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Variant:
    """What pricing a line needs of a SKU, and no more: it is read for every cart line.

    `prices` maps a currency to minor units; `title` and `status` are the product's.
    """

    sku: str
    product_id: str
    title: str
    variant_title: str
    prices: Mapping[str, int]
    tax_class: str
    weight_grams: int
    requires_shipping: bool
    status: str
    version: int
    manage_inventory: bool = True
    allow_backorder: bool = False


@dataclass(frozen=True)
class ProductVariant:
    """One thing a buyer can choose of a product; amounts are in minor units by currency.

    Units of it are counted where `manage_inventory`, and sold beyond what is there where
    `allow_backorder`.
    """

    sku: str
    title: str
    prices: Mapping[str, int]
    option_values: Mapping[str, str]
    compare_at_prices: Mapping[str, int]
    weight_grams: int
    tax_class: TaxClass
    requires_shipping: bool
    barcode: str
    manage_inventory: bool = True
    allow_backorder: bool = False


@dataclass(frozen=True)
class Category:
    """A shelf of the shop, at the top or within another; the slug tells it from others.

    `above` are the titles of those it stands within, from the top, and `parent` is the slug
    of the last of them. Whatever stands on a shelf stands on those above it, too.
    """

    slug: str
    title: str
    above: tuple[str, ...] = ()
    parent: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The titles from the top to its own, which are what it is."""
        return (*self.above, self.title)


@dataclass(frozen=True)
class CategoryWish:
    """A category as it is asked for: by its path, by its parent's slug, or by its own slug.

    Of a path that is `partial` only the last title is told, and a slug or a parent tells
    the rest.
    """

    path: tuple[str, ...]
    slug: str | None = None
    parent: str | None = None
    partial: bool = False


@dataclass(frozen=True)
class CategoryCount:
    """A category and how many active products are in it."""

    category: Category
    products: int


@dataclass(frozen=True)
class Media:
    """A picture or film at a public URL."""

    url: str
    alt: str


@dataclass(frozen=True)
class Option:
    """A choice the variants differ in, with its values in the order they first appear."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """A product with all its variants.

    `unsettled` names SKUs whose own item does not follow this version yet (see
    `commerce.catalog.store`); it is empty but for a moment. `import_key` is what product
    files call it, and no other product's; products saved before there were keys have
    none, and are known to files by their handles.
    """

    product_id: str
    handle: str
    title: str
    description: str
    vendor: str
    tags: tuple[str, ...]
    status: Status
    categories: tuple[Category, ...]
    media: tuple[Media, ...]
    variants: tuple[ProductVariant, ...]
    version: int
    created_at: datetime
    updated_at: datetime
    unsettled: tuple[str, ...] = ()
    import_key: str = ""

    @property
    def skus(self) -> tuple[str, ...]:
        """The SKUs in the order of the variants."""
        return tuple(variant.sku for variant in self.variants)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies at least one variant has a price in, sorted."""
        return tuple(sorted({code for variant in self.variants for code in variant.prices}))

    @property
    def options(self) -> tuple[Option, ...]:
        """What the variants differ in."""
        values: dict[str, dict[str, None]] = {}
        for variant in self.variants:
            for name, value in variant.option_values.items():
                values.setdefault(name, {})[value] = None
        return tuple(Option(name, tuple(chosen)) for name, chosen in values.items())

    def changed(self, now: datetime, **changes: Any) -> Product:
        """Give the product with these fields changed, as its next version.

        Gives the product itself where nothing would differ, so that a repeated
        request or import leaves version and times alone.
        """
        candidate = replace(self, **changes)
        if candidate == self:
            return self
        return replace(candidate, version=self.version + 1, updated_at=now)

    def with_prices_in(self, currency: str) -> Product:
        """Keep the variants that have a price in the currency, and only those prices."""
        return replace(
            self,
            variants=tuple(
                replace(
                    variant,
                    prices=_only(variant.prices, currency),
                    compare_at_prices=_only(variant.compare_at_prices, currency),
                )
                for variant in self.variants
                if currency in variant.prices
            ),
        )


@dataclass(frozen=True)
class Entry:
    """What a list knows of a product: what filters look at, and how large the whole is."""

    product_id: str
    title: str
    vendor: str
    tags: frozenset[str]
    currencies: frozenset[str]
    skus: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Filter:
    """Which products of a list are wanted; an empty text wants all."""

    words: str = ""
    vendor: str = ""
    tag: str = ""
    currency: str = ""

    def wants(self, entry: Entry) -> bool:
        """Tell whether a product passes; `words` are part of its title or of a SKU.

        Only in the currency it counts how something is written.
        """
        return (
            self.currency in ("", *entry.currencies)
            and folded(self.vendor) in ("", folded(entry.vendor))
            and folded(self.tag) in ("", *map(folded, entry.tags))
            and any(folded(self.words) in folded(text) for text in (entry.title, *entry.skus))
        )


def sellable(product: Product, variant: ProductVariant) -> Variant:
    """Give what pricing needs of one of the product's variants."""
    return Variant(
        sku=variant.sku,
        product_id=product.product_id,
        title=product.title,
        variant_title=variant.title,
        prices=variant.prices,
        tax_class=variant.tax_class,
        weight_grams=variant.weight_grams,
        requires_shipping=variant.requires_shipping,
        status=product.status,
        version=product.version,
        manage_inventory=variant.manage_inventory,
        allow_backorder=variant.allow_backorder,
    )


def slug(text: str) -> str:
    """Write a text with a-z, 0-9 and single hyphens: `Weiße Straße, 2 l` is `weisse-strasse-2-l`.

    Letters of all scripts are written in Latin ones. Empty where nothing of the text is a
    letter or digit.
    """
    composed = unicodedata.normalize("NFKC", text)
    if not composed.isascii():
        # Its tables take a while to load, which functions that make no slug are spared.
        from anyascii import anyascii  # noqa: PLC0415

        composed = anyascii(composed)
    return _NOT_SLUG.sub("-", composed.lower())[:HANDLE_CHARS_MAX].strip("-")


def category_slugs(path: Sequence[str]) -> list[str]:
    """Give the slugs that a category may have, of which it takes the first that is free.

    Of its title, with its parent's, of its whole path; or made up, which no other path gets.
    """
    digest = ids.derived_id("category", "", *(f"{len(title)}:{title}" for title in path))
    plain = [slug(" ".join(path[start:])) for start in (len(path) - 1, max(len(path) - 2, 0), 0)]
    room = HANDLE_CHARS_MAX - _MADE_SKU_SUFFIX_CHARS - 1
    made_up = f"{plain[0][:room].strip('-') or 'category'}-{digest[-_MADE_SKU_SUFFIX_CHARS:]}"
    return [*filter(None, dict.fromkeys(plain)), made_up]


def slug_of_before(text: str) -> str:
    """Write the handle that an import gave before there were import keys."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain.lower())[:HANDLE_CHARS_MAX].strip("-")


def made_sku(import_key: str, values: Iterable[str]) -> str:
    """Make the SKU of a variant that has none: it follows from key and option values alone."""
    parts = [import_key, *values]
    digest = ids.derived_id("sku", "", *(f"{len(part)}:{part}" for part in parts))
    suffix = digest[-_MADE_SKU_SUFFIX_CHARS:]
    room = SKU_CHARS_MAX - len(suffix) - 1
    return f"{slug(' '.join(parts))[:room].strip('-')}-{suffix}".strip("-").upper()


def chosen(option_values: Mapping[str, str]) -> dict[str, str]:
    """Give a variant's option values without the one that stands for no choice."""
    placeholder = tuple(each.casefold() for each in NO_CHOICE)
    return {
        name: value
        for name, value in option_values.items()
        if (name.casefold(), value.casefold()) != placeholder
    }


def is_handle(text: str) -> bool:
    """Tell whether a product can be called so in URLs."""
    return len(text) <= HANDLE_CHARS_MAX and bool(re.fullmatch(HANDLE_PATTERN, text))


def derived_handle(title: str, product_id: str) -> str:
    """Give the handle of a product that was given none."""
    return slug(title) or f"product-{product_id[-_HANDLE_SUFFIX_CHARS:]}"


def distinct_handle(handle: str, product_id: str) -> str:
    """Give a derived handle that is free where the plain one is taken."""
    room = HANDLE_CHARS_MAX - _HANDLE_SUFFIX_CHARS - 1
    return f"{handle[:room].rstrip('-')}-{product_id[-_HANDLE_SUFFIX_CHARS:]}"


def default_variant_title(option_values: Mapping[str, str]) -> str:
    """Give the title of a variant that was given none: `M / Blue`, or `Default`."""
    return " / ".join(option_values.values()) or ONLY_VARIANT_TITLE


def repeated(values: Iterable[Any]) -> list[int]:
    """Give the positions of the values that came before."""
    seen: set[Any] = set()
    positions = []
    for position, value in enumerate(values):
        if value in seen:
            positions.append(position)
        seen.add(value)
    return positions


def choices(variants: Sequence[Mapping[str, str]]) -> list[frozenset[tuple[str, str]]]:
    """Give each variant's option values in a form that compares regardless of order."""
    return [frozenset(option_values.items()) for option_values in variants]


def _only(prices: Mapping[str, int], currency: str) -> dict[str, int]:
    return {code: amount for code, amount in prices.items() if code == currency}
