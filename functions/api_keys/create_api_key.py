"""An owner makes a key for an integration or a storefront."""

import secrets

from commerce.api_keys.model import KEY_ID_PREFIX, SECRET_BYTES
from commerce.api_keys.operations import make_key
from commerce.api_keys.schema import ApiKeySecret, NewApiKey
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.calls import Calls
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.usage_plans import UsagePlan

calls = Calls(Table(environment().api_keys_table))
keys = ApiKeyStore(Table(environment().api_keys_table))
plan = UsagePlan(environment().integrations_plan)


@http.operation(
    "POST /admin/api-keys",
    "Make an API key",
    body=NewApiKey,
    returns=ApiKeySecret,
    status=201,
    creates=True,
    shown_once=("secret",),
)
def handler(request: http.Request[NewApiKey, http.Nothing]) -> http.Response:
    """Answer with the key and its secret, which is not shown again, a repeat included."""
    now = system_clock()
    key, secret = make_key(
        request.body,
        calls.id_for(request.call, KEY_ID_PREFIX, now),
        secrets.token_bytes(SECRET_BYTES),
        request.caller.name,
        now,
        keys=keys,
        plan=plan,
        call=request.call,
    )
    answer = ApiKeySecret.made(key, secret, now)
    return http.Response(answer, headers={"Location": f"/admin/api-keys/{key.key_id}"})
