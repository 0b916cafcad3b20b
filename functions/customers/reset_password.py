"""Somebody who has forgotten a password sets a new one."""

from commerce.customers import operations
from commerce.customers.pace import Pace
from commerce.customers.schema import PasswordReset, PasswordSet
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, InvalidCode, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)


@http.operation(
    "POST /store/customers/password-resets/confirm",
    "Set a new password with the code that was mailed",
    body=PasswordReset,
    returns=PasswordSet,
    problems=(InvalidCode, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[PasswordReset, http.Nothing]) -> http.Response:
    """Answer that the new password holds, and that all sessions have ended."""
    operations.reset_password(request.body, pool=pool, pace=Pace())
    return http.Response(PasswordSet())
