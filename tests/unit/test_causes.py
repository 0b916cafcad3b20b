"""What a named error tells a state machine fits into what that takes, and is still JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from commerce.entry.task import task
from commerce.errors import (
    CAUSE_CHARS_MAX,
    CartIncomplete,
    DomainError,
    InternalError,
    UnknownSku,
)
from commerce.workflows import error_details

SKUS = [f"{number:é<64}" for number in range(2_000)]
FIELD = {"path": "$.line_items[1999].sku", "code": "x" * 40, "detail": "é" * 90}


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (UnknownSku("these are not sold", skus=SKUS), "skus"),
        (CartIncomplete("much is missing", errors=[FIELD] * 2_000, skus=SKUS[:3]), "errors"),
    ],
)
def test_a_list_that_is_too_long_is_told_as_far_as_it_fits(error: DomainError, left: str) -> None:
    told = json.loads(error.to_cause())
    every: list[Any] = error.details[left]
    assert told[left] == every[: len(told[left])]
    assert told["left_out"] == {left: len(every) - len(told[left])}
    assert len(told[left]) > 10
    document = json.dumps({"errorType": type(error).__name__, "errorMessage": error.to_cause()})
    assert len(json.dumps({"Cause": document})) <= 32_768
    assert error_details(document)["sentence"] == error.sentence


@pytest.mark.parametrize(
    "error", [DomainError("é" * 99_999), DomainError("no", a="x" * 99_999, b=[["y" * 99_999]])]
)
def test_whatever_an_error_tells_its_cause_is_bounded(error: DomainError) -> None:
    cause = error.to_cause()
    assert len(cause) <= CAUSE_CHARS_MAX
    assert error.sentence.startswith(json.loads(cause)["sentence"])


def test_an_error_that_fits_is_told_whole() -> None:
    error = UnknownSku("these are not sold", skus=SKUS[:9])
    assert json.loads(error.to_cause()) == {"sentence": error.sentence, "skus": SKUS[:9]}


class Given(BaseModel):
    """What the task takes."""

    text: str


@task(Given)
def fails(given: Given) -> dict[str, str]:
    raise ValueError(given.text)


class Context:
    function_name = "a-function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:a-function"
    aws_request_id = "request"


def test_what_has_no_name_fails_a_task_in_few_words() -> None:
    context: Any = Context()
    with pytest.raises(ValueError, match="no"):
        fails({"text": "no"}, context)
    with pytest.raises(InternalError) as failed:
        fails({"text": "é" * 300_000}, context)
    assert len(str(failed.value)) <= CAUSE_CHARS_MAX
    assert json.loads(str(failed.value))["sentence"].startswith("ValueError: é")
