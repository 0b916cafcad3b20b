"""Read an order; its id is known only to who placed it."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.orders.schema import OrderView, order_view
from commerce.orders.store import OrderStore

orders = OrderStore(Table(environment().orders_table))


@http.operation("GET /store/orders/{id}", "Read an order", returns=OrderView, problems=(NotFound,))
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the order and its lines."""
    order, details = orders.get_whole(request.path["id"])
    return http.Response.versioned(order_view(order, details), order.version)
