"""A customer signs in."""

from commerce.customers import operations
from commerce.customers.pace import Pace
from commerce.customers.schema import Session, SignIn
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests, WrongCredentials
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "POST /store/customers/sessions",
    "Sign in",
    body=SignIn,
    returns=Session,
    problems=(WrongCredentials, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[SignIn, http.Nothing]) -> http.Response:
    """Answer with an access token for 15 minutes, and a refresh token for 30 days."""
    return http.Response(Session.of(operations.sign_in(request.body, pool=pool, pace=Pace())))
