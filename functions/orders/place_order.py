"""First step of the order saga: record a cart, priced now, as a pending order."""

from functools import partial

from commerce.carts.operations import price_for_checkout
from commerce.carts.store import CartStore
from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.operations import place_order
from commerce.orders.store import OrderStore
from commerce.orders.tasks import PlaceOrderInput
from commerce.settings.store import SettingsStore

orders = OrderStore(Table(environment().orders_table))
price = partial(
    price_for_checkout,
    carts=CartStore(Table(environment().carts_table)),
    catalog=CatalogStore(Table(environment().catalog_table)),
    settings=SettingsStore(Table(environment().settings_table)),
)


@task(PlaceOrderInput)
def handler(step: PlaceOrderInput) -> dict[str, str]:
    """Give the id of the pending order."""
    order = place_order(step.wanted(), step.execution, system_clock(), orders=orders, price=price)
    return {"order_id": order.order_id, "status": order.status}
