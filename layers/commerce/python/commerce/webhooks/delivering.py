"""How an event comes to its endpoints: planned once, attempted until taken or given up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter

from commerce.clock import Clock, to_text
from commerce.errors import AddressRefused, SweepIncomplete
from commerce.queues import Queue
from commerce.signatures import signed_headers
from commerce.sweeps import one_by_one
from commerce.webhooks.addresses import check_addresses, target_of
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import Answer, Internet, Unanswered
from commerce.webhooks.model import (
    ATTEMPTS_MAX,
    ENABLED,
    FAILED,
    FAILING,
    GONE,
    PENDING,
    QUEUE_GRACE,
    QUEUE_WAIT_MAX,
    SUCCEEDED,
    Attempt,
    Delivery,
    Endpoint,
    Ring,
    delivery_id_for,
    next_attempt_at,
)
from commerce.webhooks.schema import EventDocument
from commerce.webhooks.signing import SigningSecrets

# What a sweep gets done within its own minute.
SWEEP_MAX = 1_000

USER_AGENT = "Pushcart-Webhooks/1"

# What became of an attempt, beside the statuses of a delivery.
NOT_OURS = "not_ours"


def plan_deliveries(
    event: EventDocument,
    now: datetime,
    *,
    endpoints: EndpointStore,
    deliveries: DeliveryStore,
    queue: Queue,
) -> int:
    """Record a delivery for each endpoint that wants the event, and ask for the attempts.

    An event that comes again makes no second delivery. Where asking fails after a
    delivery was recorded, the sweep asks.

    Returns
    -------
    int
        How many deliveries are new.
    """
    new = 0
    for endpoint in endpoints.all():
        if not endpoint.wants(event.type):
            continue
        delivery = Delivery(
            endpoint_id=endpoint.endpoint_id,
            delivery_id=delivery_id_for(event.event_id, endpoint.endpoint_id, event.occurred_at),
            event_id=event.event_id,
            event_type=event.type,
            body=event.model_dump_json(),
            status=PENDING,
            created_at=to_text(now),
        )
        if deliveries.record_once(delivery, now):
            ring(delivery, queue)
            new += 1
    return new


def sweep_deliveries(
    as_of: datetime, now: datetime, *, deliveries: DeliveryStore, queue: Queue
) -> int:
    """Ask for an attempt at what is due by then, a thousand at most; give how many.

    The rest is still due at the next sweep, a minute later.

    Raises
    ------
    SweepIncomplete
        Some could not be asked for; they are due again in a while, and all others were.
    """
    taken = list[Delivery]()

    def ask(delivery: Delivery) -> None:
        taken.append(delivery)
        ring(delivery, queue)

    due = islice(deliveries.due(as_of, now), SWEEP_MAX)
    failed = one_by_one(due, ask, attrgetter("delivery_id"))
    if failed:
        raise SweepIncomplete(f"{failed} of {len(taken)} deliveries could not be asked for")
    return len(taken)


def ring(delivery: Delivery, queue: Queue, wait: timedelta = timedelta(0)) -> None:
    """Ask for a delivery's next attempt, after a while."""
    queue.send(asdict(delivery.next_ring), math.ceil(wait.total_seconds()))


class Courier:
    """Makes attempts.

    Parameters
    ----------
    private_allowed
        Tells whether webhooks may go to private addresses now.
    jitter
        Gives a number from 0 to 1.
    """

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        queue: Queue,
        internet: Internet,
        secrets: SigningSecrets,
        private_allowed: Callable[[], bool],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._queue = queue
        self._internet = internet
        self._secrets = secrets
        self._private_allowed = private_allowed
        self._clock = clock
        self._jitter = jitter

    def attempt(self, asked: Ring) -> tuple[str, bool]:
        """Make an attempt, once however often it is asked for.

        What breaks here after the claim, such as the table being throttled, leaves the
        delivery to the sweep.

        Returns
        -------
        tuple[str, bool]
            What became of it, a delivery's status or `not_ours`; and whether the endpoint
            was disabled for it.
        """
        delivery = self._deliveries.claim(asked, self._clock())
        if delivery is None:
            return NOT_OURS, False
        endpoint = self._endpoints.find(asked.endpoint_id)
        if endpoint is None or endpoint.status != ENABLED:
            return self._give_up_unsent(delivery, "endpoint_disabled"), False
        if delivery.tried_in_round > ATTEMPTS_MAX:
            # Nobody lived to say so: whatever kills workers must not go on for ever.
            return self._give_up_unsent(delivery, "worker_lost"), False
        attempt = self._try(endpoint, delivery)
        if attempt.succeeded:
            return self._taken(endpoint, delivery, attempt), False
        return self._refused(endpoint, delivery, attempt)

    def _try(self, endpoint: Endpoint, delivery: Delivery) -> Attempt:
        begun = self._clock()
        answer: Answer | None = None
        error = None
        try:
            answer = self._send(endpoint, delivery, begun)
        except AddressRefused as refused:
            error = f"{refused.code()}: {refused.sentence}"
        except Unanswered as unanswered:
            error = str(unanswered)
        took = (self._clock() - begun) // timedelta(milliseconds=1)
        if answer is None:
            return Attempt(delivery.tried, to_text(begun), took, error=error)
        return Attempt(delivery.tried, to_text(begun), took, answer.status, answer=answer.text)

    def _send(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> Answer:
        private = self._private_allowed()
        target = target_of(endpoint.url, private_allowed=private)
        addresses = self._internet.resolve(target.host, target.port)
        check_addresses(addresses, private_allowed=private)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **signed_headers(
                delivery.event_id, delivery.body, self._secrets.at(endpoint, now), now
            ),
        }
        return self._internet.post(target, addresses, headers, delivery.body)

    def _taken(self, endpoint: Endpoint, delivery: Delivery, attempt: Attempt) -> str:
        ours = self._deliveries.succeed(delivery, attempt)
        if endpoint.failing_since:
            self._endpoints.note_delivered(endpoint.endpoint_id)
        return SUCCEEDED if ours else NOT_OURS

    def _refused(
        self, endpoint: Endpoint, delivery: Delivery, attempt: Attempt
    ) -> tuple[str, bool]:
        now = self._clock()
        if attempt.gone:
            ours = self._deliveries.fail(delivery, attempt)
            return FAILED if ours else NOT_OURS, self._endpoints.disable(endpoint, GONE, now)
        at = next_attempt_at(delivery, now, self._jitter())
        if at is not None:
            return self._put_off(delivery, attempt, at, now), False
        if not self._deliveries.fail(delivery, attempt):
            return NOT_OURS, False
        failing = self._endpoints.note_given_up(endpoint.endpoint_id, now)
        if failing is None or not failing.fails_for_good(now):
            return FAILED, False
        return FAILED, self._endpoints.disable(failing, FAILING, now)

    def _put_off(self, delivery: Delivery, attempt: Attempt, at: datetime, now: datetime) -> str:
        soon = at - now <= QUEUE_WAIT_MAX
        due = at + QUEUE_GRACE if soon else at
        if not self._deliveries.retry(delivery, attempt, at, due):
            return NOT_OURS
        if soon:
            ring(delivery, self._queue, at - now)
        return PENDING

    def _give_up_unsent(self, delivery: Delivery, error: str) -> str:
        unsent = Attempt(delivery.tried, to_text(self._clock()), 0, error=error)
        return FAILED if self._deliveries.fail(delivery, unsent) else NOT_OURS
