"""Last step of the order saga: decide that the order stands."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.operations import confirm_order
from commerce.orders.store import OrderStore
from commerce.orders.tasks import Step

orders = OrderStore(Table(environment().orders_table))


@task(Step)
def handler(step: Step) -> dict[str, str]:
    """Give the confirmed order's id and status."""
    order = confirm_order(step.order_id, system_clock(), orders=orders)
    return {"order_id": order.order_id, "status": order.status}
