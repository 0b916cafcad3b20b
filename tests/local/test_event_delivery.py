"""Batches of a stream are tried again in the embedded cloud as on AWS.

What MiniStack does by itself is in the second test: when it fails, MiniStack tries
again too, and pushcart/event_delivery.py may be no longer needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from ministack.services import lambda_svc

from pushcart.event_delivery import deliver

MAPPING = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 2,
}


def batch(count: int) -> list[dict[str, Any]]:
    return [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(count)]


class Function:
    """Reports some records as failed and dies of others, as often as it is told to."""

    def __init__(self, refuses: dict[int, int] | None = None, dies_of: int | None = None) -> None:
        self.refuses = refuses or {}
        self.dies_of = dies_of
        self.taken: list[int] = []
        self.given_up: list[int] = []
        self.pauses: list[float] = []

    def __call__(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Answer as MiniStack does."""
        numbers = _numbers(records)
        if self.dies_of in numbers:
            return {"error": True, "body": {"errorType": "Runtime.ExitError"}}
        failed = [number for number in numbers if self.refuses.get(number, 0) > 0]
        for number in failed:
            self.refuses[number] -= 1
        self.taken += [number for number in numbers if number not in failed]
        return {"body": {"batchItemFailures": [{"itemIdentifier": str(n)} for n in failed]}}

    def bring(self, count: int) -> Function:
        """Bring a batch of so many records."""

        def give_up(records: Sequence[dict[str, Any]], _result: dict[str, Any]) -> None:
            self.given_up += _numbers(records)

        deliver(self, batch(count), MAPPING, give_up, self.pauses.append)
        return self


def _numbers(records: Sequence[dict[str, Any]]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


def test_ministack_takes_any_answer_for_success() -> None:
    source = inspect.getsource(lambda_svc._poll_dynamodb_streams)

    assert "batchItemFailures" not in source
    assert "RetryAttemptsExhausted" not in source


def test_a_batch_without_failures_comes_once() -> None:
    function = Function().bring(3)

    assert (function.taken, function.given_up, function.pauses) == ([0, 1, 2], [], [])


def test_records_come_again_from_the_first_failed_one_on() -> None:
    function = Function({1: 1}).bring(3)

    assert function.taken == [0, 2, 1, 2]
    assert function.given_up == []


def test_a_record_that_always_fails_is_given_up_and_the_others_were_taken() -> None:
    function = Function({1: 99}).bring(3)

    assert set(function.taken) == {0, 2}
    assert 1 in function.given_up
    assert 99 - function.refuses[1] == 1 + int(str(MAPPING["MaximumRetryAttempts"]))


def test_a_batch_that_kills_the_function_is_cut_until_one_record_is_left() -> None:
    function = Function(dies_of=2).bring(5)

    assert sorted(function.taken) == [0, 1, 3, 4]
    assert function.given_up == [2]
