"""Undo of authorize_payment: let go of the buyer's money, and give back what was taken."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.ledger.store import LedgerStore
from commerce.orders.tasks import UndoStep
from commerce.payments.operations import void_payment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

payments = PaymentStore(Table(environment().payments_table))
ledger = LedgerStore(Table(environment().ledger_table))
provider = SandboxProvider(Table(environment().sandbox_table))


@task(UndoStep)
def handler(step: UndoStep) -> dict[str, str]:
    """Give the order's id and what became of its payment."""
    payment = void_payment(
        step.order_id, system_clock(), payments=payments, ledger=ledger, provider=provider
    )
    return {"order_id": step.order_id, "payment_status": payment.status}
