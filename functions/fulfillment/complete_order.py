"""Last step: complete an order of which everything arrived, and let go of the rest of its money."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import complete_order
from commerce.fulfillment.tasks import CompleteStep
from commerce.orders.records import RecordStore
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
provider = SandboxProvider(Table(environment().sandbox_table))


@task(CompleteStep)
def handler(step: CompleteStep) -> dict[str, str]:
    """Give the order's id and status."""
    record = complete_order(
        step.order_id,
        step.by,
        system_clock,
        records=records,
        payments=payments,
        provider=provider,
    )
    return {"order_id": step.order_id, "status": record.order.status}
