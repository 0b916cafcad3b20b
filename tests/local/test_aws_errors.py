"""Failures of functions, named in the embedded cloud as on AWS."""

import io
import json
import zipfile
from typing import Any

import pytest
from ministack.services import lambda_svc

from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("small_shop")


def _invoke(workspace: Workspace, how: str) -> dict[str, Any]:
    cloud = Cloud(workspace)
    reply = cloud.functions.invoke(
        FunctionName=cloud.stack_outputs()["FailName"], Payload=json.dumps({"how": how})
    )
    answer: dict[str, Any] = json.loads(reply["Payload"].read())
    return answer


@pytest.mark.parametrize(
    ("how", "caught_as"),
    [
        ("by raising", "refused"),
        ("by being killed", "crashed"),
        ("by taking too long", "late"),
    ],
)
def test_a_state_machine_catches_a_failure_by_the_name_aws_gives_it(
    small_shop: Workspace, how: str, caught_as: str
) -> None:
    cloud = Cloud(small_shop)

    execution = cloud.stepfunctions.start_sync_execution(
        stateMachineArn=cloud.stack_outputs()["FlowArn"], input=json.dumps({"how": how})
    )

    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"]) == caught_as


def test_an_exception_keeps_its_class_name_and_its_whole_message(small_shop: Workspace) -> None:
    error = _invoke(small_shop, "by raising")

    assert error["errorType"] == "OutOfStock"
    assert error["errorMessage"] == "no socks\nKeyError: left"
    assert "".join(error["stackTrace"]).startswith("Traceback")


def test_a_process_that_raised_serves_the_next_request_too(small_shop: Workspace) -> None:
    before = _invoke(small_shop, "not at all")["pid"]
    _invoke(small_shop, "by raising")

    assert _invoke(small_shop, "not at all")["pid"] == before


def test_a_process_that_was_killed_is_replaced(small_shop: Workspace) -> None:
    before = _invoke(small_shop, "not at all")["pid"]
    _invoke(small_shop, "by being killed")

    assert _invoke(small_shop, "not at all")["pid"] != before


def test_ministack_alone_still_loses_the_class_name() -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handle(event, context):\n    raise LookupError('gone')\n")
    function = {
        "config": {
            "FunctionName": "alone",
            "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:alone",
            "Handler": "app.handle",
            "Runtime": "python3.13",
            "Timeout": 30,
        },
        "code_zip": code.getvalue(),
    }

    error = lambda_svc._execute_function_warm(function, {}, "request-1")["body"]

    assert error["errorMessage"] == "gone"
    assert error["errorType"] == "Runtime.HandlerError", (
        "MiniStack now names exceptions itself: remove pushcart/aws_errors.py and its call."
    )
