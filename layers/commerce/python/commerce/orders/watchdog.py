"""The rules for executions that ended before their work was done.

Such an order requires a person's action. A redrive starts the executions again: their
steps find what is done, and go on from there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from commerce.clock import to_text
from commerce.errors import IllegalTransition
from commerce.lifecycle import COMPLETED, CONFIRMED, REQUIRES_ACTION
from commerce.orders.model import Change, Stop
from commerce.orders.record import Decision, OrderRecord, decided

WATCHDOG = "watchdog"
RESUMED_KEPT = 50
# Each part of an order has an execution, and all may stop: the first few say why in full.
CAUSES_KEPT = 20
_ERROR_BYTES_MAX = 64


def interrupt(record: OrderRecord, stop: Stop, now: datetime) -> Decision | None:
    """Hand an order to a person; None where that was done, or nothing is left to do for it.

    An order that is being cancelled is the sweep's, and one that was cancelled needs nothing.
    """
    order = record.order
    # Step Functions may tell it twice, also after a person has acted on it.
    if stop.execution in (*(known.execution for known in order.stops), *order.resumed):
        return None
    if order.status not in (CONFIRMED, COMPLETED, REQUIRES_ACTION):
        return None
    if order.status == REQUIRES_ACTION and order.resumes_to is None:
        return None
    stop = replace(
        stop,
        error=stop.error.encode()[:_ERROR_BYTES_MAX].decode(errors="ignore"),
        cause=stop.cause if len(order.stops) < CAUSES_KEPT else "",
    )
    reason = f"{stop.machine}: {stop.error}"
    change = Change(to_text(now), REQUIRES_ACTION, WATCHDOG, reason, was=order.status)
    return decided(
        record,
        [change],
        order=replace(
            order,
            status=REQUIRES_ACTION,
            stops=(*order.stops, stop),
            resumes_to=order.resumes_to or order.status,
        ),
    )


def resume(record: OrderRecord, by: str, now: datetime) -> Decision | None:
    """Let an order go on that a person has looked at; None where it goes on already.

    Raises
    ------
    IllegalTransition
        The order does not require action.
    """
    order = record.order
    if order.status in (CONFIRMED, COMPLETED):
        return None
    if order.resumes_to is None:
        raise IllegalTransition(f"the order is {order.status}", status=order.status)
    change = Change(to_text(now), order.resumes_to, by, "redrive", was=order.status)
    return decided(
        record,
        [change],
        order=replace(
            order,
            status=order.resumes_to,
            stops=(),
            resumes_to=None,
            resumed=(*order.resumed, *(stop.execution for stop in order.stops))[-RESUMED_KEPT:],
        ),
    )


def started_again(execution: str, version: int) -> str:
    """Name the execution that goes on with the work of one that was stopped."""
    return f"{execution.partition('-')[0]}-{version}"
