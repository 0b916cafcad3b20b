"""First step of fulfilment: share an order's lines out to stock locations."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import allocate_order, first_fulfillment
from commerce.orders.records import RecordStore
from commerce.orders.tasks import Step
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))
settings = SettingsStore(Table(environment().settings_table))


@task(Step)
def handler(step: Step) -> dict[str, str | bool]:
    """Give the fulfillment to go on with, if any, and whether the order is charged at once."""
    record = allocate_order(
        step.order_id, system_clock(), records=records, stock=stock, settings=settings
    )
    first = first_fulfillment(record)
    answer: dict[str, str | bool] = {
        "order_id": step.order_id,
        "charge": record.order.charged is not None,
    }
    return answer | ({"fulfillment_id": first} if first else {})
