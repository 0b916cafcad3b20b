"""The HTTP edge: one decorator makes a function an operation of the API.

It owns parsing, the staff check, idempotency, logging, metrics, JSON and
problem documents. What an operation takes and gives is declared once, in the
decorator, and the OpenAPI document is generated from that same declaration.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack, cast, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from commerce.entry import idempotency
from commerce.entry.problems import PROBLEM_CONTENT_TYPE, problem, retry_after_seconds, status_of
from commerce.entry.telemetry import count, logger, metrics
from commerce.errors import (
    DomainError,
    Forbidden,
    IdempotencyKeyRequired,
    InvalidRequest,
    MalformedJson,
    PreconditionRequired,
    RequestTooLarge,
    Unauthenticated,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STAFF_GROUP = "staff"
IDEMPOTENCY_KEY_CHARS_MAX = 255

# On every answer: nothing of the API is a page, and nothing of it is to be kept.
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Location, Retry-After, X-Request-Id",
}


class Nothing(BaseModel):
    """The body or query of an operation that takes none."""

    # A stray query parameter, such as a tracking one, does no harm.
    model_config = ConfigDict(extra="ignore", frozen=True)


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
    caller: str
    request_id: str
    fingerprint: str
    raw_body: bytes = b""

    @property
    def idempotency_key(self) -> str:
        """The caller's `Idempotency-Key`.

        Raises
        ------
        IdempotencyKeyRequired
            The header is missing or too long.
        """
        key = self.headers.get("idempotency-key", "").strip()
        if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX:
            raise IdempotencyKeyRequired(
                "send an Idempotency-Key header of 1 to 255 characters, new for each new request"
            )
        return key

    @property
    def call_key(self) -> str:
        """What an id of this call may follow from: the same for all repeats of one call.

        A call without an `Idempotency-Key` is a call of its own.
        """
        key = self.headers.get("idempotency-key", "").strip()
        return f"{self.caller} {key}" if key else self.request_id

    @property
    def if_match(self) -> int:
        """The version the caller's update is based on, from `If-Match: "7"`.

        Raises
        ------
        PreconditionRequired
            The header is missing or is not an ETag of ours.
        """
        tag = self.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
        if not tag.isascii() or not tag.isdigit():
            raise PreconditionRequired("send the ETag you read in an If-Match header")
        return int(tag)


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
    body_bytes_max: int | None = None

    @property
    def staff(self) -> bool:
        """Whether only staff may call it."""
        return self.path.startswith("/admin/")


class Declared(TypedDict, total=False):
    """What an operation may declare of itself; see `operation`."""

    returns: type[BaseModel]
    status: int
    problems: tuple[type[DomainError], ...]
    creates: bool
    keyed: bool
    also: Mapping[int, type[BaseModel]]
    body_bytes_max: int


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
        How long a body may be, where less than what API Gateway takes.
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
                answer = _answer(function, request, whole, context)
            except DomainError as error:
                answer = _refusal(error, request_id)
            except Exception:
                # The caller gets no inside view; the log has the trace under the same request id.
                logger.exception("unexpected error")
                answer = _internal_error(request_id)
            answer["headers"]["X-Request-Id"] = request_id
            count(f"Http{answer['statusCode'] // 100}xx")
            return answer

        published = cast("Any", handler)
        published.operation = whole  # the OpenAPI document is made from it
        return cast("LambdaHandler", published)

    return decorate


def _request_id(event: Mapping[str, Any], context: LambdaContext) -> str:
    request_id: str = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
    return request_id


def _parse(
    event: Mapping[str, Any], declared: Operation, request_id: str
) -> Request[BaseModel, BaseModel]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    caller = _staff_caller(event) if declared.staff else ""
    sent = _sent_body(event)
    if declared.body_bytes_max is not None and len(sent) > declared.body_bytes_max:
        raise RequestTooLarge(f"send at most {declared.body_bytes_max} bytes")
    document = _json(sent) if declared.body is not Nothing else {}
    return Request(
        path=event.get("pathParameters") or {},
        body=_validate(declared.body, document, "$"),
        query=_validate(declared.query, event.get("queryStringParameters") or {}, "$query"),
        headers=headers,
        caller=caller,
        request_id=request_id,
        fingerprint=idempotency.fingerprint(
            declared.method, declared.path, event.get("pathParameters") or {}, document
        ),
        raw_body=sent,
    )


def _staff_caller(event: Mapping[str, Any]) -> str:
    """Name the staff member who calls; API Gateway has verified the token already."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = authorizer.get("claims") or {}
    if not claims.get("sub"):
        raise Unauthenticated("sign in as staff and send the token in the Authorization header")
    # API Gateway flattens the list claim to text: "staff", "a,staff" or "[a staff]".
    groups = claims.get("cognito:groups") or ""
    if not isinstance(groups, str):
        groups = ",".join(groups)
    if STAFF_GROUP not in groups.strip("[]").replace(",", " ").split():
        raise Forbidden("only staff may do this")
    caller: str = claims.get("email") or claims.get("cognito:username") or claims["sub"]
    return caller


def _sent_body(event: Mapping[str, Any]) -> bytes:
    text: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(text)
    # A lone surrogate is in no text that came over HTTP.
    return text.encode("utf-8", "replace")


def _json(sent: bytes) -> Any:
    try:
        return json.loads(sent.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedJson("the body must be one JSON document") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _validate(model: type[BaseModel], value: Any, root: str) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest(
            "the request does not have the published shape",
            errors=[
                {
                    "path": json_path(item["loc"], root),
                    "code": item["type"],
                    "detail": item["msg"],
                }
                for item in error.errors(include_url=False, include_input=False)
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
) -> dict[str, Any]:
    def once() -> dict[str, Any]:
        return _render(function(request), declared.status)

    if not (declared.creates and "idempotency-key" in request.headers):
        return once()
    return idempotency.run_once(
        once,
        scope=f"{declared.method} {declared.path} {request.caller}",
        key=request.idempotency_key,
        fingerprint=request.fingerprint,
        context=context,
    )


def _render(response: Response, status: int) -> dict[str, Any]:
    headers = dict(HEADERS)
    body = ""
    if isinstance(response.body, BaseModel):
        headers["Content-Type"] = "application/json"
        body = response.body.model_dump_json(exclude_none=True, by_alias=True)
    elif response.body is not None:
        body = response.body
    headers |= response.headers
    return {"statusCode": response.status or status, "headers": headers, "body": body}


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
