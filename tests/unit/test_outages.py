"""What may pass in a service of AWS has one name at every port."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from commerce.catalog.import_files import ImportFiles
from commerce.errors import (
    AccountsUnavailable,
    DependencyUnavailable,
    MailOutcomeUnknown,
    Throttled,
    TransientError,
)
from commerce.event_bus import EventBus
from commerce.mailer import Mailer, ses_client
from commerce.queues import Queue
from commerce.secret import Secret
from commerce.usage_plans import UsagePlan
from commerce.user_pool import UserPool, cognito_client
from commerce.workflows import STILL_RUNNING, StateMachine, TaskTokens, step_functions_client
from store.sdk_repeats import failed

URL = {"endpoint_url": "https://aws.test"}
OUTAGES = [
    failed("InternalFailure", status=500),
    failed("ServiceUnavailable", status=503),
    EndpointConnectionError(**URL),
    ReadTimeoutError(**URL),
]


class Failing:
    """A client of AWS, every call of which fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def fail(**_: Any) -> Any:
            raise self._error

        return fail


PORTS: dict[str, tuple[Callable[[Any], object], type[TransientError]]] = {
    "queue": (lambda aws: Queue("url", aws).send({}), DependencyUnavailable),
    "bus": (lambda aws: EventBus("bus", aws).publish({"type": "t"}), DependencyUnavailable),
    "secret": (lambda aws: Secret("arn", aws).value, DependencyUnavailable),
    "bucket": (lambda aws: ImportFiles("bucket", aws).text("v1"), DependencyUnavailable),
    "gateway": (lambda aws: UsagePlan("p", aws, aws).admit("key", "name"), DependencyUnavailable),
    "start": (lambda aws: StateMachine("arn", aws).start("n", {}), DependencyUnavailable),
    "answer": (lambda aws: TaskTokens(aws).answer("token", {}), DependencyUnavailable),
    "heartbeat": (lambda aws: TaskTokens(aws).is_open("token"), DependencyUnavailable),
    "accounts": (lambda aws: UserPool("id", aws).sign_in("a@b.c", "x"), AccountsUnavailable),
    "mail": (
        lambda aws: Mailer("shop@b.c", aws).send("a@b.c", subject="s", text="t", html="h"),
        MailOutcomeUnknown,
    ),
}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_an_outage_of_a_service_is_worth_another_try(error: Exception, port: str) -> None:
    call, named = PORTS[port]
    with pytest.raises(named):
        call(Failing(error))


@pytest.mark.parametrize("port", [name for name in PORTS if name != "accounts"])
def test_a_throttle_of_a_service_is_one(port: str) -> None:
    with pytest.raises(Throttled):
        PORTS[port][0](Failing(failed("ThrottlingException")))


@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_a_checkout_of_which_nobody_tells_the_end_may_be_at_work(error: Exception) -> None:
    aws: Any = Failing(error)
    assert StateMachine("arn", aws).run({}).status == STILL_RUNNING


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ExecutionLimitExceeded", "KmsThrottlingException"]
)
def test_a_checkout_for_which_there_is_no_room_did_not_begin(code: str) -> None:
    aws: Any = Failing(failed(code))
    with pytest.raises(Throttled):
        StateMachine("arn", aws).run({})
    with pytest.raises(Throttled):
        StateMachine("arn", aws).start("name", {})


def test_a_mistake_of_ours_at_the_state_machine_is_no_outage() -> None:
    aws: Any = Failing(failed("AccessDeniedException"))
    with pytest.raises(ClientError):
        StateMachine("arn", aws).run({})
    with pytest.raises(ClientError):
        StateMachine("arn", aws).start("name", {})


def test_a_name_that_was_used_starts_nothing_and_a_token_that_is_over_tells_nobody() -> None:
    used: Any = Failing(failed("ExecutionAlreadyExists"))
    assert StateMachine("arn", used).start("name", {}) is False
    for code in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"):
        over: Any = Failing(failed(code))
        assert TaskTokens(over).answer("token", {}) is False
        assert TaskTokens(over).is_open("token") is False


@pytest.mark.parametrize(
    ("make", "ask"),
    [
        (step_functions_client, lambda aws: StateMachine("arn:aws:states:x", aws).run({})),
        (ses_client, PORTS["mail"][0]),
        (cognito_client, PORTS["accounts"][0]),
    ],
)
def test_what_must_not_be_done_twice_is_not_sent_again_by_the_sdk(make: Any, ask: Any) -> None:
    client = make.__wrapped__()
    sent: list[str] = []

    def time_out(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    client.meta.events.register("before-send", time_out)
    with suppress(TransientError):
        ask(client)
    assert len(sent) == 1
