"""Step of the order saga: hold the units of an order's lines. Undo: release_stock."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.store import OrderStore
from commerce.orders.tasks import Step
from commerce.settings.store import SettingsStore
from commerce.stock.operations import reserve_stock
from commerce.stock.store import StockStore

orders = OrderStore(Table(environment().orders_table))
stock = StockStore(Table(environment().stock_table))
settings = SettingsStore(Table(environment().settings_table))


@task(Step)
def handler(step: Step) -> dict[str, str]:
    """Give the id of the order whose units are held."""
    reserve_stock(step.order_id, system_clock(), orders=orders, stock=stock, settings=settings)
    return {"order_id": step.order_id}
