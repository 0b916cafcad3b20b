"""Stream batches and events that fail are tried again, as on AWS.

MiniStack hands a batch of a table's stream to its function and takes any answer for
success, also one that names failed records; a batch that raises blocks its stream for
good. It hands an event of a bus to its function once. On AWS, failed records come again
as often as the mapping says, a batch that raised is cut in two, and what fails for good
goes to the dead-letter queue, as an event does after two more tries. MiniStack also
forgets the streams' records when it stops, though not how far they were read, so the
first events after a restart would be passed over.

:func:`install` changes those things and nothing else. It is for the pinned MiniStack;
tests/local/test_event_delivery.py says what is expected of it.
"""

import copy
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import dynamodb, eventbridge, lambda_svc

Json = dict[str, Any]
Execute = Callable[[Json, Any], Json]
GiveUp = Callable[[Sequence[Json], Json], None]

# Seconds; AWS waits longer.
_PAUSES = (0.1, 0.2, 0.4)
# What MiniStack holds of streams: their records, and how many were dropped by age.
_STREAMS = ("_stream_records", "_stream_trimmed")

_polling = threading.local()


def install() -> None:
    """Let failures be tried again, in this process, before it serves anything."""
    lambda_svc._execute_function = _retrying_streams(lambda_svc._execute_function)
    lambda_svc._poll_dynamodb_streams = _marked(lambda_svc._poll_dynamodb_streams)
    eventbridge._dispatch_to_lambda = _dispatch_to_lambda
    dynamodb.get_state = _with_streams(dynamodb.get_state)
    dynamodb.load_persisted_state = _restoring_streams(dynamodb.load_persisted_state)


def is_polling() -> bool:
    """Tell whether this thread brings a stream's records to their function."""
    return getattr(_polling, "here", False)


def _marked(poll: Callable[[], bool]) -> Callable[[], bool]:
    """Let the poller's calls be told from those of somebody who sends a batch by hand."""

    def poll_dynamodb_streams() -> bool:
        _polling.here = True
        try:
            return poll()
        finally:
            _polling.here = False

    return poll_dynamodb_streams


def _with_streams(get_state: Callable[[], Json]) -> Callable[[], Json]:
    def state() -> Json:
        streams = {name: copy.deepcopy(getattr(dynamodb, name)) for name in _STREAMS}
        return {**get_state(), **streams}

    return state


def _restoring_streams(restore: Callable[[Any], None]) -> Callable[[Any], None]:
    def load_persisted_state(data: Any) -> None:
        restore(data)
        for name in _STREAMS:
            getattr(dynamodb, name).update((data or {}).get(name, {}))

    return load_persisted_state


def _dispatch_to_lambda(arn: str, payload: str) -> None:
    function, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def _retrying_streams(execute: Execute) -> Execute:
    def execute_function(function: Json, event: Any) -> Json:
        if not is_polling():
            return execute(function, event)
        records = event["Records"]
        arn = records[0]["eventSourceARN"]
        mapping = _mapping(function, arn)
        if mapping is None:
            return execute(function, event)

        def give_up(left: Sequence[Json], result: Json) -> None:
            lambda_svc._send_ddb_stream_failure_record(
                mapping, function, left, arn, result, "RetryAttemptsExhausted"
            )

        deliver(lambda batch: execute(function, {"Records": batch}), records, mapping, give_up)
        return {"body": None}  # every record was taken or given up: the stream goes on

    return execute_function


def deliver(
    call: Callable[[Sequence[Json]], Json],
    records: Sequence[Json],
    mapping: Mapping[str, Any],
    give_up: GiveUp,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Bring a batch of records to a function until each was taken or tried often enough.

    Parameters
    ----------
    call
        Calls the function with a batch and gives MiniStack's result.
    mapping
        The event source mapping, with AWS's names.
    give_up
        Takes the records that were tried too often, and the last result.
    """
    tries_again = int(mapping.get("MaximumRetryAttempts", 10))
    tries = 0
    while True:
        result = call(records)
        if result.get("error") and mapping.get("BisectBatchOnFunctionError") and len(records) > 1:
            half = len(records) // 2
            for part in (records[:half], records[half:]):
                deliver(call, part, mapping, give_up, pause)
            return
        left = _left(records, result, mapping)
        if not left:
            return
        tries = tries + 1 if len(left) == len(records) else 1
        records = left
        if tries > tries_again:
            give_up(records, result)
            return
        pause(_PAUSES[min(tries, len(_PAUSES)) - 1])


def _left(records: Sequence[Json], result: Json, mapping: Mapping[str, Any]) -> Sequence[Json]:
    """Give the records from the first failed one on: those come again."""
    if result.get("error"):
        return records
    answer = result.get("body")
    reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
    if not reports or not isinstance(answer, dict):
        return []
    failed = {each["itemIdentifier"] for each in answer.get("batchItemFailures") or []}
    for position, record in enumerate(records):
        if record["dynamodb"]["SequenceNumber"] in failed:
            return records[position:]
    return records if failed else []  # an unknown name fails the batch


def _mapping(function: Json, arn: str) -> Json | None:
    config = function.get("config") or function
    for _account, _region, mapping in lambda_svc._iter_all_esms():
        if mapping["EventSourceArn"] == arn and mapping["FunctionName"] == config["FunctionName"]:
            found: Json = mapping
            return found
    return None
