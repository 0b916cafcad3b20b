"""Walks the real state machine files, with the steps run in this process.

Knows the part of the States Language that Pushcart's machines use, and refuses the rest.
An execution that waits for a task token is suspended until the token is answered.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from cloud_in_memory import ROOT
from commerce.errors import DomainError
from commerce.workflows import Outcome, error_details

Task = Callable[[dict[str, Any]], Any]
# Gives each token that it waits for, None where it pauses, and the result in the end.
Waiting = Generator[str | None, None, Any]

RUNNING, SUCCEEDED, FAILED, ABORTED = "RUNNING", "SUCCEEDED", "FAILED", "ABORTED"

# What AWS takes; beyond it an execution fails, and no Catch catches it.
STATE_BYTES_MAX, CAUSE_CHARS_MAX = 262_144, 32_768

_CALLBACK = ":states:::lambda:invoke.waitForTaskToken"
_TASK_FIELDS = {"Resource", "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
_LIMITS = {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds"}
_FIELDS = {
    "Task": _TASK_FIELDS | _LIMITS | {"Next", "End"},
    "Choice": {"Choices", "Default"},
    "Pass": {"Parameters", "Result", "ResultPath", "Next", "End"},
    "Wait": {"Seconds", "SecondsPath", "Next", "End"},
    "Succeed": set(),
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
}


class WorkerDied(Exception):
    """The function's process ended in the middle of its work."""


class ExecutionDied(BaseException):
    """The execution ends here and nobody is told: no retry, no catch, no undo."""


class ExecutionAlreadyExists(Exception):
    """An execution of this name was started before; it need not be under way any more."""


class TaskTimedOut(Exception):
    """Nobody waits for the token any more: it was answered, or its task has ended."""


class InvalidToken(Exception):
    """There never was such a token."""


@dataclass(frozen=True)
class StateFailed(Exception):
    """A state failed, as the state machine sees it."""

    error: str
    cause: str


class Execution:
    """One walk through a state machine.

    `status` is RUNNING until it has SUCCEEDED, with an `output`, or FAILED, with an `error`
    and a `cause`; ABORTED where it died. `waits_for` is the token it is suspended on.
    """

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self.name = name
        self.data: Any = copy.deepcopy(dict(document))
        self.status = RUNNING
        self.error = self.cause = ""
        self.entered: list[str] = []
        self.waits_for: str | None = None
        self.walk: Waiting

    @property
    def output(self) -> Any:
        """What it ended with."""
        assert self.status == SUCCEEDED, self.status
        return self.data

    def go_on(self) -> None:
        """Walk until it ends, waits for a token, or pauses."""
        self.waits_for = None
        try:
            self.waits_for = next(self.walk)
        except StopIteration:
            self.status = SUCCEEDED
        except StateFailed as failed:
            self.status, self.error, self.cause = FAILED, failed.error, failed.cause
        except BaseException:
            self.status = ABORTED
            raise


class TaskTokens:
    """The tokens of all executions, for who answers one does not know whose it is.

    Parameters
    ----------
    go_on
        Has an execution walk that begins or got its answer, at once or later.
    """

    def __init__(self, go_on: Callable[[Execution], None] = Execution.go_on) -> None:
        self.go_on = go_on
        self._numbers = count(1)
        self._waiting: dict[str, Execution] = {}
        # How a task ended, from its answer until its execution takes notice; then None.
        self._endings: dict[str, Any] = {}

    def issue(self, execution: Execution) -> str:
        """Make a token for a task that begins."""
        token = f"{execution.name}/token-{next(self._numbers)}"
        self._waiting[token] = execution
        return token

    def is_open(self, token: str) -> bool:
        """Tell whether a task still waits for an answer."""
        return token in self._waiting

    def answer(self, token: str, output: Any = None) -> None:
        """Let the task succeed, as `SendTaskSuccess` does."""
        self._end(token, json.loads(json.dumps(output)))

    def fail(self, token: str, error: str, cause: str = "") -> None:
        """Let the task fail, as `SendTaskFailure` does."""
        self._end(token, StateFailed(error, cause))

    def time_out(self, token: str) -> None:
        """Let the task's time pass without an answer."""
        self.fail(token, "States.Timeout")

    def withdraw(self, token: str) -> None:
        """Wait for it no more: the task failed by itself."""
        del self._waiting[token]
        self._endings[token] = None

    def ending(self, token: str) -> Any:
        """Take the answer's output; an answer that is a failure is raised."""
        ending, self._endings[token] = self._endings[token], None
        if isinstance(ending, StateFailed):
            raise ending
        return ending

    def _end(self, token: str, ending: Any) -> None:
        if token in self._endings:
            raise TaskTimedOut(token)
        if token not in self._waiting:
            raise InvalidToken(token)
        execution = self._waiting.pop(token)
        self._endings[token] = ending
        # An answer from within the task's own function is found when that has run.
        if execution.waits_for == token:
            self.go_on(execution)


