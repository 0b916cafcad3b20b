"""Step of a cancellation of units: give them back to the stock. Undo of reserve_stock."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import release_canceled
from commerce.fulfillment.tasks import CancellationStep
from commerce.orders.records import RecordStore
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))


@task(CancellationStep)
def handler(step: CancellationStep) -> dict[str, str]:
    """Give the cancellation's id."""
    release_canceled(step.cancellation_id, system_clock(), records=records, stock=stock)
    return {"cancellation_id": step.cancellation_id}
