"""Real invoices, placed as orders, sent and some taken back; made-up ones without the file."""

from __future__ import annotations

import csv
import random
import re
import subprocess
from pathlib import Path

import pytest

from commerce.money import to_text
from e2e.command_line import run_pushcart
from pushcart import cancellations, invoices
from pushcart.invoices import COLUMNS
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

# Among the first 25 of the real file are two orders and more that cancellations match.
INVOICES = {"workflow": 25, "http": 12}
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
    """Write invoices of one customer each, of which every third sends some of a line back."""
    choice = random.Random(20_101_201)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*COLUMNS, "InvoiceDate", "CustomerID"])
        for number in range(536365, 536365 + max(INVOICES.values())):
            country = choice.choice(["United Kingdom", "EIRE", "Norway", "Channel Islands"])
            for _ in range(choice.randint(1, 60)):
                code = choice.choice(["85123A", "15056BL", "15056bl", "M", "22745"])
                units, price = choice.randint(2, 2880), choice.choice(PRICES)
                line = [code, "A LANTERN", units, price, country]
                rows.writerow([number, *line, "2010-12-01T08:26:00", number])
            if number % 3 == 0:
                rows.writerow(
                    [number, "20725", "", 9, "1.65", country, "2010-12-01T08:26:00", number]
                )
                rows.writerow(
                    [f"C{number}", "20725", "", -4, "1.65", country, "2010-12-02T09:00:00", number]
                )
            rows.writerow([f"C{number}", "D", "", -1, "27.50", country, "2010-12-02T09:00:00", ""])


def _replay(
    workspace: Workspace, file: Path, over: str, invoices: int
) -> subprocess.CompletedProcess[str]:
    options = ["--limit", str(invoices), "--over", over]
    return run_pushcart(workspace, "replay", str(file), *options)


def _counted(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Give what was counted: expected and found; a long name goes on in a line of its own."""
    _, *table = done.stdout[done.stdout.index("counted ") :].splitlines()
    cells = [re.split(r"\s{2,}", line.strip()) for line in table if line]
    return {what: figures for what, *figures in cells if figures}


@pytest.mark.parametrize("over", ["workflow", "http"])
def test_every_invoice_is_sent_and_paid_and_what_was_cancelled_comes_back_to_the_unit(
    deployed_shop: Workspace, sales_file: Path, over: str
) -> None:
    sales = invoices.read(sales_file, INVOICES[over])
    matching = cancellations.match(invoices.read_cancellations(sales_file), sales)
    assert len(matching.returns) > 1

    done = _replay(deployed_shop, sales_file, over, len(sales))

    assert done.returncode == 0, done.stdout + done.stderr
    counted = _counted(done)
    assert counted["orders completed"] == [str(len(sales))] * 2
    worth = to_text(sum(each.worth for each in matching.returns), "GBP")
    assert counted["refunded at the provider"] == [worth, worth]
    assert all(expected == found for expected, found in counted.values())
    assert f" {len(matching.returns)} returns, " in done.stdout


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
    counted = _counted(failed)
    assert counted["orders completed"] == ["2", "1"]
    assert counted["SKUs at initial - sold + returned"] == ["2", "1"]


def test_a_file_of_another_kind_is_refused_in_one_sentence(
    deployed_shop: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")

    failed = run_pushcart(deployed_shop, "replay", str(other))

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == f"{other} is no Online Retail file: it has no column InvoiceNo.\n"
