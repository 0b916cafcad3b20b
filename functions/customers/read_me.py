"""A customer reads what the shop knows of the account."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.schema import CustomerView
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, SessionEnded, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)
customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "GET /store/customers/me",
    "Read my account",
    returns=CustomerView,
    problems=(SessionEnded, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the account and its addresses."""
    customer = operations.read_own(
        request.caller.id, request.token, system_clock(), pool=pool, customers=customers
    )
    return http.Response.versioned(CustomerView.of(customer), customer.version)
