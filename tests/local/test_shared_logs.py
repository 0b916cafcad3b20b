"""What functions that share a log group wrote, by function."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from ministack.services import cloudwatch_logs, lambda_svc

from pushcart.shared_logs import install

SHARED = "/shop/functions"


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {SHARED: {"streams": {}}}
    monkeypatch.setattr(cloudwatch_logs, "_log_groups", found)
    monkeypatch.setattr(lambda_svc, "_emit_lambda_logs", lambda_svc._emit_lambda_logs)
    install()
    return found


def write(function: str, text: str, group: str = SHARED) -> None:
    config = {"FunctionName": function, "LoggingConfig": {"LogGroup": group}}
    lambda_svc._emit_lambda_logs({"config": config}, f"request-{text}", text, False, 3)


def messages(streams: dict[str, Any], stream: str) -> list[str]:
    return [event["message"] for event in streams[stream]["events"]]


def test_each_function_writes_to_a_stream_named_after_it(groups: dict[str, Any]) -> None:
    for function, text in (("read", "one"), ("save", "two"), ("read", "three")):
        write(function, text)

    streams = groups[SHARED]["streams"]
    assert set(groups) == {SHARED}
    read, save = sorted(streams)
    assert "/read[$LATEST]" in read
    assert "/save[$LATEST]" in save
    assert [line for line in messages(streams, read) if line in ("one", "three")] == [
        "one",
        "three",
    ]
    assert "two" in messages(streams, save)
    assert "START RequestId: request-one Version: $LATEST" in messages(streams, read)


def test_a_function_with_a_group_of_its_own_writes_as_before(groups: dict[str, Any]) -> None:
    write("read", "one", "/aws/lambda/read")

    (stream,) = groups["/aws/lambda/read"]["streams"]
    assert "one" in messages(groups["/aws/lambda/read"]["streams"], stream)
    assert groups[SHARED]["streams"] == {}


def test_ministack_names_no_function_in_a_stream_by_itself() -> None:
    of_ministack = inspect.getsource(inspect.unwrap(lambda_svc._emit_lambda_logs))
    assert "[{qualifier}]" in of_ministack
    assert "{fn_name}[" not in of_ministack, "pushcart.shared_logs is no longer needed"
