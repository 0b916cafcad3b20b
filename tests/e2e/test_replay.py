"""Real invoices, placed as orders; without the data file, made-up ones in its format."""

from __future__ import annotations

import csv
import random
import subprocess
from pathlib import Path

import pytest

from e2e.command_line import run_pushcart
from pushcart.invoices import COLUMNS
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

INVOICES = 40
DATA = Path(__file__).parents[2] / "../shared/data/online_retail_2010-12.csv.gz"
PRICES = ("0.42", "1.25", "2.55", "13541.33")


@pytest.fixture(scope="module")
def sales_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if DATA.exists():
        return DATA
    path = tmp_path_factory.mktemp("sales") / "sales.csv"
    _write_sales(path)
    return path


def _write_sales(path: Path) -> None:
    choice = random.Random(20_101_201)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*COLUMNS, "InvoiceDate", "CustomerID"])
        for invoice in range(536365, 536365 + INVOICES + 10):
            country = choice.choice(["United Kingdom", "EIRE", "Norway", "Channel Islands"])
            for _ in range(choice.randint(1, 60)):
                code = choice.choice(["85123A", "15056BL", "15056bl", "M", "22745"])
                units, price = choice.randint(1, 2880), choice.choice(PRICES)
                rows.writerow([invoice, code, "A LANTERN", units, price, country, "", ""])
            rows.writerow([f"C{invoice}", "D", "", -1, "27.50", country, "", ""])


def _replay(
    workspace: Workspace, file: Path, over: str, invoices: int
) -> subprocess.CompletedProcess[str]:
    options = ["--limit", str(invoices), "--over", over]
    return run_pushcart(workspace, "replay", str(file), *options)


@pytest.mark.parametrize("over", ["workflow", "http"])
def test_every_invoice_is_an_order_to_the_penny_and_every_shelf_is_empty(
    deployed_shop: Workspace, sales_file: Path, over: str
) -> None:
    done = _replay(deployed_shop, sales_file, over, INVOICES)

    assert done.returncode == 0, done.stdout + done.stderr
    counted = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines()}
    expected, found = counted["orders confirmed"]
    assert expected == found == str(INVOICES)
    pounds = counted["goods total"]
    assert pounds[0] == pounds[2]


def test_an_invoice_the_shop_refuses_is_named_and_fails_the_run(
    deployed_shop: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "sales.csv"
    with file.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(COLUMNS)
        rows.writerow(["600001", "SMALL", "A LANTERN", 1, "1.00", "United Kingdom"])
        rows.writerow(["600002", "LARGE", "TOO MANY LANTERNS", 1_000_000, "1.00", "EIRE"])

    failed = run_pushcart(deployed_shop, "replay", str(file), "--over", "http")

    assert failed.returncode == 1
    assert failed.stderr.startswith("invoice 600002: POST /store/carts: 422 ")
    counted = {line[:24].strip(): line[24:].split() for line in failed.stdout.splitlines()}
    assert counted["orders confirmed"] == ["2", "1"]
    assert counted["SKUs with nothing left"] == ["2", "1"]


def test_a_file_of_another_kind_is_refused_in_one_sentence(
    deployed_shop: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")

    failed = run_pushcart(deployed_shop, "replay", str(other))

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == f"{other} is no Online Retail file: it has no column InvoiceNo.\n"
