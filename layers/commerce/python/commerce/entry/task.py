"""The state machine edge: one decorator makes a function a task.

A named error leaves the function as it is, so that its class name reaches
`ErrorEquals`; its message is JSON, so that a later state can read the details.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from commerce.entry.telemetry import count, logger, metrics
from commerce.errors import CAUSE_CHARS_MAX, DomainError, InternalError, InvalidRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# The id of a part of an order has the order's in it.
WORKED_ON = ("order_id", "fulfillment_id", "cancellation_id", "return_id", "part", "run_id")

Input = TypeVar("Input", bound=BaseModel)
TaskHandler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


def task(
    input_model: type[Input],
) -> Callable[[Callable[[Input], dict[str, Any]]], TaskHandler]:
    """Make a function a state machine's task that takes `input_model` and gives JSON.

    The task raises `InvalidRequest` where its input has not that shape, and every
    `DomainError` of the function under its own class.
    """

    def decorate(function: Callable[[Input], dict[str, Any]]) -> TaskHandler:
        @logger.inject_lambda_context(clear_state=True)
        @metrics.log_metrics
        @wraps(function)
        def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
            logger.append_keys(**_names(event))
            try:
                result = function(_validate(input_model, event))
            except DomainError as error:
                count("TaskRefused")
                logger.info("task refused", extra={"code": error.code(), "detail": str(error)})
                raise type(error)(error.to_cause(), **error.details) from error
            except Exception as error:
                # An execution fails at a cause that is too long, and no Catch catches that.
                if len(str(error)) <= CAUSE_CHARS_MAX:
                    raise
                logger.exception("a task failed at length")
                named = InternalError(f"{type(error).__name__}: {error}")
                raise InternalError(named.to_cause()) from None
            count("TaskDone")
            return result

        return cast("TaskHandler", handler)

    return decorate


def _names(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a log line is found by: what a step works on, or what an event is about.

    Never a cart: who knows its id can tell the token of its order.
    """
    named = {name: event[name] for name in WORKED_ON if name in event}
    match event:
        case {"detail": {"aggregate": {"id": about}}}:
            named["about"] = about
    return named


def _validate(model: type[Input], event: dict[str, Any]) -> Input:
    try:
        return model.model_validate(event)
    except ValidationError as error:
        fields = [".".join(map(str, item["loc"])) for item in error.errors()]
        raise InvalidRequest(f"the task's input is wrong at {', '.join(fields)}") from None
