"""What an endpoint and a delivery are, and when a delivery is tried again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.clock import from_text
from commerce.ids import new_id

ENDPOINT_ID_PREFIX = "endpoint"
DELIVERY_ID_PREFIX = "delivery"

# A shop has a handful; the consumer reads them all for each event.
ENDPOINTS_MAX = 50

ENABLED = "enabled"
DISABLED = "disabled"

# Why an endpoint is disabled.
BY_STAFF = "staff"
GONE = "gone"
FAILING = "failing"

PENDING = "pending"
SUCCEEDED = "succeeded"
FAILED = "failed"

EVERY_TYPE = "*"

# How long after each failed attempt comes the next, before jitter: 23 h 35 min in all.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=6),
    timedelta(hours=10),
)
ATTEMPTS_MAX = len(WAITS) + 1
# Deliveries that failed together must not come back together.
JITTER_MAX = 0.1

# Twice what a worker may take, so that nobody has an attempt whose claim ran out.
CLAIM_LIFE = timedelta(seconds=60)
# How long the queue has for an attempt before the sweep asks for it again.
QUEUE_GRACE = timedelta(minutes=2)
# What comes later than this waits for the sweep: a queue holds a message back 15 minutes at most.
QUEUE_WAIT_MAX = timedelta(minutes=15)
# Deliveries are listed, and can be sent again, for so long.
KEPT = timedelta(days=30)

# An endpoint is disabled when it has taken nothing for so long after a delivery was given up.
FAILING_MAX = timedelta(days=3)
# After a rotation, the secret before it still signs for so long.
ROTATION_OVERLAP = timedelta(days=1)

ATTEMPTS_KEPT = 20

_GONE_STATUS = 410


@dataclass(frozen=True)
class Endpoint:
    """An address that is told of events.

    `event_types` may be `("*",)`, for all. `failing_since` is when a delivery was given up
    with none delivered since.
    """

    endpoint_id: str
    url: str
    event_types: tuple[str, ...]
    description: str
    status: str
    version: int
    created_at: str
    updated_at: str
    disabled_reason: str | None = None
    disabled_at: str | None = None
    failing_since: str | None = None
    secret_number: int = 1
    previous_secret_until: str | None = None

    def wants(self, event_type: str) -> bool:
        """Tell whether it is told of events of this type now."""
        return self.status == ENABLED and (
            EVERY_TYPE in self.event_types or event_type in self.event_types
        )

    def secret_numbers(self, now: datetime) -> tuple[int, ...]:
        """Give which of its secrets sign, newest first: two for a day after a rotation."""
        newest, until = self.secret_number, self.previous_secret_until
        return (newest, newest - 1) if until and now < from_text(until) else (newest,)

    def fails_for_good(self, now: datetime) -> bool:
        """Tell whether it has failed for so long that it is disabled."""
        since = self.failing_since
        return since is not None and now - from_text(since) >= FAILING_MAX


@dataclass(frozen=True)
class Attempt:
    """One try to deliver: the status it was answered with, or the error there was instead."""

    number: int
    at: str
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    answer: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it wants no more, ever."""
        return self.status_code == _GONE_STATUS


@dataclass(frozen=True)
class Delivery:
    """One event for one endpoint.

    `tried` counts attempts, over all rounds; a resend begins a new round after
    `round_from` attempts. `due_at` is when somebody must look at it again.
    """

    endpoint_id: str
    delivery_id: str
    event_id: str
    event_type: str
    body: str
    status: str
    created_at: str
    tried: int = 0
    round_from: int = 0
    next_attempt_at: str | None = None
    due_at: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def tried_in_round(self) -> int:
        """How many attempts this round has had, those of workers that died among them."""
        return self.tried - self.round_from

    @property
    def next_ring(self) -> Ring:
        """What asks for the attempt after those made or begun."""
        return Ring(self.endpoint_id, self.delivery_id, self.tried + 1)


@dataclass(frozen=True)
class Ring:
    """Asks a worker for one attempt, which is made once however often it is asked for."""

    endpoint_id: str
    delivery_id: str
    attempt: int


def delivery_id_for(event_id: str, endpoint_id: str, occurred_at: str) -> str:
    """Give the one id of an event's delivery to an endpoint; ids sort by the event's time."""
    digest = hashlib.sha256(f"{event_id}|{endpoint_id}".encode()).digest()
    return new_id(
        DELIVERY_ID_PREFIX,
        from_text(occurred_at),
        lambda bits: int.from_bytes(digest[: bits // 8], "big"),
    )


def next_attempt_at(delivery: Delivery, now: datetime, jitter: float) -> datetime | None:
    """Give when a delivery whose attempt failed is tried again; None where it is given up.

    Parameters
    ----------
    jitter
        From 0 to 1; how much of the greatest lengthening this wait gets.
    """
    if delivery.tried_in_round >= ATTEMPTS_MAX:
        return None
    return now + WAITS[delivery.tried_in_round - 1] * (1 + JITTER_MAX * jitter)
