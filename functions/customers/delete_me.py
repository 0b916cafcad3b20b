"""A customer deletes the account."""

from commerce.carts.store import CartStore
from commerce.clock import system_clock
from commerce.customers.belongings import Holders
from commerce.customers.personal_data import Deleted, delete_own
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.emails.store import EmailStore
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import (
    AccountsUnavailable,
    OpenOrders,
    SessionEnded,
    TooManyRequests,
    TransactionConflict,
)
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)
customers = CustomerStore(Table(environment().customers_table))
orders = Table(environment().orders_table)
held = Holders(
    OrderStore(orders),
    RecordStore(orders),
    CartStore(Table(environment().carts_table)),
    EmailStore(Table(environment().emails_table)),
)


@http.operation(
    "DELETE /store/customers/me",
    "Delete my account, and forget who I was",
    returns=Deleted,
    problems=(
        OpenOrders,
        SessionEnded,
        TransactionConflict,
        TooManyRequests,
        AccountsUnavailable,
    ),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the id that orders keep; the same call finishes one that was cut off."""
    customer_id = request.caller.id
    delete_own(
        customer_id, request.token, system_clock(), pool=pool, customers=customers, held=held
    )
    return http.Response(Deleted(id=customer_id))
