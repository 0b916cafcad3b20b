"""A customer reads the address book."""

from commerce.customers import operations
from commerce.customers.schema import AddressList
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, SessionEnded

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "GET /store/customers/me/addresses",
    "List my addresses",
    returns=AddressList,
    problems=(NotFound, SessionEnded),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with all addresses, oldest first."""
    return http.Response(AddressList.of(operations.own(request.caller.id, customers=customers)))
