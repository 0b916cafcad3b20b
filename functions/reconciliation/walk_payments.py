"""Step of a reconciliation: look at a part of a walk."""

from dataclasses import asdict
from typing import Any

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.ledger.store import LedgerStore
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.reconciliation.operations import Shop, walk_part
from commerce.reconciliation.store import ReconciliationStore
from commerce.reconciliation.tasks import WalkInput

shop = Shop(
    OrderStore(Table(environment().orders_table)),
    RecordStore(Table(environment().orders_table)),
    PaymentStore(Table(environment().payments_table)),
    LedgerStore(Table(environment().ledger_table)),
    SandboxProvider(Table(environment().sandbox_table)),
    ReconciliationStore(Table(environment().reconciliations_table)),
)


@task(WalkInput)
def handler(step: WalkInput) -> dict[str, Any]:
    """Give where to go on."""
    return asdict(walk_part(step.run_id, step.place.place(), system_clock, shop))
