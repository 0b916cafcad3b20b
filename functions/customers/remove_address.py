"""A customer takes an address away."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.schema import AddressList
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, SessionEnded, TransactionConflict

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "DELETE /store/customers/me/addresses/{id}",
    "Delete an address",
    returns=AddressList,
    problems=(NotFound, SessionEnded, TransactionConflict),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the addresses that are left."""
    customer = operations.remove_address(
        request.caller.id, request.path["id"], system_clock(), customers=customers
    )
    return http.Response(AddressList.of(customer))
