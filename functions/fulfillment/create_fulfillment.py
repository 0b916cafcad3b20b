"""Send some units of an order by themselves."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import (
    IllegalTransition,
    NotAllocated,
    NotFound,
    TooManyUnits,
    TransactionConflict,
)
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import create_fulfillment
from commerce.fulfillment.schema import (
    CreateFulfillment,
    FulfillmentView,
    fulfillment_view,
    units_of,
)
from commerce.orders.records import RecordStore

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "POST /admin/orders/{id}/fulfillments",
    "Take units out of open fulfillments, to be sent by themselves",
    body=CreateFulfillment,
    returns=FulfillmentView,
    status=201,
    creates=True,
    problems=(NotFound, IllegalTransition, NotAllocated, TooManyUnits, TransactionConflict),
)
def handler(request: http.Request[CreateFulfillment, http.Nothing]) -> http.Response:
    """Answer with the new fulfillment."""
    record, opened = create_fulfillment(
        request.path["id"],
        units_of(request.body.line_items),
        request.body.location,
        Acting(request.caller.name, system_clock(), key=digest(request.call_key)),
        records=records,
    )
    return http.Response(fulfillment_view(record, record.fulfillment(opened)))
