"""The OpenAPI document, made of what each handler declares it takes and gives."""

import importlib.util
import inspect
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from commerce import errors
from commerce.api_keys.model import PUBLISHABLE_PATTERN
from commerce.entry.callers import Audience
from commerce.entry.http import (
    IDEMPOTENCY_KEY_CHARS_MAX,
    IDEMPOTENCY_KEY_PATTERN,
    IF_MATCH_PATTERN,
    Nothing,
    Operation,
)
from commerce.entry.path_parameters import parameters_of
from commerce.entry.problems import PROBLEM_CONTENT_TYPE, Problem, status_of
from commerce.environment import Environment
from commerce.errors import DomainError, TransientError
from commerce.health import Health
from commerce.pages import Page

Json = dict[str, Any]

PATH = "functions/site/openapi.json"

_REF = "#/components/schemas/{model}"
_ABOUT = """\
A shop with no server to run. Amounts are integers in minor units (pence, cents) beside an
ISO 4217 currency. A cart's id is all it takes to use that cart, so keep it as a secret.

Every refusal is an RFC 9457 problem: act on its `code`, which stays; show or log its
`detail`. A repeated `POST` with the same `Idempotency-Key` has one effect and gets one
answer. Lists take `limit` and the `next_cursor` of the page before.

Any request may also be answered before it reaches an operation: 404 `not_found` where there
is no such route, 413 `request_too_large`, 429 `too_many_requests`, 503 `unavailable`, 504
`timed_out`. After a 503 or a 504 it may have been carried out: repeat it with its key.
"""
_TAGS = {
    "catalog": "Products, variants and categories.",
    "carts": "A cart, from its first line to its order.",
    "customers": "Accounts: sign-up, sign-in, one's own data and addresses.",
    "orders": "Orders, and what happened to them.",
    "fulfillment": "Parcels: packed, shipped, delivered.",
    "returns": "What buyers send back, and the money for it.",
    "payments": "Captures and refunds.",
    "reconciliation": "Whether the provider's books and ours say the same.",
    "ledger": "The books, in double entry.",
    "stock": "Units by SKU and location.",
    "api_keys": "Keys of integrations and storefronts.",
    "settings": "Currencies, tax, fulfillment and stock locations.",
    "events": "What happened, as the bus told it to others.",
    "webhooks": "Addresses that are told of events, and what was sent to them.",
    "emails": "E-mails to buyers.",
    "audit": "What staff and integrations changed.",
    "site": "The service itself.",
}
_AUDIENCES = list(Audience)
_HEALTH = Operation(
    method="GET",
    path="/health",
    summary="Tell whether the shop can price a cart",
    body=Nothing,
    query=Nothing,
    returns=Health,
    status=200,
    problems=(errors.Unhealthy,),
    creates=False,
    keyed=False,
    also={},
)


@dataclass(frozen=True)
class Endpoint:
    """An operation, where it is written and which headers its code answers with."""

    service: str
    name: str
    operation: Operation
    about: str = ""
    answers_with: tuple[str, ...] = ()


def endpoints(root: Path) -> Iterator[Endpoint]:
    """Import every handler under `functions/` and give those that are operations."""
    _stand_in_for_lambda()
    for path in sorted(root.glob("functions/*/*.py")):
        if path.parent.name == "site":
            continue
        handler: Any = _import(path).handler
        if hasattr(handler, "operation"):
            # Which headers an answer has is said by its code alone.
            code = inspect.getsource(inspect.unwrap(handler))
            written = {"ETag": ".versioned(", "Location": '"Location"'}
            yield Endpoint(
                path.parent.name,
                path.stem,
                handler.operation,
                inspect.getdoc(handler) or "",
                tuple(header for header, sign in written.items() if sign in code),
            )
    yield Endpoint("site", "check_health", _HEALTH)


def render(root: Path) -> str:
    """Give the document as text, the same for the same operations."""
    return json.dumps(document(list(endpoints(root))), indent=1, ensure_ascii=False) + "\n"


def document(found: list[Endpoint]) -> Json:
    """Write operations as one OpenAPI 3.1 document."""
    schemas = _Schemas(found)
    paths: dict[str, Json] = defaultdict(dict)
    order = list(_TAGS)
    # By service, and within one what a storefront calls first.
    for endpoint in sorted(
        found,
        key=lambda one: (
            order.index(one.service),
            _AUDIENCES.index(one.operation.audience),
            one.operation.path,
        ),
    ):
        operation = endpoint.operation
        written = _operation(endpoint, schemas)
        paths[operation.path][operation.method.lower()] = written
        _link(endpoint, written, found)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pushcart",
            "version": "1",
            "summary": "Catalogue, carts, orders, payments, books, stock and settings of a shop.",
            "description": _ABOUT,
        },
        # The document stands at the API's base, wherever that is.
        "servers": [{"url": "."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": dict(sorted(schemas.refusals.items())),
            "headers": _HEADERS,
            "securitySchemes": {
                "staff": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The access token of a member of staff, or an API key `sk_…`.",
                },
                "order_token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Order-Token",
                    "description": "What a guest got with the order. Any other: 404 `not_found`.",
                },
                "customer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of `POST /store/customers/sessions`.",
                },
            },
        },
    }


