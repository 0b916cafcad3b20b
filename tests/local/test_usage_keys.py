"""The usage plan's key that an authorizer names; tests/e2e/test_api_keys.py shows it at work."""

from __future__ import annotations

import inspect

from ministack.services import apigateway_v1


def test_ministack_takes_no_usage_key_of_an_authorizer_by_itself() -> None:
    of_ministack = inspect.getsource(apigateway_v1)
    assert "usageIdentifierKey" not in of_ministack, "pushcart.usage_keys is no longer needed"
