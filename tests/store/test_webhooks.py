"""Deliveries: recorded once, claimed by one, tried again until taken or given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from pydantic import TypeAdapter
from standardwebhooks import Webhook

from builders import NOW, SecretsInMemory, table
from cloud_in_memory import empty_tables
from commerce.clock import from_text, to_text
from commerce.errors import (
    AddressRefused,
    DeliveryInProgress,
    NotFound,
    StaleVersion,
    SweepIncomplete,
    Throttled,
    TooManyEndpoints,
)
from commerce.ids import new_id
from commerce.queues import Queue
from commerce.secret import Secret
from commerce.webhooks import operations
from commerce.webhooks.addresses import Target
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.delivering import NOT_OURS, Courier, plan_deliveries, sweep_deliveries
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import Answer, Internet, Unanswered
from commerce.webhooks.model import (
    CLAIM_LIFE,
    ENDPOINTS_MAX,
    WAITS,
    Attempt,
    Delivery,
    Endpoint,
    Ring,
)
from commerce.webhooks.schema import EndpointChanges, EventDocument, NewEndpoint
from commerce.webhooks.signing import SigningSecrets

SECRETS = SigningSecrets(Secret("webhook-secret", SecretsInMemory("key")))
PUBLIC = "93.184.215.14"
DAY = timedelta(days=1)


class Rings(Queue):
    """A queue that keeps what it is sent, with the moment it is to be seen."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.waiting: list[tuple[datetime, Ring]] = []
        self.refused = 0

    def send(self, document: Mapping[str, Any], delay_seconds: int = 0) -> None:
        if self.refused:
            self.refused -= 1
            raise Throttled("the queue is busy")
        at = self._shop.now + timedelta(seconds=delay_seconds)
        self.waiting.append((at, TypeAdapter(Ring).validate_python(document)))

    def take(self) -> list[Ring]:
        """Take out what may be seen by now."""
        seen = [ring for at, ring in self.waiting if at <= self._shop.now]
        self.waiting = [(at, ring) for at, ring in self.waiting if at > self._shop.now]
        return seen


class Receivers(Internet):
    """Servers elsewhere: what they answer, and what came to which address."""

    def __init__(self) -> None:
        super().__init__(resolve=lambda _host, _port: self.addresses())
        self.addresses: Callable[[], list[str]] = lambda: [PUBLIC]
        self.answer: Callable[[], Answer] = lambda: Answer(200, "")
        self.came: list[tuple[Sequence[str], Mapping[str, str], str]] = []

    def post(
        self, _target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: str
    ) -> Answer:
        self.came.append((addresses, headers, body))
        return self.answer()


class Shop:
    """The tables in memory, a queue and receivers at hand, and a clock that is set."""

    def __init__(self) -> None:
        self.now = NOW
        self.private_allowed = False
        self.endpoints = EndpointStore(table("webhooks"))
        self.deliveries = DeliveryStore(table("webhooks"))
        self.queue = Rings(self)
        self.internet = Receivers()
        self.courier = Courier(
            self.endpoints,
            self.deliveries,
            self.queue,
            self.internet,
            SECRETS,
            lambda: self.private_allowed,
            lambda: self.now,
            lambda: 0.5,
        )

    def register(self, **wanted: Any) -> Endpoint:
        return operations.register_endpoint(
            NewEndpoint(url="https://hooks.example.com/a", **wanted),
            new_id("endpoint", self.now),
            self.now,
            private_allowed=self.private_allowed,
            endpoints=self.endpoints,
            resolve=self.internet.resolve,
        )

    def tell(self, number: int = 1, type_: str = "order.placed") -> int:
        """Plan the deliveries of an event."""
        event = EventDocument.model_validate(
            {
                "event_id": f"evt_{number:032x}",
                "type": type_,
                "occurred_at": to_text(NOW + timedelta(seconds=number)),
                "data": {"total": 5400},
            }
        )
        return plan_deliveries(
            event,
            self.now,
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            queue=self.queue,
        )

    def work(self) -> list[str]:
        """Sweep, and make every attempt that is asked for now; tell what became of each."""
        self.sweep()
        return [self.courier.attempt(ring)[0] for ring in self.queue.take()]

    def sweep(self, as_of: datetime | None = None) -> int:
        return sweep_deliveries(
            as_of or self.now, self.now, deliveries=self.deliveries, queue=self.queue
        )

    def work_for(self, time: timedelta) -> None:
        """Let time go by, and work whenever there is something to do."""
        until = self.now + time
        while (then := self._next()) and then <= until:
            self.now = max(self.now, then)
            self.work()
        self.now = until

    def _next(self) -> datetime | None:
        times = [at for at, _ in self.queue.waiting]
        for endpoint in self.endpoints.all():
            pending, _ = self.deliveries.newest(endpoint.endpoint_id, "pending", limit=99)
            times += [from_text(each.due_at) for each in pending if each.due_at]
        return min(times, default=None)

    def delivery(self, endpoint: Endpoint) -> Delivery:
        ((delivery,), _) = self.deliveries.newest(endpoint.endpoint_id, None, limit=2)
        return delivery


