"""The HTTP shapes of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from commerce.catalog import model
from commerce.catalog.availability import Availability, Offer
from commerce.catalog.model import Product, ProductVariant, Status, TaxClass
from commerce.clock import to_text
from commerce.money import Currency
from commerce.pages import Page, PageQuery
from commerce.texts import WEB_ADDRESS_PATTERN, Line, prose

if TYPE_CHECKING:
    from commerce.catalog.import_files import UploadForm

IMPORT_CHARS_MAX = 3_000_000
# As JSON writes it. A function takes no more of one request than 6 MiB, and gets the body as a
# JSON text once more, in which each quote and backslash of it has a backslash before it.
IMPORT_BYTES_MAX = 3_000_000
# A price may be this old on a page; the cart has the one that counts.
PUBLIC_SECONDS = 30
# S3 says no more of its version ids than that they are so long at most and fit into a URL.
_VERSION_ID_CHARS_MAX = 1024
_VERSION_ID_PATTERN = "^[!-~]+$"
_MARKETS_MAX = 50
_MARKET_CHARS_MAX = 100
_SEARCH_CHARS_MAX = 100


def _description_fits(text: str) -> str:
    if len(text.encode()) > model.DESCRIPTION_BYTES_MAX:
        raise ValueError(f"must be at most {model.DESCRIPTION_BYTES_MAX} bytes in UTF-8")
    return text


def _without_comma(tag: str) -> str:
    if "," in tag:
        raise ValueError("a tag has no comma: send two tags")
    return tag


def _tags_fit(tags: list[str]) -> list[str]:
    if sum(len(tag.encode()) for tag in tags) > model.TAGS_BYTES_MAX:
        raise ValueError(f"must be at most {model.TAGS_BYTES_MAX} bytes in all, in UTF-8")
    return tags


Title = Annotated[str, Line(model.TITLE_CHARS_MAX, 1)]
Handle = Annotated[
    str,
    StringConstraints(pattern=model.HANDLE_PATTERN, max_length=model.HANDLE_CHARS_MAX),
    Field(examples=["canvas-tote"], description="A unique name for URLs."),
]


def _usable_sku(sku: Any) -> Any:
    # Before the pattern, which no person reads.
    if isinstance(sku, str) and not re.fullmatch(model.NEW_SKU_PATTERN, sku):
        raise PydanticCustomError(
            "unusable_sku",
            "a SKU has letters, digits and signs of ASCII, no slash, and no blank at its ends",
        )
    return sku


Sku = Annotated[
    str,
    StringConstraints(pattern=model.NEW_SKU_PATTERN, max_length=model.SKU_CHARS_MAX),
    BeforeValidator(_usable_sku),
    Field(
        examples=["TOTE-NAT"],
        description="Unique in the shop; printable ASCII without a slash, for it stands in paths.",
    ),
]
Amount = Annotated[int, Field(strict=True, ge=0, le=model.AMOUNT_MAX)]
Prices = Annotated[
    dict[Currency, Amount],
    Field(
        max_length=model.CURRENCIES_MAX,
        description="Minor units by ISO 4217 currency.",
        examples=[{"GBP": 1000, "EUR": 1200}],
    ),
]
Description = Annotated[
    str,
    prose(model.DESCRIPTION_BYTES_MAX),
    AfterValidator(_description_fits),
    Field(description="HTML or text, at most 64 KB."),
]
Vendor = Annotated[str, Line(model.VENDOR_CHARS_MAX)]
Tag = Annotated[
    str,
    Line(model.TAG_CHARS_MAX, 1),
    AfterValidator(_without_comma),
    Field(description="Without a comma, which parts tags in product files."),
]
OptionValues = Annotated[
    dict[
        Annotated[str, Line(model.OPTION_NAME_CHARS_MAX, 1)],
        Annotated[str, Line(model.OPTION_VALUE_CHARS_MAX, 1)],
    ],
    Field(max_length=model.OPTIONS_MAX, examples=[{"Size": "M", "Colour": "Blue"}]),
]
Url = Annotated[str, StringConstraints(pattern=WEB_ADDRESS_PATTERN, max_length=model.URL_CHARS_MAX)]


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- requests -----------------------------------------------------------------


class NewVariant(_Write):
    """A variant as staff write it; without a title it is named by its option values."""

    sku: Sku
    title: Title | None = None
    prices: Annotated[Prices, Field(min_length=1)]
    option_values: OptionValues = {}
    compare_at_prices: Annotated[Prices, Field(description="Earlier prices, to strike out.")] = {}
    weight_grams: Annotated[int, Field(strict=True, ge=0, le=model.WEIGHT_GRAMS_MAX)] = 0
    tax_class: TaxClass = "standard"
    requires_shipping: StrictBool = True
    barcode: Annotated[str, Line(model.BARCODE_CHARS_MAX)] = ""
    manage_inventory: Annotated[
        StrictBool,
        Field(description="Its units are counted; where not, it is always for sale."),
    ] = True
    allow_backorder: Annotated[
        StrictBool, Field(description="It is sold beyond the units that are there.")
    ] = False

    def to_model(self) -> ProductVariant:
        """Give the variant with its defaults filled in."""
        return ProductVariant(
            sku=self.sku,
            title=self.title or model.default_variant_title(model.chosen(self.option_values)),
            prices=self.prices,
            option_values=model.chosen(self.option_values),
            compare_at_prices=self.compare_at_prices,
            weight_grams=self.weight_grams,
            tax_class=self.tax_class,
            requires_shipping=self.requires_shipping,
            barcode=self.barcode,
            manage_inventory=self.manage_inventory,
            allow_backorder=self.allow_backorder,
        )


CategoryTitle = Annotated[str, Line(model.CATEGORY_CHARS_MAX, 1)]


class NewCategory(_Write):
    """A category: its title, and the path or the parent that it stands within, if any.

    What is read of a category can be sent as it is. A product in a category is in those above
    it, too.
    """

    title: CategoryTitle
    slug: Annotated[
        Handle | None, Field(description="Follows from the title and what is above it if absent.")
    ] = None
    path: Annotated[
        list[CategoryTitle] | None,
        Field(
            min_length=1,
            max_length=model.CATEGORIES_MAX,
            description="The titles from the top to its own.",
            examples=[["Women", "Shoes"]],
        ),
    ] = None
    parent: Annotated[Handle | None, Field(description="The slug of what it stands within.")] = None

    @model_validator(mode="after")
    def _ends_with_title(self) -> Self:
        if self.path and self.path[-1] != self.title:
            raise ValueError("a path ends with the category's own title")
        return self

    def to_model(self) -> model.CategoryWish:
        """Give what is wished for."""
        partial = self.path is None and bool(self.slug or self.parent)
        path = tuple(self.path or [self.title])
        return model.CategoryWish(path, self.slug, self.parent, partial)


class MediaWrite(_Write):
    """A picture or film, by its public URL."""

    url: Url
    alt: Annotated[str, Line(model.ALT_CHARS_MAX)] = ""

    def to_model(self) -> model.Media:
        """Give the domain's value."""
        return model.Media(self.url, self.alt)


