"""The same request sent twice has one effect and one answer.

Powertools keeps the record in its own table: first the claim, then the answer. An
answer may be larger than a DynamoDB item, so it is kept compressed.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.serialization.custom_dict import (
    CustomDictSerializer,
)

from commerce.dynamo.table import DatabaseRefused, dynamodb_client, put_marked
from commerce.entry.telemetry import logger
from commerce.environment import environment
from commerce.errors import IdempotencyKeyReused, RequestInProgress
from commerce.outages import outage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 24 * 60 * 60
_FINGERPRINT_CHARS = 32


def fingerprint(method: str, path: str, parameters: Mapping[str, str], body: Any) -> str:
    """Give what tells two requests apart, whatever the order of their JSON keys."""
    document = json.dumps([method, path, dict(parameters), body], sort_keys=True)
    return digest(document)


def digest(text: str) -> str:
    """Give 128 bits of SHA-256 as hexadecimal text."""
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_CHARS]


def run_once(
    function: Callable[[], dict[str, Any]],
    *,
    scope: str,
    key: str,
    fingerprint: str,
    context: LambdaContext,
    not_kept: Collection[str] = (),
) -> dict[str, Any]:
    """Run the function, or give the answer it gave the first time.

    Parameters
    ----------
    function
        Gives the answer; an error it raises is not kept, so the caller may try again.
    scope
        The operation and caller the key belongs to.
    key, fingerprint
        The caller's key and what it was sent with.
    context
        Bounds how long a claim of a crashed function stands.
    not_kept
        Fields of the answer's body that the first call alone gets.

    Raises
    ------
    IdempotencyKeyReused
        The key came with another request before.
    RequestInProgress
        The first request has not ended.
    Throttled, DependencyUnavailable
        Nobody can say whether it was asked before, and nothing was done. Where only the
        answer cannot be kept, it is given all the same.
    """
    config = IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="fingerprint",
        expires_after_seconds=KEPT_SECONDS,
        lambda_context=context,
    )

    ended: list[Callable[[], dict[str, Any]]] = []

    def ask(*, request: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - Powertools reads it
        try:
            answer = function()
        except Exception as error:
            ended.append(partial(_raise, error))
            raise
        ended.append(lambda: answer)
        return answer

    once = idempotent_function(
        ask,
        data_keyword_argument="request",
        persistence_store=_records(),
        config=config,
        key_prefix=scope,
        output_serializer=CustomDictSerializer(to_dict=partial(_pack, not_kept), from_dict=_unpack),
    )
    try:
        answer: dict[str, Any] = once(request={"key": key, "fingerprint": fingerprint})
    except IdempotencyValidationError:
        raise IdempotencyKeyReused("this Idempotency-Key came with another request") from None
    except IdempotencyAlreadyInProgressError:
        raise RequestInProgress("the first request with this key is still at work") from None
    except IdempotencyPersistenceLayerError as broken:
        if not ended:
            raise _not_begun(broken.__cause__) from broken
        # What was done is done, and its answer only not kept. Who asks again is answered by
        # what the call left behind, as after a death.
        logger.warning("an answer was not kept", exc_info=True)
        return ended[0]()
    return answer


def _raise(error: Exception) -> NoReturn:
    raise error


def _not_begun(cause: BaseException | None) -> Exception:
    passing = outage(cause, "the database") if isinstance(cause, Exception) else None
    return passing or DatabaseRefused(str(cause))


@cache
def _records() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        table_name=environment().idempotency_table,
        boto3_client=cast("DynamoDBClient", _OwnClaims(dynamodb_client())),
    )


class _OwnClaims:
    """DynamoDB's client for Powertools, with which a claim is not taken for another's.

    Where the SDK repeats a claim that was written and not heard of, the second one fails its
    condition, and the caller would be told that somebody is at work who is not.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **arguments: Any) -> Any:
        """Write a claim that may stand there already."""
        return put_marked(self._client, **arguments)


def _pack(not_kept: Collection[str], answer: dict[str, Any]) -> dict[str, Any]:
    if not_kept:
        body = json.loads(answer["body"])
        kept = {name: value for name, value in body.items() if name not in not_kept}
        answer = {**answer, "body": json.dumps(kept)}
    packed = gzip.compress(json.dumps(answer).encode(), mtime=0)
    return {"gzip": base64.b64encode(packed).decode()}


def _unpack(record: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(record["gzip"])))
    return answer
