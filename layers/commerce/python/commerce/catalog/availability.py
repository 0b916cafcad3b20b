"""Whether a variant can be bought now, as buyers are told; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from commerce.catalog.model import ProductVariant, Variant

Availability = Literal["in_stock", "out_of_stock", "backorder"]

# Tells how many units of SKUs are available, as of a moment ago; one left out has none.
Available = Callable[[Iterable[str]], Mapping[str, int]]


@dataclass(frozen=True)
class Offer:
    """What buyers are told of a variant; `units_left` only where they are few."""

    availability: Availability
    units_left: int | None = None


def offer_of(variant: Variant | ProductVariant, available: int, few_units: int) -> Offer:
    """Tell whether units of a variant can be bought.

    Parameters
    ----------
    few_units
        So many and fewer are told; 0 where no number is ever told.
    """
    if not variant.manage_inventory:
        return Offer("in_stock")
    if available > 0:
        return Offer("in_stock", available if available <= few_units else None)
    return Offer("backorder" if variant.allow_backorder else "out_of_stock")
