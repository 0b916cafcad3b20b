"""What the shop does with stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from commerce.catalog.model import SKU_CHARS_MAX
from commerce.catalog.store import CatalogStore
from commerce.errors import InvalidRequest, NotFound, OutOfStock
from commerce.ids import new_id
from commerce.orders.model import OrderLine
from commerce.orders.store import OrderStore
from commerce.settings.model import ShopSettings
from commerce.settings.store import SettingsStore
from commerce.stock.model import Adjustment, Count, Stock, Terms, Transfer
from commerce.stock.schema import AdjustStock, CountStock, TransferStock
from commerce.stock.store import StockStore

# The reason of the adjustment that adds what came back.
RETURNED = "return"
# Of SKUs that stand in the way; enough to see which goods they are.
_SKUS_NAMED = 5


def reserve_stock(
    order_id: str,
    now: datetime,
    *,
    orders: OrderStore,
    stock: StockStore,
    settings: SettingsStore,
) -> None:
    """Hold the units of an order's lines; see `StockStore.reserve`.

    Every short line is recorded with the order: there may be more than an error can carry.
    """
    lines = orders.lines(order_id)
    first = settings.current().first_location
    try:
        stock.reserve(order_id, units_by_sku(lines), now, first=first, terms=terms_of(lines))
    except OutOfStock as short:
        orders.note_shortage(order_id, short.details["short_lines"])
        raise OutOfStock(short.sentence) from None


def release_stock(order_id: str, now: datetime, *, stock: StockStore) -> None:
    """Give back the units an order holds; see `StockStore.release`."""
    stock.release(order_id, now)


def units_by_sku(lines: Iterable[OrderLine]) -> Mapping[str, int]:
    """Add up the lines of an order that ask for the same SKU."""
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return units


def terms_of(lines: Iterable[OrderLine]) -> Terms:
    """Tell which of an order's SKUs are sold though they may not be there."""
    lines = tuple(lines)
    return Terms(
        frozenset(line.sku for line in lines if not line.manage_inventory),
        frozenset(line.sku for line in lines if line.allow_backorder),
    )


def open_stock(
    quantities: Mapping[str, int],
    now: datetime,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
) -> int:
    """Give SKUs of the catalogue their first units, at the shop's first location.

    Returns
    -------
    int
        How many SKUs were opened; one that was counted before keeps what it has.
    """
    return stock.open_many(
        quantities, now, location=settings.current().first_location, guard=catalog.is_sold
    )


def units_at(
    locations: Collection[str], *, stock: StockStore, catalog: CatalogStore
) -> dict[str, list[str]]:
    """Name SKUs of which units are at these locations, there or held or owed.

    Returns
    -------
    dict[str, list[str]]
        A few SKUs by location, which is left out where there are none.
    """
    found: dict[str, list[str]] = {}
    for skus in catalog.skus():
        for sku, levels in stock.levels(skus).items():
            for place in locations:
                if place in levels.locations and not levels.locations[place].is_empty:
                    found.setdefault(place, []).append(sku)
        if all(len(found.get(place, [])) >= _SKUS_NAMED for place in locations):
            break
    return {place: sorted(skus)[:_SKUS_NAMED] for place, skus in found.items()}


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
    call: str,
    by: str,
    now: datetime,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
) -> Stock:
    """Add or take units of a SKU at a location; repeated with the same call, once.

    Parameters
    ----------
    call
        The same for all repeats of one call, and another for each other call.

    Raises
    ------
    NotFound
        Neither stock nor a variant has this SKU, or units are to be added that no variant has.
    InvalidRequest
        The change is 0, or the shop has no such location.
    InsufficientStock
        It would take more than is available.
    """
    if change.delta == 0:
        raise _invalid("delta", "the change must not be 0")
    known = read_stock(sku, stock=stock, catalog=catalog)
    location = _location(change.location, "location", settings.current(), known)
    adjustment = Adjustment(
        new_id("adj", now), sku, location, change.delta, change.reason, by, now, call=call
    )
    # Units of a SKU that no variant has would be those of whoever takes its name.
    return stock.adjust(adjustment, catalog.is_sold(sku) if change.delta > 0 else None)


def count_stock(
    wanted: CountStock,
    call: str,
    by: str,
    now: datetime,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
) -> Stock:
    """Set a SKU's units at a location to what was counted; repeated with the same call, once.

    Raises
    ------
    NotFound
        Neither stock nor a variant has this SKU, or it is counted and no variant has it.
    InvalidRequest
        The shop has no such location.
    InsufficientStock
        Orders hold more than was counted.
    """
    known = read_stock(wanted.sku, stock=stock, catalog=catalog)
    location = _location(wanted.location, "location", settings.current(), known)
    count = Count(
        new_id("adj", now), wanted.sku, location, wanted.counted, wanted.reason, by, now, call
    )
    return stock.count(count, catalog.is_sold(wanted.sku) if wanted.counted else None)


def transfer_stock(
    wanted: TransferStock,
    call: str,
    by: str,
    now: datetime,
    *,
    stock: StockStore,
    catalog: CatalogStore,
    settings: SettingsStore,
) -> Stock:
    """Move units of a SKU between locations in one step; repeated with the same call, once.

    Raises
    ------
    NotFound
        Neither stock nor a variant has this SKU.
    InvalidRequest
        The shop has no such location, or both are the same.
    InsufficientStock
        The location has fewer units that no order holds.
    """
    if wanted.from_location == wanted.to_location:
        raise _invalid("to_location", "the units are there already")
    known = read_stock(wanted.sku, stock=stock, catalog=catalog)
    _location(wanted.from_location, "from_location", settings.current(), known)
    target = _location(wanted.to_location, "to_location", settings.current(), None)
    return stock.transfer(
        Transfer(
            new_id("adj", now),
            wanted.sku,
            wanted.from_location,
            target,
            wanted.quantity,
            wanted.reason,
            by,
            now,
            call,
        )
    )


def _location(named: str | None, field: str, settings: ShopSettings, known: Stock | None) -> str:
    """Give a location of the shop, or one where there is or was stock of the SKU."""
    if named is None:
        return settings.first_location
    if not settings.has_location(named) and (known is None or named not in known.locations):
        raise _invalid(field, "the settings name no such stock location")
    return named


def _invalid(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        detail, errors=[{"path": f"$.{field}", "code": "invalid", "detail": detail}]
    )
