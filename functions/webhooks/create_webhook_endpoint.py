"""Staff register an address to be told of events."""

from commerce.clock import system_clock, to_text
from commerce.dynamo.calls import Calls
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AddressRefused, TooManyEndpoints
from commerce.secret import Secret
from commerce.settings.store import SettingsStore
from commerce.webhooks import operations
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import system_resolve
from commerce.webhooks.model import ENDPOINT_ID_PREFIX
from commerce.webhooks.schema import EndpointSecret, NewEndpoint
from commerce.webhooks.signing import SigningSecrets

calls = Calls(Table(environment().webhooks_table))
endpoints = EndpointStore(Table(environment().webhooks_table))
settings = SettingsStore(Table(environment().settings_table))
secrets = SigningSecrets(Secret(environment().webhook_secret))


@http.operation(
    "POST /admin/webhook-endpoints",
    "Register an address to be told of events",
    body=NewEndpoint,
    returns=EndpointSecret,
    status=201,
    problems=(AddressRefused, TooManyEndpoints),
    creates=True,
    shown_once=("secret",),
)
def handler(request: http.Request[NewEndpoint, http.Nothing]) -> http.Response:
    """Answer with the endpoint and its signing secret, which is not shown again.

    A repeat that finds the endpoint made gets it without the secret.
    """
    now = system_clock()
    endpoint = operations.register_endpoint(
        request.body,
        calls.id_for(request.call, ENDPOINT_ID_PREFIX, now),
        now,
        private_allowed=settings.current(consistent=True).policies.private_webhooks,
        endpoints=endpoints,
        resolve=system_resolve,
    )
    is_new = endpoint.created_at == to_text(now)
    shown = EndpointSecret.made(endpoint, secrets.newest(endpoint) if is_new else None)
    answer = http.Response.versioned(shown, endpoint.version)
    answer.headers["Location"] = f"/admin/webhook-endpoints/{endpoint.endpoint_id}"
    return answer
