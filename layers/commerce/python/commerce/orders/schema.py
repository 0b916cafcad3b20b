"""HTTP shapes of orders and checkout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from commerce.carts.schema import Email, Sku
from commerce.clock import to_text
from commerce.fulfillment.schema import FulfillmentView, LineUnits, fulfillment_view, lines_of
from commerce.money import to_text as amount_text
from commerce.orders.model import Order
from commerce.orders.owners import order_token_of
from commerce.orders.record import OrderRecord
from commerce.orders.search import Search, day_after_begins, day_begins
from commerce.pages import Page, PageQuery
from commerce.payments.model import (
    CAPTURE,
    DONE,
    REFUND,
    REFUSED,
    Payment,
    PaymentCall,
    payment_status,
)
from commerce.payments.schema import PaymentView, payment_view
from commerce.returns.schema import ReturnView, return_view
from commerce.stock.model import Allocation, Reservation
from commerce.texts import WORD_PATTERN, Line

Status = Literal["pending", "confirmed", "completed", "canceling", "canceled", "requires_action"]
PaymentStatus = Literal[
    "pending",
    "authorizing",
    "authorized",
    "declined",
    "failed",
    "partially_captured",
    "captured",
    "partially_refunded",
    "refunded",
    "voiding",
    "voided",
]
OrderFulfillmentStatus = Literal[
    "unfulfilled",
    "partially_packed",
    "packed",
    "partially_shipped",
    "shipped",
    "partially_delivered",
    "delivered",
    "partially_returned",
    "returned",
    "canceled",
]


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such day") from None
    return text


Day = Annotated[
    str,
    StringConstraints(pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_day),
]


TOTAL_MAX = 10**15


class PaymentInstrument(BaseModel):
    """How the buyer pays: a provider, and a token it gave the storefront."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    provider: Literal["sandbox"] = Field(examples=["sandbox"])
    token: str = Field(pattern=WORD_PATTERN, max_length=255, examples=["tok_visa"])


