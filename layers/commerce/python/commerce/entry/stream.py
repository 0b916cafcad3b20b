"""The stream edge: one decorator makes a function a consumer of tables' streams.

Each record is tried by itself, whatever became of those before it. Those that fail are
named in the answer, and Lambda brings them again, from the first of them on, and in
the end leaves them to the dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from commerce.clock import to_text
from commerce.dynamo.table import from_wire
from commerce.entry.telemetry import count, logger, metrics
from commerce.events.model import Change

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

StreamHandler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


def stream(function: Callable[[Change], None]) -> StreamHandler:
    """Make a function the consumer of streams' changes, one at a time."""

    def one(record: DynamoDBRecord) -> None:
        try:
            function(_change(record.raw_event))
        except Exception:
            count("StreamRecordFailed")
            logger.exception("a record was not understood", extra=_name(record.raw_event))
            raise
        count("StreamRecordTaken")

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    @wraps(function)
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        processor = BatchProcessor(
            event_type=EventType.DynamoDBStreams,
            # A batch of one bad record is no reason to cut batches in two.
            raise_on_entire_batch_failure=False,
        )
        answer = process_partial_response(
            event=event, record_handler=one, processor=processor, context=context
        )
        return cast("dict[str, Any]", answer)

    return cast("StreamHandler", handler)


def _change(record: Mapping[str, Any]) -> Change:
    written = record["dynamodb"]
    images = {
        name: from_wire(written[name]) for name in ("OldImage", "NewImage") if name in written
    }
    at = datetime.fromtimestamp(written["ApproximateCreationDateTime"], UTC)
    return Change(
        from_wire(written["Keys"]), images.get("OldImage"), images.get("NewImage"), to_text(at)
    )


def _name(record: Mapping[str, Any]) -> dict[str, Any]:
    """Name a record without telling what is in it: an order's record is personal."""
    return {
        "stream": record.get("eventSourceARN"),
        "sequence_number": record["dynamodb"].get("SequenceNumber"),
    }
