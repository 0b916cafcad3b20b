"""Which cancelled units of the Online Retail data set are returns of which of its sales; pure.

A cancelled line is a return of units that the same customer bought before, on an invoice
of the same file, of the same stock code at the same price. Of several such invoices the
newest gives its units first, and no unit goes back twice. What is left over has a reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pushcart.invoices import Invoice, InvoiceLine, code_of


class LeftOut(StrEnum):
    """Why units of a cancelled line go back to no invoice."""

    NO_CUSTOMER = "without a customer"
    NO_GOODS = "postage, fees, discounts, no goods"
    NOT_BOUGHT = "not bought before in the file"
    OTHER_PRICE = "bought at another price"
    TOO_MANY = "more units than were bought"


@dataclass(frozen=True)
class SentBack:
    """Units of one sale that one cancellation sends back, by SKU; `worth` in pence."""

    cancellation: str
    invoice: str
    units: Mapping[str, int]
    worth: int

    @property
    def name(self) -> str:
        """Tell it from the others."""
        return f"{self.cancellation} of {self.invoice}"


@dataclass(frozen=True)
class MatchedLine:
    """A cancelled line: how many units of how many go back, and why not the rest."""

    cancellation: str
    units: int
    returned: int
    left_out: LeftOut | None


@dataclass(frozen=True)
class Matching:
    """What becomes of all cancellations: a return of each sale that each sends units back to."""

    lines: tuple[MatchedLine, ...]
    returns: tuple[SentBack, ...]

    @property
    def wholly(self) -> int:
        """Cancellations of which every unit goes back."""
        return sum(returned == units for units, returned in self._sums())

    @property
    def in_part(self) -> int:
        """Cancellations of which some units go back."""
        return sum(0 < returned < units for units, returned in self._sums())

    @property
    def not_at_all(self) -> int:
        """Cancellations of which no unit goes back."""
        return sum(not returned for _, returned in self._sums())

    @property
    def left_out(self) -> Mapping[LeftOut, int]:
        """Lines of which not all units go back, by why, the most frequent first."""
        why = Counter(line.left_out for line in self.lines)
        return {reason: count for reason, count in why.most_common() if reason}

    @property
    def units(self) -> Mapping[str, int]:
        """Units that go back, by SKU."""
        units: Counter[str] = Counter()
        for each in self.returns:
            units.update(each.units)
        return units

    def _sums(self) -> list[tuple[int, int]]:
        """Give units and returned units of each cancellation."""
        units: Counter[str] = Counter()
        returned: Counter[str] = Counter()
        for line in self.lines:
            units[line.cancellation] += line.units
            returned[line.cancellation] += line.returned
        return [(units[number], returned[number]) for number in units]


def match(cancellations: Iterable[Invoice], sales: Sequence[Invoice]) -> Matching:
    """Find the sales that cancellations send units back to, the earliest cancellation first."""
    shelf = _Bought(sales)
    lines: list[MatchedLine] = []
    returns: list[SentBack] = []
    for each in sorted(cancellations, key=lambda each: each.at):
        by_invoice: defaultdict[str, Counter[str]] = defaultdict(Counter)
        worth: Counter[str] = Counter()
        for line in each.lines:
            taken = shelf.take(each, line)
            for number, units in taken.items():
                by_invoice[number][line.sku] += units
                worth[number] += units * line.unit_price
            returned = sum(taken.values())
            why = shelf.why_not(each, line) if returned < line.quantity else None
            lines.append(MatchedLine(each.number, line.quantity, returned, why))
        returns += [
            SentBack(each.number, number, units, worth[number])
            for number, units in by_invoice.items()
        ]
    return Matching(tuple(lines), tuple(returns))


class _Bought:
    """What customers bought, when, and how much of it has not gone back."""

    def __init__(self, sales: Sequence[Invoice]) -> None:
        self._left: Counter[tuple[str, str]] = Counter()
        self._sales: defaultdict[tuple[str, str], dict[str, Invoice]] = defaultdict(dict)
        self._first: dict[tuple[str, str], str] = {}
        for sale in sales:
            for line in sale.lines:
                self._left[sale.number, line.sku] += line.quantity
                self._sales[sale.customer, line.sku][sale.number] = sale
                code = sale.customer, code_of(line.sku)
                self._first[code] = min(sale.at, self._first.get(code, sale.at))

    def take(self, cancellation: Invoice, line: InvoiceLine) -> dict[str, int]:
        """Take a line's units back from the invoices they may be from; gives them by invoice."""
        taken: dict[str, int] = {}
        missing = line.quantity
        for sale in self._before(cancellation, line):
            units = min(missing, self._left[sale.number, line.sku])
            if units:
                self._left[sale.number, line.sku] -= units
                taken[sale.number] = units
                missing -= units
        return taken

    def why_not(self, cancellation: Invoice, line: InvoiceLine) -> LeftOut:
        """Tell why not all units of a line went back."""
        if not cancellation.customer:
            return LeftOut.NO_CUSTOMER
        if not _is_goods(line):
            return LeftOut.NO_GOODS
        if self._before(cancellation, line):
            return LeftOut.TOO_MANY
        first = self._first.get((cancellation.customer, code_of(line.sku)))
        if first is not None and first < cancellation.at:
            return LeftOut.OTHER_PRICE
        return LeftOut.NOT_BOUGHT

    def _before(self, cancellation: Invoice, line: InvoiceLine) -> list[Invoice]:
        """Give the invoices that units of a line may be from, the newest first."""
        if not cancellation.customer or not _is_goods(line):
            return []
        sales = self._sales[cancellation.customer, line.sku].values()
        earlier = (sale for sale in sales if sale.at < cancellation.at)
        return sorted(earlier, key=lambda sale: (sale.at, sale.number), reverse=True)


def _is_goods(line: InvoiceLine) -> bool:
    """Tell goods from `POST`, `D` for a discount, `M` for manual, and other codes of letters."""
    return any(letter.isdigit() for letter in code_of(line.sku))