_HEADERS: Json = {
    "X-Request-Id": {
        "description": "Names this request in the logs.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The thing's version, for `If-Match`.",
        "schema": {"type": "string"},
        "example": '"7"',
    },
    "Location": {
        "description": "Where the thing is: a path at the host that was called.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the same call is worth another try.",
        "schema": {"type": "integer"},
    },
}


class _Schemas:
    """The models of all operations, written once each under `components`.

    Answers too are written as they would be read: a model's own way of writing itself
    would hide its fields, and a field that is left out while null is not promised.
    """

    def __init__(self, found: list[Endpoint]) -> None:
        uses: dict[type[BaseModel], None] = {Problem: None}
        for endpoint in found:
            operation = endpoint.operation
            for model in (operation.body, operation.returns, *operation.also.values()):
                if model is not None and model is not Nothing:
                    uses[model] = None
        modes: list[tuple[type[BaseModel], Literal["validation"]]] = [
            (model, "validation") for model in uses
        ]
        self.refusals: Json = {}
        self._refs, definitions = models_json_schema(modes, ref_template=_REF)
        self.components: Json = dict(sorted(definitions["$defs"].items()))
        _close(self.components)
        for model in uses:
            if issubclass(model, Page):
                self._of(model).setdefault("required", []).append("next_cursor")

    def ref(self, model: type[BaseModel]) -> Json:
        """Refer to a model that is sent or answered."""
        return dict(self._refs[model, "validation"])

    def _of(self, model: type[BaseModel]) -> Json:
        schema: Json = self.components[self.ref(model)["$ref"].rpartition("/")[2]]
        return schema

    def query(self, model: type[BaseModel]) -> list[Json]:
        """Write a query's fields as parameters."""
        schema = model.model_json_schema(ref_template=_REF)
        self.components.update(schema.pop("$defs", {}))
        return [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                **_described(field),
            }
            for name, field in schema.get("properties", {}).items()
        ]


def _close(schema: Any) -> None:
    """Say that a name that fits no pattern is refused, where names have one."""
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            _close(part)
    if isinstance(schema, dict) and "patternProperties" in schema:
        schema["additionalProperties"] = False


def _described(field: Mapping[str, Any]) -> Json:
    """Move a field's description to its parameter; a query has no null, so nor has its schema."""
    schema = {name: value for name, value in field.items() if name not in ("title", "description")}
    choices = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    if schema.get("default", ...) is None:
        del schema["default"]
    parameter: Json = {"schema": schema}
    if "description" in field:
        parameter["description"] = field["description"]
    return parameter


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Json:
    operation = endpoint.operation
    written: Json = {
        "operationId": endpoint.name,
        "tags": [endpoint.service],
        "summary": operation.summary,
        "description": endpoint.about,
        "parameters": [
            *_path_parameters(operation),
            *schemas.query(operation.query),
            *_header_parameters(operation),
        ],
        "responses": _answers(endpoint, schemas) | _refusals(operation, schemas),
    }
    if operation.body is not Nothing:
        content = {"application/json": {"schema": schemas.ref(operation.body)}}
        written["requestBody"] = {"required": True, "content": content}
    if operation.audience is not Audience.PUBLIC:
        written["security"] = [{operation.audience.value: []}]
    if operation.order_token:
        written["security"] = [{"order_token": []}]
    return {name: value for name, value in written.items() if value not in ("", [])}


def _link(endpoint: Endpoint, written: Json, found: list[Endpoint]) -> None:
    """Say what else can be done with what a call makes: the operations under its id."""
    made = endpoint.operation
    if made.method != "POST" or "id" not in getattr(made.returns, "model_fields", {}):
        return
    links = {
        other.name: {"operationId": other.name, "parameters": {"id": "$response.body#/id"}}
        for other in found
        if re.fullmatch(rf"{re.escape(made.path)}/{{id}}(/[a-z-]+)?", other.operation.path)
    }
    if links:
        written["responses"][str(made.status)]["links"] = links


