from dataclasses import replace
from datetime import timedelta

import pytest

from builders import CART_ID, NOW, ORDER_ID, details, line, order, table
from commerce.clock import to_text
from commerce.dynamo.table import Update
from commerce.errors import CartChanged, IllegalTransition, NotFound, OrderCanceled, PlacedByAnother
from commerce.ids import new_id
from commerce.orders.model import STANDING, STEP_GRACE, Details, Order, order_id_for
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore, order_key

pytestmark = pytest.mark.usefixtures("tables")

MINE, OTHER = "execution-1", "execution-2"
LATER = NOW + timedelta(hours=1)


def placed(*other: Order) -> OrderStore:
    store = OrderStore(table("orders"))
    for one in other or (order(),):
        store.place_once(one, details())
    return store


def cancel(store: OrderStore, execution: str = MINE) -> Order | None:
    return store.begin_cancel(ORDER_ID, execution, "place_order", {"error": "OutOfStock"}, NOW)


def test_placing_twice_by_one_execution_places_once() -> None:
    placed(order(), order())
    record = RecordStore(table("orders")).get(ORDER_ID)
    assert (record.order, record.details) == (order(), details())


def test_placing_by_another_execution_is_refused_and_changes_nothing() -> None:
    store = placed()
    with pytest.raises(PlacedByAnother) as refused:
        store.place_once(order(execution=OTHER), details(line("TEA")))
    assert refused.value.details["status"] == "pending"
    assert store.lines(ORDER_ID) == details().lines


