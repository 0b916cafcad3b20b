"""A customer signs out everywhere."""

from commerce.customers.schema import SignedOut
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, SessionEnded, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "DELETE /store/customers/me/sessions",
    "Sign out everywhere",
    returns=SignedOut,
    problems=(SessionEnded, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer that no refresh token holds any more; access tokens do until they expire."""
    pool.sign_out_everywhere(request.token)
    return http.Response(SignedOut())
