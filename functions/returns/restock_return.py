"""Step of a return: put what can be sold again into the stock. Undo of consume_stock."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.records import RecordStore
from commerce.returns.operations import restock_return
from commerce.returns.tasks import ReturnStep
from commerce.stock.store import StockStore

records = RecordStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))


@task(ReturnStep)
def handler(step: ReturnStep) -> dict[str, str]:
    """Give the return's id."""
    restock_return(step.return_id, system_clock(), records=records, stock=stock)
    return {"return_id": step.return_id}