class CompleteCart(BaseModel):
    """A checkout."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    payment: PaymentInstrument | None = Field(
        default=None, description="Needed unless there is nothing to pay; then it is not used."
    )
    expected_total: int | None = Field(
        default=None,
        ge=0,
        le=TOTAL_MAX,
        description="The total the buyer was shown, in minor units; another total is refused.",
        examples=[5400],
    )


class OrderLineView(BaseModel):
    """A line as it was sold; amounts in minor units."""

    id: str
    sku: str
    product_id: str
    title: str
    variant_title: str
    quantity: int
    unit_price: int
    tax: int
    total: int
    canceled: int = Field(description="Units that are not sent any more.")
    shipped: int = Field(description="Units that were sent.")
    returned: int = Field(description="Units that came back.")


class OrderTotal(BaseModel):
    """One of the sums of an order, in minor units."""

    type: str = Field(examples=["subtotal", "discount", "fulfillment", "tax", "total"])
    amount: int


class OrderMessage(BaseModel):
    """Something the buyer should know."""

    type: str
    code: str
    content: str
    severity: str


class OrderView(BaseModel):
    """An order, with its lines."""

    id: str
    number: str | None = Field(
        default=None,
        description="What people call it; none until it is confirmed.",
        examples=["1001"],
    )
    status: Status
    payment_status: PaymentStatus
    fulfillment_status: OrderFulfillmentStatus
    currency: str
    line_items: list[OrderLineView]
    buyer: dict[str, Any]
    fulfillment: dict[str, Any]
    totals: list[OrderTotal]
    total: int
    messages: list[OrderMessage]
    fulfillments: list[FulfillmentView]
    returns: list[ReturnView]
    version: int
    placed_at: str


class PlacedOrder(OrderView):
    """An order, as whoever placed it gets it."""

    order_token: str | None = Field(
        None,
        description="Opens a guest's order, in the header `X-Order-Token`. A customer's has none.",
        examples=["ordertoken_01j0000000q3n8v5r1c7k2m9x4t6w0a8y5"],
    )


class OrderSummary(BaseModel):
    """An order in a list."""

    id: str
    number: str | None = Field(
        default=None,
        description="What people call it; none until it is confirmed.",
        examples=["1001"],
    )
    status: Status
    payment_status: PaymentStatus
    fulfillment_status: OrderFulfillmentStatus
    currency: str
    total: int
    line_count: int
    version: int
    placed_at: str


class OrderList(Page):
    """A page of orders, newest first."""

    items: list[OrderSummary]


class OrdersQuery(PageQuery):
    """Which orders to list: those that are all of this."""

    status: Status | None = None
    number: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9-]{1,30}$")] | None = Field(
        default=None, description="In any case.", examples=["1001"]
    )
    email: Email | None = Field(default=None, description="The buyer's.")
    name: Annotated[str, Line(100, 1)] | None = Field(
        default=None,
        description="Words in the name of buyer, recipient or company, without case or accents.",
    )
    sku: Sku | None = Field(default=None, description="Ordered, of any quantity.")
    placed_from: Day | None = Field(
        default=None, description="A day in the shop's time zone.", examples=["2026-12-01"]
    )
    placed_to: Day | None = Field(
        default=None, description="The last day, which counts.", examples=["2026-12-24"]
    )

    @property
    def looks_further(self) -> bool:
        """Whether the list of a status does not tell."""
        return bool(self.model_fields_set - {"status", "limit", "cursor"})

    def search(self, time_zone: Callable[[], str]) -> Search:
        """Give what is looked for; the zone is asked for where a day is."""
        zone = time_zone() if self.placed_from or self.placed_to else ""
        return Search(
            self.number.upper() if self.number else None,
            self.email,
            self.name,
            self.sku,
            day_begins(date.fromisoformat(self.placed_from), zone) if self.placed_from else None,
            day_after_begins(date.fromisoformat(self.placed_to), zone) if self.placed_to else None,
            self.status,
        )


class TimelineEntry(BaseModel):
    """One thing that happened to an order."""

    at: str
    what: str
    status: str | None = Field(default=None, description="The status from then on.")
    was: str | None = Field(default=None, description="The status before.")
    by: str | None = None
    detail: str | None = None


class AllocationView(BaseModel):
    """Units an order holds or held."""

    sku: str
    location_id: str
    quantity: int
    status: str
    counted: bool = Field(description="False where no stock is counted of the SKU.")


class CancellationView(BaseModel):
    """Units that were cancelled; the amount in minor units."""

    id: str
    line_items: list[LineUnits]
    amount: int = Field(description="What the buyer does not pay, or gets back.")
    reason: str
    by: str
    at: str


class StopView(BaseModel):
    """An execution that ended before its work was done; a redrive starts it again."""

    machine: str
    execution: str
    error: str
    cause: str


class StaffOrderView(OrderView):
    """An order as staff see it: with payment, stock and everything that happened.

    Not with the cart's id: who knows that can tell the order's token.
    """

    customer_id: str | None = Field(
        default=None, description="Whose it is; a guest's where absent."
    )
    attempt: int
    storefront: str | None = Field(
        default=None, description="The publishable key of the storefront that it was sold by."
    )
    settings_version: int
    execution: str
    recovery_due_at: str | None = None
    recoveries: int
    refusal: dict[str, Any] | None = None
    cancellations: list[CancellationView]
    stops: list[StopView] = Field(description="Why the order requires action.")
    payment: PaymentView | None = None
    reservations: list[AllocationView]
    timeline: list[TimelineEntry]


_MESSAGES = {
    "pending": ("info", "the order is being placed; read it again in a moment"),
    "canceling": ("info", "the order is being cancelled"),
    "canceled": ("error", "the order is cancelled; nothing was charged"),
    "requires_action": ("warning", "somebody of the shop is looking after this order"),
}


def order_view(record: OrderRecord, payment: Payment | None) -> OrderView:
    """Show an order."""
    return OrderView.model_validate(_order_fields(record, payment))


def placed_order(record: OrderRecord, payment: Payment | None) -> PlacedOrder:
    """Show an order to whoever placed it."""
    fields = _order_fields(record, payment)
    return PlacedOrder.model_validate({**fields, "order_token": order_token_of(record)})


def order_path(record: OrderRecord) -> str:
    """Give where whoever placed an order reads it."""
    area = "store" if record.details.customer_id is None else "store/customers/me"
    return f"/{area}/orders/{record.order.order_id}"


def order_summary(order: Order, payment: Payment | None) -> OrderSummary:
    """Show an order as a list has it."""
    return OrderSummary.model_validate(
        {
            "id": order.order_id,
            "number": order.number,
            **_statuses(order, payment),
            "currency": order.currency,
            "total": order.total,
            "line_count": order.line_count,
            "version": order.version,
            "placed_at": order.placed_at,
        }
    )


def staff_order_view(
    record: OrderRecord,
    payment: Payment | None,
    reservations: list[Reservation],
    calls: Iterable[PaymentCall] = (),
) -> StaffOrderView:
    """Show an order with all that other services know of it."""
    order = record.order
    return StaffOrderView(
        **_order_fields(record, payment),
        customer_id=record.details.customer_id,
        attempt=order.attempt,
        storefront=record.details.storefront,
        settings_version=order.settings_version,
        execution=order.execution,
        recovery_due_at=order.recovery_due_at,
        recoveries=order.recoveries,
        refusal=dict(order.refusal) if order.refusal else None,
        cancellations=[
            CancellationView(
                id=each.id,
                line_items=lines_of(each.units),
                amount=each.amount,
                reason=each.reason,
                by=each.by,
                at=each.at,
            )
            for each in record.cancellations
        ],
        stops=[
            StopView(
                machine=stop.machine, execution=stop.execution, error=stop.error, cause=stop.cause
            )
            for stop in order.stops
        ],
        payment=payment_view(payment) if payment else None,
        reservations=[
            AllocationView(
                sku=part.sku,
                location_id=part.location,
                quantity=part.quantity,
                status=became,
                counted=part.counted,
            )
            for reservation in reservations
            for became, part in reservation.parts
        ],
        timeline=timeline(order, payment, reservations, calls),
    )


def timeline(
    order: Order,
    payment: Payment | None,
    reservations: list[Reservation],
    calls: Iterable[PaymentCall] = (),
) -> list[TimelineEntry]:
    """Put together what order, stock and payment each recorded, in order of time."""
    entries = _order_entries(order)
    entries += [entry for reservation in reservations for entry in _stock_entries(reservation)]
    entries += [
        TimelineEntry(
            at=event.at,
            what=f"payment {event.status}",
            by=payment.provider or None,
            detail=event.reference or None,
        )
        for payment in ([payment] if payment else [])
        for event in payment.events
    ]
    if payment:
        entries += [_call_entry(call, payment.currency) for call in calls]
    return sorted(entries, key=lambda entry: entry.at)


def _order_entries(order: Order) -> list[TimelineEntry]:
    """Tell the order's own history; what an entry does not say of before, the last one does."""
    entries, was = [], None
    for change in order.timeline:
        what = f"{change.part.partition('_')[0]} {change.status}" if change.part else None
        entries.append(
            TimelineEntry(
                at=change.at,
                what=what or f"order {change.status}",
                status=change.status,
                was=change.was or (None if change.part else was),
                by=change.by,
                detail=", ".join(fact for fact in (change.part, change.reason) if fact) or None,
            )
        )
        was = was if change.part else change.status
    return entries


