"""Staff take a webhook endpoint away."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import EndpointView

endpoints = EndpointStore(Table(environment().webhooks_table))


@http.operation(
    "DELETE /admin/webhook-endpoints/{id}",
    "Delete a webhook endpoint and its secret",
    returns=EndpointView,
    problems=(NotFound,),
    removes=True,
    before=lambda request: EndpointView.of(endpoints.get(request.path["id"])),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the endpoint as it was; nothing is sent to it any more."""
    return http.Response(EndpointView.of(endpoints.remove(request.path["id"])))
