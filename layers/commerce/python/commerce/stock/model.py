"""The rules of stock: per SKU and location, and what an order holds of it.

For each SKU `available + reserved + consumed` equals everything ever added, at
every moment, and none of the three is negative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from commerce.errors import NotReserved

LOCATION_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"
MAIN_LOCATION = "main"

# A reservation and the check on the order's first one share a transaction of 100 with its SKUs.
CHUNK_SKUS_MAX = 97

HELD = "held"
CONSUMED = "consumed"
RELEASED = "released"


@dataclass(frozen=True)
class Level:
    """Units of one SKU at one location."""

    available: int = 0
    reserved: int = 0
    consumed: int = 0


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


@dataclass(frozen=True)
class Adjustment:
    """One change of a SKU's units by a person or an import; `order_id` where goods came back."""

    adjustment_id: str
    sku: str
    location: str
    delta: int
    reason: str
    by: str
    at: datetime
    order_id: str | None = None


@dataclass(frozen=True)
class Allocation:
    """Units of one SKU at one location that an order holds."""

    sku: str
    location: str
    quantity: int


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
    named after the movement that took the last of it.
    """

    order_id: str
    chunk: int
    status: str
    allocations: tuple[Allocation, ...]
    version: int
    held_at: str
    movements: tuple[Movement, ...] = ()

    @property
    def parts(self) -> tuple[tuple[str, Allocation], ...]:
        """Every unit it ever held, with what became of it: held, consumed or released."""
        held = tuple((HELD, part) for part in self.allocations)
        return held + tuple((move.kind, part) for move in self.movements for part in move.parts)

    def has_moved(self, kind: str, movement_id: str) -> bool:
        """Tell whether this movement took its units out before."""
        return any((move.kind, move.movement_id) == (kind, movement_id) for move in self.movements)


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


def allocate(stock: Stock | None, sku: str, quantity: int) -> tuple[Allocation, ...] | None:
    """Choose locations for some units: one that has them all, else as few as possible.

    Gives None where all locations together have too few.
    """
    if stock is None or stock.available < quantity:
        return None
    fullest_first = sorted(
        stock.locations.items(), key=lambda place: (-place[1].available, place[0])
    )
    whole = [name for name, level in fullest_first if level.available >= quantity]
    if whole:
        preferred = MAIN_LOCATION if MAIN_LOCATION in whole else whole[0]
        return (Allocation(sku, preferred, quantity),)
    allocations = []
    for name, level in fullest_first:
        part = min(level.available, quantity)
        allocations.append(Allocation(sku, name, part))
        quantity -= part
        if not quantity:
            break
    return tuple(allocations)


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


def shares(
    reservations: Iterable[Reservation], quantities: Mapping[str, int]
) -> list[tuple[Reservation, dict[str, int]]]:
    """Find the reservation of each SKU, for a SKU is in one chunk of its order alone.

    Raises
    ------
    NotReserved
        The order never held some of the SKUs.
    """
    found = []
    unknown = dict(quantities)
    for reservation in reservations:
        skus = {part.sku for _, part in reservation.parts}
        share = {sku: units for sku, units in quantities.items() if sku in skus}
        unknown = {sku: units for sku, units in unknown.items() if sku not in skus}
        if share:
            found.append((reservation, share))
    if unknown:
        raise not_reserved(Shortage(sku, units, 0) for sku, units in unknown.items())
    return found


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
            taken.append(Allocation(part.sku, part.location, units))
        if units < part.quantity:
            left.append(Allocation(part.sku, part.location, part.quantity - units))
    return tuple(taken), tuple(left)
