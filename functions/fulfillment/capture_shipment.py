"""Step of fulfilment: capture what a shipped fulfillment costs. Undo: pay_refund."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import Till, capture_shipment
from commerce.fulfillment.tasks import FulfillmentStep
from commerce.ledger.store import LedgerStore
from commerce.orders.records import RecordStore
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
till = Till(
    PaymentStore(Table(environment().payments_table)),
    LedgerStore(Table(environment().ledger_table)),
    SandboxProvider(Table(environment().sandbox_table)),
)


@task(FulfillmentStep)
def handler(step: FulfillmentStep) -> dict[str, str]:
    """Give the fulfillment's id."""
    capture_shipment(step.fulfillment_id, system_clock, records=records, till=till)
    return {"fulfillment_id": step.fulfillment_id}
