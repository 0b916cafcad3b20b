"""HTTP shapes of orders and checkout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from commerce.clock import to_text
from commerce.money import to_text as amount_text
from commerce.orders.model import Details, Order
from commerce.pages import Page
from commerce.payments.model import CAPTURE, DONE, REFUND, REFUSED, Payment, PaymentCall
from commerce.payments.schema import PaymentView, payment_view
from commerce.stock.model import Allocation, Reservation

Status = Literal["pending", "confirmed", "canceling", "canceled", "requires_action"]
_STATUS: TypeAdapter[Status] = TypeAdapter(Status)


class PaymentInstrument(BaseModel):
    """How the buyer pays: a provider, and a token it gave the storefront."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    provider: Literal["sandbox"] = Field(examples=["sandbox"])
    token: str = Field(min_length=1, max_length=255, examples=["tok_visa"])


class CompleteCart(BaseModel):
    """A checkout."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    payment: PaymentInstrument
    expected_total: int | None = Field(
        default=None,
        ge=0,
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
    status: Status
    currency: str
    line_items: list[OrderLineView]
    buyer: dict[str, Any]
    fulfillment: dict[str, Any]
    totals: list[OrderTotal]
    total: int
    messages: list[OrderMessage]
    version: int
    placed_at: str


class CancelOrder(BaseModel):
    """Why an order is cancelled."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    reason: str = Field(
        default="changed my mind", min_length=1, max_length=200, examples=["ordered twice"]
    )


class OrderSummary(BaseModel):
    """An order in a list."""

    id: str
    status: Status
    currency: str
    total: int
    line_count: int
    version: int
    placed_at: str


class OrderList(Page):
    """A page of orders, newest first."""

    items: list[OrderSummary]


class OrdersQuery(BaseModel):
    """Which orders to list."""

    model_config = ConfigDict(frozen=True)

    status: Status | None = None
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = None


class TimelineEntry(BaseModel):
    """One thing that happened to an order."""

    at: str
    what: str
    status: str | None = Field(default=None, description="The order's status from then on.")
    by: str | None = None
    detail: str | None = None


class AllocationView(BaseModel):
    """Units an order holds or held."""

    sku: str
    location_id: str
    quantity: int
    status: str


class StaffOrderView(OrderView):
    """An order as staff see it: with payment, stock and everything that happened."""

    cart_id: str
    attempt: int
    settings_version: int
    execution: str
    recovery_due_at: str | None = None
    recoveries: int
    refusal: dict[str, Any] | None = None
    payment: PaymentView | None = None
    reservations: list[AllocationView]
    timeline: list[TimelineEntry]


_MESSAGES = {
    "pending": ("info", "the order is being placed; read it again in a moment"),
    "canceling": ("info", "the order is being cancelled"),
    "canceled": ("error", "the order is cancelled; nothing was charged"),
    "requires_action": ("warning", "somebody of the shop is looking after this order"),
}


def order_view(order: Order, details: Details) -> OrderView:
    """Show an order."""
    return OrderView(**_order_fields(order, details))


def order_summary(order: Order) -> OrderSummary:
    """Show an order as a list has it."""
    return OrderSummary(
        id=order.order_id,
        status=_STATUS.validate_python(order.status),
        currency=order.currency,
        total=order.total,
        line_count=order.line_count,
        version=order.version,
        placed_at=order.placed_at,
    )


def staff_order_view(
    order: Order,
    details: Details,
    payment: Payment | None,
    reservations: list[Reservation],
    calls: Iterable[PaymentCall] = (),
) -> StaffOrderView:
    """Show an order with all that other services know of it."""
    return StaffOrderView(
        **_order_fields(order, details),
        cart_id=order.cart_id,
        attempt=order.attempt,
        settings_version=order.settings_version,
        execution=order.execution,
        recovery_due_at=order.recovery_due_at,
        recoveries=order.recoveries,
        refusal=dict(order.refusal) if order.refusal else None,
        payment=payment_view(payment) if payment else None,
        reservations=[
            AllocationView(
                sku=part.sku,
                location_id=part.location,
                quantity=part.quantity,
                status=became,
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
    entries = [
        TimelineEntry(
            at=change.at,
            what=f"order {change.status}",
            status=change.status,
            by=change.by,
            detail=change.reason or None,
        )
        for change in order.timeline
    ]
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


def _order_fields(order: Order, details: Details) -> dict[str, Any]:
    return {
        "id": order.order_id,
        "status": order.status,
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
