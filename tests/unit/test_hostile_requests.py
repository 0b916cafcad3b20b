"""Every published operation refuses what nobody honest sends, before it looks anything up."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud_in_memory import ROOT
from commerce.clock import system_clock
from commerce.entry.callers import Audience
from commerce.entry.http import DEPTH_MAX, HEADERS, Nothing, Operation
from commerce.entry.path_parameters import PATH_PARAMETERS, parameters_of
from commerce.ids import new_id
from commerce.webhooks.model import DELIVERY_ID_PREFIX, ENDPOINT_ID_PREFIX

Json = dict[str, Any]
Change = Callable[[Json], None]

ID = "0" * 36
FITTING = {
    "accounts": "revenue",
    "stock": "MUG-BLUE",
    "line-items": "line_1",
    "payments": "sandbox",
    "products": f"prod_{ID}",
    "carts": f"cart_{ID}",
    "orders": f"order_{ID}",
    "fulfillments": f"fulfillment_{ID}_1",
    "returns": f"return_{ID}_12",
    "reconciliations": f"reconciliation_{ID}",
    "webhook-endpoints": f"endpoint_{ID}",
    "customers": f"customer_{'0' * 32}",
    "addresses": f"address_{ID}",
    "deliveries": f"delivery_{ID}",
    "api-keys": f"key_{ID}",
    "audit-entries": f"audit_{ID}",
}


class Context:
    function_name = "hostile"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn"
    aws_request_id = "request-1"


@dataclass(frozen=True)
class Handler:
    """A handler and the request that it would take, but for one change."""

    operation: Operation
    call: Callable[[Json, Context], Json]

    def refuses(self, change: Change, status: int, code: str) -> None:
        request = self._request()
        change(request)
        answer = self.call(request, Context())
        problem = json.loads(answer["body"])
        assert (answer["statusCode"], problem["code"]) == (status, code)
        assert problem["status"] == status
        assert problem["request_id"] == answer["headers"]["X-Request-Id"] == "request-1"
        assert answer["headers"].items() >= HEADERS.items()

    def _request(self) -> Json:
        names = dict(parameters_of(self.operation.path))
        nouns = {parameter: noun for noun, parameter in PATH_PARAMETERS.items()}
        callers = {
            Audience.PUBLIC: None,
            Audience.CUSTOMER: {"claims": {"sub": "1"}},
            Audience.STAFF: {"kind": "staff", "id": "1", "name": "ada", "roles": "owner"},
        }
        return {
            "headers": {
                "Content-Type": "application/json",
                "Idempotency-Key": "k",
                "If-Match": "1",
            },
            "pathParameters": {name: FITTING[nouns[one]] for name, one in names.items()},
            "queryStringParameters": None,
            "body": "{}",
            "requestContext": {
                "requestId": "request-1",
                "authorizer": callers[self.operation.audience],
            },
        }


def _handlers() -> Iterator[Any]:
    for path in sorted(ROOT.glob("functions/*/*.py")):
        if path.parent.name != "site":
            handler = _import(path).handler
            if hasattr(handler, "operation"):
                yield pytest.param(Handler(handler.operation, handler), id=path.stem)


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HANDLERS = list(_handlers())
SENDING = [one for one in HANDLERS if one.values[0].operation.sends]
WITH_BODY = [one for one in HANDLERS if one.values[0].operation.body is not Nothing]
# A provider's message says more than the shop reads.
CLOSED = [
    one for one in SENDING if one.values[0].operation.body.model_config.get("extra") == "forbid"
]
# A SKU may be any printable ASCII.
WITH_ID = [one for one in HANDLERS if "id}" in one.values[0].operation.path]


def body(text: str, **more: Any) -> Change:
    return lambda request: request.update({"body": text, **more})


def sent_as(content_type: str) -> Change:
    return lambda request: request["headers"].update({"Content-Type": content_type})


# What is sent instead of JSON that every reader reads alike.
NO_JSON = {
    "cut off": body('{"a": '),
    "NaN": body('{"a": NaN}'),
    "infinity": body('{"a": -Infinity}'),
    "a number without end": body('{"a": ' + "9" * 5000 + "}"),
    "a name twice": body('{"reason": "a", "reason": "b"}'),
    "deep": body("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)),
    "without a floor": body('{"a":' * 10_000),
    "not UTF-8": body(base64.b64encode(b'{"a": "\xff"}').decode(), isBase64Encoded=True),
    "not UTF-8, as API Gateway hands it on": body('{"a": "\ufffd"}'),
}


@pytest.mark.parametrize("kind", NO_JSON)
@pytest.mark.parametrize("handler", SENDING)
def test_a_body_that_can_be_read_in_two_ways_or_none_is_refused(
    handler: Handler, kind: str
) -> None:
    handler.refuses(NO_JSON[kind], 400, "malformed_json")


@pytest.mark.parametrize("handler", CLOSED)
def test_a_field_that_is_not_published_is_refused(handler: Handler) -> None:
    handler.refuses(body('{"__proto__": {"admin": true}}'), 422, "invalid_request")


@pytest.mark.parametrize("text", ["[]", '"text"', "7", "null"])
@pytest.mark.parametrize("handler", WITH_BODY)
def test_a_body_that_is_no_object_is_refused(handler: Handler, text: str) -> None:
    handler.refuses(body(text), 422, "invalid_request")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("handler", SENDING)
def test_a_body_of_another_type_is_refused(handler: Handler, media_type: str) -> None:
    handler.refuses(sent_as(media_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("handler", SENDING)
def test_a_body_that_is_too_long_is_refused_unread(handler: Handler) -> None:
    text = '{"a": "' + "a" * handler.operation.body_bytes_max
    handler.refuses(body(text), 413, "request_too_large")


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_query_parameter_that_is_not_published_is_refused(handler: Handler) -> None:
    def change(request: Json) -> None:
        request["queryStringParameters"] = {"debug": "1"}

    handler.refuses(change, 422, "invalid_request")


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_query_parameter_said_twice_is_refused(handler: Handler) -> None:
    def change(request: Json) -> None:
        request["queryStringParameters"] = {"limit": "2"}
        request["multiValueQueryStringParameters"] = {"limit": ["1", "2"]}

    handler.refuses(change, 422, "invalid_request")


@pytest.mark.parametrize(
    "nonsense", ["", "../settings", "' OR 1=1", "a\r\nSet-Cookie: b", "cart_\u202e", "x" * 2000]
)
@pytest.mark.parametrize("handler", WITH_ID)
def test_a_path_that_can_name_nothing_is_not_found(handler: Handler, nonsense: str) -> None:
    def change(request: Json) -> None:
        request["pathParameters"] = dict.fromkeys(request["pathParameters"], nonsense)

    handler.refuses(change, 404, "not_found")


@pytest.mark.parametrize("prefix", ["prod", "cart", "order", "reconciliation"])
def test_an_id_that_is_made_fits_the_path(prefix: str) -> None:
    noun = "products" if prefix == "prod" else f"{prefix}s"
    assert PATH_PARAMETERS[noun].fits(new_id(prefix, system_clock()))


def test_an_endpoints_and_a_deliverys_id_fit_the_path() -> None:
    endpoint = new_id(ENDPOINT_ID_PREFIX, system_clock())
    assert PATH_PARAMETERS["webhook-endpoints"].fits(endpoint)
    assert PATH_PARAMETERS["deliveries"].fits(new_id(DELIVERY_ID_PREFIX, system_clock()))


def test_every_query_refuses_what_it_does_not_know() -> None:
    queries = {one.values[0].operation.query for one in HANDLERS}
    assert {query.model_config.get("extra") for query in queries} == {"forbid"}


def test_every_text_and_list_and_number_that_is_sent_has_a_limit() -> None:
    unlimited = {
        f"{model.__name__}: {where}"
        for one in WITH_BODY
        for model in [one.values[0].operation.body]
        for where in _unlimited(model.model_json_schema())
    }
    assert unlimited == set()


def _unlimited(schema: Json) -> Iterator[str]:
    """Give what of a schema may be of any size."""
    for definition, part in {"$": schema, **schema.get("$defs", {})}.items():
        for where, inner in _parts(part, definition):
            limit = _LIMITS.get(inner.get("type", ""))
            fixed = not set("*+") & set(inner.get("pattern", "*"))
            if limit and limit not in inner and not inner.keys() & {"enum", "const"} and not fixed:
                yield where


_LIMITS = {"string": "maxLength", "integer": "maximum", "array": "maxItems"}


def _parts(part: Json, where: str) -> Iterator[tuple[str, Json]]:
    yield where, part
    for name, inner in part.get("properties", {}).items():
        yield from _parts(inner, f"{where}.{name}")
    for inner in part.get("anyOf", []):
        yield from _parts(inner, where)
    for name in ("items", "additionalProperties"):
        if isinstance(part.get(name), dict):
            yield from _parts(part[name], f"{where}[]")
    for inner in part.get("patternProperties", {}).values():
        yield from _parts(inner, f"{where}[]")
    if part.keys() & {"additionalProperties", "patternProperties"} - _closed(part):
        yield f"{where}: names", {"type": "array", "maxItems" if "maxProperties" in part else "": 0}


def _closed(part: Json) -> set[str]:
    return {"additionalProperties"} if part.get("additionalProperties") is False else set()
