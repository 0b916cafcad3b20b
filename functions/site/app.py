"""The API's document, the page that shows it, and the shop's health.

These are files and a probe, not operations of the shop, so they share one function: a
Chalice app behind the routes of `template.yaml`. The browser's part of the page comes
from the package that ships Swagger UI.
"""

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from chalice import Chalice, Response

from commerce import health
from commerce.dynamo.table import Table
from commerce.entry.http import HEADERS
from commerce.entry.problems import PROBLEM_CONTENT_TYPE, problem, retry_after_seconds, status_of
from commerce.entry.telemetry import logger
from commerce.environment import environment
from commerce.errors import DomainError, InternalError, NotFound
from commerce.settings.store import SettingsStore

HERE = Path(__file__).parent
# Found, not imported: the package wants Flask, and all that is needed of it is its files.
SWAGGER_UI = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
ASSETS = {
    "docs.css": (HERE, "text/css"),
    "docs.js": (HERE, "text/javascript"),
    "swagger-ui.css": (SWAGGER_UI, "text/css"),
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript"),
}
# Nothing from another site, and no script that is not a file of this one.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

app = Chalice(app_name="site")
settings = SettingsStore(Table(environment().settings_table))


def read_document() -> Response:
    """Answer with the OpenAPI document, as `make openapi` wrote it."""
    return file_answer(HERE / "openapi.json", "application/json", "no-cache")


def read_page() -> Response:
    """Answer with the page; its links are relative, for the API may stand under a stage."""
    page = file_answer(HERE / "docs.html", "text/html", "no-cache")
    page.headers |= {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer"}
    return page


def read_asset(asset: str) -> Response:
    """Answer with one of the page's few files."""
    if asset not in ASSETS:
        return refusal(NotFound("the page has no such file"))
    folder, content_type = ASSETS[asset]
    return file_answer(folder / asset, content_type, "public, max-age=3600")


def check_health() -> Response:
    """Answer with 200 where a cart can be priced, else with 503."""
    try:
        well = health.check(settings)
    except DomainError as error:
        logger.exception("unhealthy")
        return refusal(error)
    return Response(well.model_dump_json(), headers={"Content-Type": "application/json"})


def file_answer(path: Path, content_type: str, cache: str) -> Response:
    """Answer with a text file."""
    headers = {"Content-Type": f"{content_type}; charset=utf-8", "Cache-Control": cache}
    return Response(path.read_text("utf-8"), headers=headers)


def refusal(error: DomainError) -> Response:
    """Answer with a problem document."""
    headers = {"Content-Type": PROBLEM_CONTENT_TYPE}
    wait = retry_after_seconds(error)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    document = problem(error, app.current_request.context["requestId"])
    return Response(json.dumps(document), headers, status_of(type(error)))


def finish(request: Any, get_response: Any) -> Response:
    """Give every answer the headers of the shop, and make Chalice's own 500 a problem."""
    answer = get_response(request)
    if answer.status_code == 500:
        answer = refusal(InternalError("something broke on our side; tell us the request id"))
    answer.headers = {
        **HEADERS,
        **answer.headers,
        "X-Request-Id": app.current_request.context["requestId"],
    }
    return answer


app.register_middleware(finish, "http")
for path, view in {
    "/openapi.json": read_document,
    "/docs": read_page,
    "/docs/{asset}": read_asset,
    "/health": check_health,
}.items():
    # A GET has no body, whatever type it says it has.
    app.route(path, methods=["GET"], content_types=["*/*"])(view)
