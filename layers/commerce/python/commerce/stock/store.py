"""The stock table.

===============================  =======================  ==================================
what                             pk                       sk
===============================  =======================  ==================================
a SKU's units, by location       `sku#<sku>`              `stock`
an adjustment, newest last       `sku#<sku>`              `adjustment#<adjustment id>`
that a call changed the counts   `sku#<sku>`              `call#<key of the call>`
what an order holds, in chunks   `order#<order id>`       `reservation#<chunk>`
units that left a chunk          `order#<order id>`       `movement#<kind>#<id>#<chunk>`
===============================  =======================  ==================================

The first reservation of an order is its gate: it is written first and released
first, and every later chunk depends on it. Released, it is also the tombstone that
turns a late reservation away, so a release leaves one even where nothing was held. It
tells how many chunks there are to be, so that each is asked for by its number.

Units leave a chunk by movements, each once, for its record is written in the same
transaction. A release of everything needs no record: the chunk itself keeps it. A chunk
names the movements that it saw, for a transaction's items become visible one by one:
whether a movement was made is told by the chunk alone, and its record is read again
until it is there.

Where nothing is owed of a SKU, its units are moved by adding and taking, and orders do
not wait for each other. Where something is, a location's counts are written as a whole,
under the condition that they are those that were read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from commerce.errors import (
    InsufficientStock,
    NotFound,
    OrderCanceled,
    OutOfStock,
    SkuHasStock,
    TransactionConflict,
)
from commerce.ids import derived_id, new_id
from commerce.stock.model import (
    ALL_COUNTED,
    CHUNKS_MAX,
    CONSUMED,
    HELD,
    RELEASED,
    Adjustment,
    Allocation,
    Count,
    Level,
    Movement,
    Reservation,
    Shortage,
    Stock,
    Terms,
    Transfer,
    allocate,
    chunks,
    not_held,
    not_reserved,
    shortages,
    take,
)

NOT_THERE_YET = "attribute_not_exists(#pk)"
AS_SEEN = "#version = :seen"
IS_HELD = "#status = :held"
# Its allocations were read before, so nothing may have left since.
HELD_AS_SEEN = "#status = :held AND #version = :seen"

# Stock moved between locations while we chose one: look again, but not for ever.
_ALLOCATION_TRIES = 4
# Each try lost means that another movement of the same order was made.
_MOVEMENT_TRIES = 6
# A person's change of the counts, while orders keep changing them too.
_COUNT_TRIES = 10
# A movement's record becomes visible a moment after its chunk.
_VISIBILITY_TRIES = 6
# Units that are taken from one count and added to another, by the kind of what happens.
_MOVES = {
    HELD: ("available", "reserved"),
    CONSUMED: ("reserved", "consumed"),
    RELEASED: ("reserved", "available"),
}
# The same where something is owed.
_OWING_MOVES: Mapping[str, Callable[[Level, int], Level]] = {
    HELD: Level.holding,
    CONSUMED: Level.with_sent,
    RELEASED: Level.without_held,
}
# An expression has 4 KB, and adding and taking needs the longer one for each location.
_ADDING_LOCATIONS_MAX = 20


def stock_key(sku: str) -> Key:
    """Where a SKU's units stand."""
    return {"pk": f"sku#{sku}", "sk": "stock"}


def adjustment_key(sku: str, adjustment_id: str) -> Key:
    """Where one adjustment stands; ids sort by time."""
    return {"pk": f"sku#{sku}", "sk": f"adjustment#{adjustment_id}"}


def call_key(sku: str, call: str) -> Key:
    """Where it stands that a call changed a SKU's counts."""
    return {"pk": f"sku#{sku}", "sk": f"call#{call}"}


def reservation_key(order_id: str, chunk: int) -> Key:
    """Where a chunk of what an order holds stands."""
    return {"pk": f"order#{order_id}", "sk": f"reservation#{chunk:04d}"}


def movement_key(order_id: str, kind: str, movement_id: str, chunk: int) -> Key:
    """Where it stands that units of a chunk left."""
    return {"pk": f"order#{order_id}", "sk": f"movement#{kind}#{movement_id}#{chunk:04d}"}


