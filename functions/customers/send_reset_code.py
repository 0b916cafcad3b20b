"""Somebody has forgotten a password."""

from commerce.customers import operations
from commerce.customers.pace import Pace
from commerce.customers.schema import Accepted, CodeRequest
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "POST /store/customers/password-resets",
    "Mail a code that a new password can be set with",
    body=CodeRequest,
    returns=Accepted,
    status=202,
    problems=(TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[CodeRequest, http.Nothing]) -> http.Response:
    """Answer alike whether or not the address has an account."""
    operations.send_reset_code(request.body.email, pool=pool, pace=Pace())
    return http.Response(Accepted())
