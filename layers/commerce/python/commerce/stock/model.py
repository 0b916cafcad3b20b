"""The rules of stock: per SKU and location, and what an order holds of it.

For each SKU `available + reserved + consumed` equals everything ever added, at
every moment, and none of the three is negative. What is sold beyond that is owed, and
counted beside them: `backordered` while an order holds it, `sent_ahead` once it has left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.errors import NotReserved

LOCATION_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"

# A reservation and the check on the order's first one share a transaction of 100 with its SKUs.
CHUNK_SKUS_MAX = 97
# A cart has at most 2,000 lines.
CHUNKS_MAX = 21

HELD = "held"
CONSUMED = "consumed"
RELEASED = "released"


@dataclass(frozen=True)
class Level:
    """Units of one SKU at one location.

    Orders hold `reserved` and `backordered`; `consumed` and `sent_ahead` have left. Where
    anything is owed, nothing is available.
    """

    available: int = 0
    reserved: int = 0
    consumed: int = 0
    backordered: int = 0
    sent_ahead: int = 0

    @property
    def held(self) -> int:
        """Units that orders hold, there or owed."""
        return self.reserved + self.backordered

    @property
    def is_empty(self) -> bool:
        """Whether no unit is there and none is held or owed."""
        return not (self.available or self.held or self.sent_ahead)

    def with_more(self, units: int) -> Level:
        """Add units: what left ahead is made up for, then what orders wait for."""
        sent = min(units, self.sent_ahead)
        waited_for = min(units - sent, self.backordered)
        return Level(
            self.available + units - sent - waited_for,
            self.reserved + waited_for,
            self.consumed + sent,
            self.backordered - waited_for,
            self.sent_ahead - sent,
        )

    def holding(self, units: int) -> Level:
        """Let an order hold units, and owe it those that are not available."""
        there = min(units, self.available)
        return replace(
            self,
            available=self.available - there,
            reserved=self.reserved + there,
            backordered=self.backordered + units - there,
        )

    def without_held(self, units: int) -> Level:
        """Give back units that an order held, those first that were owed."""
        owed = min(units, self.backordered)
        there = units - owed
        rest = replace(self, reserved=self.reserved - there, backordered=self.backordered - owed)
        return rest.with_more(there)

    def with_sent(self, units: int) -> Level:
        """Let units that an order held leave for good, those that are there first."""
        there = min(units, self.reserved)
        owed = units - there
        return replace(
            self,
            reserved=self.reserved - there,
            consumed=self.consumed + there,
            backordered=self.backordered - owed,
            sent_ahead=self.sent_ahead + owed,
        )


@dataclass(frozen=True)
class Stock:
    """Units of one SKU everywhere."""

    sku: str
    version: int
    locations: Mapping[str, Level]

    @property
    def available(self) -> int:
        """Units that can still be reserved."""
        return sum(level.available for level in self.locations.values())

    @property
    def reserved(self) -> int:
        """Units that orders hold."""
        return sum(level.reserved for level in self.locations.values())

    @property
    def consumed(self) -> int:
        """Units that have left for good."""
        return sum(level.consumed for level in self.locations.values())

    @property
    def backordered(self) -> int:
        """Units that orders hold and wait for."""
        return sum(level.backordered for level in self.locations.values())

    @property
    def sent_ahead(self) -> int:
        """Units that left before they were counted in."""
        return sum(level.sent_ahead for level in self.locations.values())

    @property
    def is_empty(self) -> bool:
        """Whether no unit is anywhere, and none is held or owed."""
        return all(level.is_empty for level in self.locations.values())


@dataclass(frozen=True)
class Terms:
    """On which terms an order's SKUs are sold, where not all of them are counted.

    `uncounted` are always there. `backorderable` may be sold beyond what is there.
    """

    uncounted: Collection[str] = ()
    backorderable: Collection[str] = ()

    def are_short(self, sku: str) -> bool:
        """Tell whether there can be too few of a SKU."""
        return sku not in self.uncounted and sku not in self.backorderable


ALL_COUNTED = Terms()


@dataclass(frozen=True)
class Adjustment:
    """One change of a SKU's units by a person or an import.

    `order_id` is the order's that goods came back from, `counted` what somebody counted at
    the location, and `moved` the other location where units were moved between two. `call`
    is the same for all repeats of the call that makes it.
    """

    adjustment_id: str
    sku: str
    location: str
    delta: int
    reason: str
    by: str
    at: datetime
    order_id: str | None = None
    counted: int | None = None
    moved: str | None = None
    call: str = ""


@dataclass(frozen=True)
class Transfer:
    """Units of a SKU that a person moves from one location to another; see `Adjustment`."""

    transfer_id: str
    sku: str
    source: str
    target: str
    units: int
    reason: str
    by: str
    at: datetime
    call: str = ""


@dataclass(frozen=True)
class Count:
    """How many units of a SKU somebody counted at a location: what is there, held or not.

    See `Adjustment`.
    """

    count_id: str
    sku: str
    location: str
    units: int
    reason: str
    by: str
    at: datetime
    call: str = ""


@dataclass(frozen=True)
class Allocation:
    """Units of one SKU at one location that an order holds; no count has those not counted."""

    sku: str
    location: str
    quantity: int
    counted: bool = True


@dataclass(frozen=True)
class Movement:
    """Units that left a reservation: `consumed`, or `released` to be available again.

    `movement_id` is None where everything left was released at once.
    """

    kind: str
    movement_id: str | None
    parts: tuple[Allocation, ...]
    at: str


@dataclass(frozen=True)
class Reservation:
    """One chunk of an order's units.

    `allocations` are what it still holds. It is `held` until nothing is left, and then
    named after the movement that took the last of it. `skus` are all it ever held units of,
    and `moved` names each movement that took some out; both are None in one that was
    written before they were kept.
    """

    order_id: str
    chunk: int
    status: str
    allocations: tuple[Allocation, ...]
    version: int
    held_at: str
    movements: tuple[Movement, ...] = ()
    skus: frozenset[str] | None = None
    moved: frozenset[str] | None = None

    @property
    def parts(self) -> tuple[tuple[str, Allocation], ...]:
        """Every unit it ever held, with what became of it: held, consumed or released."""
        held = tuple((HELD, part) for part in self.allocations)
        return held + tuple((move.kind, part) for move in self.movements for part in move.parts)


@dataclass(frozen=True)
class Shortage:
    """A SKU of which there is less than asked for."""

    sku: str
    requested: int
    available: int


def chunks(quantities: Mapping[str, int]) -> Iterator[tuple[tuple[str, int], ...]]:
    """Cut an order into reservations that fit a transaction each.

    SKUs are sorted, so that two orders meet at the same SKU first and not cross-wise.
    """
    ordered = sorted(quantities.items())
    for start in range(0, len(ordered), CHUNK_SKUS_MAX):
        yield tuple(ordered[start : start + CHUNK_SKUS_MAX])


def allocate(
    stock: Stock | None, sku: str, quantity: int, first: str | None, terms: Terms
) -> tuple[Allocation, ...] | None:
    """Choose locations for some units: one that has them all, else as few as possible.

    Parameters
    ----------
    first
        The location to prefer where it has enough, and the one that owes what none has.

    Returns
    -------
    tuple[Allocation, ...] | None
        None where all locations together have too few, and no more may be sold.
    """
    places = stock.locations if stock else {}
    available = sum(level.available for level in places.values())
    if available < quantity and sku not in terms.backorderable:
        return None
    fullest_first = sorted(places.items(), key=lambda place: (-place[1].available, place[0]))
    whole = [name for name, level in fullest_first if level.available >= quantity]
    if whole:
        return (Allocation(sku, first if first in whole else whole[0], quantity),)
    units: dict[str, int] = {}
    for name, level in fullest_first:
        units[name] = min(level.available, quantity)
        quantity -= units[name]
    if quantity:
        owing = first or next((name for name, _ in fullest_first), None)
        if owing is None:
            return None
        units[owing] = units.get(owing, 0) + quantity
    return tuple(Allocation(sku, name, part) for name, part in units.items() if part)


def shortages(
    wanted: Iterable[tuple[str, int]], found: Mapping[str, Stock]
) -> tuple[Shortage, ...]:
    """List every SKU of which less is available than wanted."""
    short = []
    for sku, quantity in wanted:
        available = found[sku].available if sku in found else 0
        if available < quantity:
            short.append(Shortage(sku, quantity, available))
    return tuple(short)


def not_held(
    reservation: Reservation, quantities: Mapping[str, int], location: str | None
) -> tuple[Shortage, ...]:
    """List every SKU of which the reservation holds less than is to leave it.

    Where a location is given, only what is held there counts.
    """
    held: Counter[str] = Counter()
    for part in reservation.allocations:
        if location in {None, part.location}:
            held[part.sku] += part.quantity
    return tuple(
        Shortage(sku, units, held[sku]) for sku, units in quantities.items() if held[sku] < units
    )


def not_reserved(short: Iterable[Shortage]) -> NotReserved:
    """Make the error that names every SKU of which the order holds too little."""
    lines = sorted(short, key=lambda line: line.sku)
    return NotReserved(
        f"the order does not hold that many of {', '.join(line.sku for line in lines[:5])}",
        short_lines=[
            {"sku": line.sku, "requested": line.requested, "held": line.available} for line in lines
        ],
    )


def take(
    reservation: Reservation, quantities: Mapping[str, int], location: str | None
) -> tuple[tuple[Allocation, ...], tuple[Allocation, ...]]:
    """Choose which units leave a reservation, and give them and those that stay.

    Raises
    ------
    NotReserved
        It does not hold that many, at the location where one is given.
    """
    short = not_held(reservation, quantities, location)
    if short:
        raise not_reserved(short)
    wanted = Counter(quantities)
    taken, left = [], []
    for part in reservation.allocations:
        here = location in {None, part.location}
        units = min(part.quantity, wanted[part.sku]) if here else 0
        wanted[part.sku] -= units
        if units:
            taken.append(replace(part, quantity=units))
        if units < part.quantity:
            left.append(replace(part, quantity=part.quantity - units))
    return tuple(taken), tuple(left)
