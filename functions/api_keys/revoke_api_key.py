"""An owner revokes an API key."""

from commerce.api_keys.schema import ApiKeyView
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

keys = ApiKeyStore(Table(environment().api_keys_table))


@http.operation(
    "DELETE /admin/api-keys/{id}",
    "Revoke an API key",
    returns=ApiKeyView,
    problems=(NotFound,),
    before=lambda request: ApiKeyView.of(keys.get(request.path["id"]), system_clock()),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the key, which opens nothing from now on and stays in the list."""
    now = system_clock()
    return http.Response(
        ApiKeyView.of(keys.revoke(request.path["id"], request.caller.name, now), now)
    )
