"""Whatever happens to orders, in whatever order, however late and however often, it adds up.

People decide at random what the rules let them and what they do not; the state machines'
steps are run one by one at random, late, twice, and some executions are stopped and redriven.
`--hypothesis-profile thorough` tells thousands of such histories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from commerce.errors import DomainError, TransientError
from commerce.ledger.model import CASH_AT_PROVIDER
from commerce.lifecycle import (
    APPROVED,
    CANCELED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    DELIVERED,
    OPEN,
    PACKED,
    RECEIVED,
    REFUNDED,
    REFUNDING,
    REJECTED,
    REQUESTED,
    REQUIRES_ACTION,
    SHIPPED,
)
from commerce.orders.model import Stop
from commerce.orders.record import OrderRecord, Units, order_of
from commerce.returns.model import Refund
from store.emulated_dynamodb import EmulatedDynamoDb
from store.order_rules import check_amounts, check_history, check_units
from store.shop_at_work import BUYER, PLACES, SERVICES, STAFF, ShopAtWork, lines_of, refusal

# The first step is taken once something is true of the record, later ones after it.
Ready = Callable[[OrderRecord], bool]


@dataclass(frozen=True)
class Step:
    """One step of an execution; `skipped` tells whether there is nothing for it to do."""

    name: str
    about: str
    ready: Ready = lambda _record: True
    skipped: Ready = lambda _record: False


# As often as the state machines try a step again.
TRIES_MAX = 6


@dataclass
class Execution:
    """A state machine's work on one order or part, as far as it has come."""

    name: str
    order_id: str
    steps: list[Step]
    stopped: bool = False
    tries: int = 0


def of_order(order_id: str) -> list[Step]:
    return [Step("allocate", order_id), Step("charge", order_id)]


def of_fulfillment(part: str, order_id: str) -> list[Step]:
    def stands(*statuses: str) -> Ready:
        return lambda record: record.fulfillment(part).status in statuses

    sent, gone = stands(SHIPPED, DELIVERED, CANCELED), stands(CANCELED)
    return [
        Step("consume", part, sent, gone),
        Step("capture_shipment", part, sent, gone),
        Step("complete", order_id, stands(DELIVERED, CANCELED)),
    ]


def of_cancellation(part: str, order_id: str) -> list[Step]:
    steps = ("release_canceled", part), ("refund_canceled", part), ("complete", order_id)
    return [Step(name, about) for name, about in steps]


def of_return(part: str, _order_id: str) -> list[Step]:
    def stands(*statuses: str) -> Ready:
        return lambda record: record.sent_back(part).status in statuses

    rejected = stands(REJECTED)
    return [
        Step("restock", part, stands(RECEIVED, REFUNDING, REJECTED), rejected),
        Step("pay_refund", part, stands(REFUNDING, REJECTED), rejected),
        Step("close_return", part, stands(REFUNDING, REJECTED), rejected),
    ]


def of_undo(order_id: str) -> list[Step]:
    return [Step(name, order_id) for name in ("void", "release", "close_order")]


# What these leave depends on more than their own part, so a repeat may find more to do.
_MAY_GO_ON = ("complete", "refund_canceled", "charge")

a_place = st.sampled_from(PLACES)
any_number = st.integers(0, 50)
a_share = st.integers(1, 3)
quantities = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1000)), min_size=1, max_size=3)
an_amount = st.none() | st.integers(1, 900)


