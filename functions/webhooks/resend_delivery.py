"""Staff have a delivery sent again."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import DeliveryInProgress, EndpointDisabled, NotFound
from commerce.queues import Queue
from commerce.webhooks import operations
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import DeliveryView

endpoints = EndpointStore(Table(environment().webhooks_table))
deliveries = DeliveryStore(Table(environment().webhooks_table))
queue = Queue(environment().deliveries_queue)


@http.operation(
    "POST /admin/webhook-endpoints/{id}/deliveries/{delivery_id}/resend",
    "Send a delivery again, whatever became of it",
    returns=DeliveryView,
    status=202,
    problems=(NotFound, EndpointDisabled, DeliveryInProgress),
    creates=True,
    before=lambda request: DeliveryView.of(
        deliveries.get(request.path["id"], request.path["delivery_id"])
    ),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the delivery; it is `pending` until the receiver took it."""
    delivery = operations.resend_delivery(
        request.path["id"],
        request.path["delivery_id"],
        system_clock(),
        endpoints=endpoints,
        deliveries=deliveries,
        queue=queue,
        call=request.call,
    )
    return http.Response(DeliveryView.of(delivery))
