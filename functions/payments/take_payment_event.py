"""Take what a payment provider tells us later than its answer."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidSignature, NotFound, RequestTooLarge
from commerce.ledger.store import LedgerStore
from commerce.payments.hooks import take_message
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.schema import MESSAGE_BYTES_MAX, MessageTaken, ProviderMessage
from commerce.payments.store import PaymentStore
from commerce.secret import Secret

payments = PaymentStore(Table(environment().payments_table))
ledger = LedgerStore(Table(environment().ledger_table))
provider = SandboxProvider(Table(environment().sandbox_table))
secret = Secret(environment().payment_hook_secret)


@http.operation(
    "POST /hooks/payments/{provider}",
    "Take a provider's signed message about a payment",
    body=ProviderMessage,
    body_bytes_max=MESSAGE_BYTES_MAX,
    returns=MessageTaken,
    also={202: MessageTaken},
    problems=(NotFound, InvalidSignature, RequestTooLarge),
)
def handler(request: http.Request[ProviderMessage, http.Nothing]) -> http.Response:
    """Answer with what came of it; 202 where we know no such payment."""
    taken = take_message(
        request.path["provider"],
        request.headers,
        request.raw_body,
        secret.value.encode(),
        system_clock,
        payments=payments,
        ledger=ledger,
        provider=provider,
    )
    return http.Response(MessageTaken(result=taken), 202 if taken == "unknown" else 200)
