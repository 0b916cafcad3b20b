"""A customer changes the account."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.schema import CustomerChanges, CustomerView
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, PreconditionRequired, SessionEnded, StaleVersion

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "PATCH /store/customers/me",
    "Change my account at the version in If-Match",
    body=CustomerChanges,
    returns=CustomerView,
    problems=(NotFound, SessionEnded, PreconditionRequired, StaleVersion),
)
def handler(request: http.Request[CustomerChanges, http.Nothing]) -> http.Response:
    """Answer with the account as it is now."""
    customer = operations.change_own(
        request.caller.id, request.body, request.if_match, system_clock(), customers=customers
    )
    return http.Response.versioned(CustomerView.of(customer), customer.version)
