"""The real handlers of the API in this process, as API Gateway calls them.

Their AWS clients are the real ones; what these send is answered by an emulated database, and
a checkout's execution by the real steps, one after the other.
"""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from cloud_in_memory import ROOT
from commerce.dynamo.table import dynamodb_client
from commerce.queues import sqs_client
from commerce.secret import secrets_client
from commerce.workflows import step_functions_client
from store.emulated_dynamodb import EmulatedDynamoDb

# The states of place_order.asl.json, with the functions that are its tasks.
STEPS = ("orders/place_order", "stock/reserve_stock", "payments/authorize_payment")
CONFIRM = "orders/confirm_order"
_OF_A_STEP = (
    "order_id",
    "cart_id",
    "attempt",
    "expected_total",
    "idempotency_key",
    "fingerprint",
    "payment",
)


@dataclass(frozen=True)
class Answer:
    """An answer of the API; `text` is its body as it was sent."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        """What the body says."""
        return json.loads(self.text)


class _Context:
    function_name = "a-function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:a-function"
    aws_request_id = "request"

    def __init__(self, milliseconds: int = 10_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class HandlersAtWork:
    """Calls handlers by folder and name, such as `orders/get_order`.

    `written` are the partitions that they wrote to, or would have, since it was emptied.
    `milliseconds` is how long a function may still run, so how long a claim of a key stands.
    """

    milliseconds = 10_000

    def __init__(self, database: EmulatedDynamoDb) -> None:
        self._database = database
        self.written: set[str] = set()

    def call(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        customer: str | None = None,
        staff: str | None = None,
        **more: Mapping[str, str],
    ) -> Answer:
        """Call an operation; `more` are `headers` and `query`.

        Parameters
        ----------
        customer
            Whose access token API Gateway has verified, by id; nobody's where None.
        staff
            The role of the member of staff whose token the authorizer has verified.
        """
        claims: dict[str, Any] = {}
        if customer:
            claims = {"claims": {"sub": customer.removeprefix("customer_")}}
        if staff:
            claims = {"kind": "staff", "id": "1", "name": "ada", "roles": staff}
        event = {
            "requestContext": {"requestId": "request", "authorizer": claims},
            "pathParameters": dict(path or {}),
            "queryStringParameters": dict(more.get("query", {})),
            "headers": dict(more.get("headers", {})),
            "body": None if body is None else json.dumps(body),
        }
        given = _module(name).handler(event, _Context(self.milliseconds))
        return Answer(given["statusCode"], given["body"], given["headers"])

    @contextmanager
    def working(self) -> Iterator[None]:
        """Answer what the handlers send to AWS, as long as this holds."""
        answers: tuple[tuple[Any, str, Any], ...] = (
            (dynamodb_client(), "before-send.dynamodb", self._query),
            (step_functions_client(), "before-send.sfn", self._execute),
            (secrets_client(), "before-send.secretsmanager", _tell_secret),
            (sqs_client(), "before-send.sqs", _take_message),
        )
        for client, event, answer in answers:
            client.meta.events.register_first(event, answer)
        try:
            yield
        finally:
            for client, event, answer in answers:
                client.meta.events.unregister(event, answer)

    def _query(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation, document = _asked(request)
        self.written |= set(_written(operation, document))
        status, answer = self._asked_of_database(operation, document)
        return _response(request, status, answer)

    def _asked_of_database(self, operation: str, document: Any) -> tuple[int, Any]:
        """Give the database's answer; a test that disturbs it has its own."""
        return self._database.answer(operation, document)

    def _execute(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation, document = _asked(request)
        answer: dict[str, Any] = {"executionArn": "arn", "startDate": 0}
        if operation == "StartSyncExecution":
            answer |= {"stopDate": 0, **_placed(json.loads(document["input"]))}
        return _response(request, 200, answer)


def _tell_secret(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    return _response(request, 200, {"SecretString": "a secret of the tests"})


def _take_message(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    return _response(request, 200, {"MessageId": "a message of the tests"})


def _placed(given: Mapping[str, Any]) -> dict[str, str]:
    """Take an order through the steps; one that is refused stays in flight for the sweep."""
    inputs = (
        {name: given[name] for name in _OF_A_STEP} | {"execution": given["order_id"]},
        {"order_id": given["order_id"]},
        {"order_id": given["order_id"], "payment": given["payment"]},
    )
    try:
        for step, document in zip(STEPS, inputs, strict=True):
            _module(step).handler(document, _Context())
        _module(CONFIRM).handler({"order_id": given["order_id"]}, _Context())
    except Exception as error:
        cause = json.dumps({"errorMessage": str(error)})
        return {"status": "FAILED", "error": type(error).__name__, "cause": cause}
    return {"status": "SUCCEEDED", "output": "{}"}


def _asked(request: Any) -> tuple[str, Any]:
    target = request.headers["X-Amz-Target"]
    target = target.decode() if isinstance(target, bytes) else target
    return target.rpartition(".")[2], json.loads(request.body)


def _written(operation: str, document: Any) -> Iterator[str]:
    """Name the partitions that a call to the database would write to."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        writes = [document]
    elif operation == "TransactWriteItems":
        writes = [next(iter(each.values())) for each in document["TransactItems"]]
    elif operation == "BatchWriteItem":
        tables = document["RequestItems"].values()
        writes = [each["PutRequest"] for requests in tables for each in requests]
    else:
        return
    for write in writes:
        key = write.get("Item") or write["Key"]
        yield key["pk"]["S"] if "pk" in key else ""


def _response(request: AWSPreparedRequest, status: int, document: Any) -> AWSResponse:
    raw = _Raw(json.dumps(document).encode())
    return AWSResponse(request.url, status, HTTPHeaders(), raw)


@cache
def _module(name: str) -> ModuleType:
    path = ROOT / f"functions/{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
