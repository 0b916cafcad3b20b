"""Shapes of what state machines and the bus pass to the steps of fulfillment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AllocateStep(_Step):
    """The first step; a later fulfillment's execution names it."""

    order_id: str
    fulfillment_id: str | None


class FulfillmentStep(_Step):
    """A step on one fulfillment."""

    fulfillment_id: str


class CancellationStep(_Step):
    """A step on one cancellation of units."""

    cancellation_id: str


class CompleteStep(_Step):
    """The last step; `by` is the state machine."""

    order_id: str
    by: str


class AwaitDecision(_Step):
    """Have an execution wait while a part of an order has a status."""

    part: str
    status: str
    task_token: str
