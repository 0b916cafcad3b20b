"""Step of a cancellation of units: give back what was charged of them. Undo of charge_order."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import Till, refund_canceled
from commerce.fulfillment.tasks import CancellationStep
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


@task(CancellationStep)
def handler(step: CancellationStep) -> dict[str, str]:
    """Give the cancellation's id."""
    refund_canceled(step.cancellation_id, system_clock, records=records, till=till)
    return {"cancellation_id": step.cancellation_id}
