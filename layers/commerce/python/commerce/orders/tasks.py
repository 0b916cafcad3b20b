"""Shapes of what state machines pass to the steps of an order: ids, never documents."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, Json

from commerce.orders.model import Stop
from commerce.orders.operations import SAGA, PlaceOrder
from commerce.orders.schema import PaymentInstrument
from commerce.workflows import failure_sentence


class Step(BaseModel):
    """A step on one order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str


class PlaceOrderInput(Step):
    """The first step; `execution` is the name of the execution that runs it."""

    cart_id: str
    attempt: int = Field(ge=1)
    expected_total: int | None
    idempotency_key: str
    fingerprint: str
    execution: str
    payment: PaymentInstrument | None

    def wanted(self) -> PlaceOrder:
        """Give the order to place."""
        return PlaceOrder(
            self.order_id,
            self.cart_id,
            self.attempt,
            self.expected_total,
            self.idempotency_key,
            self.fingerprint,
            self.payment is not None,
        )


class AuthorizeInput(Step):
    """The step that calls the payment provider, where there is something to pay."""

    payment: PaymentInstrument | None

    @property
    def provider(self) -> str:
        """Which provider is called."""
        return self.payment.provider if self.payment else ""

    @property
    def token(self) -> str:
        """What the provider gave the storefront."""
        return self.payment.token if self.payment else ""


class Failure(BaseModel):
    """What a `Catch` keeps of an error."""

    Error: str
    Cause: str = ""


class BeginCancelInput(Step):
    """The first step of the undo."""

    execution: str
    failure: Failure
    by: str = SAGA


class UndoStep(Step):
    """A later step of the undo, with the name of the state machine that runs it."""

    by: str = SAGA


class StoppedExecution(BaseModel):
    """What Step Functions tells of an execution that did not succeed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    machine_arn: str = Field(alias="stateMachineArn")
    name: str
    status: str
    input: Json[dict[str, str | None]]
    error: str | None = None
    cause: str | None = None

    def stop(self, machines: Mapping[str, str]) -> Stop:
        """Give it as the order keeps it; `machines` maps a state machine's ARN to its name."""
        machine = machines[self.machine_arn]
        sentence = failure_sentence(self.cause or "")
        return Stop(machine, self.name, self.input, self.error or self.status, sentence[:500])


class StatusChange(BaseModel):
    """The execution-status event, as far as the watchdog looks at it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    detail: StoppedExecution


class SweepInput(BaseModel):
    """The sweep; orders whose recovery is due by `as_of`, now where absent, are taken."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    as_of: str | None = None
