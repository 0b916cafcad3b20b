"""HTTP shapes of payments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from commerce.payments.model import Payment, payment_status
from commerce.texts import WORD_PATTERN, WORDS_PATTERN, Line

AMOUNT_MAX = 1_000_000_000_000
MESSAGE_BYTES_MAX = 64 * 1024


class CapturePayment(BaseModel):
    """How much to capture."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: int | None = Field(
        default=None, ge=1, le=AMOUNT_MAX, description="In minor units; all that is left if absent."
    )


class RefundPayment(BaseModel):
    """How much to give back, and why."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: int | None = Field(
        default=None, ge=1, le=AMOUNT_MAX, description="In minor units; all that is left if absent."
    )
    reason: Annotated[str, Line(200, 1)] = Field(examples=["arrived broken"])


class ProviderMessageData(BaseModel):
    """Which payment a message is about."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    reference: str = Field(
        pattern=WORDS_PATTERN,
        max_length=64,
        description="What the provider was given: the order's id.",
    )


class ProviderMessage(BaseModel):
    """A provider's message that something became of a payment.

    Signed as Standard Webhooks has it, in the headers `webhook-id`, `webhook-timestamp` and
    `webhook-signature`. Amounts and more it may say; the shop asks the provider itself.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = Field(pattern=WORD_PATTERN, max_length=64, examples=["payment.authorized"])
    data: ProviderMessageData


class MessageTaken(BaseModel):
    """What came of a message."""

    result: Literal["settled", "repeated", "unknown"] = Field(
        description="`repeated`: it came before. `unknown`: we have no such payment."
    )


class PaymentView(BaseModel):
    """The shop's record of an order's payment; amounts in minor units."""

    status: str = Field(
        description="`authorized`, `partially_captured`, `captured`, `partially_refunded`, "
        "`refunded`, `voided`, `declined`; or one of the steps between."
    )
    provider: str
    amount: int
    currency: str
    captured: int = Field(description="What was taken of `amount`.")
    refunded: int = Field(description="What was given back of that.")
    net: int = Field(description="What the shop has: captured less refunded.")
    released: int = Field(default=0, description="What was let go of and is not captured.")
    provider_reference: str | None = None
    decline_reason: str | None = None
    version: int


def payment_view(payment: Payment) -> PaymentView:
    """Show our record of a payment."""
    return PaymentView(
        status=payment_status(payment),
        provider=payment.provider,
        amount=payment.amount,
        currency=payment.currency,
        captured=payment.captured,
        refunded=payment.refunded,
        net=payment.net,
        released=payment.released,
        provider_reference=payment.provider_reference,
        decline_reason=payment.decline_reason,
        version=payment.version,
    )
