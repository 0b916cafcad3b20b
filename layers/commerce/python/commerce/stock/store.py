"""The stock table.

===============================  =======================  ==================================
what                             pk                       sk
===============================  =======================  ==================================
a SKU's units, by location       `sku#<sku>`              `stock`
an adjustment, newest last       `sku#<sku>`              `adjustment#<adjustment id>`
what an order holds, in chunks   `order#<order id>`       `reservation#<chunk>`
units that left a chunk          `order#<order id>`       `movement#<kind>#<id>#<chunk>`
===============================  =======================  ==================================

The first reservation of an order is its gate: it is written first and released
first, and every later chunk depends on it. Released, it is also the tombstone that
turns a late reservation away, so a release leaves one even where nothing was held.

Units leave a chunk by movements, each once, for its record is written in the same
transaction. A release of everything needs no record: the chunk itself keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
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
from commerce.ids import derived_id, new_id
from commerce.stock.model import (
    CONSUMED,
    HELD,
    MAIN_LOCATION,
    RELEASED,
    Adjustment,
    Allocation,
    Level,
    Movement,
    Reservation,
    Stock,
    allocate,
    chunks,
    not_held,
    not_reserved,
    shares,
    shortages,
    take,
)

NOT_THERE_YET = "attribute_not_exists(#pk)"
IS_HELD = "#status = :held"
# Its allocations were read before, so nothing may have left since.
HELD_AS_SEEN = "#status = :held AND #version = :seen"
LOCATION_KNOWN = "attribute_exists(#locations.#location)"
LOCATION_UNKNOWN = "attribute_exists(#pk) AND attribute_not_exists(#locations.#location)"

# Stock moved between locations while we chose one: look again, but not for ever.
_ALLOCATION_TRIES = 4
# Each try lost means that another movement of the same order was made.
_MOVEMENT_TRIES = 6
# Where a kind of movement takes reserved units.
_TARGETS = {CONSUMED: "consumed", RELEASED: "available"}
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


def movement_key(order_id: str, kind: str, movement_id: str, chunk: int) -> Key:
    """Where it stands that units of a chunk left."""
    return {"pk": f"order#{order_id}", "sk": f"movement#{kind}#{movement_id}#{chunk:04d}"}


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
        self, sku: str, *, limit: int, before: str | None = None
    ) -> tuple[list[Adjustment], str | None]:
        """Read a page of a SKU's adjustments, newest first, and where to go on."""
        partition = stock_key(sku)["pk"]
        items, last = self._table.query_page(
            "#pk = :pk AND begins_with(#sk, :prefix)",
            {"pk": partition, "prefix": "adjustment#"},
            limit=limit,
            start={"pk": partition, "sk": before} if before else None,
            newest_first=True,
        )
        return [_adjustment(item) for item in items], last["sk"] if last else None

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
        """Give back whatever an order still holds; repeated, it gives it back once.

        Leaves a tombstone, also where nothing was held, that refuses a later `reserve`.
        """
        self._close_gate(order_id, now)
        for reservation in self.reservations(order_id):
            if reservation.status == HELD:
                self._release_chunk(reservation, now)

    def consume(
        self,
        order_id: str,
        movement_id: str,
        quantities: Mapping[str, int],
        location: str | None,
        now: datetime,
    ) -> None:
        """Let units that an order holds leave for good; once for each `movement_id`.

        Where no location is given they leave from wherever the order holds them. The units
        of a big order leave in several transactions: a repeat goes on where it ended.

        Raises
        ------
        NotReserved
            The order does not hold that many (there). Nothing has moved, unless others took
            units of a big order at this moment.
        TransactionConflict
            Others kept moving the order's units.
        """
        self._move_out(CONSUMED, order_id, movement_id, quantities, location, now)

    def release_part(
        self,
        order_id: str,
        movement_id: str,
        quantities: Mapping[str, int],
        location: str | None,
        now: datetime,
    ) -> None:
        """Give back some units that an order holds; as `consume`, which ids do not clash with."""
        self._move_out(RELEASED, order_id, movement_id, quantities, location, now)

    def restock(
        self,
        movement_id: str,
        order_id: str,
        quantities: Mapping[str, int],
        location: str,
        by: str,
        reason: str,
        now: datetime,
    ) -> None:
        """Add units that came back from an order; each SKU once for each `movement_id`.

        They count as added, as an adjustment does, for those that left stay consumed. A SKU or
        a location that had no units yet is opened. Many SKUs take several transactions: a
        repeat goes on where it ended.

        Raises
        ------
        TransactionConflict
            Others kept opening the same SKUs or locations.
        """
        changes = [
            Adjustment(
                derived_id("adj", movement_id, sku), sku, location, units, reason, by, now, order_id
            )
            for sku, units in sorted(_counted(quantities).items())
        ]
        per_transaction = TRANSACTION_ITEMS_MAX // 2
        for start in range(0, len(changes), per_transaction):
            self._adjust_once(changes[start : start + per_transaction])

    def reservations(self, order_id: str) -> list[Reservation]:
        """Read what an order holds, chunk by chunk, with all that it held and when it left."""
        items = list(
            self._table.query(
                "#pk = :pk", {"pk": reservation_key(order_id, 0)["pk"]}, consistent=True
            )
        )
        moved: defaultdict[int, list[Movement]] = defaultdict(list)
        for item in items:
            if item["sk"].startswith("movement#"):
                moved[item["chunk"]].append(_movement(item))
        chunks_ = [_reservation(item) for item in items if item["sk"].startswith("reservation#")]
        return [replace(each, movements=(*moved[each.chunk], *each.movements)) for each in chunks_]

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
                "version": 1,
                "held_at": to_text(now),
            }
            try:
                self._table.put(Put(tombstone, NOT_THERE_YET))
            except ConditionFailed as failed:
                gate = failed.item
        if gate is not None and gate["status"] == HELD:
            self._release_chunk(_reservation(gate), now)

    def _release_chunk(self, reservation: Reservation, now: datetime) -> None:
        for _ in range(_MOVEMENT_TRIES):
            whole = Update(
                reservation_key(reservation.order_id, reservation.chunk),
                "SET #status = :released, #released = #allocations, #released_at = :now, "
                "#allocations = :nothing, #version = #version + :one",
                HELD_AS_SEEN,
                {
                    "released": RELEASED,
                    "now": to_text(now),
                    "nothing": [],
                    "one": 1,
                    "held": HELD,
                    "seen": reservation.version,
                },
            )
            try:
                self._table.transact([whole, *_moves(reservation.allocations, RELEASED)])
            except TransactionRefused as refused:
                item = refused.failures.get(0)
                if item is None:
                    raise
                if item["status"] != HELD:
                    # By another run of this same step, or nothing was left.
                    return
                reservation = _reservation(item)
            else:
                return
        raise TransactionConflict("others kept moving the order's units")

    def _move_out(
        self,
        kind: str,
        order_id: str,
        movement_id: str,
        quantities: Mapping[str, int],
        location: str | None,
        now: datetime,
    ) -> None:
        due = [
            (reservation, share)
            for reservation, share in shares(self.reservations(order_id), _counted(quantities))
            if not reservation.has_moved(kind, movement_id)
        ]
        # Looked at as a whole first, so that a refusal leaves no half behind.
        short = [line for pair in due for line in not_held(*pair, location)]
        if short:
            raise not_reserved(short)
        for reservation, share in due:
            self._move_chunk(reservation, share, location, (kind, movement_id), now)

    def _move_chunk(
        self,
        reservation: Reservation,
        share: Mapping[str, int],
        location: str | None,
        movement: tuple[str, str],
        now: datetime,
    ) -> None:
        for _ in range(_MOVEMENT_TRIES):
            taken, left = take(reservation, share, location)
            kind, movement_id = movement
            writes: list[Write] = [
                _left_behind(reservation, left, kind),
                _movement_put(reservation, Movement(kind, movement_id, taken, to_text(now))),
                *_moves(taken, kind),
            ]
            try:
                self._table.transact(writes)
            except TransactionRefused as refused:
                if 1 in refused.failures:
                    # Moved by another run of this same step.
                    return
                item = refused.failures.get(0)
                if item is None:
                    raise
                reservation = _reservation(item)
            else:
                return
        raise TransactionConflict("others kept moving the order's units")

    def _adjust_once(self, changes: list[Adjustment]) -> None:
        for _ in range(_ALLOCATION_TRIES):
            stock = self.levels(change.sku for change in changes)
            writes: list[Write] = []
            for change in changes:
                writes += [
                    _adjustment_write(stock.get(change.sku), change),
                    _adjustment_put(change),
                ]
            try:
                self._table.transact(writes)
            except TransactionRefused as refused:
                # Those recorded already are done; of the others a SKU or location was opened.
                changes = [
                    change for n, change in enumerate(changes) if 2 * n + 1 not in refused.failures
                ]
                if not changes:
                    return
            else:
                return
        raise TransactionConflict("others kept opening the same stock")


