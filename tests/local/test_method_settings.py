"""The limits of one method; tests/e2e/test_hostile_input.py shows one at work."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.services.cloudformation import provisioners

from pushcart import method_settings

DOCUMENTED = "/~1store~1carts~1{id}~1complete"
PLAIN = "/store/carts/{id}/complete"


def _keys(*paths: str) -> set[str]:
    raw: list[dict[str, Any]] = [
        {"ResourcePath": path, "HttpMethod": "POST", "ThrottlingRateLimit": 5} for path in paths
    ]
    return set(provisioners._apigw_method_settings(raw))


def test_ministack_does_not_read_the_documented_path_by_itself() -> None:
    assert _keys(DOCUMENTED) != {f"{PLAIN}/POST"}, "pushcart.method_settings is no longer needed"


def test_a_path_as_documented_is_that_of_its_method_and_a_plain_one_of_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = provisioners._apigw_method_settings
    monkeypatch.setattr(provisioners, "_apigw_method_settings", alone)  # undone afterwards
    method_settings.install()

    assert _keys(DOCUMENTED, "/~1store~1products", "/health", "/*") == {
        f"{PLAIN}/POST",
        "/store/products/POST",
        "/health/POST",
        "/*/POST",
    }
    assert _keys(PLAIN, "/store/products") == set()