@pytest.fixture
def shop() -> Iterator[Shop]:
    with empty_tables("webhooks"):
        yield Shop()


def silent() -> Answer:
    raise Unanswered("timed_out")


# --- planning -----------------------------------------------------------------


def test_an_event_is_planned_once_for_each_endpoint_that_wants_it(shop: Shop) -> None:
    all_, some = shop.register(), shop.register(event_types=["order.placed"])
    shop.register(event_types=["stock.low"])

    assert shop.tell() == 2
    assert shop.tell() == 0

    assert shop.work() == ["succeeded", "succeeded"]
    assert shop.delivery(all_).delivery_id != shop.delivery(some).delivery_id
    assert len(shop.internet.came) == 2


def test_an_event_that_was_planned_for_one_endpoint_only_is_planned_for_the_rest(
    shop: Shop,
) -> None:
    shop.register()
    assert shop.tell() == 1
    late = shop.register()

    assert shop.tell() == 1

    assert shop.delivery(late).event_id == f"evt_{1:032x}"


def test_what_is_sent_is_the_event_signed(shop: Shop) -> None:
    shop.now = datetime.now(NOW.tzinfo)  # the library looks at the real clock
    endpoint = shop.register()
    shop.tell()
    shop.work()

    ((addresses, headers, body),) = shop.internet.came
    assert addresses == [PUBLIC]
    event = Webhook(SECRETS.newest(endpoint)).verify(body, dict(headers))
    assert event["data"] == {"total": 5400}
    assert headers["webhook-id"] == event["event_id"]


# --- claims -------------------------------------------------------------------


def test_ten_messages_for_one_attempt_make_one(shop: Shop) -> None:
    shop.register()
    shop.tell()
    (ring,) = shop.queue.take()

    outcomes = [shop.courier.attempt(ring)[0] for _ in range(10)]

    assert outcomes == ["succeeded"] + [NOT_OURS] * 9
    assert len(shop.internet.came) == 1


def test_an_attempt_is_claimed_by_one_and_the_next_one_by_nobody_meanwhile(shop: Shop) -> None:
    endpoint = shop.register()
    shop.tell()
    (ring,) = shop.queue.take()

    claimed = shop.deliveries.claim(ring, shop.now)

    assert claimed is not None
    assert claimed.tried == 1
    assert shop.deliveries.claim(ring, shop.now) is None
    shop.now += CLAIM_LIFE - timedelta(seconds=1)
    assert shop.work() == []
    assert shop.sweep(as_of=shop.now + DAY) == 0
    with pytest.raises(DeliveryInProgress):
        shop.deliveries.send_again(endpoint.endpoint_id, claimed.delivery_id, shop.now)


