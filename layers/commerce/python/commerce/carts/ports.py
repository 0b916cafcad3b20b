"""What cart operations reach outside for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from secrets import randbits

from commerce.carts.store import CartStore
from commerce.catalog.availability import Available
from commerce.catalog.store import CatalogStore
from commerce.clock import Clock, system_clock
from commerce.dynamo.table import Table
from commerce.environment import Environment
from commerce.ids import RandomBits
from commerce.orders.model import Checkout
from commerce.orders.store import OrderStore
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore


@dataclass(frozen=True)
class Ports:
    """The stores, the clock and the id maker; a simulator passes its own.

    `checkouts` gives a cart's latest attempt to become an order. The order is the
    only record of that, so a cart's status is asked for and never stored. `available` tells
    the units of SKUs as of a moment ago: a buyer is told, and the checkout decides.
    """

    carts: CartStore
    catalog: CatalogStore
    settings: SettingsStore
    checkouts: Callable[[str], Checkout]
    available: Available
    clock: Clock = system_clock
    random_bits: RandomBits = randbits

    @classmethod
    def of(cls, names: Environment) -> Ports:
        """Give the ports to this deployment's tables."""
        return cls(
            carts=CartStore(Table(names.carts_table)),
            catalog=CatalogStore(Table(names.catalog_table)),
            settings=SettingsStore(Table(names.settings_table)),
            checkouts=OrderStore(Table(names.orders_table)).checkout_of,
            available=StockStore(Table(names.stock_table)).available,
        )
