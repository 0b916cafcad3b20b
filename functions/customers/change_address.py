"""A customer changes an address."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.schema import AddressChanges, AddressView
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, SessionEnded, TransactionConflict

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "PATCH /store/customers/me/addresses/{id}",
    "Change an address, or make it the default",
    body=AddressChanges,
    returns=AddressView,
    problems=(NotFound, SessionEnded, TransactionConflict),
)
def handler(request: http.Request[AddressChanges, http.Nothing]) -> http.Response:
    """Answer with the address as it is now."""
    customer, address = operations.change_address(
        request.caller.id, request.path["id"], request.body, system_clock(), customers=customers
    )
    return http.Response(AddressView.of(customer, address))
