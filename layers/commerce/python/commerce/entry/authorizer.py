"""The edge before the API: one decorator makes a function a Lambda authorizer of API Gateway.

What it finds goes with the request to the operation, whose edge decides what that may do
(`commerce.entry.callers`). Nothing of the credential is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from commerce.entry.telemetry import count, logger, metrics
from commerce.errors import Unauthenticated
from commerce.staff.model import Principal

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

AuthorizerHandler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


class Unauthorized(Exception):
    """API Gateway answers 401 to exactly this message, and 503 to every other error."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def authorizer(function: Callable[[str], Principal]) -> AuthorizerHandler:
    """Make a function that tells who sent an `Authorization` header an authorizer.

    An error of it other than `Unauthenticated` lets nobody in.
    """

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    @wraps(function)
    def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        try:
            principal = function(headers.get("authorization") or "")
        except Unauthenticated:
            count("StaffRefused")
            raise Unauthorized from None
        except Exception:
            count("StaffUnknown")
            raise
        count("StaffAdmitted")
        return _admitted(principal, event["methodArn"])

    return cast("AuthorizerHandler", handler)


def _admitted(principal: Principal, method_arn: str) -> dict[str, Any]:
    api_and_stage = "/".join(method_arn.split("/")[:2])
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"{api_and_stage}/*",
    }
    return {
        "principalId": principal.id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": principal.to_context(),
        # Whose rate and quota the call counts for.
        "usageIdentifierKey": principal.usage_key,
    }
