"""HTTP shapes of stock."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from commerce.catalog.model import SKU_CHARS_MAX, SKU_PATTERN, Product, ProductVariant, Status
from commerce.clock import to_text
from commerce.pages import Page, PageQuery
from commerce.stock.model import LOCATION_PATTERN, Adjustment, Stock
from commerce.texts import Line

UNITS_MAX = 1_000_000_000

Location = Annotated[str, StringConstraints(pattern=LOCATION_PATTERN), Field(examples=["main"])]
Sku = Annotated[
    str,
    StringConstraints(pattern=SKU_PATTERN, max_length=SKU_CHARS_MAX),
    Field(examples=["MUG-BLUE"]),
]
Reason = Annotated[str, Line(200, 1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AdjustStock(_Body):
    """A change of a SKU's units."""

    delta: int = Field(
        ge=-UNITS_MAX,
        le=UNITS_MAX,
        description="Units to add, or to take where negative; not 0.",
        json_schema_extra={"not": {"const": 0}},
    )
    reason: Reason = Field(examples=["restock"])
    location: Location | None = Field(
        default=None, description="The settings' first stock location where absent."
    )


class CountStock(_Body):
    """How many units of a SKU were counted at a location."""

    sku: Sku
    counted: int = Field(
        ge=0,
        le=UNITS_MAX,
        description="What is there, with the units that orders hold and that were not sent yet.",
    )
    reason: Reason = Field(default="count", examples=["yearly count"])
    location: Location | None = Field(
        default=None, description="The settings' first stock location where absent."
    )


class TransferStock(_Body):
    """Units of a SKU that go from one location to another."""

    sku: Sku
    from_location: Location
    to_location: Location
    quantity: int = Field(ge=1, le=UNITS_MAX)
    reason: Reason = Field(default="transfer", examples=["to the new warehouse"])


class StockListQuery(PageQuery):
    """Which SKUs are wanted; all conditions must hold."""

    sku: Annotated[str, Line(SKU_CHARS_MAX), Field(description="What the SKU begins with.")] = ""
    location: Annotated[
        Location | None, Field(description="Only what is or was there; counts of `state` too.")
    ] = None
    state: Annotated[
        Literal["low", "out", "backordered"] | None,
        Field(
            description="`low`: at most `policies.low_stock_units` are available, `out`: none,"
            " `backordered`: orders wait for some."
        ),
    ] = None


class StockQuery(PageQuery):
    """How much of the adjustment history to give."""


class LevelView(BaseModel):
    """Units at one location."""

    location_id: str
    available: int
    reserved: int
    consumed: int
    backordered: int = Field(description="Held by orders, and not there yet.")
    sent_ahead: int = Field(description="Left before they were counted in.")


class AdjustmentView(BaseModel):
    """One change somebody made."""

    id: str
    delta: int
    reason: str
    location_id: str
    by: str
    at: str
    order_id: str | None = Field(default=None, description="The order that the units came from.")
    counted: int | None = Field(
        default=None, description="What was counted there; `delta` is what that changed."
    )
    other_location_id: str | None = Field(
        default=None, description="Where the units were moved to, or from."
    )


class StockView(BaseModel):
    """Units of one SKU; the counts on top are the sums over the locations."""

    sku: str
    available: int
    reserved: int
    consumed: int
    backordered: int = Field(description="Held by orders, and not there yet.")
    sent_ahead: int = Field(description="Left before they were counted in.")
    version: int
    locations: list[LevelView]
    adjustments: list[AdjustmentView] | None = Field(
        default=None, description="Newest first; only where the stock is read."
    )
    next_cursor: str | None = Field(default=None, description="Goes on in `adjustments`.")


class StockRow(BaseModel):
    """Units of one SKU, and what it is; the counts on top are the sums over the locations."""

    sku: str
    product_id: str
    title: str
    variant_title: str
    status: Status
    manage_inventory: bool
    allow_backorder: bool
    available: int
    reserved: int
    consumed: int
    backordered: int
    sent_ahead: int
    locations: list[LevelView]


class StockList(Page):
    """A page of SKUs, newest product first; it may hold fewer than `limit`."""

    items: list[StockRow]


def stock_row(product: Product, variant: ProductVariant, stock: Stock) -> StockRow:
    """Show a SKU's units in a list."""
    return StockRow(
        sku=variant.sku,
        product_id=product.product_id,
        title=product.title,
        variant_title=variant.title,
        status=product.status,
        manage_inventory=variant.manage_inventory,
        allow_backorder=variant.allow_backorder,
        available=stock.available,
        reserved=stock.reserved,
        consumed=stock.consumed,
        backordered=stock.backordered,
        sent_ahead=stock.sent_ahead,
        locations=_level_views(stock),
    )


def stock_view(
    stock: Stock, adjustments: list[Adjustment] | None = None, next_cursor: str | None = None
) -> StockView:
    """Show a SKU's units, with a page of its history where one is given."""
    return StockView(
        sku=stock.sku,
        available=stock.available,
        reserved=stock.reserved,
        consumed=stock.consumed,
        backordered=stock.backordered,
        sent_ahead=stock.sent_ahead,
        version=stock.version,
        locations=_level_views(stock),
        adjustments=None
        if adjustments is None
        else [
            AdjustmentView(
                id=change.adjustment_id,
                delta=change.delta,
                reason=change.reason,
                location_id=change.location,
                by=change.by,
                at=to_text(change.at),
                order_id=change.order_id,
                counted=change.counted,
                other_location_id=change.moved,
            )
            for change in adjustments
        ],
        next_cursor=next_cursor,
    )


def _level_views(stock: Stock) -> list[LevelView]:
    return [
        LevelView(
            location_id=name,
            available=level.available,
            reserved=level.reserved,
            consumed=level.consumed,
            backordered=level.backordered,
            sent_ahead=level.sent_ahead,
        )
        for name, level in sorted(stock.locations.items())
    ]
