"""Consumer: start the executions that an event asks for."""

from commerce.entry.task import task
from commerce.environment import environment
from commerce.events.schema import Delivery
from commerce.orders.continuations import (
    start_executions,
)
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER, RETURN_ORDER
from commerce.workflows import StateMachine

machines = {
    FULFIL_ORDER: StateMachine(environment().fulfil_order_arn),
    CANCEL_LINES: StateMachine(environment().cancel_lines_arn),
    RETURN_ORDER: StateMachine(environment().return_order_arn),
}


@task(Delivery)
def handler(delivery: Delivery) -> dict[str, int]:
    """Give how many were started; a repeat starts them once."""
    return {"started": start_executions(delivery.detail.told(), machines)}
