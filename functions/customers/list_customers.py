"""Staff list customers."""

from commerce.customers.schema import CustomerList, CustomersQuery, CustomerSummary
from commerce.customers.store import CustomerStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret

customers = CustomerStore(Table(environment().customers_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/customers",
    "List customers, newest first",
    query=CustomersQuery,
    returns=CustomerList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, CustomersQuery]) -> http.Response:
    """Answer with a page of customers, without their addresses."""
    query = request.query
    email = query.account
    page, cursor = cursors.page(
        f"customers {email}",
        query.cursor,
        lambda before: customers.newest(email, limit=query.limit, before=before),
    )
    items = [CustomerSummary.of(each) for each in page]
    return http.Response(CustomerList(items=items, next_cursor=cursor))
