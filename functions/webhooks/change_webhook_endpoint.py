"""Staff change a webhook endpoint, or enable it again."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AddressRefused, NotFound, PreconditionRequired, StaleVersion
from commerce.settings.store import SettingsStore
from commerce.webhooks import operations
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import system_resolve
from commerce.webhooks.schema import EndpointChanges, EndpointView

endpoints = EndpointStore(Table(environment().webhooks_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "PATCH /admin/webhook-endpoints/{id}",
    "Change a webhook endpoint at the version in If-Match",
    body=EndpointChanges,
    returns=EndpointView,
    problems=(NotFound, PreconditionRequired, StaleVersion, AddressRefused),
    before=lambda request: EndpointView.of(endpoints.get(request.path["id"])),
)
def handler(request: http.Request[EndpointChanges, http.Nothing]) -> http.Response:
    """Answer with the endpoint as it is now."""
    endpoint = operations.change_endpoint(
        request.path["id"],
        request.body,
        request.if_match,
        system_clock(),
        private_allowed=settings.current(consistent=True).policies.private_webhooks,
        endpoints=endpoints,
        resolve=system_resolve,
    )
    return http.Response.versioned(EndpointView.of(endpoint), endpoint.version)
