"""A customer signs in."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.attempts import AttemptStore
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.schema import Session, SignIn
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests, WrongCredentials
from commerce.user_pool import UserPool

attempts = AttemptStore(Table(environment().customers_table))
door = Door(UserPool(environment().customer_client), attempts, Pace())


@http.operation(
    "POST /store/customers/sessions",
    "Sign in",
    body=SignIn,
    returns=Session,
    problems=(WrongCredentials, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[SignIn, http.Nothing]) -> http.Response:
    """Answer with an access token for 15 minutes, and a refresh token for 30 days."""
    return http.Response(Session.of(operations.sign_in(request.body, system_clock(), door=door)))
