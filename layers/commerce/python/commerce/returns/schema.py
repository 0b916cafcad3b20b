"""HTTP shapes of returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from commerce.fulfillment.schema import LINES_MAX, Lines, LineUnits, lines_of, units_of
from commerce.ids import id_pattern
from commerce.orders.record import Return, Units
from commerce.pages import Page, PageQuery
from commerce.returns.model import Refund
from commerce.stock.model import LOCATION_PATTERN
from commerce.texts import Line, prose

ReturnStatus = Literal["requested", "approved", "rejected", "received", "refunding", "refunded"]
Reason = Literal[
    "damaged", "wrong_item", "not_as_described", "does_not_fit", "arrived_late", "changed_my_mind"
]
AMOUNT_MAX = 1_000_000_000_000

_Note = Annotated[str, prose(1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReturnWish(_Body):
    """Units of an order that its customer wants to send back."""

    line_items: Lines
    reason: Reason
    note: _Note = ""


class RequestReturn(ReturnWish):
    """Units that a guest wants to send back, and of which order."""

    order_id: str = Field(pattern=id_pattern("order"))


class RejectReturn(_Body):
    """Why a return is refused."""

    reason: Annotated[str, Line(200, 1)] = Field(description="The buyer reads it in an e-mail.")


class ReceiveReturn(_Body):
    """What came in, line by line: what can be sold again, and what cannot."""

    restock: list[LineUnits] = Field(default_factory=list, max_length=LINES_MAX)
    discard: list[LineUnits] = Field(default_factory=list, max_length=LINES_MAX)
    location: Annotated[str, StringConstraints(pattern=LOCATION_PATTERN)] | None = Field(
        default=None,
        description="Where it came in; the settings' first stock location where absent.",
    )

    def restocked(self) -> Units:
        """Give the units that can be sold again."""
        return units_of(self.restock)

    def discarded(self) -> Units:
        """Give the units that cannot."""
        return units_of(self.discard)


class RefundReturn(_Body):
    """What is given back for what came in; amounts in minor units."""

    amount: int | None = Field(
        default=None,
        ge=0,
        le=AMOUNT_MAX,
        description="What the goods cost, less the fee, where absent.",
    )
    restocking_fee: int = Field(default=0, ge=0, le=AMOUNT_MAX)
    with_fulfillment: bool = Field(
        default=False, description="Whether what the delivery cost is given back as well."
    )

    def wanted(self) -> Refund:
        """Give what is decided."""
        return Refund(self.amount, self.restocking_fee, self.with_fulfillment)


class ReturnView(BaseModel):
    """Units that a buyer sends back; amounts in minor units."""

    id: str
    number: str | None = Field(
        default=None, description="The order's number and the return's.", examples=["1001-R1"]
    )
    order_id: str
    status: ReturnStatus
    line_items: list[LineUnits]
    reason: str
    note: str = ""
    restocked: list[LineUnits] = Field(description="What came in and can be sold again.")
    discarded: list[LineUnits] = Field(description="What came in and cannot.")
    location: str | None = None
    amount: int = Field(description="What is given back.")
    restocking_fee: int
    with_fulfillment: bool
    requested_at: str
    approved_at: str | None = None
    rejected_at: str | None = None
    received_at: str | None = None
    refunding_at: str | None = None
    refunded_at: str | None = None


class ReturnList(Page):
    """A page of returns, newest first."""

    items: list[ReturnView]


class ReturnsQuery(PageQuery):
    """Which returns to list."""

    status: ReturnStatus | None = None


def return_view(order_id: str, wish: Return) -> ReturnView:
    """Show a return."""
    return ReturnView.model_validate(
        {
            "id": wish.id,
            "number": wish.number,
            "order_id": order_id,
            "status": wish.status,
            "line_items": lines_of(wish.units),
            "reason": wish.reason,
            "note": wish.note,
            "restocked": lines_of(wish.restocked or {}),
            "discarded": lines_of(wish.discarded or {}),
            "location": wish.location,
            "amount": wish.amount,
            "restocking_fee": wish.restocking_fee,
            "with_fulfillment": wish.with_fulfillment,
            **{f"{status}_at": at for status, at in wish.times.items()},
        }
    )
