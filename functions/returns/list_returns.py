"""List returns for staff, newest first."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.orders.records import RecordStore
from commerce.returns.schema import ReturnList, ReturnsQuery, return_view

records = RecordStore(Table(environment().orders_table))


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
    name, key = f"returns {query.status}", environment().cursor_key
    place = open_cursor(query.cursor, name, key) if query.cursor else None
    before = (place["at"], place["id"]) if place else None
    page, last = records.list_returns(query.status, limit=query.limit, before=before)
    cursor = seal({"at": last[0], "id": last[1]}, name, key) if last else None
    items = [return_view(order_id, wish) for order_id, wish in page]
    return http.Response(ReturnList(items=items, next_cursor=cursor))
