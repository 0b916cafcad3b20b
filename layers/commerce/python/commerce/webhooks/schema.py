"""The HTTP shapes of endpoints and deliveries, and what workers are given."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json, model_validator

from commerce.events.schema import EventType
from commerce.pages import Page, PageQuery
from commerce.texts import WORD_PATTERN, Line
from commerce.webhooks.model import Delivery, Endpoint, Ring

URL_CHARS_MAX = 2048

Url = Annotated[str, Field(pattern=WORD_PATTERN, max_length=URL_CHARS_MAX)]
Description = Annotated[str, Line(200)]
EventTypes = Annotated[list[EventType | Literal["*"]], Field(min_length=1, max_length=50)]
DeliveryStatus = Literal["pending", "succeeded", "failed"]


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewEndpoint(_Write):
    """An address to be told of events."""

    url: Url = Field(
        description="`https`, at a public address.", examples=["https://example.com/hooks"]
    )
    event_types: EventTypes = Field(
        default=["*"],
        description="Which events; `*` is all, also those of later versions.",
        examples=[["order.placed", "order.canceled"]],
    )
    description: Description = ""


class EndpointChanges(_Write):
    """What to change of an endpoint; what is left out stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    status: Literal["enabled", "disabled"] | None = Field(
        default=None, description="`enabled` again, too, after the shop has disabled it."
    )

    @model_validator(mode="after")
    def _says_something(self) -> EndpointChanges:
        if not self.model_fields_set:
            raise ValueError("name something to change")
        return self


class EndpointView(BaseModel):
    """An endpoint; its secret is not shown again."""

    id: str
    url: str
    event_types: list[str]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["staff", "gone", "failing"] | None = Field(
        default=None,
        description="`gone`: it answered 410. `failing`: nothing was delivered for days.",
    )
    disabled_at: str | None = None
    failing_since: str | None = Field(
        default=None, description="A delivery was given up then, and none delivered since."
    )
    version: int
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointView:
        """Show an endpoint."""
        return cls.model_validate(_shown(endpoint))


class EndpointSecret(EndpointView):
    """An endpoint with its new signing secret, which is shown this once."""

    secret: str | None = Field(
        default=None,
        pattern="^whsec_",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        min_length=30,
        description="It is in the first answer alone: a repeat with the same `Idempotency-Key` "
        "gets the answer without it. Rotate the secret if it got lost.",
    )

    @classmethod
    def made(cls, endpoint: Endpoint, secret: str | None) -> EndpointSecret:
        """Show an endpoint with its secret."""
        return cls.model_validate({**_shown(endpoint), "secret": secret})


class EndpointList(BaseModel):
    """All endpoints, oldest first."""

    items: list[EndpointView]


class AttemptView(BaseModel):
    """One try to deliver."""

    number: int
    at: str
    duration_ms: int
    status_code: int | None = None
    error: str | None = Field(
        default=None,
        description="Why there was no answer.",
        examples=["timed_out", "connection_refused", "address_refused"],
    )
    answer: str = Field(description="The first 500 bytes of the answer's body.")


class DeliveryView(BaseModel):
    """One event for one endpoint, with its last 20 attempts."""

    id: str
    event_id: str
    event_type: str
    event: dict[str, Any] = Field(description="What is sent.")
    status: DeliveryStatus
    created_at: str
    next_attempt_at: str | None = None
    attempts: list[AttemptView]

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        """Show a delivery."""
        return cls.model_validate(
            {
                **vars(delivery),
                "id": delivery.delivery_id,
                "event": json.loads(delivery.body),
                "attempts": [vars(each) for each in delivery.attempts],
            }
        )


class DeliveryList(Page):
    """A page of deliveries, newest first."""

    items: list[DeliveryView]


class DeliveriesQuery(PageQuery):
    """Which deliveries to list."""

    status: DeliveryStatus | None = None


# --- what workers are given -----------------------------------------------------------


class _Given(BaseModel):
    # AWS adds to its own shapes, and a later version of ours to an event.
    model_config = ConfigDict(extra="ignore", frozen=True)


class EventDocument(BaseModel):
    """An event as it was published, whole: what this version does not know is sent on."""

    model_config = ConfigDict(extra="allow", frozen=True)

    event_id: str
    type: str
    occurred_at: str


class Published(_Given):
    """What the bus hands to a consumer."""

    detail: EventDocument


class RingMessage(_Given):
    """What a message of the queue says."""

    endpoint_id: str
    delivery_id: str
    attempt: int = Field(ge=1)

    def ring(self) -> Ring:
        """Give the attempt it asks for."""
        return Ring(self.endpoint_id, self.delivery_id, self.attempt)


class QueueRecord(_Given):
    """One message as Lambda hands it over."""

    body: Json[RingMessage]


class QueueBatch(_Given):
    """The one message of a batch."""

    records: tuple[QueueRecord] = Field(alias="Records")


class SweepInput(_Given):
    """What the schedule, or a person, gives to the sweep."""

    as_of: str | None = Field(default=None, description="Take what is due by then; now if absent.")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {**vars(endpoint), "id": endpoint.endpoint_id, "event_types": [*endpoint.event_types]}
