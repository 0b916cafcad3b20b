"""Checks of our own that Schemathesis runs beside its own; see schemathesis.toml."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode

from commerce.entry.http import UNPUBLISHED_SHAPE

UNREADABLE = {"malformed_json", "unsupported_media_type", "request_too_large"}
# A rule over several fields, or of an address: the document has it in words.
IN_WORDS = "value_error"


@schemathesis.check
def published_shape_is_taken(
    _ctx: CheckContext, response: Response, case: schemathesis.Case[Any]
) -> None:
    """A request as the document has it is not refused for its shape, whatever else stops it."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if 400 <= response.status_code < 500:
        problem = response.json()
        assert problem["code"] not in UNREADABLE, response.text
        if problem["detail"] == UNPUBLISHED_SHAPE:
            wrong = [each for each in problem["errors"] if each["code"] != IN_WORDS]
            assert not wrong, f"as published, and refused: {response.text}"


@schemathesis.check
def a_refusal_is_a_problem(
    _ctx: CheckContext, response: Response, _case: schemathesis.Case[Any]
) -> None:
    """Every refusal names itself and its request, and shows nothing of the inside."""
    if response.status_code >= 400:
        problem = response.json()
        assert problem["status"] == response.status_code
        assert [problem["request_id"]] == response.headers["x-request-id"]
        assert "Traceback" not in response.text
