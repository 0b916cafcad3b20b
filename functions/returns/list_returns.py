"""List returns for staff, newest first."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.orders.records import RecordStore
from commerce.returns.schema import ReturnList, ReturnsQuery, return_view
from commerce.secret import Secret

records = RecordStore(Table(environment().orders_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/returns",
    "List returns, newest first",
    query=ReturnsQuery,
    returns=ReturnList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, ReturnsQuery]) -> http.Response:
    """Answer with a page of returns."""
    query = request.query
    page, cursor = cursors.page(
        f"returns {query.status}",
        query.cursor,
        lambda before: records.list_returns(query.status, limit=query.limit, before=before),
    )
    items = [return_view(order_id, wish) for order_id, wish in page]
    return http.Response(ReturnList(items=items, next_cursor=cursor))
