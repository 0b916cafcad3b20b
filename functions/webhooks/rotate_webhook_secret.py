"""Staff get a new signing secret for a webhook endpoint."""

import secrets

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.signatures import SECRET_BITS, new_secret
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import EndpointSecret, EndpointView

endpoints = EndpointStore(Table(environment().webhooks_table))


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
    secret = new_secret(secrets.randbits(SECRET_BITS))
    endpoint = endpoints.rotate_secret(request.path["id"], secret, system_clock())
    return http.Response.versioned(EndpointSecret.of(endpoint), endpoint.version)