def test_the_claim_of_a_worker_that_died_runs_out_and_the_next_attempt_decides(
    shop: Shop,
) -> None:
    endpoint = shop.register()
    shop.tell()
    (ring,) = shop.queue.take()
    late = shop.deliveries.claim(ring, shop.now)
    assert late is not None

    shop.now += CLAIM_LIFE
    assert shop.work() == ["succeeded"]

    # It was not dead after all; what it brings now changes nothing.
    assert not shop.deliveries.fail(late, Attempt(1, to_text(shop.now), 9, error="timed_out"))
    assert shop.delivery(endpoint).status == "succeeded"


def test_what_kills_every_worker_is_given_up_in_the_end(shop: Shop) -> None:
    endpoint = shop.register()
    shop.tell()
    for _ in range(8):
        (ring,) = shop.queue.take()
        assert shop.deliveries.claim(ring, shop.now)  # and nothing more is heard
        shop.now += CLAIM_LIFE
        assert shop.sweep() == 1

    assert shop.work() == ["failed"]

    assert shop.internet.came == []
    assert shop.delivery(endpoint).attempts[-1].error == "worker_lost"


def test_a_message_that_got_lost_is_sent_again_once_by_the_sweep(shop: Shop) -> None:
    shop.register()
    shop.tell()
    shop.queue.waiting.clear()

    shop.now += timedelta(minutes=1)
    assert shop.work() == []  # the queue may still have it
    shop.now += timedelta(minutes=1)

    assert [shop.sweep() for _ in range(3)] == [1, 0, 0]
    assert shop.work() == ["succeeded"]


def test_a_delivery_that_the_queue_does_not_take_keeps_the_sweep_from_no_other(
    shop: Shop,
) -> None:
    shop.register()
    for number in range(8):
        shop.tell(number)
    shop.queue.waiting.clear()
    shop.now += timedelta(minutes=2)

    shop.queue.refused = 3
    with pytest.raises(SweepIncomplete):
        shop.sweep()

    assert len(shop.queue.take()) == 5
    shop.now += timedelta(minutes=20)
    assert len(shop.work()) == 8  # those that were asked for and have not come, too


def test_two_sweeps_at_once_take_each_delivery_once(shop: Shop) -> None:
    shop.register()
    for number in range(8):
        shop.tell(number)
    shop.now += timedelta(minutes=2)

    one, other = (shop.deliveries.due(shop.now, shop.now) for _ in range(2))
    taken = [next(one), *other, *one]  # the one has read more by now than it has taken

    assert len(taken) == len({each.delivery_id for each in taken}) == 8


# --- retries ------------------------------------------------------------------


def test_a_receiver_that_never_answers_is_tried_eight_times_in_a_day(
    shop: Shop,
) -> None:
    endpoint = shop.register()
    shop.internet.answer = silent
    shop.tell()

    assert shop.work() == ["pending"]
    shop.now += timedelta(seconds=5)
    assert shop.work() == []
    shop.now += timedelta(seconds=1)
    assert shop.work() == ["pending"]
    shop.work_for(timedelta(hours=27))

    failed = shop.delivery(endpoint)
    assert (failed.status, failed.due_at, failed.next_attempt_at) == ("failed", None, None)
    assert [each.error for each in failed.attempts] == ["timed_out"] * 8
    begun = [from_text(each.at) for each in failed.attempts]
    second = timedelta(seconds=1)  # a queue waits for whole ones
    for wait, one, next_one in zip(WAITS, begun, begun[1:], strict=False):
        assert wait < next_one - one <= wait * 1.05 + second
    assert timedelta(hours=23) < begun[-1] - begun[0] < timedelta(hours=25)
    assert shop.endpoints.get(endpoint.endpoint_id).status == "enabled"


