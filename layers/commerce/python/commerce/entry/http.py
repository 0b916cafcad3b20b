"""The HTTP edge: one decorator makes a function an operation of the API.

It owns parsing, the staff check, idempotency, logging, metrics, JSON and
problem documents. What an operation takes and gives is declared once, in the
decorator, and the OpenAPI document is generated from that same declaration.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack, cast, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from commerce.entry import idempotency, path_parameters
from commerce.entry.audit import Answered, audited
from commerce.entry.callers import Audience, Caller, bearer_token, caller_of
from commerce.entry.problems import PROBLEM_CONTENT_TYPE, problem, retry_after_seconds, status_of
from commerce.entry.telemetry import count, logger, metrics
from commerce.errors import (
    DomainError,
    IdempotencyKeyRequired,
    InvalidRequest,
    MalformedJson,
    PreconditionRequired,
    RequestTooLarge,
    UnsupportedMediaType,
)
from commerce.texts import WORDS_PATTERN

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

JSON = "application/json"
IDEMPOTENCY_KEY_CHARS_MAX = 255
IDEMPOTENCY_KEY_PATTERN = WORDS_PATTERN
IF_MATCH_PATTERN = '^(?:W/)?"?([0-9]{1,15})"?$'

# A cart of 2,000 lines or a product of 100 variants, with room to spare.
BODY_BYTES_MAX = 512 * 1024
# The deepest published body has 6 levels.
DEPTH_MAX = 32
# Above it a number with a point may be another than the one that was written.
EXACT_MAX = 2**53
FIELD_ERRORS_MAX = 100
UNPUBLISHED_SHAPE = "the request does not have the published shape"

# On every answer: nothing of the API is a page, and nothing of it is to be kept.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Location, Retry-After, X-Request-Id",
}


class Nothing(BaseModel):
    """The body or query of an operation that takes none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Body = TypeVar("Body", bound=BaseModel)
Query = TypeVar("Query", bound=BaseModel)
LambdaHandler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


@dataclass(frozen=True)
class Request(Generic[Body, Query]):
    """One HTTP request, parsed and checked; header names are in lower case.

    `raw_body` is the body as it was sent, for who checks a signature of it.
    """

    path: Mapping[str, str]
    body: Body
    query: Query
    headers: Mapping[str, str]
    caller: Caller
    request_id: str
    fingerprint: str
    raw_body: bytes = b""
    ip: str = ""
    user_agent: str = ""

    @property
    def idempotency_key(self) -> str:
        """The caller's `Idempotency-Key`.

        Raises
        ------
        IdempotencyKeyRequired
            The header is missing or too long.
        """
        key = self.headers.get("idempotency-key", "").strip()
        if not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key) or len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
            raise IdempotencyKeyRequired(
                "send an Idempotency-Key header of 1 to 255 printable ASCII characters,"
                " new for each new request"
            )
        return key

    @property
    def order_token(self) -> str:
        """What a guest says whose order it is with, from `X-Order-Token`; empty where nothing."""
        return self.headers.get("x-order-token", "").strip()

    @property
    def publishable_key(self) -> str | None:
        """The storefront's key as it was sent; None where none was."""
        return self.headers.get("x-publishable-key")

    @property
    def call_key(self) -> str:
        """What an id of this call may follow from: the same for all repeats of one call.

        A call without an `Idempotency-Key` is a call of its own.
        """
        key = self.headers.get("idempotency-key", "").strip()
        return f"{self.caller.name} {key}" if key else self.request_id

    @property
    def call(self) -> str:
        """What tells this call from all others but its own repeats; empty without a key.

        It follows from the route, the caller, the key and what the call asks for.
        """
        key = self.headers.get("idempotency-key", "").strip()
        whose = f"{self.caller.name} {self.publishable_key or ''}"
        return idempotency.digest(f"{whose} {key} {self.fingerprint}") if key else ""

    @property
    def token(self) -> str:
        """The access token the caller was let in with, for who asks Cognito in its name."""
        return bearer_token(self.headers)

    @property
    def if_match(self) -> int:
        """The version the caller's update is based on, from `If-Match: "7"`.

        Raises
        ------
        PreconditionRequired
            The header is missing or is not an ETag of ours.
        """
        tag = re.fullmatch(IF_MATCH_PATTERN, self.headers.get("if-match", "").strip())
        if tag is None:
            raise PreconditionRequired("send the ETag you read in an If-Match header")
        return int(tag[1])


