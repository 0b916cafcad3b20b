"""Somebody who has forgotten a password sets a new one."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.attempts import AttemptStore
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.schema import PasswordReset, PasswordSet
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, InvalidCode, TooManyRequests
from commerce.user_pool import UserPool

attempts = AttemptStore(Table(environment().customers_table))
door = Door(UserPool(environment().customer_client), attempts, Pace())


@http.operation(
    "POST /store/customers/password-resets/confirm",
    "Set a new password with the code that was mailed",
    body=PasswordReset,
    returns=PasswordSet,
    problems=(InvalidCode, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[PasswordReset, http.Nothing]) -> http.Response:
    """Answer that the new password holds, and that all sessions have ended."""
    operations.reset_password(request.body, system_clock(), door=door)
    return http.Response(PasswordSet())
