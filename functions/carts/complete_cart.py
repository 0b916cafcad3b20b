"""Make an order of a cart."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.express import LoggedStateMachine
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.lifecycle import CONFIRMED
from commerce.orders.operations import REFUSALS, complete_cart
from commerce.orders.records import RecordStore
from commerce.orders.schema import CompleteCart, PlacedOrder, order_path, placed_order
from commerce.orders.store import OrderStore
from commerce.payments.store import PaymentStore

orders = OrderStore(Table(environment().orders_table))
records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
saga = LoggedStateMachine(environment().place_order_arn)


@http.operation(
    "POST /store/carts/{id}/complete",
    "Complete a cart: reserve its stock, authorize its payment, confirm its order",
    body=CompleteCart,
    returns=PlacedOrder,
    also={202: PlacedOrder},
    keyed=True,
    problems=REFUSALS,
)
def handler(request: http.Request[CompleteCart, http.Nothing]) -> http.Response:
    """Answer with the confirmed order, or with 202 and the order still being placed."""
    record = complete_cart(
        request.path["id"],
        digest(request.idempotency_key),
        request.fingerprint,
        request.body.expected_total,
        request.body.payment.model_dump() if request.body.payment else None,
        orders=orders,
        records=records,
        saga=saga,
    )
    order = record.order
    status = 200 if order.status == CONFIRMED else 202
    view = placed_order(record, payments.get(order.order_id))
    return http.Response(view, status, {"Location": order_path(record)})