_CALLS = {CAPTURE: "captured", REFUND: "refunded"}


def _call_entry(call: PaymentCall, currency: str) -> TimelineEntry:
    """Tell of a capture or refund: how much, why, and what the provider knows it by."""
    ended = {DONE: _CALLS[call.kind], REFUSED: f"{call.kind} refused"}
    facts = (amount_text(call.amount, currency), call.provider_reference, call.reason, call.refusal)
    return TimelineEntry(
        at=to_text(call.ended_at or call.requested_at),
        what=f"payment {ended.get(call.status, f'{call.kind} requested')}",
        by=call.by,
        detail=", ".join(fact for fact in facts if fact),
    )


def _stock_entries(reservation: Reservation) -> list[TimelineEntry]:
    held = [part for _, part in reservation.parts]
    if not held:
        return []
    return [
        TimelineEntry(at=reservation.held_at, what="stock reserved", detail=_units_text(held)),
        *(
            TimelineEntry(at=move.at, what=f"stock {move.kind}", detail=_units_text(move.parts))
            for move in reservation.movements
        ),
    ]


def _units_text(parts: Sequence[Allocation]) -> str:
    units = sum(part.quantity for part in parts)
    return f"{units} units of {len({part.sku for part in parts})} SKUs"


def _statuses(order: Order, payment: Payment | None) -> dict[str, str]:
    return {
        "status": order.status,
        "payment_status": payment_status(payment),
        "fulfillment_status": order.fulfillment_status,
    }


def _order_fields(record: OrderRecord, payment: Payment | None) -> dict[str, Any]:
    order, details = record.order, record.details
    canceled, shipped, returned = record.canceled, record.shipped, record.came_back
    return {
        "id": order.order_id,
        "number": order.number,
        **_statuses(order, payment),
        "currency": order.currency,
        "line_items": [
            OrderLineView(
                id=line.line_id,
                sku=line.sku,
                product_id=line.product_id,
                title=line.title,
                variant_title=line.variant_title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                tax=line.tax,
                total=line.total,
                canceled=canceled.get(line.line_id, 0),
                shipped=shipped.get(line.line_id, 0),
                returned=returned.get(line.line_id, 0),
            )
            for line in details.lines
        ],
        "buyer": dict(details.buyer),
        "fulfillment": dict(details.fulfillment),
        "totals": [
            OrderTotal(type=kind, amount=order.totals[kind])
            for kind in ("subtotal", "discount", "fulfillment", "tax", "total")
            if kind in order.totals
        ],
        "total": order.total,
        "messages": _messages(order),
        "fulfillments": [fulfillment_view(record, each) for each in record.fulfillments],
        "returns": [return_view(order.order_id, each) for each in record.returns],
        "version": order.version,
        "placed_at": order.placed_at,
    }


def _messages(order: Order) -> list[OrderMessage]:
    if order.status not in _MESSAGES:
        return []
    severity, content = _MESSAGES[order.status]
    kind = "error" if severity == "error" else "info"
    return [
        OrderMessage(type=kind, code=f"order_{order.status}", content=content, severity=severity)
    ]
