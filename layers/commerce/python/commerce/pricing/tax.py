"""Tax of one amount. Rounding is half up, and per amount: a line's tax is rounded once."""

from __future__ import annotations

from dataclasses import dataclass

from commerce.money import divide_half_up
from commerce.settings.model import Rate

# Rates are basis points with up to four decimals, so these are whole numbers.
_FINER = 10_000
_WHOLE = 10_000 * _FINER


@dataclass(frozen=True)
class Taxed:
    """An amount's tax, and what the buyer pays for it in all."""

    tax: int
    total: int


def tax_of(amount: int, rate: Rate, *, included: bool) -> Taxed:
    """Compute the tax of an amount at a rate in basis points, such as 2000 or 887.5.

    With tax included the buyer pays the amount as it is, whatever the rate: a price
    of 120 stays 120 abroad, and only the part of it that is tax differs.
    """
    parts = int(rate * _FINER)
    if included:
        return Taxed(divide_half_up(amount * parts, _WHOLE + parts), amount)
    tax = divide_half_up(amount * parts, _WHOLE)
    return Taxed(tax, amount + tax)
