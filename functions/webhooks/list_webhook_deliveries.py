"""Staff list what was sent to a webhook endpoint, and what is still to be sent."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.secret import Secret
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import DeliveriesQuery, DeliveryList, DeliveryView

endpoints = EndpointStore(Table(environment().webhooks_table))
deliveries = DeliveryStore(Table(environment().webhooks_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/webhook-endpoints/{id}/deliveries",
    "List an endpoint's deliveries of the last 30 days, newest first",
    query=DeliveriesQuery,
    returns=DeliveryList,
    problems=(NotFound, InvalidCursor),
)
def handler(request: http.Request[http.Nothing, DeliveriesQuery]) -> http.Response:
    """Answer with a page of deliveries and their attempts."""
    query, endpoint_id = request.query, endpoints.get(request.path["id"]).endpoint_id
    page, cursor = cursors.page(
        f"deliveries {endpoint_id} {query.status}",
        query.cursor,
        lambda before: deliveries.newest(
            endpoint_id, query.status, limit=query.limit, before=before
        ),
    )
    return http.Response(
        DeliveryList(items=[DeliveryView.of(each) for each in page], next_cursor=cursor)
    )
