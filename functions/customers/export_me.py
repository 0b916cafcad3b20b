"""A customer asks for everything that the shop holds of them."""

from commerce.carts.store import CartStore
from commerce.clock import system_clock
from commerce.customers.belongings import Holders
from commerce.customers.personal_data import PersonalData, export_own
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.emails.store import EmailStore
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import AccountsUnavailable, SessionEnded, TooManyRequests
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.store import PaymentStore
from commerce.user_pool import UserPool

pool = UserPool(environment().customer_client)
customers = CustomerStore(Table(environment().customers_table))
payments = PaymentStore(Table(environment().payments_table))
orders = Table(environment().orders_table)
held = Holders(
    OrderStore(orders),
    RecordStore(orders),
    CartStore(Table(environment().carts_table)),
    EmailStore(Table(environment().emails_table)),
)


@http.operation(
    "GET /store/customers/me/export",
    "Read everything that is held of me",
    returns=PersonalData,
    problems=(SessionEnded, TooManyRequests, AccountsUnavailable),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with account, addresses, orders, returns, carts and e-mails."""
    return http.Response(
        export_own(
            request.caller.id,
            request.token,
            system_clock(),
            pool=pool,
            customers=customers,
            held=held,
            payments=payments,
        )
    )
