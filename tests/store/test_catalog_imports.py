from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from builders import NOW, table
from catalog_builders import OTHER_ID, catalog, csv_row, csv_text, product, variant
from cloud_in_memory import REGION
from commerce.catalog.import_files import FILE_BYTES_MAX, OBJECT_KEY, ImportFiles, s3_client
from commerce.catalog.imports import import_products
from commerce.catalog.model import Product
from commerce.catalog.schema import ImportRequest
from commerce.errors import InvalidImport, NotFound, Throttled
from commerce.stock.store import StockStore
from store.import_at_work import Files, StoppedClock, bring, counts, errors, units

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("tables")

DEMO = Path(__file__).parents[2] / "infra/local/catalogue.csv"


class FastClock:
    """A second passes with every look at it."""

    def __init__(self) -> None:
        self._looks = 0

    def __call__(self) -> datetime:
        self._looks += 1
        return NOW + timedelta(seconds=self._looks)


def saved(handle: str = "enamel-mug") -> Product:
    found = catalog().find(handle)
    assert found is not None
    return found


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
    StockStore(table("stock")).open_many({"MUG-BLU": 3}, NOW, location="main")
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


def test_prices_without_a_currency_are_in_the_shops_base_currency() -> None:
    bring(csv_text(csv_row(Variant_Price="250000")), base_currency="VND")
    assert saved().variants[0].prices == {"VND": 250_000}


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
def s3() -> S3Client:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="imports")
    client.put_bucket_versioning(Bucket="imports", VersioningConfiguration={"Status": "Enabled"})
    return client


def uploaded(s3: S3Client, content: bytes) -> str:
    return s3.put_object(Bucket="imports", Key=OBJECT_KEY, Body=content)["VersionId"]


def test_each_upload_is_read_by_its_own_version(s3: S3Client) -> None:
    files = ImportFiles("imports", s3)
    first, second = uploaded(s3, "Title\ncafé\n".encode()), uploaded(s3, b"Title\ntea\n")

    assert files.text(first) == "Title\ncafé\n"
    assert files.text(second) == "Title\ntea\n"


def test_a_version_that_is_gone_or_a_delete_marker_is_not_found(s3: S3Client) -> None:
    files, gone = ImportFiles("imports", s3), uploaded(s3, b"Title\ntea\n")
    marker = s3.delete_object(Bucket="imports", Key=OBJECT_KEY)["VersionId"]
    s3.delete_object(Bucket="imports", Key=OBJECT_KEY, VersionId=gone)

    for version_id in (gone, marker):
        with pytest.raises(NotFound):
            files.text(version_id)


# As the S3 of AWS answers a function that may read versions and list nothing.
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchVersion", 404),
        ("NoSuchKey", 404),
        ("InvalidArgument", 400),
        ("AccessDenied", 403),
        ("MethodNotAllowed", 405),
    ],
)
def test_whatever_s3_says_of_a_version_it_does_not_give_the_file_is_not_found(
    s3: S3Client, code: str, status: int
) -> None:
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(NotFound):
            ImportFiles("imports", s3).text("1")


def test_a_failure_of_s3_is_no_missing_file(s3: S3Client) -> None:
    with Stubber(s3) as stubbed:
        stubbed.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(Throttled):
            ImportFiles("imports", s3).text("1")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("Title\ncafé\n".encode("latin-1"), id="not UTF-8"),
        pytest.param(b"x" * (FILE_BYTES_MAX + 1), id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(s3: S3Client, content: bytes) -> None:
    version_id = uploaded(s3, content)

    with pytest.raises(InvalidImport):
        ImportFiles("imports", s3).text(version_id)


def test_an_upload_form_is_for_the_one_object_the_size_limit_and_fifteen_minutes() -> None:
    before = datetime.now(UTC)
    form = ImportFiles("imports").upload_form(before)
    policy = json.loads(base64.b64decode(form.fields["policy"]))

    assert {"bucket": "imports"} in policy["conditions"]
    assert {"key": OBJECT_KEY} in policy["conditions"]
    assert ["content-length-range", 1, FILE_BYTES_MAX] in policy["conditions"]
    # Nobody is told that it is good for longer than it is.
    assert form.expires_at <= datetime.fromisoformat(policy["expiration"])
    assert form.expires_at > before + timedelta(minutes=14)


def test_a_form_goes_to_the_buckets_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    form = ImportFiles("imports", s3_client.__wrapped__()).upload_form(NOW)

    assert form.url == "https://imports.s3.eu-west-1.amazonaws.com/"


def test_an_import_reads_the_version_that_is_named_and_says_so() -> None:
    report = import_products(
        ImportRequest(version_id="second"),
        Files(first="no product file", second=csv_text(csv_row())),
        catalog(),
        _no_stock,
        StoppedClock(),
        "GBP",
    )
    assert (report.products_created, report.version_id) == (1, "second")


def _no_stock(_quantities: Mapping[str, int], _now: datetime) -> int:
    raise AssertionError("the file has no stock")