class StateMachine:
    """One state machine, with a task for each function it names.

    Parameters
    ----------
    definition
        In the States Language.
    tasks
        By the name of the resource in the definition's `${...FunctionArn}`.
    waited
        Told the seconds that a retry or a state waits.
    tokens
        Those of its callbacks; machines that are answered by the same caller share them.
    pauses
        Whether an execution pauses before each task, for others to go on meanwhile.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        tasks: Mapping[str, Task],
        waited: Callable[[float], None],
        tokens: TaskTokens | None = None,
        *,
        pauses: bool = False,
    ) -> None:
        for name, state in definition["States"].items():
            unknown = state.keys() - _FIELDS[state["Type"]] - {"Type", "Comment"}
            assert not unknown, f"{name}: {unknown}"
        self._definition = definition
        self._tasks = tasks
        self._waited = waited
        self._pauses = pauses
        self.tokens = tokens or TaskTokens()
        self.executions: dict[str, Execution] = {}
        self.entered: list[str] = []

    def start(self, name: str, document: Mapping[str, Any]) -> Execution:
        """Begin an execution, which has ended or waits for a token when it has walked.

        Raises
        ------
        ExecutionAlreadyExists
            The name was used before. AWS would bear the same input while that one runs.
        """
        if name in self.executions:
            raise ExecutionAlreadyExists(name)
        execution = self.executions[name] = self._begin(name, document)
        self.tokens.go_on(execution)
        return execution

    def execute(self, name: str, document: Mapping[str, Any]) -> Outcome:
        """Walk from start to end; the outcome is what `StartSyncExecution` gives."""
        execution = self._begin(name, document)
        execution.go_on()
        self.entered += execution.entered
        assert execution.status != RUNNING, f"nobody answers {execution.waits_for}"
        return Outcome(execution.status, execution.error, error_details(execution.cause))

    def _begin(self, name: str, document: Mapping[str, Any]) -> Execution:
        execution = Execution(name, document)
        execution.walk = self._walk(execution)
        return execution

    def _walk(self, execution: Execution) -> Waiting:
        name = self._definition["StartAt"]
        while name:
            execution.entered.append(name)
            assert len(json.dumps(execution.data).encode()) <= STATE_BYTES_MAX, name
            state = self._definition["States"][name]
            if state["Type"] == "Choice":
                name = _choose(state, execution.data)
            elif state["Type"] == "Task":
                if self._pauses:
                    yield None
                name = yield from self._task(execution, state)
            else:
                self._simple(execution, state)
                name = state.get("Next")

    def _simple(self, execution: Execution, state: dict[str, Any]) -> None:
        data = execution.data
        if state["Type"] == "Fail":
            raise StateFailed(_text(state, "Error", data), _text(state, "Cause", data))
        if state["Type"] == "Wait":
            path = state.get("SecondsPath")
            self._waited(_at(path, data) if path else state["Seconds"])
        if state["Type"] == "Pass":
            given = _parameters(state["Parameters"], data, {}) if "Parameters" in state else data
            execution.data = _placed(state, data, state.get("Result", given))

    def _task(self, execution: Execution, state: dict[str, Any]) -> Waiting:
        try:
            result = yield from self._with_retries(execution, state)
        except StateFailed as failed:
            for catcher in state.get("Catch", []):
                if _matches(catcher["ErrorEquals"], failed):
                    error = {"Error": failed.error, "Cause": failed.cause}
                    execution.data = _placed(catcher, execution.data, error)
                    return catcher["Next"]
            raise
        if "ResultSelector" in state:
            result = _parameters(state["ResultSelector"], result, {})
        execution.data = _placed(state, execution.data, result)
        return state.get("Next")

    def _with_retries(self, execution: Execution, state: dict[str, Any]) -> Waiting:
        retriers = state.get("Retry", [])
        tries = [0] * len(retriers)
        while True:
            try:
                return (yield from self._attempt(execution, state))
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

    def _attempt(self, execution: Execution, state: dict[str, Any]) -> Waiting:
        context = {"$$.Execution.Name": execution.name}
        if not state["Resource"].startswith("arn:"):
            given = _parameters(state["Parameters"], execution.data, context)
            return _run(self._tasks[_function(state["Resource"])], given)
        assert state["Resource"].endswith(_CALLBACK), state["Resource"]
        token = context["$$.Task.Token"] = self.tokens.issue(execution)
        call = _parameters(state["Parameters"], execution.data, context)
        try:
            _run(self._tasks[_function(call.pop("FunctionName"))], call.pop("Payload"))
            assert not call, call
        except StateFailed:
            if self.tokens.is_open(token):
                self.tokens.withdraw(token)
                raise
        if self.tokens.is_open(token):
            yield token
        return self.tokens.ending(token)


class StateMachineFile(StateMachine):
    """A state machine of the shop, by its file's name, such as `place_order`."""

    def __init__(
        self,
        name: str,
        tasks: Mapping[str, Task],
        waited: Callable[[float], None],
        tokens: TaskTokens | None = None,
        *,
        pauses: bool = False,
    ) -> None:
        path: Path = ROOT / "stepflows" / f"{name}.asl.json"
        super().__init__(json.loads(path.read_text()), tasks, waited, tokens, pauses=pauses)


