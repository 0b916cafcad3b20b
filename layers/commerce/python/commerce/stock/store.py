"""The stock table.

===============================  =======================  ==============================
what                             pk                       sk
===============================  =======================  ==============================
a SKU's units, by location       `sku#<sku>`              `stock`
an adjustment, newest last       `sku#<sku>`              `adjustment#<adjustment id>`
what an order holds, in chunks   `order#<order id>`       `reservation#<chunk>`
===============================  =======================  ==============================

The first reservation of an order is its gate: it is written first and released
first, and every later chunk depends on it. Released, it is also the tombstone that
turns a late reservation away, so a release leaves one even where nothing was held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from commerce.clock import from_text, to_text
from commerce.dynamo.table import (
    TRANSACTION_ITEMS_MAX,
    Check,
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
    Write,
)
from commerce.errors import InsufficientStock, OrderCanceled, OutOfStock, TransactionConflict
from commerce.ids import new_id
from commerce.stock.model import (
    MAIN_LOCATION,
    Adjustment,
    Allocation,
    Level,
    Reservation,
    Stock,
    allocate,
    chunks,
    shortages,
)

HELD = "held"
RELEASED = "released"

NOT_THERE_YET = "attribute_not_exists(#pk)"
IS_HELD = "#status = :held"
LOCATION_KNOWN = "attribute_exists(#locations.#location)"
LOCATION_UNKNOWN = "attribute_exists(#pk) AND attribute_not_exists(#locations.#location)"

# Stock moved between locations while we chose one: look again, but not for ever.
_ALLOCATION_TRIES = 4
_UNITS = ("available", "reserved", "consumed")


def stock_key(sku: str) -> Key:
    """Where a SKU's units stand."""
    return {"pk": f"sku#{sku}", "sk": "stock"}


def adjustment_key(sku: str, adjustment_id: str) -> Key:
    """Where one adjustment stands; ids sort by time."""
    return {"pk": f"sku#{sku}", "sk": f"adjustment#{adjustment_id}"}


def reservation_key(order_id: str, chunk: int) -> Key:
    """Where a chunk of what an order holds stands."""
    return {"pk": f"order#{order_id}", "sk": f"reservation#{chunk:04d}"}


