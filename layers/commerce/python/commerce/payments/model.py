"""The rules of a payment: its statuses and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

AUTHORIZING = "authorizing"
AUTHORIZED = "authorized"
DECLINED = "declined"
FAILED = "failed"
VOIDING = "voiding"
VOIDED = "voided"

# From each status, where a payment may go. `failed` is a call that surely had no
# effect, so the step may try again; `voided` is also the tombstone of a payment
# that never was.
EDGES: Mapping[str, frozenset[str]] = {
    AUTHORIZING: frozenset({AUTHORIZED, DECLINED, FAILED, VOIDING}),
    FAILED: frozenset({AUTHORIZING, VOIDED}),
    AUTHORIZED: frozenset({VOIDING}),
    VOIDING: frozenset({VOIDED}),
    DECLINED: frozenset(),
    VOIDED: frozenset(),
}

# A provider call ends with the function that makes it, at the latest; only after that
# may "the provider knows nothing of it" be believed.
CALL_LIFE = timedelta(seconds=12)


@dataclass(frozen=True)
class PaymentEvent:
    """One entry of a payment's history, with the provider's reference where it gave one."""

    at: str
    status: str
    reference: str = ""


@dataclass(frozen=True)
class Payment:
    """Our record of one order's payment; `amount` in minor units.

    `reference` is ours and known to the provider from the first call on;
    `provider_reference` is theirs and known once they answered.
    """

    order_id: str
    status: str
    version: int
    provider: str = ""
    amount: int = 0
    currency: str = ""
    provider_reference: str | None = None
    decline_reason: str | None = None
    attempted_at: datetime | None = None
    events: tuple[PaymentEvent, ...] = ()

    @property
    def reference(self) -> str:
        """What the provider knows this payment by."""
        return self.order_id


def may_be_under_way(payment: Payment, now: datetime) -> bool:
    """Tell whether a call to the provider may still take effect."""
    return payment.attempted_at is not None and now - payment.attempted_at < CALL_LIFE
