"""What the shop does with stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from commerce.catalog.model import SKU_CHARS_MAX
from commerce.catalog.store import CatalogStore
from commerce.errors import InvalidRequest, NotFound
from commerce.ids import new_id
from commerce.orders.model import OrderLine
from commerce.orders.store import OrderStore
from commerce.settings.store import SettingsStore
from commerce.stock.model import Adjustment, Stock
from commerce.stock.schema import AdjustStock
from commerce.stock.store import StockStore

# The reason of the adjustment that adds what came back.
RETURNED = "return"


def reserve_stock(order_id: str, now: datetime, *, orders: OrderStore, stock: StockStore) -> None:
    """Hold the units of an order's lines; see `StockStore.reserve`."""
    stock.reserve(order_id, units_by_sku(orders.lines(order_id)), now)


def release_stock(order_id: str, now: datetime, *, stock: StockStore) -> None:
    """Give back the units an order holds; see `StockStore.release`."""
    stock.release(order_id, now)


def units_by_sku(lines: Iterable[OrderLine]) -> Mapping[str, int]:
    """Add up the lines of an order that ask for the same SKU."""
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return units


def read_stock(sku: str, *, stock: StockStore, catalog: CatalogStore) -> Stock:
    """Read a SKU's units; a variant that was never stocked has none.

    Raises
    ------
    NotFound
        Neither stock nor a variant has this SKU.
    """
    if len(sku) > SKU_CHARS_MAX:
        raise NotFound("there is no such SKU")
    found = stock.get(sku)
    if found is not None:
        return found
    if sku not in catalog.variants([sku]):
        raise NotFound(f"there is no SKU {sku}")
    return Stock(sku, 0, {})


def adjust_stock(
    sku: str,
    change: AdjustStock,
    by: str,
    now: datetime,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
) -> Stock:
    """Add or take units of a SKU at a location.

    Raises
    ------
    NotFound
        Neither stock nor a variant has this SKU.
    InvalidRequest
        The change is 0, or the shop has no such location.
    InsufficientStock
        It would take more than is available.
    """
    if change.delta == 0:
        raise _invalid("delta", "the change must not be 0")
    if change.location not in {place.location_id for place in settings.current().stock_locations}:
        raise _invalid("location", "the settings name no such stock location")
    read_stock(sku, stock=stock, catalog=catalog)
    adjustment = Adjustment(
        new_id("adj", now), sku, change.location, change.delta, change.reason, by, now
    )
    return stock.adjust(adjustment)


def _invalid(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        detail, errors=[{"path": f"$.{field}", "code": "invalid", "detail": detail}]
    )
