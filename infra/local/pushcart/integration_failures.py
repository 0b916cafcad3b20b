"""What a caller is told where a function could not answer, as the template asks for it.

On AWS a function that Lambda throttles is an ``INTEGRATION_FAILURE`` of API Gateway, and one
that ends without an answer is one of the errors of ``DEFAULT_5XX``: both have the gateway
response of their kind. MiniStack passes on what Lambda said, as a 429 and a 502.
:func:`install` has it answer with the gateway response. It is for the pinned MiniStack;
tests/local/test_integration_failures.py fails, saying so, once MiniStack no longer needs it.
"""

from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1

# Of the request at hand: each has a context of its own.
_kind: ContextVar[str | None] = ContextVar("integration_failure", default=None)


def install() -> None:
    """Answer failures with gateway responses, in this process, before it serves anything."""
    shape_alone = apigateway_v1._lambda_proxy_response
    invoke_alone = apigateway_v1._invoke_lambda_proxy_v1

    def shape(result: dict[str, Any]) -> Any:
        _kind.set(kind_of(result))
        return shape_alone(result)

    async def invoke(*request: Any, **more: Any) -> Any:
        _kind.set(None)
        answer = await invoke_alone(*request, **more)
        kind = _kind.get()
        return answer if kind is None else apigateway_v1._gw_error(kind, "Internal server error")

    apigateway_v1._lambda_proxy_response = shape
    apigateway_v1._invoke_lambda_proxy_v1 = invoke


def kind_of(result: dict[str, Any]) -> str | None:
    """Name the gateway response for how a function's call ended; None where it answered."""
    if result.get("throttle"):
        return "INTEGRATION_FAILURE"
    return "DEFAULT_5XX" if result.get("error") else None
