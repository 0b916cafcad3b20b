"""Step of fulfilment: let a shipped fulfillment's units leave the stock. Undo: restock_return."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.operations import consume_stock
from commerce.fulfillment.tasks import FulfillmentStep
from commerce.orders.records import RecordStore
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))


@task(FulfillmentStep)
def handler(step: FulfillmentStep) -> dict[str, str]:
    """Give the fulfillment's id."""
    consume_stock(step.fulfillment_id, system_clock(), records=records, stock=stock)
    return {"fulfillment_id": step.fulfillment_id}
