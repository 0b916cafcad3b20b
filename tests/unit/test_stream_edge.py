"""The stream edge: each record by itself, and failed ones named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from commerce.dynamo.table import to_wire
from commerce.entry.stream import stream
from commerce.events.model import Change

CONTEXT: Any = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r"
)


def record(number: int, **written: Any) -> dict[str, Any]:
    key = {"pk": f"item-{number}", "sk": "order"}
    return {
        "eventID": str(number),
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/orders/stream/now",
        "dynamodb": {
            "Keys": to_wire(key),
            "NewImage": to_wire({**key, "version": number}),
            "SequenceNumber": f"seq-{number}",
            "ApproximateCreationDateTime": 1772366400.25,
            **written,
        },
    }


class Consumer:
    """Takes every change but those of some versions."""

    def __init__(self, *refused: int) -> None:
        self.refused = refused
        self.taken: list[Change] = []

    def __call__(self, change: Change) -> None:
        """Take a change."""
        assert change.new is not None
        if change.new["version"] in self.refused:
            raise LookupError("no such thing")
        self.taken.append(change)

    def batch(self, *records: dict[str, Any]) -> list[str]:
        """Take a batch, and give the sequence numbers of the failed records."""

        @stream
        def handler(change: Change) -> None:
            self(change)

        answer = handler({"Records": list(records)}, CONTEXT)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_change_has_key_both_images_and_the_time_it_was_written() -> None:
    consumer = Consumer()
    old = {"pk": "item-2", "sk": "order", "version": 1}

    assert consumer.batch(record(2, OldImage=to_wire(old))) == []

    (change,) = consumer.taken
    assert change == Change(
        {"pk": "item-2", "sk": "order"},
        old,
        {"pk": "item-2", "sk": "order", "version": 2},
        "2026-03-01T12:00:00.250Z",
    )


def test_a_record_that_fails_is_named_and_those_after_it_are_taken() -> None:
    consumer = Consumer(2)

    failed = consumer.batch(record(1), record(2), record(3))

    assert failed == ["seq-2"]
    assert [change.key["pk"] for change in consumer.taken] == ["item-1", "item-3"]


def test_a_record_that_cannot_be_read_fails_alone() -> None:
    consumer = Consumer()

    failed = consumer.batch(record(1, NewImage={"version": {"N": "0.5"}}), record(2))

    assert failed == ["seq-1"]
    assert len(consumer.taken) == 1


def test_a_batch_that_fails_whole_is_named_record_by_record() -> None:
    assert Consumer(1, 2).batch(record(1), record(2)) == ["seq-1", "seq-2"]
