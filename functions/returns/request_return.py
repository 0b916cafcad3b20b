"""Ask to send units of an order back, as the guest who placed it."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import (
    IllegalTransition,
    NotFound,
    ReturnWindowClosed,
    TooManyUnits,
    TransactionConflict,
)
from commerce.fulfillment.model import BUYER, Acting
from commerce.fulfillment.schema import units_of
from commerce.orders.owners import with_token
from commerce.orders.records import RecordStore
from commerce.returns.operations import request_return
from commerce.returns.schema import RequestReturn, ReturnView, return_view
from commerce.settings.store import SettingsStore

records = RecordStore(Table(environment().orders_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "POST /store/returns",
    "Ask to send units of a guest's order back",
    body=RequestReturn,
    returns=ReturnView,
    status=201,
    creates=True,
    order_token=True,
    problems=(NotFound, IllegalTransition, ReturnWindowClosed, TooManyUnits, TransactionConflict),
)
def handler(request: http.Request[RequestReturn, http.Nothing]) -> http.Response:
    """Answer with the return, which staff approve or reject."""
    body = request.body
    _, wish = request_return(
        body.order_id,
        units_of(body.line_items),
        body.note,
        Acting(BUYER, system_clock(), body.reason, digest(request.call_key)),
        records=records.seen_by(with_token(request.order_token)),
        settings=settings,
    )
    return http.Response(return_view(body.order_id, wish))
