"""Read an API key."""

from commerce.api_keys.schema import ApiKeyView
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

keys = ApiKeyStore(Table(environment().api_keys_table))


@http.operation(
    "GET /admin/api-keys/{id}", "Read an API key", returns=ApiKeyView, problems=(NotFound,)
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the key and when it was last used, and without its secret."""
    return http.Response(ApiKeyView.of(keys.get(request.path["id"]), system_clock()))