def _settled_before(refused: TransactionRefused, skus: int, number: int, order_id: str) -> bool:
    """Tell whether an earlier run of this step wrote the reservation already."""
    if skus in refused.failures:
        own = refused.failures[skus]
        if own and own["status"] in {HELD, CONSUMED}:
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
        "allocations": _part_items(part for parts in chosen.values() for part in parts),
        "version": 1,
        "held_at": to_text(now),
    }
    writes.append(Put(reservation, NOT_THERE_YET))
    if number:
        writes.append(Check(reservation_key(order_id, 0), IS_HELD, {"held": HELD}))
    return writes


def _moves(parts: Iterable[Allocation], kind: str) -> list[Write]:
    """Move reserved units of many SKUs to where this kind of movement takes them."""
    by_sku: defaultdict[str, list[Allocation]] = defaultdict(list)
    for part in parts:
        by_sku[part.sku].append(part)
    return [_move(sku, some, "reserved", _TARGETS[kind]) for sku, some in by_sku.items()]


def _left_behind(reservation: Reservation, left: tuple[Allocation, ...], kind: str) -> Update:
    """Let a chunk hold what is left, or end it where nothing is."""
    return Update(
        reservation_key(reservation.order_id, reservation.chunk),
        "SET #allocations = :left, #status = :status, #version = #version + :one",
        HELD_AS_SEEN,
        {
            "left": _part_items(left),
            "status": HELD if left else kind,
            "one": 1,
            "held": HELD,
            "seen": reservation.version,
        },
    )


