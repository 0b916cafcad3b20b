"""Somebody who registered asks for another code."""

from commerce.customers import operations
from commerce.customers.pace import Pace
from commerce.customers.schema import Accepted, CodeRequest
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, TooManyRequests
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)
customers = CustomerStore(Table(environment().customers_table))


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
    operations.send_code_again(request.body.email, pool=pool, customers=customers, pace=Pace())
    return http.Response(Accepted())
