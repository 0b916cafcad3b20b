"""The walker of state machines does what AWS does, on a tiny machine of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from commerce.errors import NotFound
from commerce.workflows import Outcome
from state_machine import (
    ExecutionAlreadyExists,
    ExecutionDied,
    InvalidToken,
    StateMachine,
    TaskTimedOut,
    TaskTokens,
)

ASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {
        "FunctionName": "${AskFunctionArn}",
        "Payload": {
            "order_id.$": "$.order_id",
            "execution.$": "$$.Execution.Name",
            "task_token.$": "$$.Task.Token",
        },
    },
    "ResultSelector": {"carrier.$": "$.carrier"},
    "ResultPath": "$.shipment",
    "TimeoutSeconds": 60,
    "Retry": [
        {
            "ErrorEquals": ["Busy", "States.Timeout"],
            "IntervalSeconds": 2,
            "MaxAttempts": 1,
            "BackoffRate": 2,
            "MaxDelaySeconds": 9,
        }
    ],
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Refused"}],
    "Next": "Told",
}
TELL = {
    "StartAt": "Ask",
    "States": {
        "Ask": ASK,
        "Told": {"Type": "Pass", "Result": "yes", "ResultPath": "$.told", "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 7, "Next": "Done"},
        "Done": {"Type": "Succeed"},
        "Refused": {
            "Type": "Fail",
            "ErrorPath": "$.failure.Error",
            "CausePath": "$.failure.Cause",
        },
    },
}


@dataclass
class Desk:
    """Gets the question, and does at once what a test wants done."""

    at_once: Callable[[dict[str, Any]], Any] = lambda _given: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    tokens: TaskTokens = field(default_factory=TaskTokens)

    def machine(self) -> StateMachine:
        return StateMachine(TELL, {"Ask": self._ask}, self.waits.append, self.tokens)

    def token(self, number: int = -1) -> str:
        return str(self.asked[number]["task_token"])

    def _ask(self, given: dict[str, Any]) -> Any:
        self.asked.append(given)
        return self.at_once(given)


def test_an_execution_waits_until_its_token_is_answered() -> None:
    desk = Desk()
    execution = desk.machine().start("one", {"order_id": "order_1"})
    assert (execution.status, execution.waits_for) == ("RUNNING", desk.token())
    assert desk.asked == [
        {"order_id": "order_1", "execution": "one", "task_token": execution.waits_for}
    ]
    desk.tokens.answer(desk.token(), {"carrier": "DHL", "secret": 1})
    assert execution.status == "SUCCEEDED"
    assert execution.output == {
        "order_id": "order_1",
        "shipment": {"carrier": "DHL"},
        "told": "yes",
    }
    assert (execution.entered, desk.waits) == (["Ask", "Told", "Pause", "Done"], [7])


def test_an_answer_given_while_the_function_runs_counts_though_the_function_fails_then() -> None:
    desk = Desk()

    def answer(given: dict[str, Any]) -> None:
        desk.tokens.answer(given["task_token"], {"carrier": "DHL"})
        raise NotFound("too late")

    desk.at_once = answer
    assert desk.machine().start("one", {"order_id": "order_1"}).status == "SUCCEEDED"


def test_a_task_that_failed_waits_for_no_answer() -> None:
    desk = Desk()

    def refuse(_given: dict[str, Any]) -> None:
        raise NotFound("no such order")

    desk.at_once = refuse
    execution = desk.machine().start("one", {"order_id": "order_1"})
    assert (execution.status, execution.error) == ("FAILED", "NotFound")
    with pytest.raises(TaskTimedOut):
        desk.tokens.answer(desk.token(), {})


def test_a_token_is_answered_once_and_must_be_one() -> None:
    desk = Desk()
    desk.machine().start("one", {"order_id": "order_1"})
    desk.tokens.answer(desk.token(), {"carrier": "DHL"})
    for again in (desk.tokens.time_out, lambda token: desk.tokens.fail(token, "Late")):
        with pytest.raises(TaskTimedOut):
            again(desk.token())
    with pytest.raises(InvalidToken):
        desk.tokens.answer("made up")


def test_a_failure_that_is_retried_asks_again_with_a_new_token() -> None:
    desk = Desk()
    execution = desk.machine().start("one", {"order_id": "order_1"})
    desk.tokens.time_out(desk.token())
    assert (execution.status, len(desk.asked), desk.waits) == ("RUNNING", 2, [2])
    with pytest.raises(TaskTimedOut):
        desk.tokens.answer(desk.token(0), {})
    desk.tokens.fail(desk.token(1), "Busy", "the second time")
    assert (execution.status, execution.error, execution.cause) == (
        "FAILED",
        "Busy",
        "the second time",
    )


def test_many_executions_wait_at_once_and_each_goes_on_by_its_own_token() -> None:
    desk = Desk()
    machine, other = desk.machine(), desk.machine()
    for name in ("one", "two", "three"):
        machine.start(name, {"order_id": name})
    other.start("one", {"order_id": "of the other machine"})
    desk.tokens.fail(desk.token(2), "Lost")
    desk.tokens.answer(desk.token(3), {"carrier": "UPS"})
    desk.tokens.answer(desk.token(1), {"carrier": "DHL"})
    assert {name: each.status for name, each in machine.executions.items()} == {
        "one": "RUNNING",
        "two": "SUCCEEDED",
        "three": "FAILED",
    }
    assert other.executions["one"].status == "SUCCEEDED"


def test_a_task_may_answer_another_execution() -> None:
    desk = Desk()
    machine = desk.machine()
    first = machine.start("one", {"order_id": "order_1"})
    desk.at_once = lambda _given: desk.tokens.answer(desk.token(0), {"carrier": "DHL"})
    second = machine.start("two", {"order_id": "order_1"})
    assert (first.status, second.status) == ("SUCCEEDED", "RUNNING")


def test_a_name_is_used_once_though_its_execution_has_ended() -> None:
    desk = Desk()
    machine = desk.machine()
    machine.start("one", {"order_id": "order_1"})
    for _ in range(2):
        with pytest.raises(ExecutionAlreadyExists):
            machine.start("one", {"order_id": "order_1"})
        if desk.tokens.is_open(desk.token()):
            desk.tokens.answer(desk.token(), {"carrier": "DHL"})
    assert len(desk.asked) == 1


def test_an_execution_that_dies_is_aborted_and_tells_whoever_drove_it() -> None:
    desk = Desk()

    def die(_given: dict[str, Any]) -> None:
        raise ExecutionDied

    desk.at_once = die
    machine = desk.machine()
    with pytest.raises(ExecutionDied):
        machine.start("one", {"order_id": "order_1"})
    assert machine.executions["one"].status == "ABORTED"


def chosen(rule: dict[str, Any], **data: Any) -> bool:
    """Tell whether a choice takes the rule's way."""
    machine = StateMachine(
        {
            "StartAt": "Choose",
            "States": {
                "Choose": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
                "Yes": {"Type": "Succeed"},
                "No": {"Type": "Fail", "Error": "No"},
            },
        },
        {},
        lambda _seconds: None,
    )
    return machine.execute("one", data).status == "SUCCEEDED"


