"""The only place that asks what time it is, and the one way to write a time down."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
Pause = Callable[[float], None]
Stopwatch = Callable[[], float]


def system_clock() -> datetime:
    """Give the current time, in UTC."""
    return datetime.now(UTC)


def system_stopwatch() -> float:
    """Give seconds since some moment; only what lies between two answers means anything."""
    return time.monotonic()


def system_pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def to_text(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote."""
    return datetime.fromisoformat(text)
