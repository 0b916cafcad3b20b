"""Cancel an order, by staff."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import IllegalTransition, NotFound
from commerce.orders.operations import cancel_order
from commerce.orders.schema import CancelOrder, OrderView, order_view
from commerce.orders.store import OrderStore
from commerce.workflows import StateMachine

orders = OrderStore(Table(environment().orders_table))
recovery = StateMachine(environment().recover_order_arn)


@http.operation(
    "POST /admin/orders/{id}/cancel",
    "Cancel an order: its payment is voided and its stock released",
    body=CancelOrder,
    returns=OrderView,
    status=202,
    problems=(NotFound, IllegalTransition),
)
def handler(request: http.Request[CancelOrder, http.Nothing]) -> http.Response:
    """Answer with the order; it is `canceling` until everything is undone."""
    order, details = cancel_order(
        request.path["id"],
        request.caller,
        request.body.reason,
        system_clock(),
        orders=orders,
        recovery=recovery,
    )
    return http.Response.versioned(order_view(order, details), order.version)
