"""The port to payment providers: what the shop asks of any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ProviderPayment:
    """A payment as the provider's books have it; amounts in minor units.

    `released` is what was let go of after a part was captured. `call_reference` is theirs
    too: of the capture or refund that this is the answer to.
    """

    reference: str
    provider_reference: str
    status: str
    amount: int
    currency: str
    captured: int = 0
    refunded: int = 0
    decline_reason: str | None = None
    call_reference: str = ""
    released: int = 0

    @property
    def held(self) -> int:
        """What of the buyer's money is held and not taken."""
        if self.status not in ("authorized", "captured"):
            return 0
        return self.amount - self.captured - self.released

    @property
    def net(self) -> int:
        """What the shop has got of it."""
        return self.captured - self.refunded


class PaymentProvider(Protocol):
    """Moves money. Every call carries an idempotency key: repeated with it, it has one effect.

    Each call raises `ProviderUnavailable` where it surely had no effect,
    `ProviderTimeout` where that is not known, and `ProviderRejected` where the provider
    refuses it. A refusal is final: a later call with the same key is refused too, so what
    was kept for the call may be given back.
    """

    def authorize(
        self, *, reference: str, amount: int, currency: str, token: str, idempotency_key: str
    ) -> ProviderPayment:
        """Hold money; a refusal is a payment of status `declined`, not an error."""
        ...

    def capture(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        """Take held money, in whole or in part."""
        ...

    def void(self, *, reference: str, idempotency_key: str) -> ProviderPayment:
        """Let go of what is held and not taken; nothing is captured any more.

        Where nothing was captured, the payment is `voided`; otherwise it stays `captured`.
        """
        ...

    def refund(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        """Give taken money back, in whole or in part."""
        ...

    def find(self, reference: str) -> ProviderPayment | None:
        """Look a payment up by our reference; None where the provider has none."""
        ...
