"""Failures of a function, named as AWS names them.

On AWS the class name of a handler's exception is the error's type, so a state machine
can catch ``OutOfStock`` by name, and the process that raised it stays warm. MiniStack
reports every exception as ``Runtime.HandlerError`` and starts a new process after it. A
process that dies is ``Runtime.ExitError`` on AWS.

:func:`install` changes those three things and nothing else. It is for the pinned MiniStack;
tests/local/test_aws_errors.py fails, saying so, once MiniStack no longer needs it.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

Result = dict[str, Any]
Execute = Callable[[Result, Any, str], Result]

# What the worker answers when the handler raised. It counts as an answer, not as a
# failure of the worker, so MiniStack keeps the process.
_RAISED = "__handler_raised__"

_WORKER_REPORTS_TEXT = (
    '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'  # MiniStack's own
)
_WORKER_REPORTS_TYPE = (
    f'{{"status": "ok", "result": {{"{_RAISED}": {{'
    '"errorMessage": str(e), "errorType": type(e).__name__, '
    '"requestId": _ms_ctx.get("request_id", ""), '
    '"stackTrace": traceback.format_exc().splitlines(keepends=True)}}}'
)
_DIED = "Worker process died"


def install() -> None:
    """Give functions AWS's error names, in this process, before it serves anything."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_WORKER_REPORTS_TEXT) != 1:
        raise RuntimeError(
            "This MiniStack reports exceptions in another way: see pushcart/aws_errors.py."
        )
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(
        _WORKER_REPORTS_TEXT, _WORKER_REPORTS_TYPE
    )
    lambda_svc._execute_function_warm = _naming_errors(lambda_svc._execute_function_warm)


def _naming_errors(execute: Execute) -> Execute:
    def execute_function_warm(function: Result, event: Any, request_id: str) -> Result:
        return as_aws_names_it(execute(function, event, request_id), request_id)

    return execute_function_warm


def as_aws_names_it(result: Result, request_id: str) -> Result:
    """Return the invocation's result with the error's type and message as on AWS."""
    body = result.get("body")
    if not isinstance(body, dict):
        return result
    if body.keys() == {_RAISED}:
        raised = body[_RAISED]
        trace = "".join(raised["stackTrace"])
        return {"body": raised, "error": True, "log": f"{result.get('log', '')}\n[ERROR] {trace}"}
    if result.get("error") and body.get("errorMessage") == _DIED:
        message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {**result, "body": {"errorType": "Runtime.ExitError", "errorMessage": message}}
    return result
