"""Staff read a customer."""

from commerce.customers.schema import CustomerView
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "GET /admin/customers/{id}",
    "Read a customer",
    returns=CustomerView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the customer; of one who is deleted there is the id and when it was."""
    customer = customers.get(request.path["id"])
    return http.Response.versioned(CustomerView.of(customer), customer.version)
