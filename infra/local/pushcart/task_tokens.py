"""Tasks that wait for a token, failed by the function that was to keep the token.

On AWS such a task fails with the function it invokes, and is retried or caught. MiniStack
passes over the function's failure and waits for an answer that nobody can give.

:func:`install` changes that and nothing else. It is for the pinned MiniStack;
tests/local/test_task_tokens.py fails, saying so, once MiniStack no longer needs it.
"""

import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

Invoke = Callable[[str, Any, str, dict[str, Any]], Any]
Call = Callable[[str, Any], Any]

# Each execution has a thread of its own.
_waiting = threading.local()


def install() -> None:
    """Let a function's failure end its task's wait, in this process, before it serves."""
    stepfunctions._invoke_with_callback = _naming_its_token(stepfunctions._invoke_with_callback)
    stepfunctions._call_lambda = _failing_the_wait(stepfunctions._call_lambda)


def _naming_its_token(invoke: Invoke) -> Invoke:
    def invoke_with_callback(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        _waiting.token = token
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
