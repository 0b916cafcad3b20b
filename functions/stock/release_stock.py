"""Undo of reserve_stock: give back the units an order holds."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.tasks import UndoStep
from commerce.stock.operations import release_stock
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))


@task(UndoStep)
def handler(step: UndoStep) -> dict[str, str]:
    """Give the id of the order that holds nothing any more."""
    release_stock(step.order_id, system_clock(), stock=stock)
    return {"order_id": step.order_id}
