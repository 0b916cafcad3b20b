"""The catalogue's handlers, called as API Gateway calls them."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from catalog_builders import csv_row, csv_text
from cloud_in_memory import ENVIRONMENT, REGION
from commerce.catalog.import_files import OBJECT_KEY

pytestmark = pytest.mark.usefixtures("tables")

HANDLERS = Path(__file__).parents[2] / "functions/catalog"
MUG = {
    "title": "Enamel Mug",
    "status": "active",
    "categories": [{"title": "Mugs"}],
    "variants": [{"sku": "MUG", "prices": {"GBP": 950}}],
}


@dataclass
class Context:
    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:test"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


def call(
    operation: str,
    body: object = None,
    query: dict[str, str] | None = None,
    product: str = "",
    roles: str = "owner",
    **headers: str,
) -> Answer:
    event = {
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "pathParameters": {"id": product} if product else None,
        "queryStringParameters": query,
        "body": json.dumps(body) if body is not None else None,
        "requestContext": {
            "requestId": "request-1",
            "authorizer": {"kind": "staff", "id": "1", "name": "ada", "roles": roles},
        },
    }
    answer = _load(operation).handler(event, Context())
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]))


def _load(operation: str) -> Any:
    spec = importlib.util.spec_from_file_location(operation, HANDLERS / f"{operation}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_created_product_tells_where_it_is_and_its_version() -> None:
    made = call("create_product", MUG)
    assert made.status == 201
    assert made.headers["ETag"] == '"1"'
    assert made.headers["Location"] == f"/admin/products/{made.body['id']}"
    assert made.body["id"].startswith("prod_")
    assert (made.body["handle"], made.body["status"]) == ("enamel-mug", "active")


def test_staff_and_buyers_read_it_by_id_and_handle() -> None:
    made = call("create_product", MUG).body
    for name in (made["id"], "enamel-mug"):
        shown = call("read_product", product=name)
        assert (shown.status, shown.headers["ETag"], shown.body) == (200, '"1"', made)
        assert call("read_store_product", product=name, roles="").body["id"] == made["id"]
    missing = call("read_store_product", product="teapot")
    assert (missing.status, missing.body["code"]) == (404, "not_found")


def test_a_product_is_listed_for_buyers_and_staff_and_its_category_too() -> None:
    made = call("create_product", MUG).body
    listed = call("list_products", query={"category": "mugs", "limit": "1"}).body
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    assert listed["next_cursor"] is None
    assert call("list_all_products", query={"status": "active"}).body["items"] == [made]
    assert call("list_categories").body["items"] == [
        {"slug": "mugs", "title": "Mugs", "path": ["Mugs"], "products": 1}
    ]


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_a_page_size_outside_the_limits_is_refused(limit: str) -> None:
    assert call("list_products", query={"limit": limit}).status == 422


def test_a_strange_cursor_is_refused() -> None:
    assert call("list_products", query={"cursor": "abc"}).body["code"] == "invalid_cursor"


def test_a_change_needs_the_version_it_is_based_on() -> None:
    product = call("create_product", MUG).body["id"]
    change = {"title": "Tin Mug"}
    assert call("change_product", change, product=product).status == 428
    changed = call("change_product", change, product=product, If_Match='"1"')
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    stale = call("change_product", change, product=product, If_Match='"1"')
    assert (stale.status, stale.body["code"], stale.body["version"]) == (412, "stale_version", 2)


def test_taken_skus_are_listed() -> None:
    call("create_product", MUG)
    refused = call("create_product", {**MUG, "handle": "cup"})
    assert (refused.status, refused.body["code"], refused.body["skus"]) == (
        409,
        "sku_taken",
        ["MUG"],
    )


def test_deleting_archives() -> None:
    product = call("create_product", MUG).body["id"]
    assert call("archive_product", product=product, If_Match='"9"').status == 412
    archived = call("archive_product", product=product)
    assert (archived.status, archived.body["status"]) == (200, "archived")
    assert call("read_store_product", product=product).status == 404
    assert call("read_product", product=product).status == 200


def test_the_same_creation_sent_twice_makes_one_product() -> None:
    first = call("create_product", MUG, Idempotency_Key="key-1")
    again = call("create_product", MUG, Idempotency_Key="key-1")
    assert again.body == first.body
    assert again.status == 201
    assert len(call("list_all_products").body["items"]) == 1


def test_support_does_not_write() -> None:
    assert call("create_product", MUG, roles="support").status == 403


def test_a_file_is_imported_from_the_request_or_the_bucket() -> None:
    text = csv_text(csv_row(Variant_Inventory_Qty="7"))
    first = call("import_products", {"csv": text})
    assert (first.status, first.body["products_created"], first.body["stock_set"]) == (200, 1, 1)
    s3 = boto3.client("s3", region_name=REGION)
    bucket = ENVIRONMENT["IMPORTS_BUCKET"]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    uploaded = s3.put_object(Bucket=bucket, Key=OBJECT_KEY, Body=text.encode())
    again = call("import_products", {"version_id": uploaded["VersionId"]})
    assert (again.body["products_unchanged"], again.body["errors"]) == (1, [])
    assert call("import_products", {"version_id": "no-such-version"}).status == 404
    assert call("import_products", {"csv": "not a product file"}).status == 422
