import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import boto3
import pytest

from builders import NOW, table
from catalog_builders import OTHER_ID, catalog, csv_row, csv_text, product, variant
from cloud_in_memory import REGION
from commerce.catalog import import_files
from commerce.catalog.import_files import ImportFiles
from commerce.catalog.imports import import_products
from commerce.catalog.model import Product
from commerce.catalog.schema import ImportReport, ImportRequest
from commerce.errors import InvalidImport, NotFound
from commerce.stock.store import StockStore

pytestmark = pytest.mark.usefixtures("tables")

DEMO = Path(__file__).parents[2] / "infra/local/catalogue.csv"


class Files:
    """Uploaded files, by object key."""

    def __init__(self, **files: str) -> None:
        self._files = files

    def text(self, object_key: str) -> str:
        return self._files[object_key]


class StoppedClock:
    """Always the same time."""

    def __call__(self) -> datetime:
        return NOW


class FastClock:
    """A second passes with every look at it."""

    def __init__(self) -> None:
        self._looks = 0

    def __call__(self) -> datetime:
        self._looks += 1
        return NOW + timedelta(seconds=self._looks)


def bring(text: str, clock: object = None, **other: object) -> ImportReport:
    stock = StockStore(table("stock"))
    return import_products(
        ImportRequest.model_validate({"csv": text, **other}),
        Files(),
        catalog(),
        stock.open_many,
        clock or StoppedClock(),  # type: ignore[arg-type] # one of the two above
    )


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.products_created, report.products_updated, report.products_unchanged


def errors(report: ImportReport) -> list[tuple[int, str]]:
    return [(error.line, error.column) for error in report.errors]


def saved(handle: str = "enamel-mug") -> Product:
    found = catalog().find(handle)
    assert found is not None
    return found


def units(sku: str) -> int | None:
    stock = StockStore(table("stock")).get(sku)
    return stock.available if stock else None


def test_a_file_creates_products_variants_and_stock() -> None:
    report = bring(csv_text(csv_row(Variant_Inventory_Qty="7", Status="draft")))
    assert counts(report) == (1, 0, 0)
    assert (report.variants, report.stock_set, report.errors) == (1, 1, [])
    mug = saved()
    assert (mug.title, mug.status, mug.variants[0].title) == ("Enamel Mug", "draft", "Blue")
    assert mug.variants[0].prices == {"GBP": 950}
    assert units("MUG-BLU") == 7


def test_the_same_file_again_changes_nothing() -> None:
    text = csv_text(csv_row(Variant_Inventory_Qty="7"))
    bring(text)
    before = saved()
    report = bring(text)
    assert counts(report) == (0, 0, 1)
    assert (report.variants, report.stock_set) == (1, 0)
    assert saved() == before


def test_counted_stock_is_never_overwritten() -> None:
    StockStore(table("stock")).open_many({"MUG-BLU": 3}, NOW)
    assert bring(csv_text(csv_row(Variant_Inventory_Qty="7"))).stock_set == 0
    assert units("MUG-BLU") == 3


def test_a_changed_file_updates_by_handle_and_removes_what_it_no_longer_names() -> None:
    bring(csv_text(csv_row(), csv_row(Option1_Value="Red", Variant_SKU="MUG-RED")))
    report = bring(csv_text(csv_row(Title="Tin Mug", Variant_Price="8.00")))
    assert counts(report) == (0, 1, 0)
    mug = saved()
    assert (mug.title, mug.skus, mug.version) == ("Tin Mug", ("MUG-BLU",), 2)
    assert mug.variants[0].prices == {"GBP": 800}


def test_a_broken_row_removes_no_variant_that_is_there() -> None:
    red = csv_row(Option1_Value="Red", Variant_SKU="MUG-RED")
    bring(csv_text(csv_row(), red))
    report = bring(csv_text(csv_row(Variant_Price="8"), {**red, "Variant Price": "free"}))
    assert errors(report) == [(3, "Variant Price")]
    assert saved().skus == ("MUG-BLU", "MUG-RED")
    assert [each.prices["GBP"] for each in saved().variants] == [800, 950]


def test_columns_and_currencies_the_file_lacks_are_left_alone() -> None:
    mug = catalog().add(
        product(variants=(variant(title="Sky", option_values={"Colour": "Blue"}, barcode="1"),))
    )
    bring(csv_text(csv_row(Variant_Price="8")))
    now = saved()
    assert (now.vendor, now.tags, now.categories) == (mug.vendor, mug.tags, mug.categories)
    (blue,) = now.variants
    assert (blue.title, blue.barcode, blue.weight_grams) == ("Sky", "1", 210)
    assert blue.prices == {"GBP": 800, "EUR": 1100}


