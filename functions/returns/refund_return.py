"""Decide what is given back for a return."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import (
    AmountTooLarge,
    IllegalTransition,
    NotFound,
    TransactionConflict,
)
from commerce.fulfillment.model import Acting
from commerce.orders.records import RecordStore
from commerce.payments.store import PaymentStore
from commerce.returns.operations import read_return, refund_return
from commerce.returns.schema import RefundReturn, ReturnView, return_view
from commerce.settings.store import SettingsStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "POST /admin/returns/{id}/refund",
    "Give money back for what came in",
    body=RefundReturn,
    returns=ReturnView,
    status=202,
    creates=True,
    problems=(NotFound, IllegalTransition, AmountTooLarge, TransactionConflict),
    before=lambda request: return_view(*read_return(request.path["id"], records=records)),
)
def handler(request: http.Request[RefundReturn, http.Nothing]) -> http.Response:
    """Answer with the return, `refunding` until the provider has done it."""
    identifier, acting = (
        request.path["id"],
        Acting(request.caller.name, system_clock(), key=digest(request.call_key)),
    )
    limits = None
    if request.caller.has_refund_limit:
        limits = settings.current().policies.support_refund_limit
    wanted = request.body.wanted()
    record = refund_return(
        identifier, wanted, acting, records=records, payments=payments, limits=limits
    )
    return http.Response(return_view(record.order.order_id, record.sent_back(identifier)))
