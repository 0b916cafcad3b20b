"""How long an answer takes must not tell whether there is an account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from commerce.clock import Pause, Stopwatch, system_pause, system_stopwatch

# Cognito answers within this but now and then, whether it compares a password, mails a code or
# does neither. What takes longer waits for the next step, so that time is told in these alone.
STEP_SECONDS = 0.5


class Pace:
    """Has answers come at whole steps of half a second; a simulator passes its own time."""

    def __init__(
        self, stopwatch: Stopwatch = system_stopwatch, pause: Pause = system_pause
    ) -> None:
        self._stopwatch = stopwatch
        self._pause = pause

    @contextmanager
    def even(self) -> Iterator[None]:
        """Do what takes how long it takes, refused or not, and wait for the step's end."""
        began = self._stopwatch()
        try:
            yield
        finally:
            self._pause(-(self._stopwatch() - began) % STEP_SECONDS)
