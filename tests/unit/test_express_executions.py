"""What is left of an Express execution, which Step Functions keeps no history of."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from botocore.exceptions import ReadTimeoutError

from commerce.entry.express import LoggedStateMachine
from commerce.entry.telemetry import logger

ARN = "arn:aws:states:us-east-1:000000000000:express:shop-place-order:1f0c:2a7b"
SAID = {"order_id": "order_1", "cart_id": "cart_secret", "payment": {"token": "tok_secret"}}


class StepFunctions:
    """Ends an execution in one way."""

    def __init__(self, **end: Any) -> None:
        self._end = end

    def start_sync_execution(self, **_: Any) -> dict[str, Any]:
        if not self._end:
            raise ReadTimeoutError(endpoint_url="https://sync-states")
        return {"executionArn": ARN, **self._end}


def _lines(**end: Any) -> list[dict[str, Any]]:
    """Give what is logged of an execution that ends so."""
    client: Any = StepFunctions(**end)
    handler: Any = logger.registered_handler
    log = StringIO()
    usual, level = handler.setStream(log), logger.log_level
    logger.setLevel("INFO")  # as the template has it
    try:
        LoggedStateMachine(ARN, client).run(SAID)
    finally:
        handler.setStream(usual)
        logger.setLevel(level)
    assert "secret" not in log.getvalue()
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_execution_that_broke_is_named_in_the_log_without_what_it_was_about() -> None:
    cause = f"The JSONPath '$.x' could not be found in the input '{json.dumps(SAID)}'"
    (line,) = _lines(status="FAILED", error="States.Runtime", cause=cause)

    assert line["level"] == "ERROR"
    assert (line["order_id"], line["execution"]) == ("order_1", ARN)
    assert (line["status"], line["error"]) == ("FAILED", "States.Runtime")


def test_a_refusal_is_named_as_one() -> None:
    (line,) = _lines(status="FAILED", error="OutOfStock", cause="{}")

    assert (line["level"], line["error"]) == ("INFO", "OutOfStock")


def test_an_execution_that_nobody_waited_for_is_told() -> None:
    (line,) = _lines()

    assert (line["level"], line["status"]) == ("INFO", "RUNNING")


def test_a_sale_leaves_no_line() -> None:
    assert _lines(status="SUCCEEDED", output="{}") == []