@dataclass(frozen=True)
class Response:
    """An answer: a model, or text of another content type."""

    body: BaseModel | str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def versioned(cls, body: BaseModel, version: int, status: int | None = None) -> Response:
        """Answer with the thing's version as `ETag`, for a later `If-Match`."""
        return cls(body, status, {"ETag": f'"{version}"'})


@dataclass(frozen=True)
class Operation:
    """What an operation takes and gives; the OpenAPI document is made of these."""

    method: str
    path: str
    summary: str
    body: type[BaseModel]
    query: type[BaseModel]
    returns: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[type[DomainError], ...] = ()
    creates: bool = False
    keyed: bool = False
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    body_bytes_max: int = BODY_BYTES_MAX
    public_seconds: int = 0
    shown_once: tuple[str, ...] = ()
    publishable_key: bool = False
    order_token: bool = False
    before: Callable[[Request[Any, Any]], BaseModel] | None = None
    removes: bool = False

    @property
    def route(self) -> str:
        """Method and path, as in `template.yaml`."""
        return f"{self.method} {self.path}"

    @property
    def audience(self) -> Audience:
        """Whom it is for."""
        return Audience.of(self.path)

    @property
    def sends(self) -> bool:
        """Whether a request of it may have a body; what a GET brings along is not looked at."""
        return self.method != "GET"

    @property
    def audited(self) -> bool:
        """Whether the audit trail keeps its calls: what staff and integrations change."""
        return self.audience is Audience.STAFF and self.sends


class Declared(TypedDict, total=False):
    """What an operation may declare of itself; see `operation`."""

    returns: type[BaseModel]
    status: int
    problems: tuple[type[DomainError], ...]
    creates: bool
    keyed: bool
    also: Mapping[int, type[BaseModel]]
    body_bytes_max: int
    public_seconds: int
    shown_once: tuple[str, ...]
    publishable_key: bool
    order_token: bool
    before: Callable[[Request[Any, Any]], BaseModel]
    removes: bool


@overload
def operation(
    route: str, summary: str, *, body: type[Body], query: type[Query], **declared: Unpack[Declared]
) -> Callable[[Callable[[Request[Body, Query]], Response]], LambdaHandler]: ...
@overload
def operation(
    route: str, summary: str, *, body: type[Body], **declared: Unpack[Declared]
) -> Callable[[Callable[[Request[Body, Nothing]], Response]], LambdaHandler]: ...
@overload
def operation(
    route: str, summary: str, *, query: type[Query], **declared: Unpack[Declared]
) -> Callable[[Callable[[Request[Nothing, Query]], Response]], LambdaHandler]: ...
@overload
def operation(
    route: str, summary: str, **declared: Unpack[Declared]
) -> Callable[[Callable[[Request[Nothing, Nothing]], Response]], LambdaHandler]: ...
def operation(
    route: str,
    summary: str,
    *,
    body: type[Any] = Nothing,
    query: type[Any] = Nothing,
    **declared: Unpack[Declared],
) -> Callable[[Callable[[Request[Any, Any]], Response]], LambdaHandler]:
    """Make a function one operation of the HTTP API.

    Parameters
    ----------
    route
        Method and path as in `template.yaml`, such as `GET /store/carts/{cart_id}`.
    summary
        One line for the API document.
    body, query, returns
        Models of the request's body and query and of the answer's body.
    status
        The status of an answer that names none.
    problems
        Named errors a caller must expect beyond those of every operation.
    creates
        Whether a repeated call with the same `Idempotency-Key` gets the first answer
        again instead of a second effect. The header is optional on these.
    keyed
        Whether the operation asks for the header and sees to repeats itself.
    also
        Other statuses the operation answers with, and their bodies.
    body_bytes_max
        How long a body may be, where not the usual.
    public_seconds
        How long anybody may keep an answer that is the same for all.
    shown_once
        Fields of the answer's body that a repeat does not get: they are not kept.
    publishable_key
        Whether it looks at the storefront's key in `X-Publishable-Key`.
    order_token
        Whether it is for the guest who has the order's token.
    before
        For the audit trail: reads what the operation is about to change, in the shape that
        it answers with. Raises NotFound where there is nothing yet.
    removes
        Whether the thing is gone afterwards, and the answer shows it as it was.
    """
    method, _, path = route.partition(" ")
    whole = Operation(method, path, summary, body, query, **declared)

    def decorate(function: Callable[[Request[Any, Any]], Response]) -> LambdaHandler:
        @logger.inject_lambda_context(clear_state=True)
        @metrics.log_metrics
        @wraps(function)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            request_id = _request_id(event, context)
            logger.append_keys(route=route, request_id=request_id)
            try:
                request = _parse(event, whole, request_id)
                answer = audited(whole, request, lambda: _answer(function, request, whole, context))
            except DomainError as error:
                answer = _refusal(error, request_id)
            except Exception:
                # The caller gets no inside view; the log has the trace under the same request id.
                logger.exception("unexpected error")
                answer = _internal_error(request_id)
            answer["headers"]["X-Request-Id"] = request_id
            if "Location" in answer["headers"]:
                answer["headers"]["Location"] = (
                    base_path(event, path) + answer["headers"]["Location"]
                )
            count(f"Http{answer['statusCode'] // 100}xx")
            return answer

        published = cast("Any", handler)
        published.operation = whole  # the OpenAPI document is made from it
        return cast("LambdaHandler", published)

    return decorate


