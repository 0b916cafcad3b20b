"""Cancel an order or some of its units, by staff."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import (
    IllegalTransition,
    NotAllocated,
    NotFound,
    TooManyUnits,
    TransactionConflict,
)
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import Allowance, cancel_order
from commerce.fulfillment.schema import CancelOrder, units_of
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrderView, order_view
from commerce.payments.store import PaymentStore
from commerce.settings.store import SettingsStore
from commerce.workflows import StateMachine

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
settings = SettingsStore(Table(environment().settings_table))
recovery = StateMachine(environment().recover_order_arn)


@http.operation(
    "POST /admin/orders/{id}/cancel",
    "Cancel an order, or some of its units: money and stock are given back",
    body=CancelOrder,
    returns=OrderView,
    status=202,
    creates=True,
    problems=(NotFound, IllegalTransition, NotAllocated, TooManyUnits, TransactionConflict),
    before=lambda request: order_view(
        records.get(request.path["id"]), payments.get(request.path["id"])
    ),
)
def handler(request: http.Request[CancelOrder, http.Nothing]) -> http.Response:
    """Answer with the order; its money and stock follow."""
    lines = request.body.line_items
    allowance = None
    if request.caller.has_refund_limit:
        allowance = Allowance(settings.current().policies.support_refund_limit, payments)
    record = cancel_order(
        request.path["id"],
        units_of(lines) if lines else None,
        Acting(request.caller.name, system_clock(), request.body.reason, digest(request.call_key)),
        records=records,
        recovery=recovery,
        allowance=allowance,
    )
    view = order_view(record, payments.get(record.order.order_id))
    return http.Response.versioned(view, record.order.version)
