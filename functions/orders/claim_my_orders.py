"""A customer claims what was ordered as a guest."""

from commerce.customers.belongings import ClaimedOrders, claim_own_orders
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, SessionEnded, TransactionConflict
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore

customers = CustomerStore(Table(environment().customers_table))
orders = OrderStore(Table(environment().orders_table))
records = RecordStore(Table(environment().orders_table))


@http.operation(
    "POST /store/customers/me/orders/claim",
    "Make guests' orders with my confirmed e-mail address mine",
    returns=ClaimedOrders,
    problems=(NotFound, SessionEnded, TransactionConflict),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with how many; their tokens open them no more."""
    claimed = claim_own_orders(
        request.caller.id, customers=customers, orders=orders, records=records
    )
    return http.Response(claimed)