def test_an_empty_price_of_a_market_takes_the_price_away() -> None:
    bring(csv_text(csv_row(**{"Price / EUR": "11"})))
    bring(csv_text(csv_row(**{"Price / EUR": ""})))
    assert saved().variants[0].prices == {"GBP": 950}


def test_a_sku_of_another_product_is_a_row_error_and_the_rest_comes_in() -> None:
    catalog().add(product("MUG-RED", product_id=OTHER_ID, handle="cup"))
    text = csv_text(csv_row(), csv_row(Option1_Value="Red", Variant_SKU="MUG-RED"))
    for wanted in ((1, 0, 0), (0, 0, 1)):
        report = bring(text)
        assert counts(report) == wanted
        assert errors(report) == [(3, "Variant SKU")]
        assert saved().skus == ("MUG-BLU",)
    assert catalog().variants(["MUG-RED"])["MUG-RED"].product_id == OTHER_ID


def test_a_new_variant_without_any_price_is_a_row_error() -> None:
    row = csv_row()
    del row["Variant Price"]
    report = bring(csv_text(row))
    assert counts(report) == (0, 0, 0)
    assert errors(report) == [(2, "Variant Price")]


def test_the_base_currency_and_markets_are_the_requests() -> None:
    text = csv_text(csv_row(**{"Price / International": "1500"}))
    bring(text, currency="USD", markets={"International": "JPY"})
    assert saved().variants[0].prices == {"USD": 950, "JPY": 1500}


def test_an_import_that_runs_out_of_time_is_finished_by_sending_it_again() -> None:
    rows = [csv_row(Handle=f"mug-{n}", Variant_SKU=f"MUG-{n}") for n in range(20)]
    text = csv_text(*rows)
    first = bring(text, clock=FastClock())
    assert 0 < first.products_created < 20
    assert first.products_created + first.products_left == 20
    second = bring(text)
    assert counts(second) == (first.products_left, 0, first.products_created)
    assert second.products_left == 0


# A part at a time: for every transaction moto copies all its tables.
@pytest.mark.parametrize("part", range(5))
def test_the_demo_catalogue_comes_in_whole_and_a_second_time_changes_nothing(part: int) -> None:
    with DEMO.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    handles = list(dict.fromkeys(row["Handle"] for row in rows))[part::5]
    text = csv_text(*[row for row in rows if row["Handle"] in handles])
    variants = [row["Variant SKU"] for row in rows if row["Handle"] in handles]

    report = bring(text)
    assert report.errors == []
    assert counts(report) == (len(handles), 0, 0)
    assert report.variants == report.stock_set == len([sku for sku in variants if sku])
    again = bring(text)
    assert counts(again) == (0, 0, len(handles))
    assert (again.variants, again.stock_set) == (report.variants, 0)


# --- files in the bucket ------------------------------------------------------


@pytest.fixture
def bucket() -> ImportFiles:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="imports")
    s3.put_object(Bucket="imports", Key="mugs.csv", Body="Title\ncafé\n".encode())
    s3.put_object(Bucket="imports", Key="latin.csv", Body="Title\ncafé\n".encode("latin-1"))
    large = b"x" * (import_files.FILE_BYTES_MAX + 1)
    s3.put_object(Bucket="imports", Key="large.csv", Body=large)
    return ImportFiles("imports", s3)


def test_a_file_in_the_bucket_is_read(bucket: ImportFiles) -> None:
    assert bucket.text("mugs.csv") == "Title\ncafé\n"


def test_a_missing_file_is_not_found(bucket: ImportFiles) -> None:
    with pytest.raises(NotFound):
        bucket.text("gone.csv")


@pytest.mark.parametrize("key", ["latin.csv", "large.csv"])
def test_a_file_that_cannot_be_read_is_refused(bucket: ImportFiles, key: str) -> None:
    with pytest.raises(InvalidImport):
        bucket.text(key)


def test_an_import_reads_the_file_that_is_named() -> None:
    report = import_products(
        ImportRequest(object_key="mugs.csv"),
        Files(**{"mugs.csv": csv_text(csv_row())}),
        catalog(),
        _no_stock,
        StoppedClock(),
    )
    assert report.products_created == 1


def _no_stock(_quantities: Mapping[str, int], _now: datetime) -> int:
    raise AssertionError("the file has no stock")
