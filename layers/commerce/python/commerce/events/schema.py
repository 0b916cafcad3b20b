"""The published shapes of events, and of the log of them.

A published schema never changes: another shape is another `schema_version`, beside
the old one. docs/events/ holds each as JSON Schema.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from commerce.events.model import Aggregate, DomainEvent
from commerce.pages import Page, PageQuery
from commerce.texts import WORDS_PATTERN

DIALECT = "https://json-schema.org/draft/2020-12/schema"

EventType = Literal[
    "order.placed",
    "order.canceled",
    "order.requires_action",
    "order.resumed",
    "order.completed",
    "order.lines_canceled",
    "fulfillment.created",
    "fulfillment.packed",
    "fulfillment.shipped",
    "fulfillment.delivered",
    "fulfillment.canceled",
    "return.requested",
    "return.approved",
    "return.rejected",
    "return.received",
    "return.refunding",
    "return.refunded",
    "payment.authorized",
    "payment.declined",
    "payment.voided",
    "payment.captured",
    "payment.refunded",
    "stock.low",
    "product.changed",
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AggregateRef(_Closed):
    """The thing it happened to; the events of one thing are in order of `version`."""

    type: str = Field(examples=["order", "payment", "stock", "product"])
    id: str = Field(description="A payment has the id of its order, stock its SKU.")
    version: int = Field(ge=1)


class OrderAmounts(_Closed):
    """What an order is about; `total` in minor units."""

    currency: str = Field(examples=["GBP"])
    total: int = Field(ge=0, examples=[5400])
    line_count: int = Field(ge=1)


class OrderRefusal(OrderAmounts):
    """An order that was not placed, and the name of the error that stopped it."""

    reason: str = Field(examples=["PaymentDeclined", "OutOfStock"])


class StoppedExecution(_Closed):
    """Work that is begun again: which state machine's, under which name, and on what."""

    machine: str
    execution: str
    input: dict[str, str | None]


class OrderResumption(OrderAmounts):
    """An order that goes on after a person acted."""

    stops: list[StoppedExecution]


class LineUnits(_Closed):
    """So many units of one of the order's lines."""

    id: str
    quantity: int = Field(ge=1)


class LinesCanceled(_Closed):
    """Units of an order that are not sent any more; `amount` in minor units."""

    order_id: str
    line_items: list[LineUnits]
    amount: int = Field(ge=0, description="What the buyer does not pay, or gets back.")
    reason: str = Field(examples=["shortage"])


class Parcel(_Closed):
    """Units that are packed at one location and sent together; `amount` in minor units."""

    order_id: str
    location: str
    line_items: list[LineUnits]
    amount: int = Field(ge=0, description="What is charged for it; known once it is shipped.")
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class SentBack(_Closed):
    """Units that a buyer sends back; `amount` is what is refunded, in minor units."""

    order_id: str
    line_items: list[LineUnits]
    restocked: list[LineUnits]
    discarded: list[LineUnits]
    amount: int = Field(ge=0)
    reason: str = Field(examples=["damaged"])


class PaymentAmounts(_Closed):
    """What a payment is about; `amount` in minor units."""

    order_id: str
    provider: str = Field(examples=["sandbox"])
    amount: int = Field(ge=0, examples=[5400])
    currency: str = Field(examples=["GBP"])


class PaymentRefusal(PaymentAmounts):
    """A payment that was declined, and the provider's reason."""

    reason: str


class MoneyMoved(_Closed):
    """One capture or refund, and what the payment's come to with it; in minor units."""

    order_id: str
    provider: str = Field(examples=["sandbox"])
    currency: str = Field(examples=["GBP"])
    amount: int = Field(ge=1, description="Of this one.", examples=[1200])
    captured: int = Field(ge=0, description="All that was captured so far.", examples=[5400])
    refunded: int = Field(ge=0, description="All that was refunded so far.", examples=[1200])


class StockLevel(_Closed):
    """Units left over all locations, and the number at which a SKU is low."""

    available: int = Field(ge=0)
    threshold: int = Field(ge=0, examples=[5])


class ProductChange(_Closed):
    """What was done to a product."""

    change: Literal["created", "updated", "archived"]
    status: Literal["draft", "active", "archived"]
    handle: str


class _Event(_Closed):
    event_id: str = Field(
        pattern="^evt_[0-9a-f]{32}$", description="The same on every delivery: ignore repeats."
    )
    schema_version: Literal[1]
    occurred_at: str = Field(description="RFC 3339, UTC.")
    aggregate: AggregateRef


class OrderPlaced(_Event):
    """An order was confirmed: it is paid for, and its stock is held."""

    type: Literal["order.placed"]
    data: OrderAmounts


class OrderCanceled(_Event):
    """An order was not placed, and everything about it is undone."""

    type: Literal["order.canceled"]
    data: OrderRefusal


class OrderRequiresAction(_Event):
    """An order could not be undone by itself; a person has to look."""

    type: Literal["order.requires_action"]
    data: OrderRefusal


class OrderResumed(_Event):
    """A person acted on an order that required it; its work goes on."""

    type: Literal["order.resumed"]
    data: OrderResumption


class OrderCompleted(_Event):
    """Everything of an order that was not cancelled arrived."""

    type: Literal["order.completed"]
    data: OrderAmounts


