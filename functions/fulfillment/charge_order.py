"""Step of fulfilment: capture what is charged at once. Undo: refund_payment."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import Till, charge_order
from commerce.ledger.store import LedgerStore
from commerce.orders.records import RecordStore
from commerce.orders.tasks import Step
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
till = Till(
    PaymentStore(Table(environment().payments_table)),
    LedgerStore(Table(environment().ledger_table)),
    SandboxProvider(Table(environment().sandbox_table)),
)


@task(Step)
def handler(step: Step) -> dict[str, str]:
    """Give the order's id."""
    charge_order(step.order_id, system_clock, records=records, till=till)
    return {"order_id": step.order_id}
