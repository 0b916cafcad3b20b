"""Somebody confirms an address with the code that was mailed to it."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.attempts import AttemptStore
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.schema import Confirmation, Confirmed
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, InvalidCode, TooManyRequests
from commerce.user_pool import UserPool

table = Table(environment().customers_table)
customers = CustomerStore(table)
door = Door(UserPool(environment().customer_client), AttemptStore(table), Pace())


@http.operation(
    "POST /store/customers/confirm",
    "Confirm an address with the code that was mailed",
    body=Confirmation,
    returns=Confirmed,
    problems=(InvalidCode, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[Confirmation, http.Nothing]) -> http.Response:
    """Answer that the address is confirmed, so that its owner can sign in."""
    operations.confirm(request.body, system_clock(), door=door, customers=customers)
    return http.Response(Confirmed())
