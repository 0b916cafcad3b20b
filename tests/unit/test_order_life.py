"""The rules of an order's life after its confirmation: who may do what with which units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, details, line, order
from commerce.clock import to_text
from commerce.errors import (
    AmountTooLarge,
    IllegalTransition,
    NotAllocated,
    NotFound,
    NotReserved,
    ReturnWindowClosed,
    TooManyUnits,
)
from commerce.fulfillment import model as fulfillment
from commerce.fulfillment.model import BUYER, FULFILLMENTS_MAX, Acting
from commerce.lifecycle import FULFILLMENT, ORDER, ORDER_FULFILLMENT, RETURN, follow
from commerce.orders import watchdog
from commerce.orders.model import Stop
from commerce.orders.record import Decision, OrderRecord, decided, order_of, part_id
from commerce.returns import model as returns
from commerce.returns.model import RETURNS_MAX, Refund

STAFF, AS_BUYER = Acting("ada", NOW), Acting(BUYER, NOW)
TRACKING = {"number": "1Z"}
WINDOW = 30
HELD = {"main": {"MUG": 3, "JAM": 1}, "north": {"JAM": 1}}
DELIVERY = 400


def confirmed(**facts: Any) -> OrderRecord:
    """Give an order of three mugs for 1000 and two jams for 501, with delivery for 400."""
    lines = line("MUG", 3, 333, total=1000), line("JAM", 2, 250, total=501, line_id="line_2")
    standing = {"status": "confirmed", "totals": {"total": 1501 + DELIVERY}, **facts}
    return OrderRecord(order(**standing), details(*lines))


def allocated(capture: str = "on_shipment") -> OrderRecord:
    return made(fulfillment.allocate(confirmed(), HELD, capture, STAFF))


def made(decision: Decision | tuple[Decision, str] | None) -> OrderRecord:
    """Give the record a decision leads to."""
    assert decision is not None
    return (decision[0] if isinstance(decision, tuple) else decision).after


def brought(record: OrderRecord, number: int, *verbs: str, acting: Acting = STAFF) -> OrderRecord:
    """Bring the n-th parcel on."""
    part = part_id("fulfillment", record.order.order_id, number)
    for verb in verbs:
        if verb == "ship":
            record = made(fulfillment.ship(record, part, TRACKING, acting))
        else:
            record = made(getattr(fulfillment, verb)(record, part, acting))
    return record


SENT = ("pack", "ship")
ALL_THE_WAY = ("pack", "ship", "deliver")


def parcel(number: int) -> str:
    return part_id("fulfillment", order().order_id, number)


def sent_back(record: OrderRecord, units: dict[str, int], acting: Acting = STAFF) -> OrderRecord:
    """Bring a return of units as far as its receipt."""
    decision, part = returns.request(record, units, "", WINDOW, acting)
    record = made(returns.approve(decision.after, part, acting))
    return made(returns.receive(record, part, units, {}, "main", acting))


# --- the tables -----------------------------------------------------------------


@pytest.mark.parametrize("edges", [ORDER, FULFILLMENT, RETURN, ORDER_FULFILLMENT])
def test_each_edge_of_a_table_and_no_other_is_followed(edges: dict[str, frozenset[str]]) -> None:
    for source, targets in edges.items():
        for target in edges:
            if target in targets:
                assert follow(edges, source, target) == target
            else:
                with pytest.raises(IllegalTransition) as refused:
                    follow(edges, source, target)
                assert refused.value.details["status"] == source


def test_what_is_canceled_stays_so_and_a_return_ends_refunded_or_rejected() -> None:
    ends = [{source for source in edges if not edges[source]} for edges in (ORDER, RETURN)]
    assert ends == [{"canceled"}, {"refunded", "rejected"}]
    assert {source for source, to in FULFILLMENT.items() if not to} == {"delivered", "canceled"}
    assert not any("canceled" in FULFILLMENT[sent] for sent in ("shipped", "delivered"))


def test_a_decision_without_an_edge_is_refused_for_the_order_and_each_part() -> None:
    record = brought(allocated(), 1, "pack", "ship")
    back = replace(record.fulfillments[0], status="packed")
    with pytest.raises(IllegalTransition):
        decided(record, [], fulfillments=[back])
    with pytest.raises(IllegalTransition):
        decided(record, [], order=replace(record.order, status="canceled"))
    asked = made(returns.request(record, {"line_1": 1}, "", WINDOW, STAFF))
    with pytest.raises(IllegalTransition):
        decided(asked, [], returns=[replace(asked.returns[0], status="refunded")])
    with pytest.raises(IllegalTransition):
        decided(record, [], fulfillments=[replace(back, id=parcel(9), status="delivered")])


@pytest.mark.parametrize("wrong", ["order_1_1", "return_1", "return_1_x", "return_1_10000", ""])
def test_a_parts_id_tells_its_order_and_what_is_none_is_not_found(wrong: str) -> None:
    assert order_of(part_id("return", "order_abc", 12), "return") == ("order_abc", 12)
    with pytest.raises(NotFound):
        order_of(wrong, "return")


# --- allocation -----------------------------------------------------------------


def test_each_location_that_holds_units_gets_a_fulfillment() -> None:
    record = allocated()
    assert [(each.location, each.units) for each in record.fulfillments] == [
        ("main", {"line_1": 3, "line_2": 1}),
        ("north", {"line_2": 1}),
    ]
    assert (record.order.charged, record.order.allocated_at) == (None, to_text(NOW))
    assert allocated("at_once").order.charged == 1901


def test_an_order_is_allocated_once_and_only_where_it_stands() -> None:
    assert fulfillment.allocate(allocated(), HELD, "on_shipment", STAFF) is None
    for status in ("canceling", "requires_action"):
        left = confirmed(status=status)
        assert fulfillment.allocate(left, HELD, "on_shipment", STAFF) is None


def test_an_order_that_holds_too_little_is_not_allocated() -> None:
    with pytest.raises(NotReserved):
        fulfillment.allocate(confirmed(), {"main": {"MUG": 3, "JAM": 1}}, "on_shipment", STAFF)


def test_lines_of_one_sku_share_what_is_held_of_it() -> None:
    two = details(line("MUG", 2), line("MUG", 1, line_id="line_2"))
    record = OrderRecord(order(status="confirmed"), two)
    held = {"main": {"MUG": 1}, "north": {"MUG": 2}}
    shared = made(fulfillment.allocate(record, held, "on_shipment", STAFF))
    assert [each.units for each in shared.fulfillments] == [
        {"line_1": 1},
        {"line_1": 1, "line_2": 1},
    ]


# --- who may do what, when --------------------------------------------------------

STATES: dict[str, Callable[[], OrderRecord]] = {
    "confirmed": confirmed,
    "open": allocated,
    "packed": lambda: brought(allocated(), 1, "pack"),
    "shipped": lambda: brought(allocated(), 1, *SENT),
    "delivered": lambda: brought(allocated(), 1, *ALL_THE_WAY),
    "stopped": lambda: replace(
        allocated(),
        order=replace(allocated().order, status="requires_action", resumes_to="confirmed"),
    ),
    "canceling": lambda: made(fulfillment.cancel(allocated(), STAFF)),
}
ONE = {"line_1": 1}
ACTS: dict[str, tuple[Callable[[OrderRecord], Any], str]] = {
    "the buyer cancels": (lambda r: fulfillment.cancel(r, AS_BUYER), "confirmed open canceling"),
    "staff cancel": (
        lambda r: fulfillment.cancel(r, STAFF),
        "confirmed open packed stopped canceling",
    ),
    "the buyer cancels a unit": (lambda r: fulfillment.cancel_units(r, ONE, AS_BUYER), "open"),
    "staff cancel a unit": (lambda r: fulfillment.cancel_units(r, ONE, STAFF), "open packed"),
    "a packer misses a unit": (
        lambda r: fulfillment.report_shortage(r, parcel(1), ONE, STAFF),
        "open packed",
    ),
    "a unit is split off": (lambda r: fulfillment.split(r, ONE, None, STAFF), "open"),
    "it is packed": (lambda r: fulfillment.pack(r, parcel(1), STAFF), "open packed"),
    "it is shipped": (
        lambda r: fulfillment.ship(r, parcel(1), TRACKING, STAFF),
        "packed shipped",
    ),
    "it is shipped again, elsewhere": (
        lambda r: fulfillment.ship(r, parcel(1), {"number": "2Z"}, STAFF),
        "packed",
    ),
    "it is delivered": (lambda r: fulfillment.deliver(r, parcel(1), STAFF), "shipped delivered"),
    "it is begun again": (lambda r: fulfillment.begin_again(r, parcel(1), STAFF), "open packed"),
    "a unit is to come back": (
        lambda r: returns.request(r, ONE, "", WINDOW, AS_BUYER),
        "shipped delivered",
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_each_may_be_done_where_the_rules_say_and_nowhere_else(state: str, act: str) -> None:
    do, allowed = ACTS[act]
    record = STATES[state]()
    if state in allowed.split():
        do(record)
    else:
        with pytest.raises((IllegalTransition, TooManyUnits, NotAllocated, NotFound)):
            do(record)


@pytest.mark.parametrize(
    "act",
    [
        lambda r: fulfillment.pack(brought(r, 1, "pack"), parcel(1), STAFF),
        lambda r: fulfillment.ship(brought(r, 1, *SENT), parcel(1), TRACKING, STAFF),
        lambda r: fulfillment.deliver(brought(r, 1, *ALL_THE_WAY), parcel(1), STAFF),
        lambda r: fulfillment.cancel(made(fulfillment.cancel(r, STAFF)), STAFF),
        lambda r: fulfillment.settle(
            made(fulfillment.settle(brought(r, 1, *SENT), parcel(1))), parcel(1)
        ),
    ],
)
def test_what_is_said_again_is_decided_once(act: Callable[[OrderRecord], Any]) -> None:
    assert act(allocated()) is None


def test_staff_may_not_give_up_an_order_of_which_a_parcel_is_on_its_way() -> None:
    sent = brought(allocated(), 1, *SENT)
    stopped = replace(sent.order, status="requires_action", resumes_to="confirmed")
    with pytest.raises(IllegalTransition):
        fulfillment.cancel(replace(sent, order=stopped), STAFF)
    with pytest.raises(IllegalTransition):
        fulfillment.cancel(replace(STATES["stopped"]()), AS_BUYER)


def test_a_canceled_order_is_watched_and_its_parcels_are_canceled() -> None:
    record = made(fulfillment.cancel(STATES["stopped"](), STAFF))
    assert {each.status for each in record.fulfillments} == {"canceled"}
    assert record.order.recovery_due_at == to_text(NOW + timedelta(seconds=45))
    assert (record.order.resumes_to, record.order.fulfillment_status) == (None, "canceled")


def test_all_units_that_are_left_of_an_order_are_the_whole_order() -> None:
    whole = fulfillment.cancel_units(allocated(), {"line_1": 3, "line_2": 2}, STAFF)
    assert (whole.order.status, whole.cancellations) == ("canceling", ())
    partly = made(fulfillment.cancel_units(allocated(), {"line_1": 3}, STAFF))
    assert fulfillment.cancel_units(partly, {"line_2": 2}, STAFF).order.status == "canceling"


def test_units_that_are_not_packed_are_cancelled_first_and_where_they_are_held() -> None:
    record = brought(allocated(), 1, "pack")
    (canceled,) = fulfillment.cancel_units(record, {"line_2": 1}, STAFF).cancellations
    assert canceled.parts == {"north": {"line_2": 1}}
    (both,) = fulfillment.cancel_units(record, {"line_2": 2}, STAFF).cancellations
    assert both.parts == {"north": {"line_2": 1}, "main": {"line_2": 1}}


def test_a_shortage_is_of_one_fulfillment_alone() -> None:
    with pytest.raises(TooManyUnits):
        fulfillment.report_shortage(allocated(), parcel(1), {"line_2": 2}, STAFF)
    decision = fulfillment.report_shortage(allocated(), parcel(2), {"line_2": 1}, STAFF)
    (canceled,) = decision.cancellations
    assert (canceled.reason, decision.after.fulfillment(parcel(2)).status) == (
        "shortage",
        "canceled",
    )


def test_units_are_split_off_at_one_location() -> None:
    decision, new = fulfillment.split(allocated(), {"line_2": 1}, "north", STAFF)
    assert decision.after.fulfillment(new).location == "north"
    with pytest.raises(TooManyUnits):
        fulfillment.split(allocated(), {"line_2": 2}, None, STAFF)
    with pytest.raises(TooManyUnits):
        fulfillment.split(allocated(), {"line_1": 1}, "north", STAFF)


def test_an_order_has_only_so_many_fulfillments_and_returns() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    many = replace(record, fulfillments=record.fulfillments * FULFILLMENTS_MAX)
    with pytest.raises(IllegalTransition):
        fulfillment.split(many, {"line_2": 1}, None, STAFF)
    with pytest.raises(IllegalTransition):
        fulfillment.begin_again(many, parcel(2), STAFF)
    asked = made(returns.request(record, ONE, "", WINDOW, STAFF))
    refused = made(returns.reject(asked, asked.returns[0].id, STAFF))
    with pytest.raises(IllegalTransition):
        returns.request(
            replace(refused, returns=refused.returns * RETURNS_MAX), ONE, "", WINDOW, STAFF
        )


def test_an_order_is_complete_once_all_of_it_arrived_and_is_charged() -> None:
    record = allocated()
    for number in (1, 2):
        assert fulfillment.complete(record, STAFF) is None
        record = brought(record, number, *ALL_THE_WAY)
    for number in (1, 2):
        assert fulfillment.complete(record, STAFF) is None
        record = made(fulfillment.settle(record, parcel(number)))
    done = made(fulfillment.complete(record, STAFF))
    assert done.order.status == "completed"
    assert fulfillment.complete(done, STAFF) is None
    assert fulfillment.complete(confirmed(), STAFF) is None


# --- money ----------------------------------------------------------------------


def test_the_first_parcel_is_charged_with_the_delivery() -> None:
    record = brought(brought(allocated(), 2, *SENT), 1, *SENT)
    assert [each.amount for each in record.fulfillments] == [1000 + 250, 251 + DELIVERY]


def test_parcels_of_an_order_charged_at_once_are_not_charged_and_cost_the_same() -> None:
    record = brought(allocated("at_once"), 2, *SENT)
    assert (record.fulfillments[1].amount, record.fulfillments[1].amounts) == (0, {"line_2": 251})


cuts = st.lists(st.tuples(st.sampled_from(("send", "cancel")), st.integers(1, 5)), max_size=20)


@given(total=st.integers(0, 999), quantity=st.integers(1, 12), cuts=cuts, data=st.data())
def test_however_an_order_is_cut_its_parts_sum_to_its_total_and_come_back_for_as_much(
    total: int, quantity: int, cuts: list[tuple[str, int]], data: st.DataObject
) -> None:
    sold = details(line("MUG", quantity, total=total), line("JAM", 1, line_id="line_2"))
    whole = order(status="confirmed", totals={"total": total + 1000 + DELIVERY})
    held = {"main": {"MUG": quantity, "JAM": 1}}
    record = made(fulfillment.allocate(OrderRecord(whole, sold), held, "on_shipment", STAFF))
    record = made(fulfillment.split(record, {"line_2": 1}, None, STAFF))
    record = brought(record, 2, *SENT)
    for what, most in [*cuts, ("send", quantity)]:
        units = {"line_1": min(most, quantity - record.settled.get("line_1", 0))}
        if not units["line_1"]:
            break
        if what == "cancel":
            record = made(fulfillment.cancel_units(record, units, STAFF))
            continue
        record = made(fulfillment.split(record, units, None, STAFF))
        record = brought(record, len(record.fulfillments), *SENT)
        wish = {"line_1": data.draw(st.integers(0, record.fulfillments[-1].units["line_1"]))}
        record = refunded(record, {line_id: n for line_id, n in wish.items() if n})
    charged = sum(each.amount for each in record.live)
    assert charged + sum(each.amount for each in record.cancellations) == record.order.total
    paid = charged - DELIVERY
    left = {
        line_id: count - record.came_back.get(line_id, 0)
        for line_id, count in record.shipped.items()
    }
    assert sum(each.amount for each in record.returns) <= paid
    record = refunded(record, {line_id: count for line_id, count in left.items() if count})
    assert sum(each.amount for each in record.returns) == paid
    assert record.order.fulfillment_status == "returned"


def refunded(record: OrderRecord, units: dict[str, int]) -> OrderRecord:
    if not units:
        return record
    record = sent_back(record, units)
    return made(returns.refund(record, record.returns[-1].id, Refund(), STAFF))


# --- returns ----------------------------------------------------------------------


def test_no_more_comes_back_than_was_sent_and_a_rejected_return_is_forgotten() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    asked = made(returns.request(record, {"line_1": 2}, "", WINDOW, AS_BUYER))
    with pytest.raises(TooManyUnits) as refused:
        returns.request(asked, {"line_1": 2}, "", WINDOW, AS_BUYER)
    short = {"id": "line_1", "requested": 2, "available": 1}
    assert refused.value.details["lines"] == [short]
    rejected = made(returns.reject(asked, asked.returns[0].id, STAFF))
    returns.request(rejected, {"line_1": 3}, "", WINDOW, AS_BUYER)


def test_units_that_did_not_come_in_may_be_asked_for_again_and_no_others_come() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    decision, part = returns.request(record, {"line_1": 2}, "", WINDOW, AS_BUYER)
    agreed = made(returns.approve(decision.after, part, STAFF))
    for came in ({"line_1": 3}, {"line_2": 1}):
        with pytest.raises(TooManyUnits):
            returns.receive(agreed, part, came, {}, "main", STAFF)
    with pytest.raises(TooManyUnits):
        returns.receive(agreed, part, {"line_1": 1}, {"line_1": 2}, "main", STAFF)
    came_in = made(returns.receive(agreed, part, {"line_1": 1}, {}, "main", STAFF))
    returns.request(came_in, {"line_1": 2}, "", WINDOW, AS_BUYER)


def test_goods_come_back_until_the_last_moment_of_the_window() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    last = NOW + timedelta(days=WINDOW)
    returns.request(record, ONE, "", WINDOW, Acting(BUYER, last))
    late = Acting(BUYER, last + timedelta(milliseconds=1))
    with pytest.raises(ReturnWindowClosed) as refused:
        returns.request(record, ONE, "", WINDOW, late)
    assert refused.value.details["until"] == to_text(last)


def test_what_came_back_of_an_old_parcel_does_not_close_the_window_of_a_new_one() -> None:
    record = made(fulfillment.split(allocated(), {"line_1": 2}, None, STAFF))
    record = sent_back(brought(record, 1, *ALL_THE_WAY), ONE)
    much_later = Acting("ada", NOW + timedelta(days=WINDOW + 1))
    record = brought(record, 3, *ALL_THE_WAY, acting=much_later)
    asked = made(returns.request(record, {"line_1": 2}, "", WINDOW, much_later))
    with pytest.raises(TooManyUnits):
        returns.request(asked, ONE, "", WINDOW, much_later)


def test_what_came_back_of_a_new_parcel_does_not_open_the_window_of_an_old_one() -> None:
    record = made(fulfillment.split(allocated(), {"line_1": 2}, None, STAFF))
    record = brought(record, 1, *ALL_THE_WAY)
    much_later = Acting("ada", NOW + timedelta(days=WINDOW + 1))
    record = brought(record, 3, *ALL_THE_WAY, acting=much_later)
    record = sent_back(record, {"line_1": 2}, much_later)
    with pytest.raises(ReturnWindowClosed):
        returns.request(record, ONE, "", WINDOW, much_later)


@pytest.mark.parametrize(
    ("wanted", "amount"),
    [
        (Refund(), 333),
        (Refund(restocking_fee=33), 300),
        (Refund(100), 100),
        (Refund(0), 0),
        (Refund(with_fulfillment=True), 733),
        (Refund(334), None),
        (Refund(300, 34), None),
        (Refund(-1), None),
        (Refund(restocking_fee=334), None),
    ],
)
def test_a_refund_is_what_the_goods_cost_at_most(wanted: Refund, amount: int | None) -> None:
    record = sent_back(brought(allocated(), 1, *ALL_THE_WAY), ONE)
    part = record.returns[0].id
    if amount is None:
        with pytest.raises(AmountTooLarge):
            returns.refund(record, part, wanted, STAFF)
    else:
        assert returns.refund(record, part, wanted, STAFF).returns[0].amount == amount


def test_the_delivery_is_given_back_once() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    amounts = []
    for _ in range(2):
        record = sent_back(record, ONE)
        part = record.returns[-1].id
        record = made(returns.refund(record, part, Refund(with_fulfillment=True), STAFF))
        amounts.append(record.returns[-1].amount)
    assert amounts == [333 + DELIVERY, 334]


def test_a_return_goes_its_way_once() -> None:
    record = brought(allocated(), 1, *ALL_THE_WAY)
    decision, part = returns.request(record, ONE, "", WINDOW, AS_BUYER)
    agreed = made(returns.approve(decision.after, part, STAFF))
    assert returns.approve(agreed, part, STAFF) is None
    with pytest.raises(IllegalTransition):
        returns.refund(agreed, part, Refund(), STAFF)
    with pytest.raises(IllegalTransition):
        returns.close(agreed, part, STAFF)
    came = made(returns.receive(agreed, part, ONE, {}, "main", STAFF))
    with pytest.raises(IllegalTransition):
        returns.receive(came, part, ONE, {}, "main", STAFF)
    with pytest.raises(IllegalTransition):
        returns.reject(came, part, STAFF)
    refunding = refunded_part(came, part)
    with pytest.raises(IllegalTransition):
        returns.refund(refunding, part, Refund(), STAFF)
    paid = made(returns.close(refunding, part, STAFF))
    assert returns.close(paid, part, STAFF) is None
    assert paid.order.fulfillment_status == "partially_delivered"


def refunded_part(record: OrderRecord, part: str) -> OrderRecord:
    return made(returns.refund(record, part, Refund(), STAFF))


# --- the watchdog -----------------------------------------------------------------

STOP = Stop("fulfil_order", "order_1", {"order_id": "order_1"}, "States.Timeout")
OTHER = replace(STOP, execution="order_1-4")


@pytest.mark.parametrize("status", ORDER)
def test_an_execution_that_stops_hands_an_order_that_stands_to_a_person(status: str) -> None:
    decision = watchdog.interrupt(confirmed(status=status), STOP, NOW)
    if status not in ("confirmed", "completed"):
        assert decision is None
        return
    record = made(decision)
    assert (record.order.status, record.order.resumes_to) == ("requires_action", status)
    assert watchdog.interrupt(record, STOP, NOW) is None
    both = made(watchdog.interrupt(record, OTHER, NOW))
    assert (both.order.stops, both.order.resumes_to) == ((STOP, OTHER), status)
    resumed = made(watchdog.resume(both, "ada", NOW))
    assert (resumed.order.status, resumed.order.stops) == (status, ())
    assert watchdog.resume(resumed, "ada", NOW) is None
    # What stopped before is no news, however late it is told again.
    assert watchdog.interrupt(resumed, STOP, NOW) is None
    assert watchdog.interrupt(resumed, replace(STOP, execution="order_1-9"), NOW) is not None


def test_only_what_requires_action_is_resumed() -> None:
    for status in ("pending", "canceling", "canceled", "requires_action"):
        with pytest.raises(IllegalTransition):
            watchdog.resume(confirmed(status=status), "ada", NOW)
    assert watchdog.started_again("order_1-4", 9) == "order_1-9"


def test_every_status_has_its_row() -> None:
    for edges in (ORDER, FULFILLMENT, RETURN, ORDER_FULFILLMENT):
        assert {target for targets in edges.values() for target in targets} <= set(edges)
