"""Staff get a new signing secret for a webhook endpoint."""

from commerce.clock import system_clock, to_text
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.secret import Secret
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import EndpointSecret, EndpointView
from commerce.webhooks.signing import SigningSecrets

endpoints = EndpointStore(Table(environment().webhooks_table))
secrets = SigningSecrets(Secret(environment().webhook_secret))


@http.operation(
    "POST /admin/webhook-endpoints/{id}/rotate-secret",
    "Sign with a new secret; for a day with the old one, too",
    returns=EndpointSecret,
    problems=(NotFound,),
    creates=True,
    shown_once=("secret",),
    before=lambda request: EndpointView.of(endpoints.get(request.path["id"])),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the endpoint and its new secret, which is not shown again."""
    now = system_clock()
    endpoint = endpoints.rotate_secret(request.path["id"], now, request.call)
    is_new = endpoint.updated_at == to_text(now)
    shown = EndpointSecret.made(endpoint, secrets.newest(endpoint) if is_new else None)
    return http.Response.versioned(shown, endpoint.version)
