"""What the shop does with a message from a payment provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import ValidationError

from commerce.clock import Clock
from commerce.errors import InvalidRequest, NotFound
from commerce.ids import is_id
from commerce.ledger.store import LedgerStore
from commerce.payments.operations import settle_payment
from commerce.payments.provider import PaymentProvider
from commerce.payments.schema import ProviderMessage
from commerce.payments.store import PaymentStore
from commerce.signatures import verified_id

SANDBOX = "sandbox"
Taken = Literal["settled", "repeated", "unknown"]


def take_message(
    provider_name: str,
    headers: Mapping[str, str],
    body: bytes,
    key: bytes,
    clock: Clock,
    *,
    payments: PaymentStore,
    ledger: LedgerStore,
    provider: PaymentProvider,
) -> Taken:
    """Take a provider's word that something became of a payment, and ask what.

    Nothing in the message is believed but which payment it is about, so it does not matter
    in which order messages come. It is recorded after its work, which a repeat that comes
    in between does again without effect.

    Parameters
    ----------
    headers
        With names in lower case.
    key
        What the provider signs with.

    Returns
    -------
    Taken
        `repeated` for a message that was taken before, `unknown` for one about a payment
        we have no record of, which reconciliation finds.

    Raises
    ------
    NotFound
        There is no such provider.
    InvalidSignature
        The message is not the provider's, or too old.
    InvalidRequest
        It names no payment.
    TransientError
        Not now; the provider delivers it again.
    """
    if provider_name != SANDBOX:
        raise NotFound("there is no such payment provider")
    message_id = verified_id(headers, body, key, clock())
    try:
        message = ProviderMessage.model_validate_json(body)
    except ValidationError:
        raise InvalidRequest("the message does not have the published shape") from None
    if payments.message_was_taken(provider_name, message_id):
        return "repeated"
    reference = message.data.reference
    payment = None
    if is_id(reference, "order"):
        payment = settle_payment(
            reference, clock, payments=payments, ledger=ledger, provider=provider
        )
    payments.record_message(provider_name, message_id, message.type, reference, clock())
    return "settled" if payment else "unknown"
