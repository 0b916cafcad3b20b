"""A customer reads a return of theirs."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.orders.owners import of_customer
from commerce.orders.record import order_of
from commerce.orders.records import RecordStore
from commerce.returns.schema import ReturnView, return_view

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "GET /store/customers/me/returns/{id}",
    "Read a return of mine",
    returns=ReturnView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the return."""
    identifier = request.path["id"]
    order_id, _ = order_of(identifier, "return")
    mine = records.seen_by(of_customer(request.caller.id)).get(order_id)
    return http.Response(return_view(order_id, mine.sent_back(identifier)))
