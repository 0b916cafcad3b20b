"""List orders for staff, newest first."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.orders.schema import OrderList, OrdersQuery, order_summary
from commerce.orders.search import OrderSearch
from commerce.orders.store import OrderStore
from commerce.payments.store import PaymentStore
from commerce.secret import Secret
from commerce.settings.store import SettingsStore

orders = OrderStore(Table(environment().orders_table))
search = OrderSearch(Table(environment().orders_table))
settings = SettingsStore(Table(environment().settings_table))
payments = PaymentStore(Table(environment().payments_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/orders",
    "List orders, newest first, or look for some",
    query=OrdersQuery,
    returns=OrderList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, OrdersQuery]) -> http.Response:
    """Answer with a page of orders."""
    query = request.query
    if query.looks_further:
        wanted = query.search(lambda: settings.current().time_zone)
        page, cursor = cursors.page(
            f"orders {wanted}",
            query.cursor,
            lambda before: search.page(wanted, limit=query.limit, before=before),
        )
    else:
        page, cursor = cursors.page(
            f"orders {query.status}",
            query.cursor,
            lambda before: orders.list_newest(query.status, limit=query.limit, before=before),
        )
    paid = payments.get_many([order.order_id for order in page])
    items = [order_summary(order, paid.get(order.order_id)) for order in page]
    return http.Response(OrderList(items=items, next_cursor=cursor))
