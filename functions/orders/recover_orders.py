"""The sweep: have every order that was left in flight undone."""

from commerce.clock import from_text, system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.entry.telemetry import count
from commerce.environment import environment
from commerce.errors import SweepIncomplete
from commerce.orders.operations import recover_orders
from commerce.orders.store import OrderStore
from commerce.orders.tasks import SweepInput
from commerce.workflows import StateMachine

orders = OrderStore(Table(environment().orders_table))
recovery = StateMachine(environment().recover_order_arn)


@task(SweepInput)
def handler(sweep: SweepInput) -> dict[str, int]:
    """Give how many recoveries were started and how many orders require action."""
    now = system_clock()
    as_of = from_text(sweep.as_of) if sweep.as_of else now
    swept = recover_orders(as_of, now, orders=orders, recovery=recovery)
    count("OrdersRequiringAction", swept["require_action"])
    if swept["failed"]:
        raise SweepIncomplete("not every order could be recovered", **swept)
    return swept
