"""The sweep: have orders that were left in flight undone, and others gone on with."""

from commerce.clock import from_text, system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.entry.telemetry import count
from commerce.environment import environment
from commerce.errors import SweepIncomplete
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER, RETURN_ORDER
from commerce.orders.operations import recover_orders
from commerce.orders.owed import continue_orders
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.orders.tasks import SweepInput
from commerce.workflows import StateMachine, TaskTokens

orders = OrderStore(Table(environment().orders_table))
records = RecordStore(Table(environment().orders_table))
recovery = StateMachine(environment().recover_order_arn)
machines = {
    FULFIL_ORDER: StateMachine(environment().fulfil_order_arn),
    CANCEL_LINES: StateMachine(environment().cancel_lines_arn),
    RETURN_ORDER: StateMachine(environment().return_order_arn),
}
tokens = TaskTokens()


@task(SweepInput)
def handler(sweep: SweepInput) -> dict[str, int]:
    """Give how many were started or continued, and how many orders require action."""
    now = system_clock()
    as_of = from_text(sweep.as_of) if sweep.as_of else now
    swept = recover_orders(as_of, now, orders=orders, recovery=recovery) | continue_orders(
        as_of, now, orders=orders, records=records, machines=machines, tokens=tokens
    )
    count("OrdersRequiringAction", swept["require_action"] + swept["stuck"])
    if swept["failed"] or swept["not_continued"]:
        raise SweepIncomplete("not every order could be recovered", **swept)
    return swept
