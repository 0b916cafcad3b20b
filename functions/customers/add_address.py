"""A customer adds an address."""

from commerce.clock import system_clock
from commerce.customers import operations
from commerce.customers.schema import AddressView, NewAddress
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, SessionEnded, TooManyAddresses, TransactionConflict

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "POST /store/customers/me/addresses",
    "Add an address",
    body=NewAddress,
    returns=AddressView,
    status=201,
    problems=(NotFound, SessionEnded, TooManyAddresses, TransactionConflict),
    creates=True,
)
def handler(request: http.Request[NewAddress, http.Nothing]) -> http.Response:
    """Answer with the address."""
    now = system_clock()
    address_id = operations.address_id_for(request.caller.id, request.call, now)
    customer, address = operations.add_address(
        request.caller.id, request.body, address_id, now, customers=customers
    )
    answer = http.Response(AddressView.of(customer, address))
    answer.headers["Location"] = f"/store/customers/me/addresses/{address.address_id}"
    return answer