def _distinct_variants(variants: list[NewVariant]) -> list[NewVariant]:
    if model.repeated(variant.sku for variant in variants):
        raise ValueError("each variant needs a SKU of its own")
    chosen = [variant.option_values for variant in variants if variant.option_values]
    if model.repeated(model.choices(chosen)):
        raise ValueError("two variants have the same option values")
    return variants


def _distinct_categories(categories: list[NewCategory]) -> list[NewCategory]:
    if model.repeated(category.to_model() for category in categories):
        raise ValueError("each category can be named once")
    return categories


Variants = Annotated[
    list[NewVariant],
    Field(min_length=1, max_length=model.VARIANTS_MAX),
    AfterValidator(_distinct_variants),
]
Categories = Annotated[
    list[NewCategory],
    Field(max_length=model.CATEGORIES_MAX),
    AfterValidator(_distinct_categories),
]


def _distinct_media(media: list[MediaWrite]) -> list[MediaWrite]:
    # A picture stands once in a product; product files keep it so, too.
    return list({each.url: each for each in reversed(media)}.values())[::-1]


MediaList = Annotated[
    list[MediaWrite], Field(max_length=model.MEDIA_MAX), AfterValidator(_distinct_media)
]
Tags = Annotated[list[Tag], Field(max_length=model.TAGS_MAX), AfterValidator(_tags_fit)]