class StockStore:
    """What is available and what orders hold."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, sku: str) -> Stock | None:
        """Read a SKU's units as they are now; None where none were ever added."""
        item = self._table.get(stock_key(sku))
        return _stock(item) if item else None

    def levels(self, skus: Iterable[str]) -> dict[str, Stock]:
        """Read the units of many SKUs; a SKU that has none is left out."""
        items = self._table.get_many([stock_key(sku) for sku in skus], consistent=True)
        return {item["sku"]: _stock(item) for item in items}

    def adjustments(
        self, sku: str, *, limit: int, start: Item | None = None
    ) -> tuple[list[Adjustment], Item | None]:
        """Read a page of a SKU's adjustments, newest first, and where to go on."""
        items, last = self._table.query_page(
            "#pk = :pk AND begins_with(#sk, :prefix)",
            {"pk": stock_key(sku)["pk"], "prefix": "adjustment#"},
            limit=limit,
            start=start,
            newest_first=True,
        )
        return [_adjustment(item) for item in items], last

    def open_many(self, quantities: Mapping[str, int], now: datetime, by: str = "import") -> int:
        """Give SKUs that have no stock yet their first units, at the main location.

        A SKU that was counted before keeps what it has, so a second run does nothing.

        Returns
        -------
        int
            How many SKUs were opened.
        """
        known = self.levels(quantities)
        opening = [(sku, units) for sku, units in quantities.items() if sku not in known]
        per_transaction = TRANSACTION_ITEMS_MAX // 2
        return sum(
            self._open(opening[start : start + per_transaction], now, by)
            for start in range(0, len(opening), per_transaction)
        )

    def adjust(self, change: Adjustment) -> Stock:
        """Add or take units and record why, in one transaction.

        Raises
        ------
        InsufficientStock
            Fewer units are available at the location than `delta` would take.
        """
        # The shape of the item decides which write can succeed; another may change it meanwhile.
        for _ in range(_ALLOCATION_TRIES):
            stock = self.get(change.sku)
            try:
                self._table.transact([_adjustment_write(stock, change), _adjustment_put(change)])
            except TransactionRefused as refused:
                known = refused.failures.get(0)
                level = _stock(known).locations.get(change.location, Level()) if known else Level()
                if known and change.location in known["locations"] and change.delta < 0:
                    raise InsufficientStock(
                        f"{change.location} has only {level.available} of {change.sku} available",
                        available=level.available,
                    ) from None
            else:
                adjusted = self.get(change.sku)
                if adjusted is not None:
                    return adjusted
        raise TransactionConflict(f"others kept changing the stock of {change.sku}")

    def reserve(self, order_id: str, quantities: Mapping[str, int], now: datetime) -> None:
        """Hold units of every SKU for an order; repeated, it holds them once.

        Big orders are held in several transactions. Where one is refused, those before
        it stay until `release`.

        Raises
        ------
        OutOfStock
            Lists every SKU of the order that is short.
        OrderCanceled
            The order's stock was released before.
        """
        ordered = list(chunks(quantities))
        for number, wanted in enumerate(ordered):
            self._reserve_chunk(order_id, number, wanted, ordered[number + 1 :], now)

    def release(self, order_id: str, now: datetime) -> None:
        """Give back whatever an order holds; repeated, it gives it back once.

        Leaves a tombstone, also where nothing was held, that refuses a later `reserve`.
        """
        self._close_gate(order_id, now)
        for reservation in self.reservations(order_id):
            if reservation.status == HELD:
                self._release_chunk(reservation, now)

    def reservations(self, order_id: str) -> list[Reservation]:
        """Read what an order holds or held, chunk by chunk."""
        items = self._table.query(
            "#pk = :pk AND begins_with(#sk, :prefix)",
            {"pk": reservation_key(order_id, 0)["pk"], "prefix": "reservation#"},
            consistent=True,
        )
        return [_reservation(item) for item in items]

    def _open(self, opening: list[tuple[str, int]], now: datetime, by: str) -> int:
        while opening:
            writes: list[Write] = []
            for sku, units in opening:
                first = Adjustment(
                    new_id("adj", now), sku, MAIN_LOCATION, units, "initial", by, now
                )
                writes += [_opening_put(first), _adjustment_put(first)]
            try:
                self._table.transact(writes)
            except TransactionRefused as refused:
                # Somebody opened these meanwhile; open the others.
                taken = {position // 2 for position in refused.failures}
                opening = [pair for n, pair in enumerate(opening) if n not in taken]
            else:
                break
        return len(opening)

    def _reserve_chunk(
        self,
        order_id: str,
        number: int,
        wanted: tuple[tuple[str, int], ...],
        later: list[tuple[tuple[str, int], ...]],
        now: datetime,
    ) -> None:
        # Most shops have one location, so the first try spares reading the stock before.
        chosen: dict[str, tuple[Allocation, ...]] = {
            sku: (Allocation(sku, MAIN_LOCATION, units),) for sku, units in wanted
        }
        for _ in range(_ALLOCATION_TRIES):
            writes = _reservation_writes(order_id, number, chosen, now)
            try:
                self._table.transact(writes)
            except TransactionRefused as refused:
                if _settled_before(refused, len(wanted), number, order_id):
                    return
                seen = {
                    wanted[position][0]: item
                    for position, item in refused.failures.items()
                    if position < len(wanted)
                }
                for sku, units in wanted:
                    if sku not in seen:
                        continue
                    item = seen[sku]
                    other = allocate(_stock(item) if item else None, sku, units)
                    if other is None:
                        raise self._out_of_stock(wanted, later) from None
                    chosen[sku] = other
            else:
                return
        raise TransactionConflict("the stock kept moving between locations")

    def _out_of_stock(
        self,
        wanted: tuple[tuple[str, int], ...],
        later: list[tuple[tuple[str, int], ...]],
    ) -> OutOfStock | TransactionConflict:
        everything = [*wanted, *(pair for chunk in later for pair in chunk)]
        short = shortages(everything, self.levels(sku for sku, _ in everything))
        if not short:
            return TransactionConflict("stock came back at this moment")
        return OutOfStock(
            f"not enough in stock of {', '.join(line.sku for line in short[:5])}"
            + (f" and {len(short) - 5} more" if len(short) > 5 else ""),
            short_lines=[
                {"sku": line.sku, "requested": line.requested, "available": line.available}
                for line in short
            ],
        )

    def _close_gate(self, order_id: str, now: datetime) -> None:
        gate = self._table.get(reservation_key(order_id, 0))
        if gate is None:
            tombstone = {
                **reservation_key(order_id, 0),
                "order_id": order_id,
                "status": RELEASED,
                "allocations": [],
                "held_at": to_text(now),
            }
            try:
                self._table.put(Put(tombstone, NOT_THERE_YET))
            except ConditionFailed as failed:
                gate = failed.item
        if gate is not None and gate["status"] == HELD:
            self._release_chunk(_reservation(gate), now)

    def _release_chunk(self, reservation: Reservation, now: datetime) -> None:
        writes: list[Write] = [
            Update(
                reservation_key(reservation.order_id, reservation.chunk),
                "SET #status = :released, #released_at = :now",
                IS_HELD,
                {"released": RELEASED, "held": HELD, "now": to_text(now)},
            )
        ]
        by_sku: dict[str, list[Allocation]] = {}
        for allocation in reservation.allocations:
            by_sku.setdefault(allocation.sku, []).append(allocation)
        writes += [_move(sku, parts, "reserved", "available") for sku, parts in by_sku.items()]
        try:
            self._table.transact(writes)
        except TransactionRefused as refused:
            if list(refused.failures) != [0]:
                raise
            # Released by another run of this same step.


def _settled_before(refused: TransactionRefused, skus: int, number: int, order_id: str) -> bool:
    """Tell whether an earlier run of this step wrote the reservation already."""
    if skus in refused.failures:
        own = refused.failures[skus]
        if own and own["status"] == HELD:
            return True
        raise OrderCanceled("the order's stock was released before", order_id=order_id)
    if number and skus + 1 in refused.failures:
        raise OrderCanceled("the order's stock was released before", order_id=order_id)
    return False


def _reservation_writes(
    order_id: str, number: int, chosen: Mapping[str, tuple[Allocation, ...]], now: datetime
) -> list[Write]:
    writes: list[Write] = [
        _move(sku, parts, "available", "reserved") for sku, parts in chosen.items()
    ]
    reservation = {
        **reservation_key(order_id, number),
        "order_id": order_id,
        "status": HELD,
        "allocations": [
            {"sku": part.sku, "location": part.location, "quantity": part.quantity}
            for parts in chosen.values()
            for part in parts
        ],
        "held_at": to_text(now),
    }
    writes.append(Put(reservation, NOT_THERE_YET))
    if number:
        writes.append(Check(reservation_key(order_id, 0), IS_HELD, {"held": HELD}))
    return writes


def _move(sku: str, parts: Iterable[Allocation], source: str, target: str) -> Update:
    """Move units of one SKU from one count to another, where the first has so many."""
    sets, conditions = [], []
    names: dict[str, str] = {}
    values: dict[str, Any] = {"one": 1}
    for n, part in enumerate(parts):
        level = f"#locations.#location{n}"
        names[f"location{n}"] = part.location
        values[f"units{n}"] = part.quantity
        sets += [
            f"{level}.#{source} = {level}.#{source} - :units{n}",
            f"{level}.#{target} = {level}.#{target} + :units{n}",
        ]
        conditions.append(f"{level}.#{source} >= :units{n}")
    return Update(
        stock_key(sku),
        f"SET {', '.join(sets)}, #version = #version + :one",
        " AND ".join(conditions),
        values,
        names,
    )


def _adjustment_write(stock: Stock | None, change: Adjustment) -> Write:
    """Choose the write that fits the item: add to a count, open a location, open the SKU."""
    if change.delta < 0 and (stock is None or change.location not in stock.locations):
        raise InsufficientStock(
            f"none of {change.sku} are available at {change.location}", available=0
        )
    if stock is None:
        return _opening_put(change)
    values: dict[str, Any] = {"delta": change.delta, "one": 1}
    names = {"location": change.location}
    if change.location not in stock.locations:
        values["level"] = _level_item(Level(available=change.delta))
        return Update(
            stock_key(change.sku),
            "SET #locations.#location = :level, #version = #version + :one",
            LOCATION_UNKNOWN,
            values,
            names,
        )
    level = "#locations.#location.#available"
    condition = LOCATION_KNOWN
    if change.delta < 0:
        values["taken"] = -change.delta
        condition = f"{level} >= :taken"
    return Update(
        stock_key(change.sku),
        f"SET {level} = {level} + :delta, #version = #version + :one",
        condition,
        values,
        names,
    )


def _opening_put(first: Adjustment) -> Put:
    return Put(
        {
            **stock_key(first.sku),
            "sku": first.sku,
            "version": 1,
            "locations": {first.location: _level_item(Level(available=first.delta))},
        },
        NOT_THERE_YET,
    )


def _adjustment_put(change: Adjustment) -> Put:
    item = {
        **adjustment_key(change.sku, change.adjustment_id),
        "adjustment_id": change.adjustment_id,
        "sku": change.sku,
        "location": change.location,
        "delta": change.delta,
        "reason": change.reason,
        "by": change.by,
        "at": to_text(change.at),
    }
    return Put(item, NOT_THERE_YET)


def _level_item(level: Level) -> dict[str, int]:
    return {unit: getattr(level, unit) for unit in _UNITS}


def _stock(item: Mapping[str, Any]) -> Stock:
    return Stock(
        item["sku"],
        item["version"],
        {name: Level(**level) for name, level in item["locations"].items()},
    )


def _adjustment(item: Mapping[str, Any]) -> Adjustment:
    return Adjustment(
        item["adjustment_id"],
        item["sku"],
        item["location"],
        item["delta"],
        item["reason"],
        item["by"],
        from_text(item["at"]),
    )


def _reservation(item: Mapping[str, Any]) -> Reservation:
    return Reservation(
        item["order_id"],
        int(item["sk"].partition("#")[2]),
        item["status"],
        tuple(Allocation(**part) for part in item["allocations"]),
        item["held_at"],
        item.get("released_at"),
    )
