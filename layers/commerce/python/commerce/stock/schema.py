"""HTTP shapes of stock."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from commerce.clock import to_text
from commerce.pages import PageQuery
from commerce.stock.model import LOCATION_PATTERN, MAIN_LOCATION, Adjustment, Stock
from commerce.texts import Line

UNITS_MAX = 1_000_000_000


class AdjustStock(BaseModel):
    """A change of a SKU's units."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    delta: int = Field(
        ge=-UNITS_MAX,
        le=UNITS_MAX,
        description="Units to add, or to take where negative; not 0.",
        json_schema_extra={"not": {"const": 0}},
    )
    reason: Annotated[str, Line(200, 1)] = Field(examples=["restock"])
    location: str = Field(default=MAIN_LOCATION, pattern=LOCATION_PATTERN)


class StockQuery(PageQuery):
    """How much of the adjustment history to give."""


class LevelView(BaseModel):
    """Units at one location."""

    location_id: str
    available: int
    reserved: int
    consumed: int


class AdjustmentView(BaseModel):
    """One change somebody made."""

    id: str
    delta: int
    reason: str
    location_id: str
    by: str
    at: str
    order_id: str | None = Field(default=None, description="The order that the units came from.")


class StockView(BaseModel):
    """Units of one SKU; the counts on top are the sums over the locations."""

    sku: str
    available: int
    reserved: int
    consumed: int
    version: int
    locations: list[LevelView]
    adjustments: list[AdjustmentView] | None = Field(
        default=None, description="Newest first; only where the stock is read."
    )
    next_cursor: str | None = Field(default=None, description="Goes on in `adjustments`.")


def stock_view(
    stock: Stock, adjustments: list[Adjustment] | None = None, next_cursor: str | None = None
) -> StockView:
    """Show a SKU's units, with a page of its history where one is given."""
    return StockView(
        sku=stock.sku,
        available=stock.available,
        reserved=stock.reserved,
        consumed=stock.consumed,
        version=stock.version,
        locations=[
            LevelView(
                location_id=name,
                available=level.available,
                reserved=level.reserved,
                consumed=level.consumed,
            )
            for name, level in sorted(stock.locations.items())
        ],
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
            )
            for change in adjustments
        ],
        next_cursor=next_cursor,
    )
