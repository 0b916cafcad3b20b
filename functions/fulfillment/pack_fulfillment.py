"""Pack a fulfillment."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import IllegalTransition, NotFound, TransactionConflict
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import pack, read_fulfillment
from commerce.fulfillment.schema import FulfillmentView, fulfillment_view
from commerce.orders.records import RecordStore

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "POST /admin/fulfillments/{id}/pack",
    "Record that a fulfillment is packed; from here on the buyer cannot cancel it",
    returns=FulfillmentView,
    problems=(NotFound, IllegalTransition, TransactionConflict),
    before=lambda request: fulfillment_view(*read_fulfillment(request.path["id"], records=records)),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the fulfillment as it is now."""
    identifier = request.path["id"]
    acting = Acting(request.caller.name, system_clock())
    record = pack(identifier, acting, records=records)
    return http.Response(fulfillment_view(record, record.fulfillment(identifier)))
