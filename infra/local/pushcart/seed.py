"""Filling the shop from a product file, and one from the shop, through its own operations."""

import csv
import io
from pathlib import Path
from typing import Any

from commerce.catalog.import_files import OBJECT_KEY
from commerce.catalog.schema import ExportPage, ImportReport
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.progress import Report
from pushcart.shop import Shop
from pushcart.workspace import Workspace

CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue.csv"

# A request reaches a function as JSON within JSON, of at most 6 MB.
_INLINE_BYTES_MAX = 1_000_000


def fill(workspace: Workspace, report: Report) -> str:
    """Bring in the demo catalogue; where it is there already, nothing changes."""
    report.doing(CATALOGUE.name)
    done = import_file(workspace, CATALOGUE, report)
    if done.errors:
        raise CommandFailed(f"{CATALOGUE.name} has rows that cannot be read: {_first(done)}.")
    if not (done.products_created or done.products_updated or done.stock_set):
        return f"{done.products_unchanged} products are there already"
    return summary(done)


def import_file(workspace: Workspace, path: Path, report: Report) -> ImportReport:
    """Import a Shopify product CSV, however many requests it takes.

    The report's `errors` name the rows that were left out; importing the file again
    changes nothing more.

    Raises
    ------
    CommandFailed
        The file cannot be read, or the shop refused it as a whole.
    """
    shop = Shop(workspace)
    request = _request(workspace, path)
    created = updated = stock_set = 0
    removed: list[str] = []
    while True:
        answer = shop.ask("POST", "/admin/imports", request)
        done = ImportReport.model_validate(answer)
        reached = done.products_created + done.products_updated
        unchanged = done.products_unchanged - created - updated
        created += done.products_created
        updated += done.products_updated
        stock_set += done.stock_set
        removed += done.skus_removed
        if not done.products_left:
            return done.model_copy(
                update={
                    "products_created": created,
                    "products_updated": updated,
                    "products_unchanged": unchanged,
                    "stock_set": stock_set,
                    "skus_removed": removed,
                }
            )
        if not reached:
            raise CommandFailed(f"The import of {path} does not get on; try a smaller file.")
        seen = created + updated + unchanged
        report.at(seen, seen + done.products_left)


def export_file(workspace: Workspace, path: Path, report: Report) -> str:
    """Write all products of the shop to a file, its pages under one line of names.

    Raises
    ------
    CommandFailed
        The file cannot be written.
    """
    shop = Shop(workspace)
    rows: list[dict[str, str]] = []
    products = 0
    cursor: str | None = ""
    report.doing(path.name)
    while cursor is not None:
        query = {"cursor": cursor} if cursor else {}
        page = ExportPage.model_validate(shop.ask("GET", "/admin/products/export", query=query))
        rows += csv.DictReader(io.StringIO(page.csv, newline=""))
        products, cursor = products + page.products, page.next_cursor
        report.doing(f"{products} products")
    # Prices in a currency that the settings do not name have a column in some pages only.
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from None
    return f"{products} products in {len(rows)} rows"


def handles() -> list[str]:
    """Give the handle of each product of the demo catalogue, once."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["Handle"] for row in csv.DictReader(file)))


def summary(done: ImportReport) -> str:
    """Say in a line what an import did."""
    return (
        f"{done.products_created} products created, {done.products_updated} updated, "
        f"{done.products_unchanged} unchanged; {done.variants} variants, "
        f"{done.stock_set} stocked for the first time, {len(done.skus_removed)} removed"
    )


def error_lines(done: ImportReport) -> list[str]:
    """Write each row error as a line: `line 7, Variant Price: is no amount`."""
    return [
        f"line {error.line}{f', {error.column}' if error.column else ''}: {error.reason}"
        for error in done.errors
    ]


def _first(done: ImportReport) -> str:
    lines = error_lines(done)
    return lines[0] + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")


def _request(workspace: Workspace, path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > _INLINE_BYTES_MAX:
        cloud = Cloud(workspace)
        uploaded = cloud.s3.put_object(
            Bucket=cloud.stack_outputs()["ImportsBucketName"], Key=OBJECT_KEY, Body=content
        )
        return {"version_id": uploaded["VersionId"]}
    try:
        return {"csv": content.decode("utf-8-sig")}
    except UnicodeDecodeError:
        raise CommandFailed(f"{path} is not UTF-8; save it as CSV UTF-8.") from None
