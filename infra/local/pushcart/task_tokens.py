"""Tasks that wait for a token: how they fail, and who may answer them.

On AWS such a task fails with the function it invokes, and is retried or caught. MiniStack
passes over the function's failure and waits for an answer that nobody can give. On AWS
a role may answer the tasks of the state machines it names; MiniStack does not know whose
task a token is, and refuses every role that names any.

:func:`install` changes those two things and nothing else. It is for the pinned MiniStack;
tests/local/test_task_tokens.py fails, saying so, once MiniStack no longer needs it.
"""

import threading
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.services import stepfunctions

Invoke = Callable[[str, Any, str, dict[str, Any]], Any]
Call = Callable[[str, Any], Any]

ExecuteTask = Callable[[dict[str, Any], Any, dict[str, Any], dict[str, Any]], Any]

# Each execution has a thread of its own.
_waiting = threading.local()
# Which state machine's task a token is; kept after its end, so that who answers too late
# is told so and not refused.
_machines: dict[str, str] = {}
_STATE = "task_token_machines"


def install() -> None:
    """Change how tasks with tokens fail and are answered, in this process."""
    stepfunctions._execute_task = _naming_its_machine(stepfunctions._execute_task)
    stepfunctions._invoke_with_callback = _naming_its_token(stepfunctions._invoke_with_callback)
    stepfunctions._call_lambda = _failing_the_wait(stepfunctions._call_lambda)
    iam_actions._safe_json_field = _finding_the_machine(iam_actions._safe_json_field)
    stepfunctions.get_state = _with_machines(stepfunctions.get_state)
    stepfunctions.load_persisted_state = _restoring_machines(stepfunctions.load_persisted_state)


def _with_machines(get_state: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    return lambda: {**get_state(), _STATE: dict(_machines)}


def _restoring_machines(restore: Callable[[Any], None]) -> Callable[[Any], None]:
    def load_persisted_state(data: Any) -> None:
        restore(data)
        _machines.update((data or {}).get(_STATE, {}))

    return load_persisted_state


def _naming_its_machine(execute: ExecuteTask) -> ExecuteTask:
    def execute_task(
        state: dict[str, Any], given: Any, execution: dict[str, Any], context: dict[str, Any]
    ) -> Any:
        _waiting.machine = execution["stateMachineArn"]
        return execute(state, given, execution, context)

    return execute_task


def _finding_the_machine(read: Callable[[bytes, str], Any]) -> Callable[[bytes, str], Any]:
    def safe_json_field(body: bytes, field: str) -> Any:
        found = read(body, field)
        if found or field != "stateMachineArn":
            return found
        return _machines.get(read(body, "taskToken") or "", found)

    return safe_json_field


def _naming_its_token(invoke: Invoke) -> Invoke:
    def invoke_with_callback(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        _waiting.token = token
        _machines[token] = _waiting.machine
        try:
            return invoke(resource, given, token, state)
        finally:
            _waiting.token = None

    return invoke_with_callback


def _failing_the_wait(call: Call) -> Call:
    def call_lambda(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as failed:
            wait = stepfunctions._task_tokens.get(getattr(_waiting, "token", None))
            if wait:
                wait["error"] = {"Error": failed.error, "Cause": failed.cause}
                wait["event"].set()
            raise

    return call_lambda
