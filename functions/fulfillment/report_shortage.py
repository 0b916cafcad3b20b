"""Report units that a packer cannot find."""

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
from commerce.fulfillment.operations import read_fulfillment, report_shortage
from commerce.fulfillment.schema import (
    FulfillmentView,
    ReportShortage,
    fulfillment_view,
    units_of,
)
from commerce.orders.records import RecordStore
from commerce.workflows import StateMachine

records = RecordStore(Table(environment().orders_table))
recovery = StateMachine(environment().recover_order_arn)


@http.operation(
    "POST /admin/fulfillments/{id}/report-shortage",
    "Cancel units that cannot be found; they are released and not charged",
    body=ReportShortage,
    returns=FulfillmentView,
    creates=True,
    problems=(NotFound, IllegalTransition, NotAllocated, TooManyUnits, TransactionConflict),
    before=lambda request: fulfillment_view(*read_fulfillment(request.path["id"], records=records)),
)
def handler(request: http.Request[ReportShortage, http.Nothing]) -> http.Response:
    """Answer with what is left of the fulfillment."""
    identifier, missing = request.path["id"], units_of(request.body.line_items)
    acting = Acting(request.caller.name, system_clock(), key=digest(request.call_key))
    record = report_shortage(identifier, missing, acting, records=records, recovery=recovery)
    return http.Response(fulfillment_view(record, record.fulfillment(identifier)))
