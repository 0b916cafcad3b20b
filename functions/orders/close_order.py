"""Last step of the undo: record that everything is undone."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.operations import close_order
from commerce.orders.store import OrderStore
from commerce.orders.tasks import UndoStep

orders = OrderStore(Table(environment().orders_table))


@task(UndoStep)
def handler(step: UndoStep) -> dict[str, str]:
    """Give the cancelled order's id and status."""
    order = close_order(step.order_id, step.by, system_clock(), orders=orders)
    return {"order_id": order.order_id, "status": order.status}
