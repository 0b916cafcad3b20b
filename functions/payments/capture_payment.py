"""Take the buyer's money, all or part of what is held. Undo: refund_payment."""

from commerce import errors
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.ledger.store import LedgerStore
from commerce.orders.records import RecordStore
from commerce.payments.operations import MOVEMENT_REFUSALS, Movement, capture_order
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.schema import CapturePayment, PaymentView, payment_view
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
ledger = LedgerStore(Table(environment().ledger_table))
provider = SandboxProvider(Table(environment().sandbox_table))


@http.operation(
    "POST /admin/orders/{id}/capture",
    "Capture an order's payment, in whole or in part",
    body=CapturePayment,
    returns=PaymentView,
    creates=True,
    problems=(errors.NotFound, *MOVEMENT_REFUSALS),
    before=lambda request: payment_view(payments.get_with_calls(request.path["id"])[0]),
)
def handler(request: http.Request[CapturePayment, http.Nothing]) -> http.Response:
    """Answer with the payment as it is now."""
    wanted = Movement(
        request.path["id"], request.body.amount, request.call_key, request.caller.name
    )
    payment = capture_order(
        wanted, system_clock, records=records, payments=payments, ledger=ledger, provider=provider
    )
    return http.Response.versioned(payment_view(payment), payment.version)
