"""What the shop does to find out whether its books and the provider's say the same.

A run walks the provider's list, then our own payments, then the orders that stand, a
part of a walk at a time. Each order is looked at by itself, and again before anything is
reported: between two reads of a busy shop a difference may come and go.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commerce.clock import Clock, to_text
from commerce.errors import DomainError, NotFound, TransientError
from commerce.ids import derived_id
from commerce.ledger.store import LedgerStore
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.operations import finish_calls, settle_payment
from commerce.payments.provider import PaymentProvider
from commerce.payments.store import PaymentStore
from commerce.reconciliation.model import (
    AUTHORIZATION_WITHOUT_ORDER,
    FAILED,
    FINISHED,
    LEFT_OPEN,
    NOT_LOOKED_AT,
    RUNNING,
    TRIAL_BALANCE,
    Facts,
    Finding,
    Run,
    findings,
    in_motion,
    left_open,
)
from commerce.reconciliation.store import RUN_ID_PREFIX, ReconciliationStore
from commerce.workflows import StateMachine

logger = logging.getLogger(__name__)

PROVIDER, PAYMENTS, ORDERS, END = "provider", "payments", "orders", "end"
NEXT = {PROVIDER: PAYMENTS, PAYMENTS: ORDERS, ORDERS: END}

# A part is a step of seven events, and an execution has room for 25,000 of them: enough for
# the seven million items of a million orders. A part takes a function half a minute.
PART_SIZE = 4000
# A sum over many items is read while captures are booked, so it may be off for a moment.
BALANCE_TRIES = 3


@dataclass(frozen=True)
class Place:
    """How far a run has come: in which walk, after what, and how much was looked at."""

    walk: str = PROVIDER
    cursor: dict[str, Any] | None = None
    checked: int = 0


@dataclass(frozen=True)
class Shop:
    """All that a run looks into."""

    orders: OrderStore
    records: RecordStore
    payments: PaymentStore
    ledger: LedgerStore
    provider: PaymentProvider
    runs: ReconciliationStore


def start_run(
    run_id: str, by: str, now: datetime, *, runs: ReconciliationStore, machine: StateMachine
) -> Run:
    """Record a run, and have the state machine walk it; one that cannot start is `failed`.

    Repeated under its id, it is the run that there is; another where that one failed.
    """
    run = Run(run_id, RUNNING, by, to_text(now))
    began = runs.begin(run)
    if began.status == FAILED:
        another = derived_id(RUN_ID_PREFIX, run_id, began.ended_at or "")
        return start_run(another, by, now, runs=runs, machine=machine)
    if began.status != RUNNING:
        return began
    place = Place()
    try:
        machine.start(
            run_id,
            {"run_id": run_id, "place": {"walk": place.walk, "cursor": None, "checked": 0}},
        )
    except Exception:
        # Nobody would ever end it, and it must not seem to run for ever.
        runs.fail(replace(run, status=FAILED, ended_at=to_text(now)))
        raise
    return began


def walk_part(
    run_id: str, place: Place, clock: Clock, shop: Shop, part_size: int = PART_SIZE
) -> Place:
    """Look at a part of a walk, and give where to go on; repeated, it finds the same once.

    An order that cannot be looked at is a finding, and the walk goes on.

    Raises
    ------
    TransientError
        So it was with some at this moment; all others were looked at.
    """
    if place.walk == PROVIDER:
        page, cursor = shop.provider.list_payments(place.cursor, part_size)
        ids = [one.reference for one in page]
    elif place.walk == PAYMENTS:
        ids, cursor = shop.payments.page(place.cursor, part_size)
    else:
        ids, cursor = shop.orders.standing_page(place.cursor, part_size)
    passing: list[TransientError] = []
    for order_id in ids:
        try:
            if _is_suspect(order_id, place.walk, shop):
                _check(run_id, order_id, clock, shop)
        except TransientError as error:
            passing.append(error)
        except Exception as error:
            logger.exception("%s could not be looked at", order_id)
            why = type(error).__name__
            shop.runs.record(run_id, Finding(NOT_LOOKED_AT, order_id, "a comparison", why))
    if passing:
        raise passing[0]
    if cursor is not None:
        return Place(place.walk, cursor, place.checked + len(ids))
    if NEXT[place.walk] == END:
        _check_balance(run_id, shop)
    return Place(NEXT[place.walk], None, place.checked + len(ids))


def _is_suspect(order_id: str, walk: str, shop: Shop) -> bool:
    """Tell whether this walk is the one that looks at an order: each is looked at once."""
    if walk == PAYMENTS:
        # What the provider has was looked at with its list.
        return shop.provider.find(order_id) is None
    return walk == PROVIDER or shop.payments.get(order_id) is None


def end_run(
    run_id: str, checked: int, now: datetime, *, runs: ReconciliationStore, status: str = FINISHED
) -> Run:
    """Record that a run ended, and how."""
    return runs.end(run_id, status, checked, now)


def _check(run_id: str, order_id: str, clock: Clock, shop: Shop) -> None:
    facts = _facts(order_id, shop)
    now = clock()
    if in_motion(facts, now) or not list(findings(facts)):
        return
    again = _facts(order_id, shop)
    if left_open(again):
        _settle(run_id, again, clock, shop)
        again = _facts(order_id, shop)
    for finding in findings(again):
        shop.runs.record(run_id, finding)
        if finding.kind == AUTHORIZATION_WITHOUT_ORDER and _let_go(again, now, shop):
            shop.runs.record_repaired(run_id, finding)


def _settle(run_id: str, facts: Facts, clock: Clock, shop: Shop) -> None:
    """End what nobody ended: ask what became of it, and make again what never came to be."""
    finding = next(one for one in findings(facts) if one.kind == LEFT_OPEN)
    shop.runs.record(run_id, finding)
    books: dict[str, Any] = {
        "payments": shop.payments,
        "ledger": shop.ledger,
        "provider": shop.provider,
    }
    try:
        settle_payment(facts.order_id, clock, **books)
        payment, calls = shop.payments.get_with_calls(facts.order_id)
        finish_calls(payment, calls, clock(), **books)
    except DomainError as refused:
        logger.warning("%s stays open: %s", facts.order_id, refused)
    if not left_open(_facts(facts.order_id, shop)):
        shop.runs.record_repaired(run_id, finding)


def _let_go(facts: Facts, now: datetime, shop: Shop) -> bool:
    """Void what is held for no order. The tombstone comes first: a late step finds it."""
    shop.payments.leave_tombstone(facts.order_id, now)
    try:
        shop.provider.void(reference=facts.order_id, idempotency_key=f"reconcile-{facts.order_id}")
    except DomainError as refused:
        logger.warning("%s stays held: %s", facts.order_id, refused)
        return False
    return True


def _facts(order_id: str, shop: Shop) -> Facts:
    # The provider first: what it knows of was recorded here before it was asked.
    theirs = shop.provider.find(order_id)
    payment, calls = shop.payments.find_with_calls(order_id)
    return Facts(
        order_id,
        _record(order_id, shop.records),
        payment,
        theirs,
        calls,
        shop.ledger.cash_of_order(order_id),
    )


def _record(order_id: str, records: RecordStore) -> OrderRecord | None:
    try:
        return records.get(order_id)
    except NotFound:
        return None


def _check_balance(run_id: str, shop: Shop) -> None:
    for finding in _unbalanced(shop.ledger):
        shop.runs.record(run_id, finding)


def _unbalanced(ledger: LedgerStore) -> Iterator[Finding]:
    """Give the currencies whose debits are not their credits, each time one looks."""
    differences = [
        {
            currency: total.debits - total.credits
            for currency, total in ledger.trial_balance().items()
        }
        for _ in range(BALANCE_TRIES)
    ]
    for currency, difference in differences[0].items():
        if difference and all(each.get(currency) == difference for each in differences):
            yield Finding(TRIAL_BALANCE, currency, "0", str(difference))
