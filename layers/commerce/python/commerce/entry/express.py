"""The edge around an Express state machine, which keeps no history: say here how it ended.

What it was given and what its steps gave is in no line: a payment's token is among it, and an
error of the state machine itself repeats its input. Each step logs under the order's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commerce import errors
from commerce.entry.telemetry import logger
from commerce.errors import DomainError
from commerce.workflows import STILL_RUNNING, SUCCEEDED, Outcome, StateMachine


class LoggedStateMachine(StateMachine):
    """A state machine whose executions are waited for, and logged where they do not succeed."""

    def run(self, document: Mapping[str, Any]) -> Outcome:
        """Start an Express execution and wait for its end, or for as long as a caller may wait."""
        outcome = super().run(document)
        if outcome.status == SUCCEEDED:
            return outcome
        facts = {
            "order_id": document.get("order_id", ""),
            "execution": outcome.execution,
            "status": outcome.status,
            "error": outcome.error,
        }
        if outcome.status == STILL_RUNNING or _is_named(outcome.error):
            logger.info("execution did not succeed", extra=facts)
        else:
            # Nobody foresaw it: the state machine itself, a function that died, a lack of room.
            logger.error("execution broke", extra=facts)
        return outcome


def _is_named(name: str) -> bool:
    kind = getattr(errors, name, None)
    return isinstance(kind, type) and issubclass(kind, DomainError)
