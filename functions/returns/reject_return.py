"""Refuse a return that has not come in."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import IllegalTransition, NotFound, TransactionConflict
from commerce.fulfillment.model import Acting
from commerce.orders.records import RecordStore
from commerce.returns.operations import read_return, reject_return
from commerce.returns.schema import RejectReturn, ReturnView, return_view

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "POST /admin/returns/{id}/reject",
    "Refuse a return that has not come in",
    body=RejectReturn,
    returns=ReturnView,
    problems=(NotFound, IllegalTransition, TransactionConflict),
    before=lambda request: return_view(*read_return(request.path["id"], records=records)),
)
def handler(request: http.Request[RejectReturn, http.Nothing]) -> http.Response:
    """Answer with the return."""
    identifier = request.path["id"]
    acting = Acting(request.caller.name, system_clock(), request.body.reason)
    record = reject_return(identifier, acting, records=records)
    return http.Response(return_view(record.order.order_id, record.sent_back(identifier)))
