"""A customer lists what they send back, newest first."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.orders.records import RecordStore
from commerce.pages import PageQuery
from commerce.returns.schema import ReturnList, return_view
from commerce.secret import Secret

records = RecordStore(Table(environment().orders_table))
cursors = Cursors(Secret(environment().cursor_secret))


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
    page, cursor = cursors.page(
        f"returns of {owner}",
        query.cursor,
        lambda before: records.list_returns_of(owner, limit=query.limit, before=before),
    )
    items = [return_view(order_id, wish) for order_id, wish in page]
    return http.Response(ReturnList(items=items, next_cursor=cursor))
