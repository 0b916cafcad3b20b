"""Undo of capture_payment: give the buyer's money back, all or part of it."""

from functools import partial

from commerce import errors
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.ledger.store import LedgerStore
from commerce.payments.operations import (
    MOVEMENT_REFUSALS,
    Movement,
    refund_payment,
    refund_within,
)
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.schema import PaymentView, RefundPayment, payment_view
from commerce.payments.store import PaymentStore
from commerce.settings.store import SettingsStore

payments = PaymentStore(Table(environment().payments_table))
ledger = LedgerStore(Table(environment().ledger_table))
settings = SettingsStore(Table(environment().settings_table))
provider = SandboxProvider(Table(environment().sandbox_table))


@http.operation(
    "POST /admin/orders/{id}/refund",
    "Refund an order's payment, in whole or in part",
    body=RefundPayment,
    returns=PaymentView,
    creates=True,
    problems=(errors.NotFound, *MOVEMENT_REFUSALS),
    before=lambda request: payment_view(payments.get_with_calls(request.path["id"])[0]),
)
def handler(request: http.Request[RefundPayment, http.Nothing]) -> http.Response:
    """Answer with the payment as it is now."""
    wanted = Movement(
        request.path["id"],
        request.body.amount,
        request.call_key,
        request.caller.name,
        request.body.reason,
    )
    refund = refund_payment
    if request.caller.has_refund_limit:
        refund = partial(refund_within, settings.current().policies.support_refund_limit)
    payment = refund(wanted, system_clock, payments=payments, ledger=ledger, provider=provider)
    return http.Response.versioned(payment_view(payment), payment.version)
