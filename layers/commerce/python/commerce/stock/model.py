"""The rules of stock: per SKU and location, and what an order holds of it.

For each SKU `available + reserved + consumed` equals everything ever added, at
every moment, and none of the three is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

MAIN_LOCATION = "main"

# A reservation and the check on the order's first one share a transaction of 100 with its SKUs.
CHUNK_SKUS_MAX = 97


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
    """One change of a SKU's units by a person or an import."""

    adjustment_id: str
    sku: str
    location: str
    delta: int
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Allocation:
    """Units of one SKU at one location that an order holds."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True)
class Reservation:
    """One chunk of what an order holds; `held` until it is `released`."""

    order_id: str
    chunk: int
    status: str
    allocations: tuple[Allocation, ...]
    held_at: str
    released_at: str | None = None


@dataclass(frozen=True)
class Shortage:
    """A SKU of which less is available than an order asks for."""

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
