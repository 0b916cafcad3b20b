"""Walks the real state machine files, with the steps run in this process.

Knows the part of the States Language that Pushcart's machines use, and refuses the rest.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_in_memory import ROOT
from commerce.errors import DomainError
from commerce.workflows import Outcome, error_details

Task = Callable[[dict[str, Any]], Any]


class WorkerDied(Exception):
    """The function's process ended in the middle of its work."""


class ExecutionDied(BaseException):
    """The execution ends here and nobody is told: no retry, no catch, no undo."""


@dataclass(frozen=True)
class StateFailed(Exception):
    """A state failed, as the state machine sees it."""

    error: str
    cause: str


class StateMachineFile:
    """One state machine, with a task for each function it names.

    Parameters
    ----------
    name
        The file's name, such as `place_order`.
    tasks
        By the name of the resource in the file's `${...}`.
    waited
        Told the seconds a retry waits.
    """

    def __init__(
        self, name: str, tasks: Mapping[str, Task], waited: Callable[[float], None]
    ) -> None:
        path: Path = ROOT / "stepflows" / f"{name}.asl.json"
        self._definition = json.loads(path.read_text())
        self._tasks = tasks
        self._waited = waited
        self.entered: list[str] = []

    def execute(self, name: str, document: Mapping[str, Any]) -> Outcome:
        """Walk from start to end; the outcome is what `StartSyncExecution` gives."""
        data: dict[str, Any] = copy.deepcopy(dict(document))
        state_name = self._definition["StartAt"]
        while True:
            state = self._definition["States"][state_name]
            self.entered.append(state_name)
            if state["Type"] == "Succeed":
                return Outcome("SUCCEEDED")
            if state["Type"] == "Fail":
                return self._failed(state, data)
            if state["Type"] == "Choice":
                state_name = _choose(state, data)
                continue
            state_name = self._task(name, state, data)
            if not state_name:
                return Outcome("SUCCEEDED")

    def _failed(self, state: dict[str, Any], data: dict[str, Any]) -> Outcome:
        if "ErrorPath" in state:
            error, cause = _at(state["ErrorPath"], data), _at(state["CausePath"], data)
        else:
            error, cause = state["Error"], state["Cause"]
        return Outcome("FAILED", error, error_details(cause))

    def _task(self, execution: str, state: dict[str, Any], data: dict[str, Any]) -> str:
        assert state["Type"] == "Task", state["Type"]
        task = self._tasks[state["Resource"].strip("${}").removesuffix("FunctionArn")]
        given = _parameters(state["Parameters"], data, execution)
        try:
            result = self._with_retries(task, given, state["Retry"])
        except StateFailed as failed:
            catcher = next(
                catcher for catcher in state["Catch"] if _matches(catcher["ErrorEquals"], failed)
            )
            _put(catcher["ResultPath"], data, {"Error": failed.error, "Cause": failed.cause})
            target: str = catcher["Next"]
            return target
        if state.get("ResultPath", "$") not in (None, "$"):
            _put(state["ResultPath"], data, result)
        return "" if state.get("End") else str(state["Next"])

    def _with_retries(
        self, task: Task, given: dict[str, Any], retriers: list[dict[str, Any]]
    ) -> Any:
        tries = [0] * len(retriers)
        while True:
            try:
                return _run(task, given)
            except StateFailed as failed:
                matching = [
                    n
                    for n, retrier in enumerate(retriers)
                    if _matches(retrier["ErrorEquals"], failed)
                ]
                if not matching:
                    raise
                number, retrier = matching[0], retriers[matching[0]]
                if tries[number] >= retrier["MaxAttempts"]:
                    raise
                wait = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** tries[number]
                tries[number] += 1
                self._waited(min(wait, retrier["MaxDelaySeconds"]))


def _run(task: Task, given: dict[str, Any]) -> Any:
    """Run a step as its function would: JSON in, JSON or a named error out."""
    try:
        return json.loads(json.dumps(task(json.loads(json.dumps(given)))))
    except WorkerDied:
        raise StateFailed("Runtime.ExitError", '{"errorType": "Runtime.ExitError"}') from None
    except DomainError as error:
        cause = {"errorType": type(error).__name__, "errorMessage": error.to_cause()}
        raise StateFailed(type(error).__name__, json.dumps(cause)) from error


def _choose(state: dict[str, Any], data: dict[str, Any]) -> str:
    for choice in state["Choices"]:
        if _at(choice["Variable"], data) == choice["StringEquals"]:
            return str(choice["Next"])
    return str(state["Default"])


def _parameters(declared: dict[str, Any], data: dict[str, Any], execution: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in declared.items():
        if not name.endswith(".$"):
            given[name] = value
        elif value == "$$.Execution.Name":
            given[name[:-2]] = execution
        else:
            given[name[:-2]] = _at(value, data)
    return given


def _at(path: str, data: dict[str, Any]) -> Any:
    found: Any = data
    for step in path.removeprefix("$.").split("."):
        found = found[step]
    return found


def _put(path: str, data: dict[str, Any], value: Any) -> None:
    name = path.removeprefix("$.")
    assert "." not in name, path
    data[name] = value


def _matches(names: list[str], failed: StateFailed) -> bool:
    return "States.ALL" in names or failed.error in names
