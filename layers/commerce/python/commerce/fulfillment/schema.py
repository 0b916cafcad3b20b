"""HTTP shapes of fulfillments and cancellations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from commerce.carts.model import LINE_ID_PATTERN
from commerce.errors import InvalidRequest
from commerce.orders.model import part_number
from commerce.orders.record import Fulfillment, OrderRecord, Units
from commerce.stock.model import LOCATION_PATTERN
from commerce.texts import WEB_ADDRESS_PATTERN, Line

FulfillmentStatus = Literal["open", "packed", "shipped", "delivered", "canceled"]

LINES_MAX = 2000
_Text = Annotated[str, Line(200, 1)]


class LineUnits(BaseModel):
    """So many units of one of the order's lines."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str = Field(pattern=LINE_ID_PATTERN, description="The line's id.", examples=["line_1"])
    quantity: int = Field(ge=1, le=1_000_000)


Lines = Annotated[list[LineUnits], Field(min_length=1, max_length=LINES_MAX)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CancelOrder(_Body):
    """Why an order is cancelled, and what of it."""

    reason: _Text = Field(default="changed my mind", examples=["ordered twice"])
    line_items: Lines | None = Field(
        default=None, description="Which units; the whole order where absent."
    )


class CreateFulfillment(_Body):
    """Units of an order to send by themselves."""

    line_items: Lines
    location: str | None = Field(
        default=None,
        pattern=LOCATION_PATTERN,
        description="From which stock location; any that has them where absent.",
    )


class ShipFulfillment(_Body):
    """How a parcel travels."""

    carrier: _Text | None = Field(default=None, examples=["Royal Mail"])
    tracking_number: _Text | None = Field(default=None, examples=["RM123456785GB"])
    tracking_url: str | None = Field(default=None, max_length=500, pattern=WEB_ADDRESS_PATTERN)

    def tracking(self) -> dict[str, str]:
        """Give what is known of it."""
        return self.model_dump(exclude_none=True)


class ReportShortage(_Body):
    """Units that a packer cannot find."""

    line_items: Lines


class FulfillmentView(BaseModel):
    """Units that are packed at one location and sent together."""

    id: str
    number: str | None = Field(
        default=None, description="The order's number and the parcel's.", examples=["1001-F1"]
    )
    order_id: str
    status: FulfillmentStatus
    location: str
    line_items: list[LineUnits]
    amount: int = Field(description="What was charged when it was shipped, in minor units.")
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    opened_at: str | None = None
    packed_at: str | None = None
    shipped_at: str | None = None
    delivered_at: str | None = None
    canceled_at: str | None = None


class FulfillmentList(BaseModel):
    """All fulfillments of an order, first to latest."""

    items: list[FulfillmentView]


def units_of(lines: list[LineUnits]) -> Units:
    """Give the units that a body asks for.

    Raises
    ------
    InvalidRequest
        A line stands there twice.
    """
    units: dict[str, int] = {}
    for position, line in enumerate(lines):
        if line.id in units:
            detail = "this line stands here twice"
            faults = [
                {"path": f"$.line_items[{position}].id", "code": "duplicate", "detail": detail}
            ]
            raise InvalidRequest(detail, errors=faults)
        units[line.id] = line.quantity
    return units


def lines_of(units: Units) -> list[LineUnits]:
    """Show units."""
    return [LineUnits(id=line_id, quantity=count) for line_id, count in units.items()]


def fulfillment_view(record: OrderRecord, fulfillment: Fulfillment) -> FulfillmentView:
    """Show a fulfillment."""
    return FulfillmentView.model_validate(
        {
            "id": fulfillment.id,
            "number": part_number(record.order.number, "F", fulfillment.id),
            "order_id": record.order.order_id,
            "status": fulfillment.status,
            "location": fulfillment.location,
            "line_items": lines_of(fulfillment.units),
            "amount": fulfillment.amount,
            **(fulfillment.tracking or {}),
            **{
                "opened_at" if status == "open" else f"{status}_at": at
                for status, at in fulfillment.times.items()
            },
        }
    )


def fulfillment_list(record: OrderRecord) -> FulfillmentList:
    """Show all fulfillments of an order."""
    return FulfillmentList(items=[fulfillment_view(record, each) for each in record.fulfillments])
