"""HTTP shapes of payments."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from commerce.payments.model import Payment, payment_status

AMOUNT_MAX = 1_000_000_000_000


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
    reason: str = Field(min_length=1, max_length=200, examples=["arrived broken"])


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