A = {"Variable": "$.a"}
B = {"Variable": "$.b", "NumericGreaterThan": 1}


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ({**A, "StringEquals": "x"}, [{"a": "x"}], [{"a": "y"}, {"a": 1}]),
        ({**A, "BooleanEquals": True}, [{"a": True}], [{"a": False}, {"a": 1}]),
        ({**A, "NumericEquals": 1}, [{"a": 1}], [{"a": 2}, {"a": True}, {"a": "1"}]),
        (B, [{"b": 2}], [{"b": 1}, {"b": "2"}]),
        ({**A, "IsPresent": True}, [{"a": None}], [{}]),
        ({**A, "IsPresent": False}, [{}], [{"a": None}]),
        ({"Variable": "$.a.c", "IsPresent": True}, [{"a": {"c": 1}}], [{}, {"a": {}}, {"a": 1}]),
        ({"And": [{**A, "IsPresent": True}, B]}, [{"a": 1, "b": 2}], [{"b": 2}, {"a": 1, "b": 0}]),
        ({"Not": B}, [{"b": 1}], [{"b": 2}]),
    ],
)
def test_a_choice_goes_the_way_of_the_rule_that_holds(
    rule: dict[str, Any], yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    assert [chosen(rule, **data) for data in yes] == [True] * len(yes)
    assert [chosen(rule, **data) for data in no] == [False] * len(no)


def test_a_result_takes_the_datas_place_unless_the_path_says_otherwise() -> None:
    def machine(**task: Any) -> StateMachine:
        state = {
            "Type": "Task",
            "Resource": "${CountFunctionArn}",
            "Parameters": {"nested": {"n.$": "$.n"}},
            **task,
            "End": True,
        }
        definition = {"StartAt": "Count", "States": {"Count": state}}
        return StateMachine(
            definition, {"Count": lambda given: given["nested"]["n"] + 1}, lambda _: None
        )

    assert machine().start("one", {"n": 1}).output == 2
    assert machine(ResultPath=None).start("one", {"n": 1}).output == {"n": 1}
    assert machine(ResultPath="$.m").start("one", {"n": 1}).output == {"n": 1, "m": 2}


def test_an_error_that_nothing_catches_and_a_choice_that_nothing_matches_fail() -> None:
    choice = {"Type": "Choice", "Choices": [{**A, "StringEquals": "x", "Next": "Choose"}]}
    machine = StateMachine({"StartAt": "Choose", "States": {"Choose": choice}}, {}, print)
    assert machine.execute("one", {"a": "y"}) == Outcome("FAILED", "States.NoChoiceMatched")


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Parallel"},
        {"Type": "Pass", "InputPath": "$.a"},
        {"Type": "Wait", "TimestampPath": "$.at"},
    ],
)
def test_what_the_walker_does_not_know_it_refuses(state: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        StateMachine({"StartAt": "X", "States": {"X": state}}, {}, print)