class NewProduct(_Write):
    """A product as staff create it."""

    title: Title
    handle: Annotated[
        Handle | None, Field(description="Follows from the title where it is absent.")
    ] = None
    status: Status = "draft"
    description: Description = ""
    vendor: Vendor = ""
    tags: Tags = []
    categories: Categories = []
    media: MediaList = []
    variants: Variants


class ProductChanges(_Write):
    """What staff change of a product; what is absent or null stays as it is.

    `variants` replaces the whole list: a SKU that is missing from it is removed.
    """

    title: Title | None = None
    handle: Handle | None = None
    status: Status | None = None
    description: Description | None = None
    vendor: Vendor | None = None
    tags: Tags | None = None
    categories: Categories | None = None
    media: MediaList | None = None
    variants: Variants | None = None


class StoreProductsQuery(PageQuery):
    """Which active products a buyer wants; all conditions must hold."""

    category: Annotated[Handle | None, Field(description="A category's slug.")] = None
    q: Annotated[
        str,
        Line(_SEARCH_CHARS_MAX),
        Field(
            description="Part of the title or of a SKU; letter case, accents, apostrophes, hyphens"
            " and spaces make no difference."
        ),
    ] = ""
    vendor: Annotated[Vendor, Field(description="In any letter case, with accents or not.")] = ""
    tag: Annotated[
        str,
        Line(model.TAG_CHARS_MAX),
        Field(description="In any letter case, with accents or not."),
    ] = ""
    currency: Annotated[
        Currency | None,
        Field(description="Only products and variants with a price in it, and only that price."),
    ] = None


class AdminProductsQuery(PageQuery):
    """Which products staff want."""

    status: Status | None = None


class ExportQuery(PageQuery):
    """Which part of the catalogue is wanted."""

    limit: int = Field(
        default=500, ge=1, le=1000, description="At most so many products; large ones are fewer."
    )


class ImportRequest(_Write):
    """A product CSV file: its text, or the version id of its upload."""

    csv: Annotated[str | None, Field(min_length=1, max_length=IMPORT_CHARS_MAX)] = None
    version_id: Annotated[
        Annotated[
            str,
            StringConstraints(pattern=_VERSION_ID_PATTERN, max_length=_VERSION_ID_CHARS_MAX),
        ]
        | None,
        Field(
            description="What the answer to the upload has in its `x-amz-version-id` header.",
            examples=["3HL4kqtJlcpXroDTDmjVBH40Nrjfkd"],
        ),
    ] = None
    currency: Annotated[
        Currency | None,
        Field(
            description="The currency of `Variant Price`; the shop's base currency if absent.",
            examples=["GBP"],
        ),
    ] = None
    markets: Annotated[
        dict[Annotated[str, Line(_MARKET_CHARS_MAX, 1)], Currency],
        Field(
            max_length=_MARKETS_MAX,
            description="The currency of each `Price / <market>` column, beyond the known ones.",
            examples=[{"International": "EUR"}],
        ),
    ] = {}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.csv is None) == (self.version_id is None):
            raise ValueError("send either csv or version_id")
        return self


# --- answers ------------------------------------------------------------------


class CategoryView(BaseModel):
    """A category of a product."""

    slug: str
    title: str
    path: Annotated[list[str], Field(description="The titles from the top to its own.")]
    parent: Annotated[
        str | None, Field(description="The slug of what it stands within; absent at the top.")
    ] = None

    @classmethod
    def of(cls, category: model.Category) -> CategoryView:
        """Show a category."""
        return cls(
            slug=category.slug,
            title=category.title,
            path=list(category.path),
            parent=category.parent,
        )


class CategoryCountView(CategoryView):
    """A category and how many active products are in it."""

    products: int


class CategoryList(Page):
    """Every category that active products are in, by slug."""

    items: list[CategoryCountView]


class MediaView(BaseModel):
    """A picture or film."""

    url: str
    alt: str


class OptionView(BaseModel):
    """A choice the variants differ in."""

    name: str
    values: list[str]


class VariantView(BaseModel):
    """One thing a buyer can put into a cart, by its SKU."""

    sku: str
    title: str
    option_values: dict[str, str]
    prices: Annotated[dict[str, int], Field(description="Minor units by currency.")]
    compare_at_prices: dict[str, int]
    weight_grams: int
    tax_class: TaxClass
    requires_shipping: bool
    barcode: str
    manage_inventory: bool
    allow_backorder: bool