class OrderLinesCanceled(_Event):
    """Some units of an order are not sent any more."""

    type: Literal["order.lines_canceled"]
    data: LinesCanceled


class FulfillmentCreated(_Event):
    """Units of an order are to be packed."""

    type: Literal["fulfillment.created"]
    data: Parcel


class FulfillmentPacked(_Event):
    """A parcel is packed; the buyer cannot cancel any more."""

    type: Literal["fulfillment.packed"]
    data: Parcel


class FulfillmentShipped(_Event):
    """A parcel is on its way."""

    type: Literal["fulfillment.shipped"]
    data: Parcel


class FulfillmentDelivered(_Event):
    """A parcel arrived."""

    type: Literal["fulfillment.delivered"]
    data: Parcel


class FulfillmentCanceled(_Event):
    """A parcel is not sent: its units are cancelled, or in another one."""

    type: Literal["fulfillment.canceled"]
    data: Parcel


class ReturnRequested(_Event):
    """A buyer asks to send units back."""

    type: Literal["return.requested"]
    data: SentBack


class ReturnApproved(_Event):
    """The buyer may send them."""

    type: Literal["return.approved"]
    data: SentBack


class ReturnRejected(_Event):
    """The buyer may not send them."""

    type: Literal["return.rejected"]
    data: SentBack


class ReturnReceived(_Event):
    """They came in."""

    type: Literal["return.received"]
    data: SentBack


class ReturnRefunding(_Event):
    """What is given back for them is decided."""

    type: Literal["return.refunding"]
    data: SentBack


class ReturnRefunded(_Event):
    """The money for them was given back."""

    type: Literal["return.refunded"]
    data: SentBack


class PaymentAuthorized(_Event):
    """The provider holds the buyer's money."""

    type: Literal["payment.authorized"]
    data: PaymentAmounts


class PaymentDeclined(_Event):
    """The provider refused a payment."""

    type: Literal["payment.declined"]
    data: PaymentRefusal


class PaymentVoided(_Event):
    """The provider holds nothing any more."""

    type: Literal["payment.voided"]
    data: PaymentAmounts


class PaymentCaptured(_Event):
    """The provider took money it held; each capture of a payment is one event."""

    type: Literal["payment.captured"]
    data: MoneyMoved


class PaymentRefunded(_Event):
    """The provider gave money back; each refund of a payment is one event."""

    type: Literal["payment.refunded"]
    data: MoneyMoved


class StockLow(_Event):
    """A SKU fell to the threshold or below it; not told again until it rose above."""

    type: Literal["stock.low"]
    data: StockLevel


class ProductChanged(_Event):
    """A product was created, updated or archived."""

    type: Literal["product.changed"]
    data: ProductChange


PUBLISHED: tuple[type[_Event], ...] = (
    OrderPlaced,
    OrderCanceled,
    OrderRequiresAction,
    OrderResumed,
    OrderCompleted,
    OrderLinesCanceled,
    FulfillmentCreated,
    FulfillmentPacked,
    FulfillmentShipped,
    FulfillmentDelivered,
    FulfillmentCanceled,
    ReturnRequested,
    ReturnApproved,
    ReturnRejected,
    ReturnReceived,
    ReturnRefunding,
    ReturnRefunded,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentVoided,
    PaymentCaptured,
    PaymentRefunded,
    StockLow,
    ProductChanged,
)


class Event(BaseModel):
    """An event of any type; the schema of its type says what its `data` is."""

    # A consumer of one version takes a later one's additions.
    model_config = ConfigDict(extra="ignore", frozen=True)

    event_id: str = Field(description="The same on every delivery.")
    type: EventType
    schema_version: int
    occurred_at: str
    aggregate: AggregateRef
    data: dict[str, Any]

    def told(self) -> DomainEvent:
        """Give the event it is about."""
        return DomainEvent(
            self.event_id,
            self.type,
            self.schema_version,
            self.occurred_at,
            Aggregate(self.aggregate.type, self.aggregate.id, self.aggregate.version),
            self.data,
        )


class Delivery(BaseModel):
    """What the bus hands to a consumer, as far as one looks at it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    detail: Event


class EventList(Page):
    """A page of events, newest first."""

    items: list[Event]


class EventsQuery(PageQuery):
    """Which events to list."""

    aggregate_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=WORDS_PATTERN,
        description="An order's, product's or payment's id, or a SKU.",
    )
    type: EventType | None = None


def document(event: DomainEvent) -> dict[str, Any]:
    """Write an event in its published shape.

    Raises
    ------
    pydantic.ValidationError
        It does not have that shape.
    """
    models = {name_of(model): model for model in PUBLISHED}
    model = models[f"{event.type}.v{event.schema_version}"]
    return model.model_validate(asdict(event)).model_dump()


def event_view(event: DomainEvent) -> Event:
    """Show an event of the log."""
    return Event.model_validate(asdict(event))


def name_of(model: type[BaseModel]) -> str:
    """Name a published schema, such as `order.placed.v1`."""
    (type_,), (version,) = (
        get_args(model.model_fields[name].annotation) for name in ("type", "schema_version")
    )
    return f"{type_}.v{version}"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of every published event, by its name."""
    return {
        name_of(model): {
            "$schema": DIALECT,
            "$id": f"urn:pushcart:event:{name_of(model)}",
            **model.model_json_schema(),
        }
        for model in PUBLISHED
    }
