"""The port to state machines: start one, and wait for it or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from commerce.errors import DependencyUnavailable, Throttled
from commerce.outages import named_outages

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

SUCCEEDED = "SUCCEEDED"
STILL_RUNNING = "RUNNING"

_SERVICE = "the state machine"
# Throttles that only Step Functions has.
_FULL = {"ExecutionLimitExceeded", "KmsThrottlingException"}
_NOBODY_WAITS = {"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"}

# API Gateway waits 29 seconds; within them the caller must still get an answer.
_ANSWER_WITHIN_SECONDS = 24


@dataclass(frozen=True)
class Outcome:
    """How an execution ended; `error` is the class name of the error that failed it."""

    status: str
    error: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    execution: str = ""


@cache
def step_functions_client() -> SFNClient:
    """Give this process's client; a call that took long is not sent again."""
    config = Config(
        connect_timeout=2,
        read_timeout=_ANSWER_WITHIN_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("stepfunctions", config=config)


class StateMachine:
    """One state machine."""

    def __init__(self, arn: str, client: SFNClient | None = None) -> None:
        self._arn = arn
        self._client = client or step_functions_client()

    def run(self, document: Mapping[str, Any]) -> Outcome:
        """Start an Express execution and wait for its end, or for as long as a caller may wait.

        Where no answer tells how it ended, or whether it began, it may be at work.

        Raises
        ------
        Throttled
            It did not begin.
        """
        try:
            with _named():
                answer = self._client.start_sync_execution(
                    stateMachineArn=self._arn, input=json.dumps(document)
                )
        except DependencyUnavailable:
            return Outcome(STILL_RUNNING)
        return Outcome(
            answer["status"],
            answer.get("error", ""),
            error_details(answer.get("cause", "")),
            answer.get("executionArn", ""),
        )

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """Start a Standard execution; tell whether one of this name is under way then.

        AWS takes a start that repeats a name and its input while that execution is under way
        for the same one. A name of one that has ended starts nothing for 90 days.

        Raises
        ------
        Throttled, DependencyUnavailable
            It may not have begun; started again under the name, it begins once.
        """
        try:
            with _named():
                self._client.start_execution(
                    stateMachineArn=self._arn, name=name, input=json.dumps(document)
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return False
        return True


class TaskTokens:
    """The executions that wait for an answer from outside."""

    def __init__(self, client: SFNClient | None = None) -> None:
        self._client = client or step_functions_client()

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        """Let the task that waits with a token succeed; False where none waits any more.

        Raises
        ------
        Throttled, DependencyUnavailable
            It may not have been told.
        """
        try:
            with _named():
                self._client.send_task_success(taskToken=token, output=json.dumps(output))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOBODY_WAITS:
                raise
            return False
        return True

    def is_open(self, token: str) -> bool:
        """Tell whether a task still waits with a token; raises as `answer` does."""
        try:
            with _named():
                self._client.send_task_heartbeat(taskToken=token)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOBODY_WAITS:
                raise
            return False
        return True


@contextmanager
def _named() -> Iterator[None]:
    with named_outages(_SERVICE):
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in _FULL:
                raise Throttled(f"{_SERVICE} asked for fewer executions") from error
            raise


def error_details(cause: str) -> dict[str, Any]:
    """Read a named error's sentence and details out of the cause a state machine gives.

    The cause is a function's error document, whose message is the JSON that
    `DomainError.to_cause` wrote. What was not written by a task gives nothing.
    """
    try:
        message = json.loads(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return {}
    return message if isinstance(message, dict) else {}


def failure_sentence(cause: str) -> str:
    """Say in a sentence what a cause tells: a named error's own, else the whole message."""
    sentence = error_details(cause).get("sentence")
    if sentence:
        return str(sentence)
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return cause
