"""Record what came in of a return."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import (
    IllegalTransition,
    NotFound,
    TooManyUnits,
    TransactionConflict,
)
from commerce.fulfillment.model import Acting
from commerce.orders.records import RecordStore
from commerce.returns.operations import read_return, receive_return
from commerce.returns.schema import ReceiveReturn, ReturnView, return_view
from commerce.settings.store import SettingsStore

records = RecordStore(Table(environment().orders_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "POST /admin/returns/{id}/receive",
    "Record what came in, and what of it can be sold again",
    body=ReceiveReturn,
    returns=ReturnView,
    creates=True,
    problems=(NotFound, IllegalTransition, TooManyUnits, TransactionConflict),
    before=lambda request: return_view(*read_return(request.path["id"], records=records)),
)
def handler(request: http.Request[ReceiveReturn, http.Nothing]) -> http.Response:
    """Answer with the return; its stock follows."""
    identifier, body = request.path["id"], request.body
    record = receive_return(
        identifier,
        body.restocked(),
        body.discarded(),
        body.location,
        Acting(request.caller.name, system_clock(), key=digest(request.call_key)),
        records=records,
        settings=settings,
    )
    return http.Response(return_view(record.order.order_id, record.sent_back(identifier)))