def _run(task: Task, given: dict[str, Any]) -> Any:
    """Run a step as its function would: JSON in, JSON or a named error out."""
    try:
        return json.loads(json.dumps(task(json.loads(json.dumps(given)))))
    except WorkerDied:
        raise StateFailed("Runtime.ExitError", '{"errorType": "Runtime.ExitError"}') from None
    except DomainError as error:
        cause = {"errorType": type(error).__name__, "errorMessage": error.to_cause()}
        assert len(json.dumps(cause)) <= CAUSE_CHARS_MAX, cause
        raise StateFailed(type(error).__name__, json.dumps(cause)) from error


def _function(resource: str) -> str:
    return resource.strip("${}").removesuffix("FunctionArn")


def _choose(state: dict[str, Any], data: Any) -> str:
    for rule in state["Choices"]:
        if _holds(rule, data):
            return str(rule["Next"])
    if "Default" not in state:
        raise StateFailed("States.NoChoiceMatched", "")
    return str(state["Default"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# A value of another type is just not equal.
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda found, wanted: isinstance(found, str) and found == wanted,
    "BooleanEquals": lambda found, wanted: isinstance(found, bool) and found is wanted,
    "NumericEquals": lambda found, wanted: _is_number(found) and found == wanted,
    "NumericGreaterThan": lambda found, wanted: _is_number(found) and found > wanted,
}


def _holds(rule: dict[str, Any], data: Any) -> bool:
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    if "IsPresent" in rule:
        return _is_present(rule["Variable"], data) is rule["IsPresent"]
    (comparison,) = rule.keys() - {"Variable", "Next", "Comment"}
    return _COMPARISONS[comparison](_at(rule["Variable"], data), rule[comparison])


def _parameters(declared: Mapping[str, Any], data: Any, context: Mapping[str, str]) -> Any:
    given: dict[str, Any] = {}
    for name, value in declared.items():
        if isinstance(value, dict):
            given[name] = _parameters(value, data, context)
        elif not name.endswith(".$"):
            given[name] = value
        elif value.startswith("$$"):
            given[name[:-2]] = context[value]
        else:
            given[name[:-2]] = _at(value, data)
    return given


def _text(state: dict[str, Any], name: str, data: Any) -> str:
    path = state.get(f"{name}Path")
    return str(_at(path, data) if path else state.get(name, ""))


def _at(path: str, data: Any) -> Any:
    assert path.startswith("$"), path
    for step in path.split(".")[1:]:
        data = data[step]
    return data


def _is_present(path: str, data: Any) -> bool:
    try:
        _at(path, data)
    except (KeyError, TypeError):
        return False
    return True


def _placed(state: dict[str, Any], data: Any, result: Any) -> Any:
    """Put a result where the state's `ResultPath` says: nowhere, in the data, or in its place."""
    path = state.get("ResultPath", "$")
    if path is None:
        return data
    if path == "$":
        return result
    name = path.removeprefix("$.")
    assert "." not in name, path
    return {**data, name: result}


def _matches(names: list[str], failed: StateFailed) -> bool:
    if "States.TaskFailed" in names and failed.error != "States.Timeout":
        return True
    return "States.ALL" in names or failed.error in names
