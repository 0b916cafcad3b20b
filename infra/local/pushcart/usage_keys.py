"""Usage plans by the key that an authorizer names.

On AWS an API with ``ApiKeySourceType: AUTHORIZER`` takes the usage plan's key from the
``usageIdentifierKey`` of its authorizer's answer. MiniStack knows the header ``x-api-key``
alone. :func:`install` has it take the authorizer's, and the header of nobody who was
authorized by one. It is for the pinned MiniStack; tests/local/test_usage_keys.py fails,
saying so, once MiniStack no longer needs it.
"""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1

# Of the request at hand: each has a context of its own.
_named: ContextVar[str | None] = ContextVar("usage_key", default=None)


def install() -> None:
    """Take usage keys from authorizers, in this process, before it serves anything."""
    authorize_alone = apigateway_v1._authorize_request_v1
    ask_alone = apigateway_v1._invoke_authorizer_lambda
    read_alone = apigateway_v1._api_key_from_request

    async def authorize(*request: Any) -> Any:
        _named.set(None)
        return await authorize_alone(*request)

    async def ask(*authorizer: Any) -> Any:
        result = await ask_alone(*authorizer)
        _named.set(_usage_key_in(result))
        return result

    def read(headers: Any) -> Any:
        named = _named.get()
        return read_alone(headers) if named is None else named

    apigateway_v1._authorize_request_v1 = authorize
    apigateway_v1._invoke_authorizer_lambda = ask
    apigateway_v1._api_key_from_request = read


def _usage_key_in(result: dict[str, Any] | None) -> str | None:
    answer = (result or {}).get("body")
    if isinstance(answer, str | bytes):
        try:
            answer = json.loads(answer)
        except ValueError:
            return None
    return answer.get("usageIdentifierKey") if isinstance(answer, dict) else None
