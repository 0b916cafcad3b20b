"""First step of the undo: decide that the order does not stand."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.operations import begin_cancel
from commerce.orders.store import OrderStore
from commerce.orders.tasks import BeginCancelInput

orders = OrderStore(Table(environment().orders_table))


@task(BeginCancelInput)
def handler(step: BeginCancelInput) -> dict[str, str]:
    """Give the decision: `undo`, `stands` or `nothing`."""
    failure = step.failure.model_dump()
    decision = begin_cancel(
        step.order_id, step.execution, failure, step.by, system_clock(), orders=orders
    )
    return {"decision": decision}