def _request_id(event: Mapping[str, Any], context: LambdaContext) -> str:
    request_id: str = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
    return request_id


def base_path(event: Mapping[str, Any], route_path: str) -> str:
    """Give what stands before the route in the path that the caller asked for.

    That is the stage at the API's own address, and at a custom domain its base path, or
    nothing: `/live` of `/live/store/carts` for `/store/carts`.
    """
    whole = (event.get("requestContext") or {}).get("path") or ""
    parts = whole.rstrip("/").split("/")
    return "/".join(parts[: -route_path.count("/")])


def _parse(
    event: Mapping[str, Any], declared: Operation, request_id: str
) -> Request[BaseModel, BaseModel]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    sender = (event.get("requestContext") or {}).get("identity") or {}
    caller = caller_of(event, declared.route)
    path = path_parameters.checked(declared, event.get("pathParameters") or {})
    query = _validate(declared.query, _sent_query(event), "$query")
    sent = _sent_body(event) if declared.sends else b""
    document = _document(sent, headers, declared)
    return Request(
        path=path,
        body=_validate(declared.body, document, "$"),
        query=query,
        headers=headers,
        caller=caller,
        request_id=request_id,
        fingerprint=idempotency.fingerprint(declared.method, declared.path, path, document),
        raw_body=sent,
        ip=sender.get("sourceIp") or "",
        user_agent=sender.get("userAgent") or "",
    )


def _sent_body(event: Mapping[str, Any]) -> bytes:
    text: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(text)
    # A lone surrogate is in no text that came over HTTP.
    return text.encode("utf-8", "replace")