CHEAPER, DEARER = line("TEA", unit_price=900), line("CUP", unit_price=1100, line_id="line_2")
SWAPPED = replace(CHEAPER, unit_price=1100, total=1100), replace(DEARER, unit_price=900, total=900)
TWO = details(CHEAPER, DEARER)
CHANGED: dict[str, tuple[Order, Details]] = {
    "another cart": (order(cart_version=2), TWO),
    "another delivery": (order(totals={"fulfillment": 100, "total": 1100}), TWO),
    "another tax": (order(totals={"subtotal": 1000, "tax": 0, "total": 1000}), TWO),
    "prices that come to the same": (order(), details(*SWAPPED)),
    "another title": (order(), details(replace(CHEAPER, title="Tea"), DEARER)),
    "another address": (order(), replace(TWO, fulfillment={"destination": {"x": "y"}})),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_repeat_that_finds_another_cart_or_price_is_refused(change: str) -> None:
    store, records = OrderStore(table("orders")), RecordStore(table("orders"))
    store.place_once(order(), TWO)
    with pytest.raises(CartChanged):
        store.place_once(*CHANGED[change])
    assert (records.get(ORDER_ID).order, records.get(ORDER_ID).details) == (order(), TWO)


def test_what_became_of_an_order_stays_when_the_run_that_placed_it_comes_late() -> None:
    store, records = OrderStore(table("orders")), RecordStore(table("orders"))
    customer = "customer_" + "a" * 32
    whole = replace(TWO, fulfillment={"destination": {"address_country": "GB", "name": "Ada"}})
    store.place_once(order(), whole)
    store.confirm(ORDER_ID, "place_order", NOW)
    assert records.hand_over(ORDER_ID, "ada@example.com", customer)
    store.place_once(order(), whole)
    assert records.get(ORDER_ID).details == replace(whole, customer_id=customer)
    records.erase_buyer(ORDER_ID)
    erased = records.get(ORDER_ID)
    assert (erased.details.buyer, erased.details.customer_id) == ({}, customer)
    store.place_once(order(), whole)
    assert records.get(ORDER_ID) == erased
    assert list(store.ids_of(customer)) == [ORDER_ID]


def test_a_big_order_keeps_its_lines_in_order() -> None:
    lines = tuple(line(f"SKU-{n:04d}", line_id=f"line_{n}") for n in range(1, 1111))
    store = OrderStore(table("orders"))
    store.place_once(order(line_count=1110), details(*lines))
    assert RecordStore(table("orders")).get(ORDER_ID).details.lines == lines


def test_confirming_twice_confirms_once() -> None:
    store = placed()
    first = store.confirm(ORDER_ID, "place_order", NOW)
    again = store.confirm(ORDER_ID, "place_order", LATER)
    assert first == again
    due = to_text(NOW + STEP_GRACE)
    assert (again.status, again.version, again.recovery_due_at) == ("confirmed", 2, due)
    assert [change.status for change in again.timeline] == ["pending", "confirmed"]


def test_a_confirmed_order_stands_against_a_late_undo() -> None:
    store = placed()
    store.confirm(ORDER_ID, "place_order", NOW)
    decided = cancel(store)
    assert decided is not None
    assert decided.status == "confirmed"
    assert store.get(ORDER_ID).status == "confirmed"


def test_an_order_being_undone_refuses_a_late_confirmation() -> None:
    store = placed()
    cancel(store)
    with pytest.raises(OrderCanceled):
        store.confirm(ORDER_ID, "place_order", NOW)
    assert store.get(ORDER_ID).status == "canceling"


def test_an_execution_does_not_undo_the_order_of_another() -> None:
    store = placed()
    assert cancel(store, OTHER) is None
    assert store.get(ORDER_ID).status == "pending"


def test_undoing_an_order_that_was_never_placed_finds_nothing() -> None:
    assert cancel(OrderStore(table("orders"))) is None


def test_beginning_an_undo_twice_keeps_the_first_reason() -> None:
    store = placed()
    cancel(store)
    again = store.begin_cancel(ORDER_ID, MINE, "recover_order", {"error": "CheckoutFailed"}, LATER)
    assert again is not None
    assert (again.status, again.version) == ("canceling", 2)
    assert again.refusal == {"error": "OutOfStock"}


def test_closing_twice_closes_once_and_only_after_the_undo_began() -> None:
    store = placed()
    with pytest.raises(IllegalTransition):
        store.close(ORDER_ID, "place_order", NOW)
    cancel(store)
    first = store.close(ORDER_ID, "place_order", NOW)
    assert store.close(ORDER_ID, "place_order", LATER) == first
    assert (first.status, first.recovery_due_at) == ("canceled", None)


def test_only_an_order_being_undone_can_require_action() -> None:
    store = placed()
    with pytest.raises(IllegalTransition):
        store.require_action(ORDER_ID, "recover_order", "why", NOW)
    cancel(store)
    assert store.require_action(ORDER_ID, "recover_order", "why", NOW).status == "requires_action"


def test_a_missing_order_is_not_found() -> None:
    store = OrderStore(table("orders"))
    with pytest.raises(NotFound):
        RecordStore(table("orders")).get(ORDER_ID)
    with pytest.raises(NotFound):
        store.confirm(ORDER_ID, "place_order", NOW)


def test_the_sweep_finds_what_is_in_flight_and_overdue_and_nothing_else() -> None:
    ids = [order_id_for(CART_ID, attempt) for attempt in range(1, 6)]
    orders = [order(order_id=one, attempt=n) for n, one in enumerate(ids, 1)]
    fresh = replace(orders[4], recovery_due_at="2026-03-01T14:00:00.000Z")
    store = placed(*orders[:4], fresh)
    store.confirm(ids[0], "place_order", NOW)
    store.begin_cancel(ids[1], MINE, "place_order", {}, NOW)
    store.begin_cancel(ids[2], MINE, "place_order", {}, NOW)
    store.close(ids[2], "place_order", NOW)
    assert {found.order_id for found in store.overdue(LATER)} == {ids[1], ids[3]}
    assert not list(store.overdue(NOW))


def test_the_sweep_finds_a_confirmed_order_until_it_is_left_to_rest() -> None:
    store = placed()
    confirmed = store.confirm(ORDER_ID, "place_order", NOW)
    assert not list(store.overdue(LATER))
    assert not list(store.overdue(NOW, STANDING))
    assert [found.order_id for found in store.overdue(LATER, STANDING)] == [ORDER_ID]
    # Something was decided since it was read, and may owe another step.
    assert not store.rest(replace(confirmed, version=1))
    assert list(store.overdue(LATER, STANDING))
    assert store.rest(confirmed)
    assert not list(store.overdue(LATER, STANDING))
    assert store.get(ORDER_ID) == replace(confirmed, recovery_due_at=None)
    assert [one.order_id for one in store.list_newest("confirmed", limit=9)[0]] == [ORDER_ID]


def test_an_order_that_cannot_be_read_is_told_when_the_others_are_found() -> None:
    ids = [order_id_for(CART_ID, attempt) for attempt in range(1, 4)]
    store = placed(*(order(order_id=one, attempt=n) for n, one in enumerate(ids, 1)))
    damage = Update(order_key(ids[0]), "SET #timeline = :none", values={"none": "not one"})
    table("orders").update(damage)
    walk = store.overdue(LATER)
    assert {next(walk).order_id, next(walk).order_id} == set(ids[1:])
    with pytest.raises(TypeError):
        next(walk)


def test_of_two_sweeps_one_takes_an_overdue_order() -> None:
    store = placed()
    (overdue,) = store.overdue(LATER)
    taken = store.defer_recovery(overdue, LATER)
    assert taken is not None
    assert taken.recoveries == 1
    assert store.defer_recovery(overdue, LATER) is None
    assert not list(store.overdue(LATER))


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_pages_walk_every_order_once_newest_first(limit: int) -> None:
    times = [NOW + timedelta(minutes=n // 2) for n in range(15)]  # two placed at each moment
    orders = [
        order(
            order_id=new_id("order", at),
            placed_at=at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            status="confirmed" if n % 3 else "pending",
        )
        for n, at in enumerate(times)
    ]
    store = placed(*orders)
    for status in (None, "confirmed"):
        seen: list[Order] = []
        before = None
        while True:
            page, before = store.list_newest(status, limit=limit, before=before)
            assert len(page) <= limit
            seen += page
            if before is None:
                break
        wanted = [one for one in orders if status in (None, one.status)]
        assert [one.placed_at for one in seen] == sorted(
            (one.placed_at for one in wanted), reverse=True
        )
        assert {one.order_id for one in seen} == {one.order_id for one in wanted}
        assert len(seen) == len(wanted)