class OrderHistory(RuleBasedStateMachine):
    """One, two or three orders from their checkout to wherever they get."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = ShopAtWork(EmulatedDynamoDb(*SERVICES))
        self.order_ids: list[str] = []
        self.executions: dict[str, Execution] = {}
        self.done: list[Step] = []
        self.seen: dict[str, OrderRecord] = {}
        self.by_hand: set[str] = set()
        self.keys = 0

    @initialize(
        capture=st.sampled_from(("on_shipment", "at_once")),
        orders=st.lists(
            st.tuples(quantities, st.integers(0, 500), st.sampled_from(("visa", "timeout"))),
            min_size=1,
            max_size=3,
        ),
        stock=st.lists(st.integers(2, 9), min_size=6, max_size=6),
    )
    def open(self, capture: str, orders: list[Any], stock: list[int]) -> None:
        self.shop = ShopAtWork(self.shop.client, capture)
        places = [(f"SKU{number}", place) for number in (1, 2, 3) for place in PLACES]
        self.shop.fill(dict(zip(places, stock, strict=True)))
        for number, (lines, delivery, token) in enumerate(orders):
            sold = lines_of(*(units for units, _ in lines), totals=tuple(t for _, t in lines))
            order_id = self.shop.place(number, sold, delivery, f"tok_{token}")
            self.order_ids.append(order_id)
            if self.shop.record(order_id).order.status == CONFIRMED:
                self.executions[order_id] = Execution(order_id, order_id, of_order(order_id))

    # --- people ---------------------------------------------------------------

    @rule(which=any_number, by=st.sampled_from((BUYER, STAFF)))
    def cancel(self, which: int, by: str) -> None:
        order_id = self._order(which)
        self._decide(lambda: self.shop.cancel(order_id, None, by))

    @rule(which=any_number, line=any_number, units=a_share, by=st.sampled_from((BUYER, STAFF)))
    def cancel_units(self, which: int, line: int, units: int, by: str) -> None:
        order_id = self._order(which)
        wanted = self._units(order_id, line, units)
        self._decide(lambda: self.shop.cancel(order_id, wanted, by))

    @rule(which=any_number, line=any_number, units=a_share)
    def split(self, which: int, line: int, units: int) -> None:
        order_id = self._order(which)
        self._decide(lambda: self.shop.split(order_id, self._units(order_id, line, units)))

    @precondition(lambda self: self._parcels(OPEN, PACKED))
    @rule(which=any_number, line=any_number, units=a_share)
    def shortage(self, which: int, line: int, units: int) -> None:
        part = self._parcel(which, OPEN, PACKED)
        order_id, _ = order_of(part, "fulfillment")
        self._decide(lambda: self.shop.shortage(part, self._units(order_id, line, units)))

    @precondition(lambda self: self._parcels())
    @rule(which=any_number, verb=st.sampled_from(("pack", "ship", "deliver", "begin_again")))
    def move_a_parcel(self, which: int, verb: str) -> None:
        part = self._parcel(which)
        self._decide(lambda: getattr(self.shop, verb)(part))

    @precondition(lambda self: self._parcels(OPEN, PACKED, SHIPPED))
    @rule(which=any_number)
    def bring_a_parcel_on(self, which: int) -> None:
        part = self._parcel(which, OPEN, PACKED, SHIPPED)
        order_id, _ = order_of(part, "fulfillment")
        verbs = {OPEN: "pack", PACKED: "ship", SHIPPED: "deliver"}
        verb = verbs[self.shop.record(order_id).fulfillment(part).status]
        self._decide(lambda: getattr(self.shop, verb)(part))
        before = self.shop.everything()
        # Said again, it changes nothing.
        refusal(lambda: getattr(self.shop, verb)(part))
        assert self.shop.everything() == before

    @precondition(lambda self: self._parcels(SHIPPED, DELIVERED))
    @rule(which=any_number, line=any_number, units=a_share)
    def request_return(self, which: int, line: int, units: int) -> None:
        part = self._parcel(which, SHIPPED, DELIVERED)
        order_id, _ = order_of(part, "fulfillment")
        self._decide(lambda: self.shop.request(order_id, self._units(order_id, line, units)))

    @precondition(lambda self: self._returns(REQUESTED, APPROVED))
    @rule(which=any_number, approved=st.booleans() | st.just(True), short=st.booleans())
    def answer_a_return(self, which: int, approved: bool, short: bool) -> None:
        part = self._return(which, REQUESTED, APPROVED)
        order_id, _ = order_of(part, "return")
        wish = self.shop.record(order_id).sent_back(part)
        if not approved:
            self._decide(lambda: self.shop.reject(part))
        elif wish.status == REQUESTED:
            self._decide(lambda: self.shop.approve(part))
        else:
            came = {line: units - short for line, units in wish.units.items() if units > short}
            self._decide(lambda: self.shop.receive(part, came if which % 2 else {}, came))

    @precondition(lambda self: self._returns(APPROVED))
    @rule(which=any_number)
    def receive_it_all(self, which: int) -> None:
        part = self._return(which, APPROVED)
        order_id, _ = order_of(part, "return")
        wish = self.shop.record(order_id).sent_back(part)
        self._decide(lambda: self.shop.receive(part, wish.units, {}))

    @precondition(lambda self: self._returns(RECEIVED))
    @rule(
        which=any_number,
        amount=st.none() | an_amount,
        fee=st.just(0) | st.integers(0, 50),
        delivery=st.booleans(),
    )
    def refund_a_return(self, which: int, amount: int | None, fee: int, delivery: bool) -> None:
        part = self._return(which, RECEIVED)
        self._decide(lambda: self.shop.refund_return(part, Refund(amount, fee, delivery)))

    @rule(which=any_number, amount=an_amount)
    def capture_by_hand(self, which: int, amount: int | None) -> None:
        order_id, key = self._order(which), self._key()
        if self._decide(lambda: self.shop.capture(order_id, amount, key)) is None:
            self.by_hand.add(order_id)
            before = self.shop.everything()
            refusal(lambda: self.shop.capture(order_id, amount, key))
            assert self.shop.everything() == before

    @rule(which=any_number, amount=st.integers(1, 900))
    def refund_by_hand(self, which: int, amount: int) -> None:
        order_id, key = self._order(which), self._key()
        if self._decide(lambda: self.shop.refund(order_id, amount, key)) is None:
            self.by_hand.add(order_id)
            before = self.shop.everything()
            self.shop.refund(order_id, amount, key)
            assert self.shop.everything() == before

    # --- the machines -----------------------------------------------------------

    @precondition(lambda self: self._due())
    @rule(which=any_number)
    def work(self, which: int) -> None:
        due = self._due()
        self._work(due[which % len(due)])

    @precondition(lambda self: self.executions)
    @rule()
    def work_it_all_off(self) -> None:
        for _ in range(200):
            due = self._due()
            if not due:
                return
            self._work(due[0])
            self.check()
        raise AssertionError("the work has no end")

    @precondition(lambda self: self.done)
    @rule(which=any_number)
    def repeat(self, which: int) -> None:
        step = self.done[-1 - which % len(self.done)]
        before = self.shop.everything()
        refused = refusal(lambda: getattr(self.shop, step.name)(step.about))
        if step.name not in _MAY_GO_ON or refused:
            assert self.shop.everything() == before, step

    @precondition(lambda self: self._due())
    @rule(which=any_number)
    def stop(self, which: int) -> None:
        due = self._due()
        self._stop(due[which % len(due)], "States.Timeout")

    @precondition(lambda self: any(each.stopped for each in self.executions.values()))
    @rule(which=any_number)
    def redrive(self, which: int) -> None:
        order_id = self._order(which)
        if self._decide(lambda: self.shop.redrive(order_id)) is None:
            for each in self.executions.values():
                if each.order_id == order_id:
                    each.stopped, each.tries = False, 0

    @rule(days=st.integers(0, 12))
    def let_time_pass(self, days: int) -> None:
        self.shop.now += timedelta(days=days, seconds=13)

    # --- what must hold -----------------------------------------------------------

    @invariant()
    def check(self) -> None:
        shop = self.shop
        ledger = shop.check_stock_and_books()
        at_provider = 0
        for order_id in self.order_ids:
            record = shop.record(order_id)
            check_history(self.seen.get(order_id), record)
            check_units(record)
            check_amounts(record)
            self.seen[order_id] = record
            at_provider += self._check_money(record)
        cash = sum(
            item["debits"] - item["credits"]
            for pk, items in ledger.items()
            for item in items
            if pk.startswith(f"account#{CASH_AT_PROVIDER}#") and item["sk"].startswith("balance#")
        )
        assert cash == at_provider

    def teardown(self) -> None:
        """Let all work be done and look at what is left."""
        for _ in range(3):
            for order_id in self.order_ids:
                refusal(partial(self.shop.redrive, order_id))
                self._follow(order_id)
            for each in self.executions.values():
                each.stopped, each.tries = False, 0
            self.shop.now += timedelta(seconds=13)
            self.work_it_all_off()
        self.check()
        for order_id in self.order_ids:
            record = self.shop.record(order_id)
            self._check_rest(record)
        for execution in self.executions.values():
            if execution.stopped:
                self._check_stop(execution)

    def _check_rest(self, record: OrderRecord) -> None:
        order, payment = record.order, self.shop.payment(record.order.order_id)
        holds = sum(
            part.quantity
            for chunk in self.shop.stock.reservations(order.order_id)
            for part in chunk.allocations
        )
        owed = record.order.total - sum(each.amount for each in record.cancellations)
        sent = sum(record.shipped.values())
        assert order.status in (CONFIRMED, COMPLETED, CANCELED, REQUIRES_ACTION)
        assert holds == (0 if order.status == CANCELED else sum(record.remaining.values()) - sent)
        if order.status == CANCELED:
            assert payment.net == payment.rest == sent == 0
        if order.status == COMPLETED:
            assert (payment.rest, payment.capturable) == (0, 0)
            assert payment.captured >= owed
            assert {each.status for each in record.live} == {DELIVERED}
        if order.order_id not in self.by_hand and order.status != CANCELED:
            returned = sum(each.amount for each in record.returns if each.status == REFUNDED)
            charged = sum(each.amount for each in record.live)
            expected = charged if order.charged is None else owed
            assert payment.net + returned == expected
            assert order.status != REQUIRES_ACTION

    def _check_stop(self, execution: Execution) -> None:
        """Only staff's own refund can leave a return without its money, and that is visible."""
        assert execution.steps[0].name == "pay_refund"
        assert execution.order_id in self.by_hand
        assert self.shop.record(execution.order_id).order.status == REQUIRES_ACTION

    def _check_money(self, record: OrderRecord) -> int:
        order_id, provider = record.order.order_id, self.shop.till.provider
        ours, theirs = self.shop.payment(order_id), provider.find(order_id)
        if theirs is None:
            assert ours.captured == 0
            return 0
        assert 0 <= ours.refunded <= ours.captured <= ours.amount == record.order.total
        assert (ours.captured, ours.refunded) == (theirs.captured, theirs.refunded)
        assert (ours.claimed, ours.refundable) == (ours.captured, ours.net)
        if order_id not in self.by_hand and record.order.charged is None:
            assert ours.captured <= sum(each.amount for each in record.live)
        return theirs.net

    # --- what these share ---------------------------------------------------------

    def _decide(self, act: Callable[[], object]) -> DomainError | None:
        """Do what a person wants; what is refused changes nothing, and new work follows."""
        before = self.shop.everything()
        refused = refusal(act)
        if refused is not None:
            assert self.shop.everything() == before
        else:
            for order_id in self.order_ids:
                self._follow(order_id)
        return refused

    def _follow(self, order_id: str) -> None:
        """Start the executions that the order's events start, each once."""
        record = self.shop.record(order_id)
        for kind, parts in (
            (of_fulfillment, record.fulfillments),
            (of_cancellation, record.cancellations),
            (of_return, record.returns),
        ):
            for part in parts:
                self.executions.setdefault(
                    part.id, Execution(part.id, order_id, kind(part.id, order_id))
                )
        if record.order.status == CANCELING:
            name = f"undo of {order_id}"
            self.executions.setdefault(name, Execution(name, order_id, of_undo(order_id)))

    def _due(self) -> list[Execution]:
        """List the executions that could take a step now."""
        return [
            each
            for each in self.executions.values()
            if each.steps and not each.stopped and each.steps[0].ready(self.seen[each.order_id])
        ]

    def _work(self, execution: Execution) -> None:
        step = execution.steps[0]
        if not step.skipped(self.shop.record(execution.order_id)):
            try:
                getattr(self.shop, step.name)(step.about)
            except TransientError as not_yet:
                # Something else has to come first; the step is taken again, but not for ever.
                self.executions[execution.name] = self.executions.pop(execution.name)
                execution.tries += 1
                if execution.tries > TRIES_MAX:
                    self._stop(execution, type(not_yet).__name__)
                return
            except DomainError as refused:
                self._stop(execution, type(refused).__name__)
                return
            self.done.append(step)
        execution.steps, execution.tries = execution.steps[1:], 0
        self._follow(execution.order_id)

    def _stop(self, execution: Execution, error: str) -> None:
        undone = self.shop.record(execution.order_id).order.status in (CANCELING, CANCELED)
        if error == "States.Timeout" and undone:
            # The sweep's, which starts it again.
            return
        stop = Stop("machine", execution.name, {}, error)
        for _ in range(2):
            self.shop.interrupt(execution.order_id, stop)
        if undone:
            execution.steps = []
        execution.stopped = not undone

    def _units(self, order_id: str, line: int, units: int) -> Units:
        lines = [each.line_id for each in self.shop.record(order_id).details.lines]
        if line % 4 == 3:
            return dict.fromkeys(lines, units)
        return {lines[line % len(lines)]: units}

    def _order(self, which: int) -> str:
        return self.order_ids[which % len(self.order_ids)]

    def _parcels(self, *statuses: str) -> list[str]:
        return [
            part.id
            for record in self.seen.values()
            for part in record.fulfillments
            if not statuses or part.status in statuses
        ]

    def _parcel(self, which: int, *statuses: str) -> str:
        parcels = self._parcels(*statuses)
        return parcels[which % len(parcels)]

    def _returns(self, *statuses: str) -> list[str]:
        return [
            part.id
            for record in self.seen.values()
            for part in record.returns
            if part.status in statuses
        ]

    def _return(self, which: int, *statuses: str) -> str:
        returns = self._returns(*statuses)
        return returns[which % len(returns)]

    def _key(self) -> str:
        self.keys += 1
        return f"key {self.keys}"


TestOrderHistory = OrderHistory.TestCase
# A history takes as long as many examples of another test.
TestOrderHistory.settings = settings(
    max_examples=max(1, settings().max_examples // 4),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
