"""Where the API says that a thing is, under each address that API Gateway serves it at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from cloud_in_memory import ROOT
from commerce.entry import http
from unit.test_http_edge import CART, Context

PATH = f"/store/carts/{CART}/wishes"
# What a REST API puts into `path` and into `requestContext.path`, by the address it is called at.
ADDRESSES = {
    "its own, which has the stage": (PATH, f"/live{PATH}", "/live"),
    "a custom domain": (PATH, PATH, ""),
    "a custom domain with a base path": (f"/shop{PATH}", f"/shop{PATH}", "/shop"),
    "a custom domain with a base path of two parts": (
        f"/eu/shop{PATH}",
        f"/eu/shop{PATH}",
        "/eu/shop",
    ),
    "a base path that looks like a route": (f"/store{PATH}", f"/store{PATH}", "/store"),
    "one with a slash at its end": (f"{PATH}/", f"/live{PATH}/", "/live"),
}


class Wish(BaseModel):
    name: str


@http.operation("POST /store/carts/{id}/wishes", "Make a wish", body=Wish, status=201, creates=True)
def make_a_wish(request: http.Request[Wish, http.Nothing]) -> http.Response:
    return http.Response(request.body, headers={"Location": f"/store/wishes/{request.body.name}"})


def _location(path: str, whole_path: str, **headers: str) -> str:
    event: dict[str, Any] = {
        "resource": "/store/carts/{id}/wishes",
        "path": path,
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json", **headers},
        "pathParameters": {"id": CART},
        "requestContext": {
            "requestId": "request-1",
            "resourcePath": "/store/carts/{id}/wishes",
            "path": whole_path,
            "stage": "live",
        },
        "body": json.dumps({"name": "pony"}),
        "isBase64Encoded": False,
    }
    context: Any = Context()
    answer = make_a_wish(event, context)
    assert answer["statusCode"] == 201
    location: str = answer["headers"]["Location"]
    return location


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_location_is_where_the_caller_reaches_the_thing(address: str) -> None:
    path, whole_path, base = ADDRESSES[address]

    assert _location(path, whole_path) == f"{base}/store/wishes/pony"


@pytest.mark.usefixtures("idempotency_records")
def test_a_repeat_under_another_address_is_told_where_the_thing_is_there() -> None:
    for address in [*ADDRESSES, *ADDRESSES]:
        path, whole_path, base = ADDRESSES[address]
        told = _location(path, whole_path, **{"Idempotency-Key": "wish-1"})
        assert told == f"{base}/store/wishes/pony"


def test_an_address_that_nobody_knows_is_that_of_the_root() -> None:
    assert _location("", "") == "/store/wishes/pony"


def test_no_handler_gives_out_another_address_of_the_api() -> None:
    """A path in a body would have no stage; only the edge knows the address it was called at."""
    texts = {
        path: path.read_text()
        for path in [*ROOT.glob("functions/*/*.py"), *ROOT.glob("layers/commerce/python/**/*.py")]
    }
    givers = {path.name for path, text in texts.items() if '"Link"' in text or "domainName" in text}

    assert givers == set()
    document = json.loads((ROOT / "functions/site/openapi.json").read_text())
    # Relative to the document, which stands at the base, as do the page's own links.
    assert document["servers"] == [{"url": "."}]
    page = (ROOT / "functions/site/docs.html").read_text() + (
        ROOT / "functions/site/docs.js"
    ).read_text()
    assert not [part for part in ('"/', "'/", "http:", "https:") if part in page]
