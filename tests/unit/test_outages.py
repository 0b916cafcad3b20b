"""What may pass in a service of AWS has one name at every port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from commerce.catalog.import_files import ImportFiles
from commerce.errors import (
    AccountsUnavailable,
    DependencyUnavailable,
    MailOutcomeUnknown,
    Throttled,
    TransientError,
)
from commerce.event_bus import EventBus
from commerce.mailer import Mailer
from commerce.queues import Queue
from commerce.secret import Secret
from commerce.usage_plans import UsagePlan
from commerce.user_pool import UserPool
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
