"""Somebody has forgotten a password."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.attempts import AttemptStore
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.schema import Accepted, CodeRequest
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests
from commerce.user_pool import UserPool

attempts = AttemptStore(Table(environment().customers_table))
door = Door(UserPool(environment().customer_client), attempts, Pace())


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
    operations.send_reset_code(request.body.email, system_clock(), door=door)
    return http.Response(Accepted())
