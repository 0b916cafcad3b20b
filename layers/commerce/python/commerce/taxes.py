"""How much of an amount is tax, however it is cut: the parts have together exactly the whole's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from commerce.money import divide_half_up


@dataclass(frozen=True)
class TaxCourse:
    """How tax rises with what an order is charged.

    `points` are amounts with the tax in them, rising from nothing to all; between two of
    them tax rises evenly, rounded half up.
    """

    points: tuple[tuple[int, int], ...]

    def within(self, amount: int) -> int:
        """Give what of the first `amount` is tax."""
        for (start, taxed), (end, tax) in pairwise(((0, 0), *self.points)):
            if amount < end:
                return taxed + divide_half_up((tax - taxed) * (amount - start), end - start)
        return self.points[-1][1] if self.points else 0


def share_of_tax(tax: int, part: int, whole: int) -> int:
    """Give the tax in a part of what costs `whole` with that tax, rounded half up."""
    return divide_half_up(tax * part, whole) if whole else 0
