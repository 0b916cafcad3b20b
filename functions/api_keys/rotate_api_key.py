"""An owner gives an API key another secret."""

import secrets

from commerce.api_keys.model import SECRET_BYTES
from commerce.api_keys.operations import rotate_key
from commerce.api_keys.schema import ApiKeySecret, ApiKeyView, RotateApiKey
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import ApiKeyNotActive, NotFound

keys = ApiKeyStore(Table(environment().api_keys_table))


@http.operation(
    "POST /admin/api-keys/{id}/rotate",
    "Give an API key another secret; the old one opens on for a while",
    body=RotateApiKey,
    returns=ApiKeySecret,
    creates=True,
    shown_once=("secret",),
    problems=(NotFound, ApiKeyNotActive),
    before=lambda request: ApiKeyView.of(keys.get(request.path["id"]), system_clock()),
)
def handler(request: http.Request[RotateApiKey, http.Nothing]) -> http.Response:
    """Answer with the key and its new secret, which is not shown again, a repeat included."""
    now, random_bytes = system_clock(), secrets.token_bytes(SECRET_BYTES)
    key, secret = rotate_key(
        request.path["id"],
        request.body.overlap_hours,
        random_bytes,
        now,
        keys=keys,
        call=request.call,
    )
    return http.Response(ApiKeySecret.made(key, secret, now))
