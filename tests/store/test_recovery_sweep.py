"""What the sweep does with each order is its own: one that fails keeps it from no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from builders import CART_ID, NOW, details, order, table
from cloud_in_memory import table_name
from commerce.clock import to_text
from commerce.dynamo.table import Table, dynamodb_client
from commerce.errors import Throttled
from commerce.fulfillment import model as fulfillment
from commerce.fulfillment.model import Acting
from commerce.orders.model import RECOVERIES_MAX, order_id_for, recovery_due
from commerce.orders.operations import recover_orders
from commerce.orders.owed import continue_orders
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore

pytestmark = pytest.mark.usefixtures("tables")

LATER = NOW + timedelta(hours=1)
IDS = [order_id_for(CART_ID, attempt) for attempt in range(1, 6)]


class Recovery:
    """Stands in the place of the state machine; takes no execution for some orders."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.started: list[str] = []

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        if document["order_id"] in self.refused:
            raise Throttled("too many executions are started")
        self.started.append(name)
        return True


class Before:
    """DynamoDB's client, with something done before the first call that looks so."""

    def __init__(self, looks_so: Callable[[str, Any], bool], do: Callable[[], object]) -> None:
        self._looks_so, self._do = looks_so, do

    def __getattr__(self, name: str) -> Any:
        call = getattr(dynamodb_client(), name)

        def watched(**arguments: Any) -> Any:
            if self._looks_so(name, arguments):
                self._looks_so = lambda *_: False
                self._do()
            return call(**arguments)

        return watched


class LaggingIndex:
    """DynamoDB's client whose indexes show the tables as they were when it was made."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(dynamodb_client(), name)

    def query(self, **arguments: Any) -> Any:
        if "IndexName" not in arguments:
            return dynamodb_client().query(**arguments)
        asked = repr(sorted(arguments.items()))
        return self._seen.setdefault(asked, dynamodb_client().query(**arguments))


def placed(*recoveries: int, client: Any = None) -> OrderStore:
    """Give a store with so many pending orders, of which each was swept so often before."""
    store = OrderStore(Table(table_name("orders"), client) if client else table("orders"))
    for attempt, (order_id, swept) in enumerate(zip(IDS, recoveries, strict=False), 1):
        store.place_once(order(order_id=order_id, attempt=attempt, recoveries=swept), details())
    return store


def sweep(store: OrderStore, recovery: Any) -> dict[str, int]:
    return recover_orders(LATER, LATER, orders=store, recovery=recovery)


def canceling(store: OrderStore, order_id: str) -> None:
    store.begin_cancel(order_id, "execution-1", "place_order", {}, NOW)


def test_an_order_whose_recovery_cannot_start_keeps_the_sweep_from_no_other() -> None:
    store, recovery = placed(0, 0, 0), Recovery(IDS[0], IDS[1])
    assert sweep(store, recovery) == {"started": 1, "require_action": 0, "failed": 2}
    assert len(recovery.started) == 1
    # They are swept again, a little later.
    due = to_text(recovery_due(LATER, 1))
    assert {store.get(each).recovery_due_at for each in IDS[:3]} == {due}


def test_an_order_that_is_closed_while_it_is_handed_over_keeps_the_sweep_from_no_other() -> None:
    store = placed(RECOVERIES_MAX, RECOVERIES_MAX, 0)
    for order_id in IDS[:2]:
        canceling(store, order_id)

    def handing_over(call: str, arguments: Any) -> bool:
        values = arguments.get("ExpressionAttributeValues", {})
        return call == "update_item" and values.get(":to") == {"S": "requires_action"}

    closed: list[str] = []

    def close() -> None:
        (first, *_) = [each for each in IDS[:2] if store.get(each).recoveries > RECOVERIES_MAX]
        closed.append(store.close(first, "recover_order", LATER).order_id)

    disturbed = OrderStore(Table(table_name("orders"), _any(Before(handing_over, close))))
    recovery: Any = Recovery()
    assert sweep(disturbed, recovery) == {"started": 1, "require_action": 1, "failed": 0}
    statuses = {each: store.get(each).status for each in IDS[:2]}
    assert sorted(statuses.values()) == ["canceled", "requires_action"]
    assert statuses[closed[0]] == "canceled"


def test_the_sweep_asks_the_order_itself_where_the_index_is_a_moment_behind() -> None:
    store = placed(0, 0, 0, 0)
    behind = OrderStore(Table(table_name("orders"), _any(LaggingIndex())))
    assert len(list(behind.overdue(LATER))) == 4
    store.confirm(IDS[0], "place_order", LATER)
    canceling(store, IDS[1])
    store.close(IDS[1], "place_order", LATER)
    store.defer_recovery(store.get(IDS[2]), LATER)
    recovery = Recovery()
    assert sweep(behind, recovery) == {"started": 1, "require_action": 0, "failed": 0}
    assert recovery.started[0].startswith(IDS[3])


def test_every_recovery_of_an_order_has_a_name_of_its_own_for_good() -> None:
    store = placed(0)
    recovery: Any = Recovery()
    canceling(store, IDS[0])
    swept = 0
    for redriven in range(3):
        for number in range(RECOVERIES_MAX + 1):
            at = LATER + timedelta(days=redriven, hours=number)
            swept += recover_orders(at, at, orders=store, recovery=recovery)["started"]
        assert store.get(IDS[0]).status == "requires_action"
        store.redrive(IDS[0], "staff", LATER + timedelta(days=redriven, hours=20))
    assert swept == 3 * RECOVERIES_MAX
    assert len(set(recovery.started)) == len(recovery.started) == swept


def _any(fake: object) -> Any:
    return fake


class NobodyWaits:
    """Stands in the place of task tokens and state machines; what is started is kept."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, name: str, _document: Mapping[str, Any]) -> bool:
        self.started.append(name)
        return True


def look(store: OrderStore, client: Any = None) -> list[str]:
    """Have the sweep look at orders that stand; give what it starts."""
    table_ = Table(table_name("orders"), client) if client else table("orders")
    nobody: Any = NobodyWaits()
    machines = dict.fromkeys(("fulfil_order", "cancel_lines", "return_order"), nobody)
    continue_orders(
        LATER, LATER, orders=store, records=RecordStore(table_), machines=machines, tokens=nobody
    )
    started: list[str] = nobody.started
    return started


def test_an_order_that_is_cancelled_while_the_sweep_looks_at_it_stays_watched() -> None:
    store = placed(0)
    store.confirm(IDS[0], "place_order", NOW)

    def cancel() -> None:
        RecordStore(table("orders")).decide(
            IDS[0], lambda record: fulfillment.cancel(record, Acting("ada", LATER))
        )

    def reads_waits(call: str, arguments: Any) -> bool:
        values = arguments.get("ExpressionAttributeValues", {})
        return call == "query" and values.get(":prefix") == {"S": "wait#"}

    assert look(store, _any(Before(reads_waits, cancel))) == []
    canceled = store.get(IDS[0])
    due = to_text(recovery_due(LATER, 0))
    assert (canceled.status, canceled.recovery_due_at) == ("canceling", due)
    assert [each.order_id for each in store.overdue(LATER + timedelta(hours=1))] == [IDS[0]]


def test_a_confirmed_order_of_which_nobody_was_told_is_allocated_by_the_sweep_and_by_one() -> None:
    store = placed(0)
    store.confirm(IDS[0], "place_order", NOW)
    assert look(store) == [IDS[0]]
    # Taken, it is looked at again only after a while.
    assert look(store) == []
