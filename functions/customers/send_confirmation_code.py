"""Somebody who registered asks for another code."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.attempts import AttemptStore
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.schema import Accepted, CodeRequest
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests
from commerce.user_pool import UserPool

table = Table(environment().customers_table)
customers = CustomerStore(table)
door = Door(UserPool(environment().customer_client), AttemptStore(table), Pace())


@http.operation(
    "POST /store/customers/confirmation-codes",
    "Mail another code for a registration",
    body=CodeRequest,
    returns=Accepted,
    status=202,
    problems=(TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[CodeRequest, http.Nothing]) -> http.Response:
    """Answer alike whether or not anybody waits for a code."""
    operations.send_code_again(request.body.email, system_clock(), door=door, customers=customers)
    return http.Response(Accepted())
