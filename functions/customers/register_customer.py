"""Somebody asks for an account."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.pace import Pace
from commerce.customers.schema import Accepted, Registration
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)
customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "POST /store/customers",
    "Register; a code is mailed",
    body=Registration,
    returns=Accepted,
    status=202,
    problems=(TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[Registration, http.Nothing]) -> http.Response:
    """Answer alike whether or not the address has an account."""
    operations.register(request.body, system_clock(), pool=pool, customers=customers, pace=Pace())
    return http.Response(Accepted())
