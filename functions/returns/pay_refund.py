"""Step of a return: give back what was decided for it. Undo of capture_shipment."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import Till
from commerce.ledger.store import LedgerStore
from commerce.orders.records import RecordStore
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.returns.operations import pay_refund
from commerce.returns.tasks import ReturnStep

records = RecordStore(Table(environment().orders_table))
till = Till(
    PaymentStore(Table(environment().payments_table)),
    LedgerStore(Table(environment().ledger_table)),
    SandboxProvider(Table(environment().sandbox_table)),
)


@task(ReturnStep)
def handler(step: ReturnStep) -> dict[str, str]:
    """Give the return's id."""
    pay_refund(step.return_id, system_clock, records=records, till=till)
    return {"return_id": step.return_id}
