"""Where the undo fails for good: hand the order to a person."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.operations import require_action
from commerce.orders.store import OrderStore
from commerce.orders.tasks import RequireActionInput

orders = OrderStore(Table(environment().orders_table))


@task(RequireActionInput)
def handler(step: RequireActionInput) -> dict[str, str]:
    """Give the order's id and status."""
    failure = step.failure.model_dump()
    order = require_action(step.order_id, failure, step.by, system_clock(), orders=orders)
    return {"order_id": order.order_id, "status": order.status}
