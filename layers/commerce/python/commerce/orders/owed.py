"""Which steps an order that stands is owed, and whether anybody is at work on them.

Whoever decides something has the sweep look a while later (`recovery_due_at`). Then each
part of the order that is not done with either has an execution that waits for a person, or
was answered and goes on; or nobody is at work on it, for an event was lost or an execution
ended unseen, and its execution is started again. Steps find what is done, so one that was
at work after all does no harm.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime
from itertools import islice
from operator import attrgetter

from commerce.lifecycle import CONFIRMED
from commerce.orders.continuations import Execution, Machines, work_on
from commerce.orders.machines import FULFIL_ORDER
from commerce.orders.model import RECOVERIES_MAX, STANDING, Order, Stop
from commerce.orders.operations import interrupt_order
from commerce.orders.record import OrderRecord, part_id
from commerce.orders.records import RecordStore, Wait
from commerce.orders.store import OrderStore
from commerce.orders.watchdog import started_again
from commerce.sweeps import one_by_one
from commerce.workflows import TaskTokens

logger = logging.getLogger(__name__)

# What a sweep gets done within its own minute.
SWEEP_MAX = 1_000


def continue_orders(
    as_of: datetime,
    now: datetime,
    *,
    orders: OrderStore,
    records: RecordStore,
    machines: Machines,
    tokens: TaskTokens,
) -> dict[str, int]:
    """Have what orders that stand are owed gone on with, a thousand orders at most.

    An order that nobody went on with, sweep after sweep, is handed to a person.

    Parameters
    ----------
    as_of
        Orders that are due by then are looked at.

    Returns
    -------
    dict[str, int]
        How many orders were `continued`, how many are `stuck` and now require action, and
        with how many neither was possible: `not_continued`, the next sweep takes them again.
    """
    done = Counter[str]()

    def look_at(overdue: Order) -> None:
        # The waits first: no part comes back to a status that somebody waited with.
        waits = records.waits(overdue.order_id)
        record = records.get(overdue.order_id)
        if record.order.status not in STANDING:
            return  # cancelled, or handed to a person, this moment: it is looked after otherwise
        awaited, told = _attend(record, waits, records, tokens)
        left = _left(record, awaited | told)
        if not left and not told:
            orders.rest(record.order)
            return
        order = orders.defer_recovery(record.order, now)
        if order is None:
            return  # another sweep took it, or something was decided
        if left and order.recoveries > RECOVERIES_MAX:
            _hand_over(order, left, now, records)
            done["stuck"] += 1
            return
        for each in left:
            _start(each, order, machines)
        done["continued"] += 1

    due = islice(orders.overdue(as_of, STANDING), SWEEP_MAX)
    failed = one_by_one(due, look_at, attrgetter("order_id"))
    return {"continued": done["continued"], "stuck": done["stuck"], "not_continued": failed}


def _attend(
    record: OrderRecord, waits: list[Wait], records: RecordStore, tokens: TaskTokens
) -> tuple[set[str], set[str]]:
    """Tell who waits for what is so already; gives the parts still awaited, and those told of."""
    statuses = {each.id: each.status for each in record.fulfillments}
    statuses |= {each.id: each.status for each in record.returns}
    awaited, told = set[str](), set[str]()
    for wait in waits:
        status = statuses[wait.part]
        if wait.status == status and tokens.is_open(wait.token):
            awaited.add(wait.part)
            continue
        if wait.status != status and tokens.answer(wait.token, {"status": status}):
            told.add(wait.part)
        # Nobody waits with this token any more.
        records.end_wait(wait)
    return awaited, told


def _left(record: OrderRecord, attended: set[str]) -> list[Execution]:
    """Give the executions that are to be at work on an order and are not.

    The order's own allocates it, charges it where it is charged at once, and goes on with
    its first fulfillment; any of a fulfillment completes an order of which all has arrived.
    """
    order = record.order
    given = {"order_id": order.order_id, "fulfillment_id": None}
    whole = Execution(FULFIL_ORDER, order.order_id, given)
    if not order.allocated_at:
        return [whole]
    under_way = [part.id for part in record.under_way]
    if not under_way:
        return [whole] if order.status == CONFIRMED and not attended else []
    first = part_id("fulfillment", order.order_id, 1)
    left = [part for part in under_way if part not in attended]
    executions = [whole if part == first else work_on(part) for part in left]
    if left and order.charged is not None and whole not in executions:
        # What charges it may be what was lost, and no parcel goes on before that is done.
        executions.append(whole)
    return executions


def _start(execution: Execution, order: Order, machines: Machines) -> None:
    """Start an execution, under the name that its event would have given it where it is free.

    One of that name that is under way is not started twice, and after one that has ended
    comes one that is named by the order's version, which every sweep raises.
    """
    machine = machines[execution.machine]
    if not machine.start(execution.name, execution.input):
        machine.start(started_again(execution.name, order.version), execution.input)


def _hand_over(
    order: Order, executions: list[Execution], now: datetime, records: RecordStore
) -> None:
    logger.error("order %s requires action: nobody goes on with it", order.order_id)
    for each in executions:
        stop = Stop(
            each.machine,
            started_again(each.name, order.version),
            each.input,
            "RecoveryExhausted",
            "it was started again and again, and never came to where it waits or ends",
        )
        interrupt_order(order.order_id, stop, now, records=records)
