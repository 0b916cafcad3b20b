"""Last step: complete an order of which everything arrived, and let go of the rest of its money."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import Till, complete_order
from commerce.fulfillment.tasks import CompleteStep
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


@task(CompleteStep)
def handler(step: CompleteStep) -> dict[str, str]:
    """Give the order's id and status."""
    record = complete_order(step.order_id, step.by, system_clock, records=records, till=till)
    return {"order_id": step.order_id, "status": record.order.status}
