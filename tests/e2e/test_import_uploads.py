"""Product files that staff upload with the shop's leave alone, and the import of one of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from catalog_builders import csv_row, csv_text
from commerce.access import Role
from commerce.catalog.import_files import FILE_BYTES_MAX, OBJECT_KEY
from e2e.command_line import run_pushcart
from e2e.storefront import Storefront, new_key
from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


@pytest.fixture(scope="module")
def form(deployed_shop: Workspace) -> dict[str, Any]:
    """Give a form that a manager asked for, who has no AWS credentials."""
    answer = httpx.post(
        f"{deployed_shop.base_url}/admin/imports/uploads",
        headers={"Authorization": f"Bearer {staff.token(deployed_shop, Role.MANAGER)}"},
        timeout=40,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    given: dict[str, Any] = answer.json()
    return given


def _send(
    form: Mapping[str, Any], content: bytes, origin: str = "", **changed: str
) -> httpx.Response:
    """Upload as a browser's form does."""
    return httpx.post(
        form["url"],
        data={**form["fields"], **changed},
        files={"file": ("products.csv", content)},
        headers={"Origin": origin} if origin else {},
        timeout=40,
        trust_env=False,
    )


def _uploaded(form: Mapping[str, Any], content: bytes) -> str:
    answer = _send(form, content)
    assert answer.status_code == 204, answer.text
    return answer.headers["x-amz-version-id"]


def _file(*names: str) -> bytes:
    """Write a file of one product a name."""
    rows = [
        csv_row(
            Handle=name,
            Title=f"White hanging heart {name}",
            Option1_Name="Title",
            Option1_Value="Default Title",
            Variant_SKU=f"{name}-85123A",
            Variant_Inventory_Qty="6",
            Variant_Price="2.55",
        )
        for name in names
    ]
    return csv_text(*rows).encode()


def test_staff_upload_a_file_and_import_that_very_version_of_it(
    storefront: Storefront, form: Mapping[str, Any]
) -> None:
    shop, name = storefront.shop, new_key()[:8]
    first = _uploaded(form, _file(f"{name}-a", f"{name}-b"))
    second = _uploaded(form, _file(f"{name}-c"))

    report = shop.ask("POST", "/admin/imports", {"version_id": first})

    assert (report["version_id"], report["products_created"]) == (first, 2)
    assert report["errors"] == []
    seen = shop.ask("GET", f"/store/products/{name}-a")
    assert seen["variants"][0]["prices"] == {"GBP": 255}
    assert storefront.levels(f"{name}-b-85123A") == (6, 0)
    assert shop.call("GET", f"/store/products/{name}-c").status_code == 404
    shop.ask("POST", "/admin/imports", {"version_id": second})
    assert shop.call("GET", f"/store/products/{name}-c").status_code == 200


def test_a_page_in_a_browser_may_read_which_version_its_upload_became(
    form: Mapping[str, Any],
) -> None:
    answer = _send(form, b"Title\n", origin="https://staff.example")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "x-amz-version-id"


def test_s3_takes_from_a_form_only_what_was_signed(form: Mapping[str, Any], cloud: Cloud) -> None:
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    policy["conditions"] = [each for each in policy["conditions"] if isinstance(each, dict)]
    unlimited = base64.b64encode(json.dumps(policy).encode()).decode()
    file = _file(new_key()[:8])
    bucket = cloud.stack_outputs()["ImportsBucketName"]
    before = cloud.s3.list_object_versions(Bucket=bucket)

    refusals = [
        _send(form, file, key="other.csv"),
        _send(form, file, acl="public-read"),
        _send(form, file, policy=unlimited),
        _send(form, file, **{"x-amz-signature": "0" * 64}),
        _send({**form, "fields": {"key": OBJECT_KEY}}, file),
        _send(form, b""),
        _send(form, b"x" * (form["bytes_max"] + 1)),
    ]

    assert [each.status_code for each in refusals] == [403, 403, 403, 403, 403, 400, 400]
    assert form["bytes_max"] == FILE_BYTES_MAX
    after = cloud.s3.list_object_versions(Bucket=bucket)
    assert after.get("Versions") == before.get("Versions")
    # Nor is it a way to read: the file is nobody's but the import's.
    assert httpx.get(f"{form['url']}/{OBJECT_KEY}", trust_env=False).status_code == 403


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (None, 404, "not_found"),
        ("Handle,Title\ncafé,Café\n".encode("latin-1"), 422, "invalid_import"),
        (b"no product file", 422, "invalid_import"),
    ],
    ids=["deleted", "not UTF-8", "no product file"],
)
def test_a_version_that_cannot_be_imported_is_refused_by_name(
    form: Mapping[str, Any],
    storefront: Storefront,
    cloud: Cloud,
    content: bytes | None,
    status: int,
    code: str,
) -> None:
    if content is None:
        bucket = cloud.stack_outputs()["ImportsBucketName"]
        version_id = cloud.s3.delete_object(Bucket=bucket, Key=OBJECT_KEY)["VersionId"]
    else:
        version_id = _uploaded(form, content)

    answer = storefront.shop.call("POST", "/admin/imports", {"version_id": version_id})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_stands_neither_in_the_audit_trail_nor_in_a_log(
    form: Mapping[str, Any], storefront: Storefront, deployed_shop: Workspace
) -> None:
    asked = "POST /admin/imports/uploads"
    newest = storefront.shop.ask("GET", "/admin/audit-entries", query={"limit": 100})["items"]
    entry = next(each for each in newest if each["route"] == asked)
    logged = run_pushcart(deployed_shop, "logs", "create_import_upload").stdout

    assert "START RequestId" in logged
    assert {"path": "$.fields", "after": "[redacted]"} in entry["changes"]
    text = json.dumps([newest, logged])
    secrets = {"policy", "x-amz-signature", "x-amz-security-token"}
    assert {name for name in secrets if form["fields"][name] in text} == set()
