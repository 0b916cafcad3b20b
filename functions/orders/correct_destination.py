"""Staff correct where an order goes."""

from commerce.carts.schema import DestinationBody
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import (
    DestinationChangesPrice,
    IllegalTransition,
    NotFound,
    PreconditionRequired,
    StaleVersion,
    TransactionConflict,
)
from commerce.orders.corrections import correct_destination
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrderView, order_view
from commerce.payments.store import PaymentStore
from commerce.pricing import Destination
from commerce.settings.store import SettingsStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "PUT /admin/orders/{id}/destination",
    "Correct where an order goes that is not packed, at the same price",
    body=DestinationBody,
    returns=OrderView,
    problems=(
        PreconditionRequired,
        StaleVersion,
        NotFound,
        IllegalTransition,
        DestinationChangesPrice,
        TransactionConflict,
    ),
    before=lambda request: order_view(
        records.get(request.path["id"]), payments.get(request.path["id"])
    ),
)
def handler(request: http.Request[DestinationBody, http.Nothing]) -> http.Response:
    """Answer with the order as it is then."""
    record = correct_destination(
        request.path["id"],
        Destination(**request.body.model_dump()),
        request.if_match,
        request.caller.name,
        system_clock(),
        records=records,
        settings=settings,
    )
    view = order_view(record, payments.get(record.order.order_id))
    return http.Response.versioned(view, record.order.version)