class StoreVariantView(VariantView):
    """One thing a buyer can put into a cart, and whether it can be bought now."""

    availability: Annotated[
        Availability, Field(description="`backorder`: it is sold, and sent once it is there.")
    ]
    units_left: Annotated[
        int | None,
        Field(description="Where they are as few as `policies.few_units` or fewer."),
    ] = None


class _ProductView(BaseModel):
    id: str
    handle: str
    title: str
    description: str
    vendor: str
    tags: list[str]
    categories: list[CategoryView]
    media: list[MediaView]
    options: list[OptionView]
    created_at: str
    updated_at: str


class StoreProduct(_ProductView):
    """A product as buyers see it."""

    variants: list[StoreVariantView]

    @classmethod
    def of(cls, product: Product, offers: Mapping[str, Offer]) -> StoreProduct:
        """Show a product to buyers, with what they are told of each SKU."""
        variants = [{**vars(variant), **vars(offers[variant.sku])} for variant in product.variants]
        return cls.model_validate({**_view(product), "variants": variants})


class AdminProduct(_ProductView):
    """A product as staff see it; `version` is the number in its ETag."""

    variants: list[VariantView]
    status: Status
    version: int
    import_handle: Annotated[str, Field(description="What product files call it; read only.")]

    @classmethod
    def of(cls, product: Product) -> AdminProduct:
        """Show a product to staff."""
        return cls.model_validate(
            {
                **_view(product),
                "status": product.status,
                "version": product.version,
                "import_handle": product.import_key or product.handle,
            }
        )


class StoreProductList(Page):
    """A page of active products, newest first."""

    items: list[StoreProduct]


class AdminProductList(Page):
    """A page of products, newest first."""

    items: list[AdminProduct]


class ExportPage(Page):
    """Some products as a file of its own, which an import takes as it is."""

    csv: Annotated[str, Field(description="A Shopify product CSV, with its line of names.")]
    currency: Annotated[str, Field(description="The currency of `Variant Price`.")]
    products: int


class RowErrorView(BaseModel):
    """Why a part of the file was left out; line 1 holds the column names."""

    line: int
    column: str
    reason: str


class ImportUpload(BaseModel):
    """A form that puts one product file into the imports bucket.

    Send it as `multipart/form-data`: `fields` as they are and, last, the file as `file`.
    """

    method: Literal["POST"] = "POST"
    url: str
    fields: Annotated[
        dict[str, str],
        Field(
            description="Whoever has them may upload until they expire: keep them to yourself.",
            examples=[{"key": "products.csv", "policy": "eyJl...", "x-amz-signature": "2a5f..."}],
        ),
    ]
    bytes_max: Annotated[int, Field(description="S3 takes no larger file.", examples=[20_000_000])]
    expires_at: str

    @classmethod
    def of(cls, form: UploadForm) -> ImportUpload:
        """Show a form."""
        return cls(
            url=form.url,
            fields=dict(form.fields),
            bytes_max=form.bytes_max,
            expires_at=to_text(form.expires_at),
        )


class ImportReport(BaseModel):
    """What an import did."""

    version_id: Annotated[
        str | None, Field(description="Of the upload; absent where the file's text was sent.")
    ] = None
    products_created: int
    products_updated: int
    products_unchanged: int
    products_left: Annotated[
        int, Field(description="Not reached in time: send the same file again to go on.")
    ]
    variants: Annotated[int, Field(description="Variants of the products of the file.")]
    stock_set: Annotated[int, Field(description="SKUs that had no stock yet and got their first.")]
    skus_removed: Annotated[
        list[str],
        Field(description="That products had, and that the file does not name any more."),
    ]
    errors: list[RowErrorView]


def _view(product: Product) -> dict[str, object]:
    return {
        "id": product.product_id,
        "handle": product.handle,
        "title": product.title,
        "description": product.description,
        "vendor": product.vendor,
        "tags": list(product.tags),
        "categories": [CategoryView.of(category) for category in product.categories],
        "media": [vars(media) for media in product.media],
        "options": [
            {"name": option.name, "values": list(option.values)} for option in product.options
        ],
        "variants": [vars(variant) for variant in product.variants],
        "created_at": to_text(product.created_at),
        "updated_at": to_text(product.updated_at),
    }
