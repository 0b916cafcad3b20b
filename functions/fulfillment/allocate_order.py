"""First step of fulfilment: share an order's lines out to stock locations."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import allocate_order, what_follows
from commerce.fulfillment.tasks import AllocateStep
from commerce.orders.records import RecordStore
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))
settings = SettingsStore(Table(environment().settings_table))


@task(AllocateStep)
def handler(step: AllocateStep) -> dict[str, str | None]:
    """Tell what the execution goes on with."""
    record = allocate_order(
        step.order_id, system_clock(), records=records, stock=stock, settings=settings
    )
    return what_follows(record, step.fulfillment_id)
