"""Reading the Online Retail data set."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pushcart import invoices
from pushcart.problems import CommandFailed

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def _file(folder: Path, *rows: str) -> Path:
    path = folder / "sales.csv"
    path.write_text("\n".join([HEADER, *rows]))
    return path


def _row(
    invoice: str = "536365", code: str = "85123A", quantity: int = 6, price: str = "2.55"
) -> str:
    return f"{invoice},{code},A LANTERN,{quantity},2010-12-01T08:26:00,{price},17850,EIRE"


def test_an_invoice_is_its_lines_in_pence_sent_to_its_country(tmp_path: Path) -> None:
    (sale,) = invoices.read(_file(tmp_path, _row(), _row(code="71053", price="3.39")))

    assert (sale.number, sale.customer, sale.country) == ("536365", "17850", "IE")
    assert [(line.sku, line.quantity, line.unit_price) for line in sale.lines] == [
        ("85123A@255", 6, 255),
        ("71053@339", 6, 339),
    ]
    assert sale.goods == 6 * 255 + 6 * 339


def test_cancellations_and_corrections_are_no_sales(tmp_path: Path) -> None:
    rows = [_row("C536379"), _row("1", quantity=-1), _row("2", price="0"), _row("3", price="-9.5")]

    assert [sale.number for sale in invoices.read(_file(tmp_path, *rows, _row("4")))] == ["4"]


def test_a_cancellation_has_its_customer_its_time_and_the_units_that_were_cancelled(
    tmp_path: Path,
) -> None:
    (each,) = invoices.read_cancellations(_file(tmp_path, _row("1"), _row("C2", quantity=-3)))

    assert (each.number, each.customer, each.at) == ("C2", "17850", "2010-12-01T08:26:00")
    assert [(line.sku, line.quantity) for line in each.lines] == [("85123A@255", 3)]


def test_one_code_at_two_prices_is_two_skus_and_letter_case_tells(tmp_path: Path) -> None:
    rows = [_row(), _row(price="2.95"), _row(code="85123a"), _row(quantity=1)]

    units = invoices.units_sold(invoices.read(_file(tmp_path, *rows)))

    assert units == {"85123A@255": 7, "85123A@295": 6, "85123a@255": 6}


@pytest.mark.parametrize(
    ("price", "pence"), [("0.29", 29), ("8.70", 870), ("13541.33", 1354133), ("5", 500)]
)
def test_prices_are_read_to_the_penny(price: str, pence: int) -> None:
    # 0.29 and 8.70 are among the prices that a float times 100 would cut to 28 and 869.
    assert invoices.pence(price) == pence


def test_a_part_of_a_penny_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number of pence"):
        invoices.pence("0.125")


def test_a_gzipped_file_reads_the_same_and_a_limit_takes_the_first(tmp_path: Path) -> None:
    plain = _file(tmp_path, _row("1"), _row("2"), _row("3"))
    packed = tmp_path / "sales.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert invoices.read(packed) == invoices.read(plain)
    assert [sale.number for sale in invoices.read(packed, 2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "has no column"),
        (HEADER + "\n", "has no sale"),
        (HEADER + "\n" + _row(price="dear"), "is no Online Retail file"),
        (HEADER + "\n" + _row().replace("EIRE", "Atlantis"), "Atlantis"),
    ],
)
def test_another_file_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)

    with pytest.raises(CommandFailed, match=said):
        invoices.read(path)


def test_a_missing_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot be read: No such file"):
        invoices.read(tmp_path / "nothing.csv")