def test_a_receiver_that_comes_back_gets_what_it_missed(shop: Shop) -> None:
    endpoint = shop.register()
    shop.internet.answer = lambda: Answer(503, "maintenance")
    for number in range(1, 4):
        shop.tell(number)
    shop.work_for(timedelta(hours=3))
    shop.internet.answer = lambda: Answer(204, "")

    shop.work_for(timedelta(hours=6))

    taken, _ = shop.deliveries.newest(endpoint.endpoint_id, "succeeded", limit=9)
    assert [each.event_id[-1] for each in taken] == ["3", "2", "1"]
    assert taken[0].attempts[0].answer == "maintenance"


# --- disabling ----------------------------------------------------------------


def test_an_endpoint_that_takes_nothing_for_days_is_disabled_and_says_why(shop: Shop) -> None:
    endpoint = shop.register()
    shop.internet.answer = silent
    for day in range(4):
        shop.tell(day + 1)
        shop.work_for(DAY)
        assert shop.endpoints.get(endpoint.endpoint_id).status == "enabled", day

    shop.work_for(DAY)

    disabled = shop.endpoints.get(endpoint.endpoint_id)
    assert (disabled.status, disabled.disabled_reason) == ("disabled", "failing")
    assert disabled.version == endpoint.version + 1
    assert shop.tell(9) == 0


def test_one_delivery_in_between_starts_the_count_anew(shop: Shop) -> None:
    endpoint = shop.register()
    for day in range(5):
        shop.internet.answer = silent
        shop.tell(2 * day + 1)
        shop.work_for(DAY + timedelta(hours=3))
        shop.internet.answer = lambda: Answer(200, "")
        shop.tell(2 * day + 2)
        shop.work()

    still = shop.endpoints.get(endpoint.endpoint_id)
    assert (still.status, still.failing_since) == ("enabled", None)


def test_what_waits_when_an_endpoint_is_disabled_is_given_up_unsent(shop: Shop) -> None:
    endpoint = shop.register()
    shop.tell()
    shop.endpoints.disable(endpoint, "gone", shop.now)

    assert shop.work() == ["failed"]

    assert shop.internet.came == []
    assert shop.delivery(endpoint).attempts[0].error == "endpoint_disabled"


def test_staff_who_enabled_an_endpoint_have_the_last_word_on_it(shop: Shop) -> None:
    seen = shop.register()
    changed = operations.change_endpoint(
        seen.endpoint_id,
        EndpointChanges(status="enabled"),
        seen.version,
        shop.now,
        private_allowed=False,
        endpoints=shop.endpoints,
        resolve=shop.internet.resolve,
    )

    assert shop.endpoints.disable(seen, "gone", shop.now) is False
    assert shop.endpoints.disable(changed, "gone", shop.now) is True
    assert shop.endpoints.disable(changed, "gone", shop.now) is False


# --- staff --------------------------------------------------------------------


def test_a_change_of_an_older_version_is_refused(shop: Shop) -> None:
    endpoint = shop.register()

    def change(version: int, **changes: Any) -> Endpoint:
        return operations.change_endpoint(
            endpoint.endpoint_id,
            EndpointChanges(**changes),
            version,
            shop.now,
            private_allowed=False,
            endpoints=shop.endpoints,
            resolve=shop.internet.resolve,
        )

    changed = change(1, event_types=["stock.low"], status="disabled")
    assert (changed.version, changed.event_types, changed.url) == (2, ("stock.low",), endpoint.url)
    assert changed.disabled_reason == "staff"
    with pytest.raises(StaleVersion) as refused:
        change(1, description="mine")
    assert refused.value.details == {"version": 2}
    assert change(2, status="enabled").disabled_reason is None


