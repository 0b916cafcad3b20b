"""A customer reads an order of theirs."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.orders.owners import of_customer
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrderView, order_view
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))


@http.operation(
    "GET /store/customers/me/orders/{id}",
    "Read an order of mine",
    returns=OrderView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the order, its lines, parcels and returns."""
    record = records.seen_by(of_customer(request.caller.id)).get(request.path["id"])
    view = order_view(record, payments.get(record.order.order_id))
    return http.Response.versioned(view, record.order.version)
