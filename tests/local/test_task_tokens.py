"""Tasks that wait for a token fail and are answered in the embedded cloud as on AWS."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from ministack.core import iam_actions
from ministack.services import stepfunctions

from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("small_shop")

GIVE_UP_SECONDS = 20.0


class Waiting:
    """One execution whose only task waits for a token."""

    def __init__(self, workspace: Workspace, how: str) -> None:
        self._cloud = Cloud(workspace)
        self._outputs = self._cloud.stack_outputs()
        self._name = uuid.uuid4().hex
        self._arn = self._cloud.stepfunctions.start_execution(
            stateMachineArn=self._outputs["WaitingArn"],
            name=self._name,
            input=json.dumps({"how": how}),
        )["executionArn"]

    def end(self) -> dict[str, Any]:
        """Wait for the execution's end, and say how it ended."""
        _wait_until(lambda: self.now()["status"] != "RUNNING")
        return self.now()

    def now(self) -> dict[str, Any]:
        """Say how the execution stands."""
        return dict(self._cloud.stepfunctions.describe_execution(executionArn=self._arn))

    def answered_by(self, function: str) -> str:
        """Have a function answer once there is a token; give what it says."""
        payload = json.dumps({"token": self._token()})
        name = self._outputs[f"{function}Name"]
        answer = self._cloud.functions.invoke(FunctionName=name, Payload=payload)
        said: str = json.loads(answer["Payload"].read())
        return said

    def _token(self) -> str:
        def note() -> dict[str, Any]:
            key = {"id": {"S": self._name}}
            table = self._outputs["NotesTable"]
            return dict(self._cloud.dynamodb.get_item(TableName=table, Key=key))

        _wait_until(lambda: "Item" in note())
        token: str = note()["Item"]["token"]["S"]
        return token


def _wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_function_that_fails_fails_its_task_at_once(small_shop: Workspace) -> None:
    execution = Waiting(small_shop, "by raising").end()

    assert (execution["status"], execution["output"]) == ("SUCCEEDED", '"caught"')


def test_only_a_role_that_names_the_state_machine_may_answer(small_shop: Workspace) -> None:
    execution = Waiting(small_shop, "not at all")

    assert execution.answered_by("Stranger") == "AccessDeniedException"
    assert execution.now()["status"] == "RUNNING"
    assert execution.answered_by("Answer") == "taken"
    assert execution.end()["output"] == '"answered"'


def test_ministack_alone_still_waits_for_an_answer_nobody_can_give() -> None:
    task = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    with pytest.raises(stepfunctions._ExecutionError) as failed:
        stepfunctions._invoke_with_callback(
            task, {"FunctionName": "gone"}, "token-1", {"TimeoutSeconds": 0.01}
        )

    assert failed.value.error == "States.Timeout", (
        "MiniStack now fails a task whose function fails: remove it from pushcart/task_tokens.py."
    )


def test_ministack_alone_still_does_not_know_whose_task_a_token_is() -> None:
    headers = {"x-amz-target": "AWSStepFunctions.SendTaskSuccess"}
    body = json.dumps({"taskToken": "token-1", "output": "{}"}).encode()

    arn = iam_actions.extract_resource_arn(
        "states", "POST", "/", headers, body, {}, "us-east-1", "000000000000"
    )

    assert arn == "*", (
        "MiniStack now names a token's state machine: remove it from pushcart/task_tokens.py."
    )
