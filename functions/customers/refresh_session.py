"""A customer stays signed in."""

from commerce.customers.schema import Refresh, Session
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, SessionEnded, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "POST /store/customers/sessions/refresh",
    "Get a new access token",
    body=Refresh,
    returns=Session,
    problems=(SessionEnded, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[Refresh, http.Nothing]) -> http.Response:
    """Answer with an access token; the refresh token stays as it is."""
    return http.Response(Session.of(pool.refresh(request.body.refresh_token)))