def _sent_query(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the query; what is said twice could be read one way here and another way elsewhere."""
    for name, values in (event.get("multiValueQueryStringParameters") or {}).items():
        if len(values) > 1:
            raise InvalidRequest(
                "a query parameter stands in the query once",
                errors=[{"path": f"$query.{name}", "code": "repeated", "detail": "send one"}],
            )
    return event.get("queryStringParameters") or {}


def _document(sent: bytes, headers: Mapping[str, str], declared: Operation) -> Any:
    """Read the body; an operation that takes none may be sent an empty one."""
    if len(sent) > declared.body_bytes_max:
        raise RequestTooLarge(f"send at most {declared.body_bytes_max} bytes")
    if declared.body is Nothing and not sent.strip():
        return {}
    # Where a client names no type, API Gateway does, and this is the one it names.
    media_type = headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type != JSON:
        raise UnsupportedMediaType(f"send the body as {JSON}")
    return _json(sent)


def _json(sent: bytes) -> Any:
    """Read JSON that every reader reads alike: UTF-8, no name twice, no NaN, no endless depth."""
    try:
        text = sent.decode("utf-8")
        if "\ufffd" in text:  # which API Gateway puts for bytes that are no UTF-8
            raise ValueError(text)
        document = json.loads(
            text,
            parse_float=_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_of_distinct_names,
        )
    except (ValueError, RecursionError):
        raise MalformedJson("the body must be one JSON document in UTF-8") from None
    level = [document]
    for _ in range(DEPTH_MAX):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return document
    raise MalformedJson(f"the body must be at most {DEPTH_MAX} levels deep")


def _parts(document: Any) -> list[Any]:
    if isinstance(document, dict):
        return list(document.values())
    return document if isinstance(document, list) else []


def _number(text: str) -> int | float:
    """Read a number with a point or an exponent; to JSON, as to our document, 2.0 is 2."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < EXACT_MAX else number


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _object_of_distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedJson("the body has a name twice in one object")
    return found


def _validate(model: type[BaseModel], value: Any, root: str) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest(
            UNPUBLISHED_SHAPE,
            errors=[
                {
                    "path": json_path(item["loc"], root),
                    "code": item["type"],
                    "detail": item["msg"],
                }
                for item in error.errors(include_url=False, include_input=False)[:FIELD_ERRORS_MAX]
            ],
        ) from None


def json_path(location: tuple[int | str, ...], root: str = "$") -> str:
    """Write where a field stands: `("line_items", 0, "sku")` is `$.line_items[0].sku`."""
    return root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


def _answer(
    function: Callable[[Request[Any, Any]], Response],
    request: Request[Any, Any],
    declared: Operation,
    context: LambdaContext,
) -> Answered:
    done: list[Answered] = []

    def once() -> dict[str, Any]:
        response = function(request)
        view = response.body if isinstance(response.body, BaseModel) else None
        done.append(Answered(_render(response, declared), view))
        return done[0].answer

    if not (declared.creates and "idempotency-key" in request.headers):
        once()
        return done[0]
    whose = request.caller.name
    if declared.order_token:
        # An answer kept for one guest is no other's who has come by the key.
        whose = idempotency.digest(request.order_token)
    if declared.publishable_key:
        # Nor is one kept for a storefront's key another's.
        whose = idempotency.digest(str(request.publishable_key))
    kept = idempotency.run_once(
        once,
        scope=f"{declared.method} {declared.path} {whose}",
        key=request.idempotency_key,
        fingerprint=request.fingerprint,
        context=context,
        not_kept=declared.shown_once,
    )
    return done[0] if done else Answered(kept, repeated=True)


def _render(response: Response, declared: Operation) -> dict[str, Any]:
    headers = dict(HEADERS)
    if declared.public_seconds:
        headers["Cache-Control"] = f"public, max-age={declared.public_seconds}"
    body = ""
    if isinstance(response.body, BaseModel):
        headers["Content-Type"] = JSON
        body = response.body.model_dump_json(exclude_none=True, by_alias=True)
    elif response.body is not None:
        body = response.body
    headers |= response.headers
    return {"statusCode": response.status or declared.status, "headers": headers, "body": body}


def _refusal(error: DomainError, request_id: str) -> dict[str, Any]:
    logger.info("refused", extra={"code": error.code(), "detail": error.sentence})
    headers = {**HEADERS, "Content-Type": PROBLEM_CONTENT_TYPE}
    wait = retry_after_seconds(error)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return {
        "statusCode": status_of(type(error)),
        "headers": headers,
        "body": json.dumps(problem(error, request_id)),
    }


def _internal_error(request_id: str) -> dict[str, Any]:
    document = {
        "type": "urn:pushcart:problem:internal_error",
        "title": "Internal error",
        "status": 500,
        "detail": "something broke on our side; tell us the request id",
        "code": "internal_error",
        "request_id": request_id,
    }
    return {
        "statusCode": 500,
        "headers": {**HEADERS, "Content-Type": PROBLEM_CONTENT_TYPE},
        "body": json.dumps(document),
    }