def _movement_put(reservation: Reservation, movement: Movement) -> Put:
    order_id, chunk = reservation.order_id, reservation.chunk
    item = {
        **movement_key(order_id, movement.kind, str(movement.movement_id), chunk),
        "order_id": order_id,
        "chunk": chunk,
        "kind": movement.kind,
        "movement_id": movement.movement_id,
        "parts": _part_items(movement.parts),
        "at": movement.at,
    }
    return Put(item, NOT_THERE_YET)


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
    if change.order_id:
        item["order_id"] = change.order_id
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
        item.get("order_id"),
    )


def _counted(quantities: Mapping[str, int]) -> dict[str, int]:
    """Leave out what is none; a movement the other way would pass every condition."""
    if any(units < 0 for units in quantities.values()):
        raise ValueError(f"units to move must not be negative: {dict(quantities)}")
    return {sku: units for sku, units in quantities.items() if units}


def _part_items(parts: Iterable[Allocation]) -> list[Item]:
    return [
        {"sku": part.sku, "location": part.location, "quantity": part.quantity} for part in parts
    ]


def _parts(items: Iterable[Item]) -> tuple[Allocation, ...]:
    return tuple(Allocation(**item) for item in items)


def _movement(item: Mapping[str, Any]) -> Movement:
    return Movement(item["kind"], item["movement_id"], _parts(item["parts"]), item["at"])


def _reservation(item: Mapping[str, Any]) -> Reservation:
    whole = item.get("released")
    return Reservation(
        item["order_id"],
        int(item["sk"].partition("#")[2]),
        item["status"],
        _parts(item["allocations"]),
        item["version"],
        item["held_at"],
        (Movement(RELEASED, None, _parts(whole), item["released_at"]),) if whole else (),
    )
