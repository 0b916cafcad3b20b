"""Invoices of the UCI Online Retail data set: its sales, and what was cancelled of them.

A row is one line of an invoice. An invoice number that begins with C is a cancellation,
whose quantities are negative. Other rows without a positive quantity and price are
corrections, and are neither.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

from pushcart.problems import CommandFailed

Row = Mapping[str, str]

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice", "Country")

# As the data set names them; goods "unspecified" left the shop's own country.
COUNTRIES = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR",
    "Canada": "CA", "Channel Islands": "JE", "Cyprus": "CY", "Czech Republic": "CZ",
    "Denmark": "DK", "EIRE": "IE", "European Community": "BE", "Finland": "FI", "France": "FR",
    "Germany": "DE", "Greece": "GR", "Hong Kong": "HK", "Iceland": "IS", "Israel": "IL",
    "Italy": "IT", "Japan": "JP", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT",
    "Netherlands": "NL", "Norway": "NO", "Poland": "PL", "Portugal": "PT", "RSA": "ZA",
    "Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES", "Sweden": "SE", "Switzerland": "CH",
    "USA": "US", "United Arab Emirates": "AE", "United Kingdom": "GB", "Unspecified": "GB",
}  # fmt: skip


@dataclass(frozen=True)
class InvoiceLine:
    """Units of one thing at one price; `unit_price` in pence."""

    sku: str
    title: str
    quantity: int
    unit_price: int


@dataclass(frozen=True)
class Invoice:
    """One sale, or one cancellation with the units that were cancelled.

    `country` is its ISO 3166 code, `at` its local time, by which invoices are in order.
    `customer` is empty where the shop did not know them.
    """

    number: str
    customer: str
    country: str
    lines: tuple[InvoiceLine, ...]
    at: str = ""

    @property
    def goods(self) -> int:
        """What the goods cost, in pence."""
        return sum(line.unit_price * line.quantity for line in self.lines)


def read(path: Path, limit: int | None = None) -> list[Invoice]:
    """Read the first sales of a file, CSV or gzipped CSV.

    Raises
    ------
    CommandFailed
        The file cannot be read, or is not in the data set's format.
    """
    sales = _read(path, _is_sale, limit)
    if not sales:
        raise CommandFailed(f"{path} has no sale in it.")
    return sales


def read_cancellations(path: Path) -> list[Invoice]:
    """Read all cancellations of a file; their units are positive here. Raises as `read`."""
    return _read(path, _is_cancellation, None)


def sku_of(stock_code: str, pence: int) -> str:
    """Name what was sold at one price: `85123A` at 2.55 is `85123A@255`."""
    return f"{stock_code}@{pence}"


def code_of(sku: str) -> str:
    """Give the stock code of a SKU."""
    return sku.rpartition("@")[0]


def pence(price: str) -> int:
    """Read a price in pounds, exactly.

    Raises
    ------
    ValueError
        It is no whole number of pence.
    """
    amount = Decimal(price) * 100
    if amount != int(amount):
        raise ValueError(f"{price} is no whole number of pence")
    return int(amount)


def units_sold(invoices: Iterable[Invoice]) -> Mapping[str, int]:
    """Add up the units of each SKU."""
    units: Counter[str] = Counter()
    for invoice in invoices:
        for line in invoice.lines:
            units[line.sku] += line.quantity
    return units


def _read(path: Path, wanted: Callable[[Row], bool], limit: int | None) -> list[Invoice]:
    try:
        rows = csv.DictReader(io.StringIO(_text(path)))
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"it has no column {missing[0]}")
        return list(islice(_invoices(row for row in rows if wanted(row)), limit))
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, ArithmeticError) as error:
        raise CommandFailed(f"{path} is no Online Retail file: {error}.") from None


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return content.decode("utf-8-sig")


def _invoices(rows: Iterable[Row]) -> Iterator[Invoice]:
    """Group rows into invoices, in the order of the file."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["InvoiceNo"], []).append(row)
    for number, lines in grouped.items():
        first = lines[0]
        yield Invoice(
            number,
            first.get("CustomerID") or "",
            _country(first["Country"]),
            tuple(_line(row) for row in lines),
            first.get("InvoiceDate") or "",
        )


def _is_sale(row: Row) -> bool:
    return (
        not row["InvoiceNo"].startswith("C")
        and int(row["Quantity"]) > 0
        and Decimal(row["UnitPrice"]) > 0
    )


def _is_cancellation(row: Row) -> bool:
    return row["InvoiceNo"].startswith("C") and int(row["Quantity"]) < 0


def _line(row: Row) -> InvoiceLine:
    price = pence(row["UnitPrice"])
    title = row["Description"].strip() or row["StockCode"]
    return InvoiceLine(sku_of(row["StockCode"], price), title, abs(int(row["Quantity"])), price)


def _country(name: str) -> str:
    if name not in COUNTRIES:
        raise ValueError(f"the country {name} is not known")
    return COUNTRIES[name]
