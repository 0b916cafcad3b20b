"""Let an order go on that a person has looked at."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import IllegalTransition, NotFound, TransactionConflict
from commerce.orders.operations import redrive_order
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrderView, order_view
from commerce.orders.store import OrderStore
from commerce.payments.store import PaymentStore
from commerce.workflows import StateMachine

orders = OrderStore(Table(environment().orders_table))
records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
recovery = StateMachine(environment().recover_order_arn)


@http.operation(
    "POST /admin/orders/{id}/redrive",
    "Go on with an order that requires action, from the step that failed",
    returns=OrderView,
    status=202,
    problems=(NotFound, IllegalTransition, TransactionConflict),
    before=lambda request: order_view(
        records.get(request.path["id"]), payments.get(request.path["id"])
    ),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the order; what stopped is begun again."""
    record = redrive_order(
        request.path["id"],
        request.caller.name,
        system_clock(),
        orders=orders,
        records=records,
        recovery=recovery,
    )
    view = order_view(record, payments.get(record.order.order_id))
    return http.Response.versioned(view, record.order.version)
