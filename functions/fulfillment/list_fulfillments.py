"""List an order's fulfillments."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.fulfillment.schema import FulfillmentList, fulfillment_list
from commerce.orders.records import RecordStore

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "GET /admin/orders/{id}/fulfillments",
    "List an order's fulfillments",
    returns=FulfillmentList,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with all of them, first to latest."""
    return http.Response(fulfillment_list(records.get(request.path["id"])))
