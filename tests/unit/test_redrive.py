"""An event that a consumer missed is brought to that consumer, and to no other."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest

from pushcart.cloud import Cloud
from pushcart.events import redrive

Json = dict[str, Any]
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
EVENT = {"source": "pushcart", "detail": {"event_id": "evt_1"}}


class Queues:
    """Two queues, of which the one for events holds messages."""

    def __init__(self, *messages: Json) -> None:
        self.messages = list(messages)

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Json:  # noqa: N803 - boto3's name
        held = len(self.messages) if QueueUrl == "events" else 0
        return {"Attributes": {"ApproximateNumberOfMessages": str(held)}}

    def receive_message(self, *, MessageAttributeNames: list[str], **_: Any) -> Json:  # noqa: N803 - boto3's name
        assert MessageAttributeNames == ["All"]  # else SQS keeps them to itself
        return {"Messages": [dict(each) for each in self.messages]}

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803 - boto3's name
        self.messages = [each for each in self.messages if each["ReceiptHandle"] != ReceiptHandle]


class Functions:
    """Functions that take everything, but for one that is broken."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Json]] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> Json:  # noqa: N803 - boto3's name
        self.taken.append((FunctionName, json.loads(Payload)))
        error = {"FunctionError": "Unhandled"} if FunctionName == "broken" else {}
        return {"Payload": io.BytesIO(b"{}"), **error}


class Account:
    """As much of the cloud as a redrive looks at."""

    def __init__(self, *messages: Json) -> None:
        self.queues, self.functions = Queues(*messages), Functions()

    def stack_outputs(self) -> dict[str, str]:
        return {"FailedRecordsQueueUrl": "records", "FailedEventsQueueUrl": "events"}


def failed_in(function: str) -> Json:
    """Give what Lambda sends where a function failed on an event."""
    body = {"requestContext": {"functionArn": f"{ARN}{function}:$LATEST"}, "requestPayload": EVENT}
    return {"ReceiptHandle": function, "Body": json.dumps(body)}


def never_reached(function: str) -> Json:
    """Give what EventBridge sends where it could not bring an event to a function."""
    target = {"TARGET_ARN": {"StringValue": f"{ARN}{function}"}}
    return {"ReceiptHandle": function, "Body": json.dumps(EVENT), "MessageAttributes": target}


@pytest.mark.parametrize("message", [failed_in("planner"), never_reached("planner")])
def test_an_event_goes_to_the_consumer_that_missed_it(message: Json) -> None:
    account = Account(message)

    done = redrive(cast("Cloud", account))

    assert (done.messages, done.left) == (1, [])
    assert account.functions.taken == [("planner", EVENT)]
    assert account.queues.messages == []


def test_what_fails_again_or_names_nobody_stays() -> None:
    nameless = {"ReceiptHandle": "nameless", "Body": json.dumps(EVENT)}
    account = Account(failed_in("broken"), nameless)

    done = redrive(cast("Cloud", account))

    assert done.messages == 0
    assert ["broken failed again" in done.left[0], "names no consumer" in done.left[1]] == [
        True
    ] * 2
    assert len(account.queues.messages) == 2
