"""Staff read a webhook endpoint."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import EndpointView

endpoints = EndpointStore(Table(environment().webhooks_table))


@http.operation(
    "GET /admin/webhook-endpoints/{id}",
    "Read a webhook endpoint",
    returns=EndpointView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the endpoint, and why it is disabled where it is."""
    endpoint = endpoints.get(request.path["id"])
    return http.Response.versioned(EndpointView.of(endpoint), endpoint.version)