def _path_parameters(operation: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": parameter.about,
            "schema": {
                "type": "string",
                "pattern": parameter.pattern,
                "maxLength": parameter.chars_max,
            },
        }
        for name, parameter in parameters_of(operation.path)
    ]


def _header_parameters(operation: Operation) -> Iterator[Json]:
    if operation.creates or operation.keyed:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": operation.keyed,
            "description": "A new one for each new request, the same one for its repeats.",
            "schema": {
                "type": "string",
                "pattern": IDEMPOTENCY_KEY_PATTERN,
                "maxLength": IDEMPOTENCY_KEY_CHARS_MAX,
            },
        }
    if operation.publishable_key:
        yield {
            "name": "X-Publishable-Key",
            "in": "header",
            "required": False,
            "description": "The storefront's own key, which is no secret.",
            "schema": {"type": "string", "pattern": PUBLISHABLE_PATTERN},
        }
    if errors.StaleVersion in operation.problems:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": errors.PreconditionRequired in operation.problems,
            "description": "The `ETag` the change is based on; another version is not changed.",
            "schema": {"type": "string", "pattern": IF_MATCH_PATTERN},
            "example": '"7"',
        }


def _answers(endpoint: Endpoint, schemas: _Schemas) -> Json:
    operation = endpoint.operation
    answers: Json = {}
    for status, model in {operation.status: operation.returns, **operation.also}.items():
        answers[str(status)] = {
            "description": inspect.getdoc(model) or "Done." if model else "Done.",
            "headers": _headers(*endpoint.answers_with),
        }
        if model:
            content = {"application/json": {"schema": schemas.ref(model)}}
            answers[str(status)]["content"] = content
    return answers


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def refusals_of(operation: Operation) -> list[type[DomainError]]:
    """Give every named error a caller of the operation may get."""
    found = [*operation.problems, errors.InvalidRequest]
    if operation.sends:
        found += [errors.MalformedJson, errors.UnsupportedMediaType, errors.RequestTooLarge]
        found.append(errors.ItemTooLarge)
    if "{" in operation.path:
        found.append(errors.NotFound)
    if errors.StaleVersion in operation.problems:
        found.append(errors.PreconditionRequired)
    if operation.audience is not Audience.PUBLIC:
        found.append(errors.Unauthenticated)
    if operation.audience is Audience.STAFF:
        found.append(errors.Forbidden)
    if operation.audited:
        found.append(errors.AuditUnavailable)
    if operation.creates or operation.keyed:
        found += [errors.IdempotencyKeyRequired, errors.IdempotencyKeyReused]
    if operation.creates:
        found.append(errors.RequestInProgress)
    found += [errors.InternalError, errors.Throttled, errors.DependencyUnavailable]
    return sorted(set(found), key=lambda error: (status_of(error), error.code()))


def _refusals(operation: Operation, schemas: _Schemas) -> Json:
    by_status: dict[int, list[type[DomainError]]] = defaultdict(list)
    for error in refusals_of(operation):
        by_status[status_of(error)].append(error)
    return {str(status): _shared(kinds, schemas) for status, kinds in by_status.items()}


def _shared(kinds: list[type[DomainError]], schemas: _Schemas) -> Json:
    """Write a refusal; where it is one error alone, once for all operations that have it."""
    if len(kinds) > 1:
        return _refusal(kinds, schemas)
    code = kinds[0].code()
    schemas.refusals[code] = _refusal(kinds, schemas)
    return {"$ref": f"#/components/responses/{code}"}


def _refusal(kinds: list[type[DomainError]], schemas: _Schemas) -> Json:
    codes = [kind.code() for kind in kinds]
    schema = {
        "allOf": [schemas.ref(Problem)],
        "properties": {"code": {"enum": codes}},
    }
    waits = any(issubclass(kind, TransientError) for kind in kinds)
    return {
        "description": "\n".join(f"- `{kind.code()}`: {inspect.getdoc(kind)}" for kind in kinds),
        "headers": _headers(*(["Retry-After"] if waits else [])),
        "content": {
            PROBLEM_CONTENT_TYPE: {
                "schema": schema,
                "examples": {kind.code(): {"value": _example(kind)} for kind in kinds},
            }
        },
    }


def _example(kind: type[DomainError]) -> Json:
    return {
        "type": f"urn:pushcart:problem:{kind.code()}",
        "title": kind.code().replace("_", " ").capitalize(),
        "status": status_of(kind),
        "detail": (inspect.getdoc(kind) or "").split(";")[0].rstrip("."),
        "code": kind.code(),
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stand_in_for_lambda() -> None:
    """Name what a handler asks for when it is imported; nothing is called by these names."""
    for name in (field.name.upper() for field in fields(Environment)):
        os.environ.setdefault(name, name)
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
