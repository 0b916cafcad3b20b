"""Read an order as staff see it: with payment, stock and timeline."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.orders.records import RecordStore
from commerce.orders.schema import StaffOrderView, staff_order_view
from commerce.payments.store import PaymentStore
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
stock = StockStore(Table(environment().stock_table))


@http.operation(
    "GET /admin/orders/{id}",
    "Read an order with everything that happened to it",
    returns=StaffOrderView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the order, its payment, its reservations and its timeline."""
    record = records.get(request.path["id"])
    order_id = record.order.order_id
    payment, calls = payments.find_with_calls(order_id)
    view = staff_order_view(record, payment, stock.reservations(order_id), calls)
    return http.Response.versioned(view, record.order.version)
