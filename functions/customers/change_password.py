"""A customer sets a new password."""

from commerce.customers import operations
from commerce.customers.schema import PasswordChange, Session
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, SessionEnded, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "PUT /store/customers/me/password",
    "Set a new password; all other sessions end",
    body=PasswordChange,
    returns=Session,
    problems=(SessionEnded, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[PasswordChange, http.Nothing]) -> http.Response:
    """Answer with a new session, the only one there is."""
    return http.Response(
        Session.of(operations.change_password(request.token, request.body, pool=pool))
    )
