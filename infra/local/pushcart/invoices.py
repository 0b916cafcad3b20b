"""Sale invoices of the UCI Online Retail data set, read as orders; pure but for the file.

A row is one line of an invoice. An invoice number that begins with C is a cancellation,
and rows without a positive quantity and price are corrections; neither is a sale.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

from pushcart.problems import CommandFailed

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
    """One sale; `country` is its ISO 3166 code."""

    number: str
    customer: str
    country: str
    lines: tuple[InvoiceLine, ...]

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
    try:
        rows = csv.DictReader(io.StringIO(_text(path)))
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"it has no column {missing[0]}")
        sales = list(islice(_sales(rows), limit))
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, ArithmeticError) as error:
        raise CommandFailed(f"{path} is no Online Retail file: {error}.") from None
    if not sales:
        raise CommandFailed(f"{path} has no sale in it.")
    return sales


def sku_of(stock_code: str, pence: int) -> str:
    """Name what was sold at one price: `85123A` at 2.55 is `85123A@255`."""
    return f"{stock_code}@{pence}"


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


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return content.decode("utf-8-sig")


def _sales(rows: Iterable[Mapping[str, str]]) -> Iterator[Invoice]:
    """Group rows into invoices, in the order of the file."""
    sales: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        if _is_sale(row):
            sales.setdefault(row["InvoiceNo"], []).append(row)
    for number, lines in sales.items():
        first = lines[0]
        yield Invoice(
            number,
            first.get("CustomerID") or "",
            _country(first["Country"]),
            tuple(_line(row) for row in lines),
        )


def _is_sale(row: Mapping[str, str]) -> bool:
    return (
        not row["InvoiceNo"].startswith("C")
        and int(row["Quantity"]) > 0
        and Decimal(row["UnitPrice"]) > 0
    )


def _line(row: Mapping[str, str]) -> InvoiceLine:
    price = pence(row["UnitPrice"])
    title = row["Description"].strip() or row["StockCode"]
    return InvoiceLine(sku_of(row["StockCode"], price), title, int(row["Quantity"]), price)


def _country(name: str) -> str:
    if name not in COUNTRIES:
        raise ValueError(f"the country {name} is not known")
    return COUNTRIES[name]
