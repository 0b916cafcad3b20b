"""The watchdog: hand an order to a person whose execution ended before its work was done."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.entry.telemetry import count
from commerce.environment import environment
from commerce.lifecycle import REQUIRES_ACTION
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER, RETURN_ORDER
from commerce.orders.operations import interrupt_order
from commerce.orders.records import RecordStore
from commerce.orders.tasks import StatusChange

records = RecordStore(Table(environment().orders_table))
machines = {
    environment().fulfil_order_arn: FULFIL_ORDER,
    environment().cancel_lines_arn: CANCEL_LINES,
    environment().return_order_arn: RETURN_ORDER,
}


@task(StatusChange)
def handler(change: StatusChange) -> dict[str, str]:
    """Give the order's id and its status now."""
    stop = change.detail.stop(machines)
    order_id = str(stop.input["order_id"])
    status = interrupt_order(order_id, stop, system_clock(), records=records)
    count("OrdersRequiringAction", int(status == REQUIRES_ACTION))
    return {"order_id": order_id, "status": status}