@dataclass(frozen=True)
class _Wish:
    """What an order asks for as a whole."""

    order_id: str
    chunks: int
    first: str
    terms: Terms
    now: datetime


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

    def available(self, skus: Iterable[str]) -> dict[str, int]:
        """Tell how many units of SKUs are available, as of a moment ago; none where left out."""
        items = self._table.get_many([stock_key(sku) for sku in dict.fromkeys(skus)])
        return {item["sku"]: _stock(item).available for item in items}

    def none_left(self, skus: Sequence[str]) -> list[Check]:
        """Give what must be true for SKUs to be given up: no unit is there, held or owed.

        For a transaction of another service, so that no unit comes in meanwhile.

        Raises
        ------
        SkuHasStock
            It is not so.
        """
        found = self.levels(skus)
        left = {sku: stock for sku, stock in found.items() if not stock.is_empty}
        if left:
            named = ", ".join(sorted(left)[:5])
            raise SkuHasStock(
                f"there are units of {named} in stock, or orders hold some: count them to 0 or "
                "send them before the SKU is given up",
                units=[
                    {
                        "sku": sku,
                        "available": stock.available,
                        "reserved": stock.reserved,
                        "backordered": stock.backordered,
                    }
                    for sku, stock in sorted(left.items())
                ],
            )
        return [
            self._table.own(
                Check(stock_key(sku), AS_SEEN, {"seen": found[sku].version})
                if sku in found
                else Check(stock_key(sku), NOT_THERE_YET)
            )
            for sku in skus
        ]

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

    def open_many(
        self,
        quantities: Mapping[str, int],
        now: datetime,
        by: str = "import",
        *,
        location: str,
        guard: Callable[[str], Check] | None = None,
    ) -> int:
        """Give SKUs that have no stock yet their first units, at a location.

        A SKU that was counted before keeps what it has, so a second run does nothing.

        Parameters
        ----------
        guard
            Gives what must be true of a SKU elsewhere for its units to be added; one of
            which it is not true is passed over.

        Returns
        -------
        int
            How many SKUs were opened.
        """
        known = self.levels(quantities)
        opening = [
            Adjustment(new_id("adj", now), sku, location, units, "initial", by, now)
            for sku, units in quantities.items()
            if sku not in known
        ]
        per_transaction = TRANSACTION_ITEMS_MAX // 3
        return sum(
            self._open(opening[start : start + per_transaction], guard)
            for start in range(0, len(opening), per_transaction)
        )

    def adjust(self, change: Adjustment, guard: Check | None = None) -> Stock:
        """Add or take units and record why, in one transaction; once for each call.

        Parameters
        ----------
        guard
            What must be true elsewhere for the units to be added.

        Raises
        ------
        InsufficientStock
            Fewer units are available at the location than `delta` would take.
        NotFound
            What the guard asks for is not so.
        """
        return self._change_counts(change, lambda stock: ([change], _added(stock, change)), guard)

    def transfer(self, wanted: Transfer) -> Stock:
        """Move units from one location to another, in one step; once for each call.

        Each location's history has an adjustment that names the other one.

        Raises
        ------
        InsufficientStock
            The location has fewer units that no order holds.
        """
        return self._change_counts(wanted, lambda stock: _transferred(stock, wanted))

    def count(self, wanted: Count, guard: Check | None = None) -> Stock:
        """Set what is at a location to what was counted there; once for each call.

        What orders hold stays held, and the difference is available or not any more. What
        left before it was counted in is made up for: nobody can have counted it.

        Raises
        ------
        InsufficientStock
            Orders hold more than that; `reserved` tells how much.
        NotFound
            What the guard asks for is not so.
        """
        return self._change_counts(wanted, lambda stock: _counted_anew(stock, wanted), guard)

    def reserve(
        self,
        order_id: str,
        quantities: Mapping[str, int],
        now: datetime,
        *,
        first: str,
        terms: Terms = ALL_COUNTED,
    ) -> None:
        """Hold units of every SKU for an order; repeated, it holds them once.

        Big orders are held in several transactions. Where one is refused, those before
        it stay until `release`.

        Parameters
        ----------
        first
            The location that units are taken from where it has enough. What is not
            counted, and what is owed, is held there.
        terms
            On which terms SKUs are sold that need not be there.

        Raises
        ------
        OutOfStock
            Lists every SKU of the order that is short.
        OrderCanceled
            The order's stock was released before.
        """
        ordered = list(chunks(quantities))
        wish = _Wish(order_id, len(ordered), first, terms, now)
        for number, wanted in enumerate(ordered):
            self._reserve_chunk(wish, number, wanted, ordered[number + 1 :])

    def release(self, order_id: str, now: datetime) -> None:
        """Give back whatever an order still holds; repeated, it gives it back once.

        Leaves a tombstone, also where nothing was held, that refuses a later `reserve`.
        """
        # First, so that no chunk is written any more. Those written are then asked for by
        # number: a Query may pass by one whose transaction ends this moment.
        gate = self._close_gate(order_id, now)
        for reservation in self._later_chunks(gate):
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

    def holdings(self, order_id: str) -> list[Reservation]:
        """Read what an order holds at this moment, chunk by chunk, without what left before."""
        gate = self._table.get(reservation_key(order_id, 0))
        return [] if gate is None else [_reservation(gate), *self._later_chunks(gate)]

    def reservations(self, order_id: str) -> list[Reservation]:
        """Read what an order holds, chunk by chunk, with all that it held and when it left.

        Raises
        ------
        TransactionConflict
            The record of a movement did not become visible.
        """
        held = self.holdings(order_id)
        named = {(each.chunk, name) for each in held for name in each.moved or ()}
        for _ in range(_VISIBILITY_TRIES):
            records = {
                (item["chunk"], f"{item['kind']}#{item['movement_id']}"): _movement(item)
                for item in self._table.query(
                    "#pk = :pk AND begins_with(#sk, :prefix)",
                    {"pk": reservation_key(order_id, 0)["pk"], "prefix": "movement#"},
                    consistent=True,
                )
            }
            if named <= records.keys():
                return [_with_movements(each, records) for each in held]
        raise TransactionConflict("the order's units are being moved")

    def _later_chunks(self, gate: Item) -> list[Reservation]:
        """Read all chunks of an order but the first, as they are at one moment."""
        order_id = gate["order_id"]
        # An older gate does not tell how many there are.
        numbers = range(1, gate.get("chunks", CHUNKS_MAX))
        keys = [reservation_key(order_id, number) for number in numbers]
        return [_reservation(item) for item in self._table.get_together(keys)] if keys else []

    def _change_counts(
        self,
        wanted: Adjustment | Transfer | Count,
        planned: Callable[[Stock | None], tuple[list[Adjustment], Write]],
        guard: Check | None = None,
    ) -> Stock:
        """Change a SKU's counts as planned for what they are, with the adjustments that say why."""
        sku, call = wanted.sku, wanted.call
        for _ in range(_COUNT_TRIES):
            stock = self.get(sku)
            try:
                changes, write = planned(stock)
            except InsufficientStock:
                # An earlier run of this very call may have taken them.
                if call and self._table.get(call_key(sku, call)):
                    break
                raise
            once: list[Write] = [_adjustment_put(change) for change in changes]
            if call:
                once.append(Put({**call_key(sku, call), "at": to_text(wanted.at)}, NOT_THERE_YET))
            try:
                self._table.transact([*once, write, *([guard] if guard else [])])
            except TransactionRefused as refused:
                if any(position < len(once) for position in refused.failures):
                    break
                if len(once) + 1 in refused.failures:
                    raise NotFound(f"there is no SKU {sku}") from None
            else:
                break
        else:
            raise TransactionConflict(f"others kept changing the stock of {sku}")
        return self.get(sku) or Stock(sku, 0, {})

    def _open(self, opening: list[Adjustment], guard: Callable[[str], Check] | None) -> int:
        while opening:
            writes: list[Write] = []
            for first in opening:
                writes += [_opening_put(first), _adjustment_put(first)]
            guards = [guard(first.sku) for first in opening] if guard else []
            try:
                self._table.transact([*writes, *guards])
            except TransactionRefused as refused:
                # Somebody opened these meanwhile, or they are sold no more; open the others.
                places = [*(n // 2 for n in range(len(writes))), *range(len(guards))]
                passed_over = {places[position] for position in refused.failures}
                opening = [first for n, first in enumerate(opening) if n not in passed_over]
            else:
                break
        return len(opening)

    def _reserve_chunk(
        self,
        wish: _Wish,
        number: int,
        wanted: tuple[tuple[str, int], ...],
        later: list[tuple[tuple[str, int], ...]],
    ) -> None:
        # Most shops have one location, so the first try spares reading the stock before.
        chosen: dict[str, tuple[Allocation, ...]] = {
            sku: (Allocation(sku, wish.first, units, sku not in wish.terms.uncounted),)
            for sku, units in wanted
        }
        counted = [(sku, units) for sku, units in wanted if sku not in wish.terms.uncounted]
        seen: dict[str, Stock | None] = {}
        for _ in range(_ALLOCATION_TRIES):
            writes: list[Write] = [_move(sku, chosen[sku], HELD, seen) for sku, _ in counted]
            try:
                self._table.transact([*writes, *_reservation_writes(wish, number, chosen)])
            except TransactionRefused as refused:
                if _settled_before(refused, len(writes), number, wish.order_id):
                    return
                seen |= _stocks(refused, [sku for sku, _ in counted])
                for sku, units in counted:
                    if sku not in seen:
                        continue
                    other = allocate(seen[sku], sku, units, wish.first, wish.terms)
                    if other is None:
                        raise self._out_of_stock(wish.terms, wanted, later) from None
                    chosen[sku] = other
            else:
                return
        raise TransactionConflict("the stock kept moving between locations")

    def _out_of_stock(
        self,
        terms: Terms,
        wanted: tuple[tuple[str, int], ...],
        later: list[tuple[tuple[str, int], ...]],
    ) -> OutOfStock | TransactionConflict:
        everything = [
            (sku, units)
            for sku, units in (*wanted, *(pair for chunk in later for pair in chunk))
            if terms.are_short(sku)
        ]
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

    def _close_gate(self, order_id: str, now: datetime) -> Item:
        """Let no chunk be written any more, release the first one, and give it."""
        gate = self._table.get(reservation_key(order_id, 0))
        if gate is None:
            tombstone: Item = {
                **reservation_key(order_id, 0),
                "order_id": order_id,
                "status": RELEASED,
                "allocations": [],
                "version": 1,
                "held_at": to_text(now),
                "chunks": 1,
            }
            try:
                self._table.put(Put(tombstone, NOT_THERE_YET))
            except ConditionFailed as failed:
                gate = failed.item
            if gate is None:
                return tombstone
        if gate["status"] == HELD:
            self._release_chunk(_reservation(gate), now)
        return gate

    def _release_chunk(self, reservation: Reservation, now: datetime) -> None:
        seen: dict[str, Stock | None] = {}
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
            moves = self._moves(reservation.allocations, RELEASED, seen)
            try:
                self._table.transact([whole, *moves.values()])
            except TransactionRefused as refused:
                item = refused.failures.get(0)
                if item is None and 0 in refused.failures:
                    raise
                if item is not None and item["status"] != HELD:
                    # By another run of this same step, or nothing was left.
                    return
                reservation = reservation if item is None else _reservation(item)
                seen |= _stocks(refused, moves, before=1)
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
        due = self._due(order_id, (kind, movement_id), _counted(quantities))
        # Looked at as a whole first, so that a refusal leaves no half behind.
        short = [line for pair in due for line in not_held(*pair, location)]
        if short:
            raise not_reserved(short)
        for reservation, share in due:
            self._move_chunk(reservation, share, location, (kind, movement_id), now)

    def _due(
        self, order_id: str, movement: tuple[str, str], quantities: Mapping[str, int]
    ) -> list[tuple[Reservation, dict[str, int]]]:
        """Find the chunks that a movement has yet to take units out of, and their shares.

        A SKU is in one chunk of its order alone.
        """
        due = []
        unknown = dict(quantities)
        for reservation in self.holdings(order_id):
            done, skus = self._made(reservation, movement)
            share = {sku: units for sku, units in quantities.items() if sku in skus}
            unknown = {sku: units for sku, units in unknown.items() if sku not in skus}
            if share and not done:
                due.append((reservation, share))
        if unknown:
            raise not_reserved(Shortage(sku, units, 0) for sku, units in unknown.items())
        return due

    def _made(
        self, reservation: Reservation, movement: tuple[str, str]
    ) -> tuple[bool, frozenset[str]]:
        """Tell whether a movement was made of a chunk, and which SKUs the chunk is of."""
        if reservation.skus is not None and reservation.moved is not None:
            return "#".join(movement) in reservation.moved, reservation.skus
        # An older chunk: the movement's own record tells.
        record = self._table.get(movement_key(reservation.order_id, *movement, reservation.chunk))
        parts = _parts(record["parts"]) if record else reservation.allocations
        return record is not None, frozenset(part.sku for part in parts)

    def _move_chunk(
        self,
        reservation: Reservation,
        share: Mapping[str, int],
        location: str | None,
        movement: tuple[str, str],
        now: datetime,
    ) -> None:
        kind, movement_id = movement
        seen: dict[str, Stock | None] = {}
        for _ in range(_MOVEMENT_TRIES):
            taken, left = take(reservation, share, location)
            moves = self._moves(taken, kind, seen)
            record = _movement_put(reservation, Movement(kind, movement_id, taken, to_text(now)))
            try:
                self._table.transact(
                    [_left_behind(reservation, left, movement), record, *moves.values()]
                )
            except TransactionRefused as refused:
                if 1 in refused.failures:
                    # Moved by another run of this same step.
                    return
                item = refused.failures.get(0)
                if item is None and 0 in refused.failures:
                    raise
                reservation = reservation if item is None else _reservation(item)
                seen |= _stocks(refused, moves, before=2)
            else:
                return
        raise TransactionConflict("others kept moving the order's units")

    def _moves(
        self, parts: Iterable[Allocation], kind: str, seen: dict[str, Stock | None]
    ) -> dict[str, Write]:
        """Move held units of many SKUs to where this kind of movement takes them."""
        by_sku: defaultdict[str, list[Allocation]] = defaultdict(list)
        for part in parts:
            if part.counted:
                by_sku[part.sku].append(part)
        many = [sku for sku, some in by_sku.items() if len(some) > _ADDING_LOCATIONS_MAX]
        seen |= {sku: self.get(sku) for sku in many if sku not in seen}
        return {sku: _move(sku, some, kind, seen) for sku, some in by_sku.items()}

    def _adjust_once(self, changes: list[Adjustment]) -> None:
        for _ in range(_ALLOCATION_TRIES):
            stock = self.levels(change.sku for change in changes)
            writes: list[Write] = []
            for change in changes:
                writes += [_added(stock.get(change.sku), change), _adjustment_put(change)]
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
    wish: _Wish, number: int, chosen: Mapping[str, tuple[Allocation, ...]]
) -> list[Write]:
    reservation: Item = {
        **reservation_key(wish.order_id, number),
        "order_id": wish.order_id,
        "status": HELD,
        "allocations": _part_items(part for parts in chosen.values() for part in parts),
        "version": 1,
        "held_at": to_text(wish.now),
        "skus": sorted(chosen),
        "moved": [],
    }
    if number:
        gate = Check(reservation_key(wish.order_id, 0), IS_HELD, {"held": HELD})
        return [Put(reservation, NOT_THERE_YET), gate]
    return [Put(reservation | {"chunks": wish.chunks}, NOT_THERE_YET)]


def _left_behind(
    reservation: Reservation, left: tuple[Allocation, ...], movement: tuple[str, str]
) -> Update:
    """Let a chunk hold what is left, or end it where nothing is."""
    expression = "SET #allocations = :left, #status = :status, #version = #version + :one"
    values: dict[str, Any] = {
        "left": _part_items(left),
        "status": HELD if left else movement[0],
        "one": 1,
        "held": HELD,
        "seen": reservation.version,
    }
    if reservation.moved is not None:
        expression += ", #moved = list_append(#moved, :movement)"
        values["movement"] = ["#".join(movement)]
    return Update(
        reservation_key(reservation.order_id, reservation.chunk), expression, HELD_AS_SEEN, values
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


class _Counts:
    """A change of one SKU's counts in the making; each location in it once."""

    def __init__(self, sku: str) -> None:
        self._sku = sku
        self._sets: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {"one": 1}

    def move(self, location: str, units: int, kind: str) -> None:
        """Take units from one count and add them to another, where the first has so many."""
        level, n = self._level(location)
        source, target = _MOVES[kind]
        self._values[f"units{n}"] = units
        self._sets += [
            f"{level}.#{source} = {level}.#{source} - :units{n}",
            f"{level}.#{target} = {level}.#{target} + :units{n}",
        ]
        self._conditions.append(f"{level}.#{source} >= :units{n}")
        if target == "available":
            self._owing_nothing(level)

    def add(self, location: str, units: int) -> None:
        """Make units available, or take such where negative."""
        level, n = self._level(location)
        self._values[f"units{n}"] = units
        self._sets.append(f"{level}.#available = {level}.#available + :units{n}")
        if units < 0:
            self._values[f"taken{n}"] = -units
            self._conditions.append(f"{level}.#available >= :taken{n}")
        else:
            self._conditions.append(f"attribute_exists({level})")
            self._owing_nothing(level)

    def write_over(self, location: str, before: Level | None, after: Level) -> None:
        """Set all counts of a location, which are as they were seen, or not there yet."""
        level, n = self._level(location)
        self._values[f"after{n}"] = _level_item(after)
        self._sets.append(f"{level} = :after{n}")
        if before is None:
            self._conditions += ["attribute_exists(#pk)", f"attribute_not_exists({level})"]
        else:
            self._values[f"before{n}"] = _level_item(before)
            self._conditions.append(f"{level} = :before{n}")

    def write(self) -> Update:
        """Give the change."""
        return Update(
            stock_key(self._sku),
            f"SET {', '.join(self._sets)}, #version = #version + :one",
            " AND ".join(self._conditions),
            self._values,
            self._names,
        )

    def _level(self, location: str) -> tuple[str, int]:
        n = len(self._names)
        self._names[f"at{n}"] = location
        return f"#locations.#at{n}", n

    def _owing_nothing(self, level: str) -> None:
        self._conditions += [
            f"attribute_not_exists({level}.#{owed})" for owed in ("backordered", "sent_ahead")
        ]


def _move(
    sku: str, parts: Sequence[Allocation], kind: str, seen: Mapping[str, Stock | None]
) -> Write:
    """Move units of one SKU; by adding and taking where that will do for what was seen."""
    if sku not in seen:
        counts = _Counts(sku)
        for part in parts:
            counts.move(part.location, part.quantity, kind)
        return counts.write()
    stock = seen[sku]
    if stock is None:
        # Only what is owed can be held of a SKU that was never stocked.
        levels = {part.location: Level().holding(part.quantity) for part in parts}
        return _first_put(sku, levels)
    counts = _Counts(sku)
    source, _ = _MOVES[kind]
    for part in parts:
        level = stock.locations.get(part.location)
        adding = (
            level is not None
            and getattr(level, source) >= part.quantity
            and (kind != RELEASED or not (level.backordered or level.sent_ahead))
        )
        if adding and len(parts) <= _ADDING_LOCATIONS_MAX:
            counts.move(part.location, part.quantity, kind)
        else:
            after = _OWING_MOVES[kind](level or Level(), part.quantity)
            counts.write_over(part.location, level, after)
    return counts.write()


def _stocks(
    refused: TransactionRefused, skus: Iterable[str], before: int = 0
) -> dict[str, Stock | None]:
    """Give the counts that stood in the way, by SKU; `before` writes are not of counts."""
    found: dict[str, Stock | None] = {}
    for position, sku in enumerate(skus, before):
        if position in refused.failures:
            item = refused.failures[position]
            found[sku] = _stock(item) if item else None
    return found


def _added(stock: Stock | None, change: Adjustment) -> Write:
    """Choose the write that fits the counts: add to one, open a location, open the SKU."""
    level = stock.locations.get(change.location) if stock else None
    if change.delta < 0 and (level is None or level.available < -change.delta):
        raise _too_few(change.sku, change.location, level)
    if stock is None:
        return _opening_put(change)
    counts = _Counts(change.sku)
    _add(counts, change.location, level, change.delta)
    return counts.write()


def _add(counts: _Counts, location: str, level: Level | None, units: int) -> None:
    if level is None:
        counts.write_over(location, None, Level(available=units))
    elif units > 0 and (level.backordered or level.sent_ahead):
        counts.write_over(location, level, level.with_more(units))
    else:
        counts.add(location, units)


def _transferred(stock: Stock | None, wanted: Transfer) -> tuple[list[Adjustment], Write]:
    """Move units between two locations, and say so in the history of each."""
    levels = stock.locations if stock else {}
    source, target = levels.get(wanted.source), levels.get(wanted.target)
    if source is None or source.available < wanted.units:
        raise _too_few(wanted.sku, wanted.source, source)
    counts = _Counts(wanted.sku)
    counts.add(wanted.source, -wanted.units)
    _add(counts, wanted.target, target, wanted.units)
    ends = (
        (wanted.source, -wanted.units, wanted.target),
        (wanted.target, wanted.units, wanted.source),
    )
    changes = [
        Adjustment(
            derived_id("adj", wanted.transfer_id, here),
            wanted.sku,
            here,
            delta,
            wanted.reason,
            wanted.by,
            wanted.at,
            moved=there,
        )
        for here, delta, there in ends
    ]
    return changes, counts.write()


def _counted_anew(stock: Stock | None, wanted: Count) -> tuple[list[Adjustment], Write]:
    """Set what is there, and say by how much the count was off."""
    level = stock.locations.get(wanted.location) if stock else None
    before = level or Level()
    if wanted.units < before.reserved:
        raise InsufficientStock(
            f"orders hold {before.reserved} of {wanted.sku} at {wanted.location}: "
            "report a shortage or cancel units first",
            available=before.available,
            reserved=before.reserved,
        )
    delta = wanted.units - before.available - before.reserved + before.sent_ahead
    change = Adjustment(
        wanted.count_id,
        wanted.sku,
        wanted.location,
        delta,
        wanted.reason,
        wanted.by,
        wanted.at,
        counted=wanted.units,
    )
    if stock is None:
        return [change], _opening_put(change)
    after = (
        before.with_more(delta)
        if delta >= 0
        else replace(before, available=before.available + delta)
    )
    counts = _Counts(wanted.sku)
    counts.write_over(wanted.location, level, after)
    return [change], counts.write()


def _too_few(sku: str, location: str, level: Level | None) -> InsufficientStock:
    available = level.available if level else 0
    has = f"only {available}" if available else "none"
    return InsufficientStock(f"{location} has {has} of {sku} available", available=available)


def _opening_put(first: Adjustment) -> Put:
    return _first_put(first.sku, {first.location: Level(available=first.delta)})


def _first_put(sku: str, levels: Mapping[str, Level]) -> Put:
    return Put(
        {
            **stock_key(sku),
            "sku": sku,
            "version": 1,
            "locations": {location: _level_item(level) for location, level in levels.items()},
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
    for name in ("order_id", "counted", "moved"):
        if getattr(change, name) is not None:
            item[name] = getattr(change, name)
    return Put(item, NOT_THERE_YET)


def _level_item(level: Level) -> dict[str, int]:
    """Write counts; what is owed stands there only where something is."""
    item = {unit: getattr(level, unit) for unit in ("available", "reserved", "consumed")}
    owed = {unit: getattr(level, unit) for unit in ("backordered", "sent_ahead")}
    return item | {unit: units for unit, units in owed.items() if units}


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
        item.get("counted"),
        item.get("moved"),
    )


def _counted(quantities: Mapping[str, int]) -> dict[str, int]:
    """Leave out what is none; a movement the other way would pass every condition."""
    if any(units < 0 for units in quantities.values()):
        raise ValueError(f"units to move must not be negative: {dict(quantities)}")
    return {sku: units for sku, units in quantities.items() if units}


def _part_items(parts: Iterable[Allocation]) -> list[Item]:
    return [
        {"sku": part.sku, "location": part.location, "quantity": part.quantity}
        | ({} if part.counted else {"counted": False})
        for part in parts
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
        frozenset(item["skus"]) if "skus" in item else None,
        frozenset(item["moved"]) if "moved" in item else None,
    )


def _with_movements(
    reservation: Reservation, records: Mapping[tuple[int, str], Movement]
) -> Reservation:
    """Give a chunk with the movements that it names; an older one with all there are of it."""
    movements = tuple(
        movement
        for (chunk, name), movement in records.items()
        if chunk == reservation.chunk and (reservation.moved is None or name in reservation.moved)
    )
    return replace(reservation, movements=(*movements, *reservation.movements))
