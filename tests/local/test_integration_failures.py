"""Answers in a function's place; tests/e2e/test_edges.py shows them at work."""

from __future__ import annotations

import inspect

import pytest
from ministack.services import apigateway_v1

from pushcart.integration_failures import kind_of


def test_ministack_has_no_gateway_response_for_a_function_that_cannot_answer() -> None:
    of_ministack = inspect.getsource(apigateway_v1._invoke_lambda_proxy_v1)
    assert "INTEGRATION_FAILURE" not in of_ministack, (
        "pushcart.integration_failures is no longer needed"
    )


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ({"body": {"statusCode": 200}}, None),
        ({"body": {"statusCode": 503}, "error": False}, None),
        ({"body": {"Reason": "x"}, "error": True, "throttle": True}, "INTEGRATION_FAILURE"),
        ({"body": {"errorType": "Runtime.ExitError"}, "error": True}, "DEFAULT_5XX"),
    ],
)
def test_a_call_that_was_throttled_is_told_from_one_that_broke(
    result: dict[str, object], kind: str | None
) -> None:
    assert kind_of(result) == kind
