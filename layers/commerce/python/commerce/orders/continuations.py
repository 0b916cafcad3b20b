"""Which executions an order's events start, and how executions wait for people.

An execution is named after what it is about, so an event that comes twice starts it once.
One that waits for a person leaves its task token with the part of the order it waits for;
the event of the person's decision brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from commerce.events import model as events
from commerce.events.model import DomainEvent
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER, RETURN_ORDER
from commerce.orders.record import order_of
from commerce.orders.records import RecordStore, Wait
from commerce.orders.watchdog import started_again
from commerce.workflows import StateMachine, TaskTokens

Machines = Mapping[str, StateMachine]


@dataclass(frozen=True)
class Execution:
    """One execution to start: of which machine, its name, and its input."""

    machine: str
    name: str
    input: Mapping[str, Any]


def executions_of(event: DomainEvent) -> Iterator[Execution]:
    """Tell which executions an event starts."""
    about = event.aggregate.id
    if event.type == events.ORDER_PLACED:
        yield Execution(FULFIL_ORDER, about, {"order_id": about, "fulfillment_id": None})
    elif event.type == events.FULFILLMENT_CREATED:
        # The first one goes on in the execution that allocated the order.
        if order_of(about, "fulfillment")[1] > 1:
            yield work_on(about)
    elif event.type in (events.ORDER_LINES_CANCELED, "return.requested"):
        yield work_on(about)
    elif event.type == events.ORDER_RESUMED:
        for stop in event.data["stops"]:
            name = started_again(stop["execution"], event.aggregate.version)
            yield Execution(stop["machine"], name, stop["input"])


def work_on(part: str) -> Execution:
    """Give the execution of a part of an order, which is named after it."""
    kind = part.partition("_")[0]
    order_id, _ = order_of(part, kind)
    machine = {"fulfillment": FULFIL_ORDER, "cancellation": CANCEL_LINES, "return": RETURN_ORDER}
    return Execution(machine[kind], part, {"order_id": order_id, f"{kind}_id": part})


def start_executions(event: DomainEvent, machines: Machines) -> int:
    """Start what an event starts; repeated, once. Gives how many that are."""
    executions = list(executions_of(event))
    for each in executions:
        machines[each.machine].start(each.name, each.input)
    return len(executions)


def await_decision(wait: Wait, *, records: RecordStore, tokens: TaskTokens) -> str:
    """Have an execution wait while a part of an order has a status; gives the part's status.

    Where it has another one already, the execution is brought back at once.
    """
    status = records.wait(wait)
    if status != wait.status:
        tokens.answer(wait.token, {"status": status})
    return status


def answer_wait(part: str, *, records: RecordStore, tokens: TaskTokens) -> bool:
    """Bring the executions back that wait with another status than a part has; repeated, once.

    One that is gone needs no answer: the watchdog has handed its order over. Tells whether
    somebody waited.
    """
    waits, status = records.waiting(part)
    left_behind = [wait for wait in waits if wait.status != status]
    for wait in left_behind:
        tokens.answer(wait.token, {"status": status})
        records.end_wait(wait)
    return bool(left_behind)
