"""The page, the document and the probe, as API Gateway asks for them."""

from __future__ import annotations

import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest

from cloud_in_memory import ROOT
from deployed import routes

SECURE = {"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*"}


@pytest.fixture(scope="module")
def site() -> ModuleType:
    """Import the Chalice app as Lambda does."""
    spec = importlib.util.spec_from_file_location("site_app", ROOT / "functions/site/app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Context:
    aws_request_id = "lambda-1"


def _get(site: ModuleType, resource: str, **path: str) -> dict[str, Any]:
    event = {
        "resource": resource,
        "path": resource,
        "httpMethod": "GET",
        "headers": {"Accept": "*/*"},
        "multiValueHeaders": {"Accept": ["*/*"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": path or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"resourcePath": resource, "httpMethod": "GET", "requestId": "request-1"},
    }
    answer: dict[str, Any] = site.app(event, _Context())
    return answer


def test_its_routes_are_those_of_the_template(site: ModuleType) -> None:
    declared = {
        f"{method} {path}" for path, methods in site.app.routes.items() for method in methods
    }

    assert declared == {route for name, route, _ in routes() if name == "SiteFunction"}


def test_the_document_is_the_file_beside_it(site: ModuleType) -> None:
    answer = _get(site, "/openapi.json")

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"].startswith("application/json")
    assert answer["body"] == (ROOT / "functions/site/openapi.json").read_text("utf-8")


def test_the_page_asks_this_site_alone_and_by_relative_links(site: ModuleType) -> None:
    page = _get(site, "/docs")

    links = re.findall(r'(?:href|src)="([^"]+)"', page["body"])
    assert links
    assert not [link for link in links if link.startswith(("/", "http"))]
    assert "default-src 'none'" in page["headers"]["Content-Security-Policy"]
    assert "http" not in page["headers"]["Content-Security-Policy"]


def test_every_file_the_page_names_is_served(site: ModuleType) -> None:
    page = _get(site, "/docs")["body"]

    named = re.findall(r'"docs/([^"]+)"', page)
    assert set(named) == set(site.ASSETS)
    for asset in named:
        answer = _get(site, "/docs/{asset}", asset=asset)
        assert answer["statusCode"] == 200, asset
        assert answer["body"]


def test_swagger_ui_is_of_a_version_that_reads_openapi_3_1(site: ModuleType) -> None:
    bundle = _get(site, "/docs/{asset}", asset="swagger-ui-bundle.js")["body"]

    (version,) = set(re.findall(r'PACKAGE_VERSION:"(\d+)\.', bundle)) or {"?"}
    assert int(version) >= 5


@pytest.mark.parametrize("asset", ["nope.js", "../app.py", "app.py", ""])
def test_no_other_file_is_served(site: ModuleType, asset: str) -> None:
    answer = _get(site, "/docs/{asset}", asset=asset)

    assert answer["statusCode"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["code"] == "not_found"
    assert json.loads(answer["body"])["request_id"] == "request-1"


@pytest.mark.usefixtures("tables")
def test_it_is_well_while_a_cart_can_be_priced(site: ModuleType) -> None:
    answer = _get(site, "/health")

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"status": "ok", "settings_version": 1}
    assert answer["headers"]["Cache-Control"] == "no-store"


def test_it_is_unwell_while_the_settings_cannot_be_read(
    site: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable:
        def current(self) -> None:
            raise ConnectionError("secret host name")

    monkeypatch.setattr(site, "settings", Unreadable())
    answer = _get(site, "/health")

    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "5"
    assert json.loads(answer["body"])["code"] == "unhealthy"
    assert "secret" not in answer["body"]


def test_what_breaks_is_a_problem_and_shows_nothing(
    site: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "HERE", ROOT / "no-such-folder")
    answer = _get(site, "/openapi.json")

    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["code"] == "internal_error"
    assert "no-such-folder" not in answer["body"]


@pytest.mark.parametrize("resource", ["/docs", "/openapi.json"])
def test_every_answer_has_the_shops_headers(site: ModuleType, resource: str) -> None:
    headers = _get(site, resource)["headers"]

    assert headers.items() >= SECURE.items()
    assert headers["X-Request-Id"] == "request-1"
