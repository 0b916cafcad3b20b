"""Staff list the addresses that are told of events."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import EndpointList, EndpointView

endpoints = EndpointStore(Table(environment().webhooks_table))


@http.operation("GET /admin/webhook-endpoints", "List webhook endpoints", returns=EndpointList)
def handler(_request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with all endpoints, oldest first."""
    return http.Response(EndpointList(items=[EndpointView.of(each) for each in endpoints.all()]))
