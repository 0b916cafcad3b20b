"""Runs that take turns at their calls to the database, in whatever order a test lets them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Semaphore, Thread, local
from typing import Any

_here = local()


class Lost(BaseException):
    """The run's process ended: it does nothing more, and nobody hears of it."""


class Run:
    """One run at work; it stands still before each of its calls until it is let on."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self.ended = False
        self._lost = False
        self._act = act
        self._go, self._stands = Semaphore(0), Semaphore(0)
        Thread(target=self._run, daemon=True).start()
        self._stands.acquire()

    def step(self, calls: int = 1) -> None:
        """Let it make so many calls, up to the one after them or to its end."""
        for _ in range(calls):
            if not self.ended:
                self._go.release()
                self._stands.acquire()

    def end(self) -> None:
        """Let it make all its calls, and raise what it was refused with."""
        while not self.ended:
            self.step()
        if self.error is not None:
            raise self.error

    def lose(self) -> None:
        """End its process where it stands."""
        self._lost = True
        while not self.ended:
            self.step()

    def stand(self) -> None:
        """Wait to be let on; called by the run itself."""
        self._stands.release()
        self._go.acquire()
        if self._lost:
            raise Lost

    def _run(self) -> None:
        _here.run = self
        try:
            self.stand()
            self._act()
        except BaseException as error:
            self.error = error
        finally:
            self.ended = True
            self._stands.release()


class TakingTurns:
    """DynamoDB's client; runs stand before each call, and others go on as ever."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def turn(*given: Any, **arguments: Any) -> Any:
            run: Run | None = getattr(_here, "run", None)
            if run is not None:
                run.stand()
            return call(*given, **arguments)

        return turn