def test_a_resent_delivery_has_all_its_tries_again(shop: Shop) -> None:
    endpoint = shop.register()
    shop.internet.answer = silent
    shop.tell()
    shop.work_for(timedelta(hours=27))
    failed = shop.delivery(endpoint)

    for _ in range(2):  # asked twice: one attempt
        operations.resend_delivery(
            endpoint.endpoint_id,
            failed.delivery_id,
            shop.now,
            endpoints=shop.endpoints,
            deliveries=shop.deliveries,
            queue=shop.queue,
        )
    assert sorted(shop.work()) == [NOT_OURS, "pending"]
    shop.work_for(timedelta(hours=27))

    again = shop.delivery(endpoint)
    assert (again.status, again.tried, len(again.attempts)) == ("failed", 16, 16)


def test_an_endpoint_that_was_deleted_is_not_there(shop: Shop) -> None:
    endpoint = shop.register()
    shop.tell()
    shop.endpoints.remove(endpoint.endpoint_id)

    assert shop.work() == ["failed"]
    assert shop.internet.came == []
    assert shop.endpoints.note_given_up(endpoint.endpoint_id, shop.now) is None
    with pytest.raises(NotFound):
        shop.endpoints.remove(endpoint.endpoint_id)
    with pytest.raises(NotFound):
        shop.endpoints.rotate_secret(endpoint.endpoint_id, shop.now)
    with pytest.raises(NotFound):
        shop.endpoints.change(endpoint, 1)
    assert shop.endpoints.all() == []


def test_the_secret_before_a_rotation_signs_for_a_day_more(shop: Shop) -> None:
    endpoint, another = shop.register(), shop.register()
    before = SECRETS.newest(endpoint)

    rotated = shop.endpoints.rotate_secret(endpoint.endpoint_id, shop.now)

    newest = SECRETS.newest(rotated)
    assert SECRETS.at(rotated, shop.now + DAY - timedelta(seconds=1)) == (newest, before)
    assert SECRETS.at(rotated, shop.now + DAY) == (newest,)
    other_key = SigningSecrets(Secret("webhook-secret", SecretsInMemory("another key")))
    every = {before, newest, SECRETS.newest(another), other_key.newest(endpoint)}
    assert len(every) == 4


def test_a_shop_has_fifty_endpoints_at_most(shop: Shop) -> None:
    endpoint = shop.register()
    for number in range(1, ENDPOINTS_MAX):
        shop.endpoints.add(replace(endpoint, endpoint_id=f"endpoint_{number}"))

    with pytest.raises(TooManyEndpoints):
        shop.register()


def test_pages_of_one_status_hold_each_delivery_once(shop: Shop) -> None:
    endpoint = shop.register()
    statuses = cycle([200, 200, 500])
    shop.internet.answer = lambda: Answer(next(statuses), "")
    for number in range(1, 10):
        shop.tell(number)
        shop.work()

    found, place = shop.deliveries.newest(endpoint.endpoint_id, "succeeded", limit=4)
    while place:
        page, place = shop.deliveries.newest(
            endpoint.endpoint_id, "succeeded", limit=4, before=place
        )
        found += page

    assert [int(each.event_id[-1]) for each in found] == [8, 7, 5, 4, 2, 1]


# --- addresses ----------------------------------------------------------------


def test_a_name_of_a_private_address_is_not_registered(shop: Shop) -> None:
    shop.internet.addresses = lambda: [PUBLIC, "10.0.0.1"]

    with pytest.raises(AddressRefused):
        shop.register()

    assert shop.endpoints.all() == []


def test_a_name_that_is_public_at_first_and_private_later_gets_nothing(shop: Shop) -> None:
    endpoint = shop.register()
    shop.internet.addresses = lambda: ["169.254.169.254"]
    shop.tell()

    assert shop.work() == ["pending"]

    assert shop.internet.came == []
    error = shop.delivery(endpoint).attempts[0].error
    assert error is not None
    assert error.startswith("address_refused")


def test_a_name_that_changes_at_every_look_is_sent_to_where_it_was_checked(shop: Shop) -> None:
    shop.register()
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    shop.internet.addresses = lambda: next(answers)
    shop.tell()

    shop.work()

    assert [addresses for addresses, _, _ in shop.internet.came] == [[PUBLIC]]
