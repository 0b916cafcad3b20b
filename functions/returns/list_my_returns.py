"""A customer lists what they send back, newest first."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.orders.records import RecordStore
from commerce.pages import PageQuery
from commerce.returns.schema import ReturnList, return_view

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "GET /store/customers/me/returns",
    "List my returns, newest first",
    query=PageQuery,
    returns=ReturnList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, PageQuery]) -> http.Response:
    """Answer with a page of the customer's returns."""
    query, owner = request.query, request.caller.id
    name, key = f"returns of {owner}", environment().cursor_key
    place = open_cursor(query.cursor, name, key) if query.cursor else None
    before = (place["at"], place["id"]) if place else None
    page, last = records.list_returns_of(owner, limit=query.limit, before=before)
    cursor = seal({"at": last[0], "id": last[1]}, name, key) if last else None
    items = [return_view(order_id, wish) for order_id, wish in page]
    return http.Response(ReturnList(items=items, next_cursor=cursor))
