"""Log streams of a group that functions share, named as on AWS.

On AWS such a stream is ``<date>/<function>[<version>]<environment>``, and one environment
goes on writing to its own. MiniStack makes a stream for each call and leaves the function
out, so that nobody could tell whose it is. :func:`install` names them, with one
environment a function. It is for the pinned MiniStack; tests/local/test_shared_logs.py
fails, saying so, once MiniStack no longer needs it.
"""

import functools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ministack.services import cloudwatch_logs, lambda_svc

Json = dict[str, Any]


def install() -> None:
    """Name the streams of shared groups, in this process, before it serves anything."""
    lambda_svc._emit_lambda_logs = _to_own_streams(lambda_svc._emit_lambda_logs)


def _to_own_streams(emit: Callable[..., None]) -> Callable[..., None]:
    # What is written after a restart is another environment's.
    environment = uuid4().hex

    @functools.wraps(emit)
    def write(function: Json, request_id: str, *rest: Any, **options: Any) -> None:
        config = function.get("config") or function
        shared = config.get("LoggingConfig", {}).get("LogGroup", "")
        groups = cloudwatch_logs._log_groups
        if shared not in groups:
            # Not made by the template: the group of one function, or of nobody.
            emit(function, request_id, *rest, **options)
            return
        alone = f"{shared}/{request_id}"
        emit(
            {**function, "config": {**config, "LoggingConfig": {"LogGroup": alone}}},
            request_id,
            *rest,
            **options,
        )
        for name, written in groups.pop(alone, {"streams": {}})["streams"].items():
            date, _, of_version = name.rpartition("/")
            version = of_version.partition("]")[0]
            stream = f"{date}/{config['FunctionName']}{version}]{environment}"
            begun = groups[shared]["streams"].setdefault(stream, {**written, "events": []})
            cloudwatch_logs._append_log_events(begun, written["events"])

    return write
