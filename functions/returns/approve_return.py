"""Let a buyer send units back."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import IllegalTransition, NotFound, TransactionConflict
from commerce.fulfillment.model import Acting
from commerce.orders.records import RecordStore
from commerce.returns.operations import approve_return, read_return
from commerce.returns.schema import ReturnView, return_view

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "POST /admin/returns/{id}/approve",
    "Let the buyer send the units",
    returns=ReturnView,
    problems=(NotFound, IllegalTransition, TransactionConflict),
    before=lambda request: return_view(*read_return(request.path["id"], records=records)),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the return."""
    identifier, acting = request.path["id"], Acting(request.caller.name, system_clock())
    record = approve_return(identifier, acting, records=records)
    return http.Response(return_view(record.order.order_id, record.sent_back(identifier)))
