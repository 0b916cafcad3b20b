"""Decisions under conflict, executions that wait for them, and lists of returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW
from commerce.errors import IllegalTransition, NotFound, TransactionConflict
from commerce.events.model import Aggregate, DomainEvent
from commerce.fulfillment.model import Acting, pack, ship
from commerce.orders.continuations import answer_wait, await_decision, start_executions
from commerce.orders.record import Decision, OrderRecord
from commerce.orders.records import Wait
from store.emulated_dynamodb import EmulatedDynamoDb
from store.shop_at_work import BUYER, SERVICES, ShopAtWork, lines_of


@pytest.fixture
def shop() -> ShopAtWork:
    shop = ShopAtWork(EmulatedDynamoDb(*SERVICES))
    shop.fill({("SKU1", "main"): 99})
    return shop


def an_order(shop: ShopAtWork, number: int = 1, units: int = 2) -> tuple[str, str]:
    """Give an allocated order, and its fulfillment."""
    order_id = shop.place(number, lines_of(units), 0)
    return order_id, shop.allocate(order_id).fulfillments[0].id


# --- decisions ------------------------------------------------------------------


def test_a_decision_is_made_again_on_what_another_left(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop)
    found: list[str] = []

    def decide(record: OrderRecord) -> Decision | None:
        found.append(record.fulfillment(part).status)
        if len(found) == 1:
            shop.pack(part)
        return (
            ship(record, part, {}, shop.acting())
            if found[-1] == "packed"
            else pack(record, part, shop.acting())
        )

    before = shop.record(order_id).order.version
    record = shop.records.decide(order_id, decide)
    assert found == ["open", "packed"]
    assert record == shop.record(order_id)
    assert (record.order.version, record.fulfillment(part).status) == (before + 2, "shipped")


def test_a_decision_that_is_always_overtaken_is_given_up(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop)
    turns = iter(range(1000))

    def decide(record: OrderRecord) -> Decision | None:
        shop.begin_again(shop.record(order_id).live[0].id)
        next(turns)
        return pack(record, record.live[0].id, shop.acting())

    with pytest.raises(TransactionConflict):
        shop.records.decide(order_id, decide)
    assert next(turns) >= 10
    assert {each.status for each in shop.record(order_id).live} == {"open"}
    assert part == shop.record(order_id).fulfillments[0].id


def test_what_is_refused_or_nothing_new_writes_nothing(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop)
    shop.pack(part)
    before = shop.everything()
    assert shop.pack(part) == shop.record(order_id)
    with pytest.raises(IllegalTransition):
        shop.cancel(order_id, None, BUYER)
    with pytest.raises(NotFound):
        shop.pack(f"{part}9")
    with pytest.raises(NotFound):
        shop.record("order_1")
    assert shop.everything() == before


def test_a_record_is_read_as_it_was_decided(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop)
    quiet = Acting("ada", NOW)
    canceled = shop.cancel(order_id, {"line_1": 1})
    assert canceled.cancellations[0].reason == quiet.reason == ""
    assert shop.pack(part) == shop.record(order_id)
    assert shop.ship(part) == shop.record(order_id)
    asked = shop.request(order_id, {"line_1": 1})
    shop.approve(asked)
    assert shop.receive(asked, {}, {"line_1": 1}) == shop.record(order_id)
    assert shop.record(order_id).sent_back(asked).received == {"line_1": 1}


def test_a_request_that_comes_again_with_its_key_is_decided_once(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop, units=9)

    def asked(key: str) -> tuple[str, ...]:
        """Cancel, split, miss and send back a unit each, under keys that follow from one."""
        shop.key = f"{key} split"
        made = shop.split(order_id, {"line_1": 1})
        shop.key = f"{key} cancel"
        shop.cancel(order_id, {"line_1": 1})
        shop.key = f"{key} shortage"
        shop.shortage(part, {"line_1": 1})
        shop.key = ""
        if shop.record(order_id).fulfillment(made).status == "open":
            shop.pack(made)
            shop.ship(made)
        shop.key = f"{key} return"
        return made, shop.request(order_id, {"line_1": 1})

    first = asked("one")
    before = shop.everything()
    assert asked("one") == first
    assert shop.everything() == before

    another = asked("two")
    assert not set(another) & set(first)
    record = shop.record(order_id)
    assert (record.canceled, record.returning) == ({"line_1": 4}, {"line_1": 2})


# --- waiting --------------------------------------------------------------------


@dataclass
class Tokens:
    """Executions that wait with tokens."""

    answered: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        self.answered.append((token, output))
        return True


@dataclass
class Waiting:
    """One fulfillment, and who waits for it to be packed."""

    shop: ShopAtWork
    part: str
    tokens: Any = field(default_factory=Tokens)

    def wait(self, token: str = "token 1", status: str = "open") -> str:
        wait = Wait(self.part, status, token)
        return await_decision(wait, records=self.shop.records, tokens=self.tokens)

    def answer(self) -> bool:
        return answer_wait(self.part, records=self.shop.records, tokens=self.tokens)


@pytest.fixture
def waiting(shop: ShopAtWork) -> Waiting:
    return Waiting(shop, an_order(shop)[1])


def test_who_waits_first_is_answered_when_it_is_decided_and_once(waiting: Waiting) -> None:
    assert waiting.wait() == "open"
    assert not waiting.answer()
    waiting.shop.pack(waiting.part)
    assert waiting.answer()
    assert not waiting.answer()
    assert waiting.tokens.answered == [("token 1", {"status": "packed"})]


def test_who_waits_for_what_was_decided_before_is_answered_at_once(waiting: Waiting) -> None:
    waiting.shop.pack(waiting.part)
    assert not waiting.answer()
    assert waiting.wait() == "packed"
    assert waiting.tokens.answered == [("token 1", {"status": "packed"})]
    assert not waiting.answer()


def test_everyone_who_waits_is_answered_and_only_the_ended_wait_is_forgotten(
    waiting: Waiting,
) -> None:
    for token in ("token 1", "token 2", "token 3"):
        waiting.wait(token)
    waiting.shop.records.end_wait(Wait(waiting.part, "open", "token 1"))
    waiting.shop.pack(waiting.part)
    assert waiting.answer()
    assert sorted(waiting.tokens.answered) == [
        ("token 2", {"status": "packed"}),
        ("token 3", {"status": "packed"}),
    ]
    assert not waiting.answer()


def test_nobody_waits_for_what_is_not_there(waiting: Waiting) -> None:
    nothing = replace(waiting, part=waiting.part.removesuffix("_1") + "_7")
    for act in (nothing.wait, nothing.answer):
        with pytest.raises(NotFound):
            act()


# --- what events start ------------------------------------------------------------


@dataclass
class Machine:
    """A state machine whose executions have names, each once."""

    started: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def start(self, name: str, document: Mapping[str, Any]) -> None:
        self.started.setdefault(name, document)


ORDER, PART = "order_abc", "abc"
STOPS = [{"machine": "return_order", "execution": f"return_{PART}_1", "input": {"some": "thing"}}]


@pytest.mark.parametrize(
    ("type_", "about", "data", "started"),
    [
        ("order.placed", ORDER, {}, {("fulfil_order", ORDER)}),
        ("order.canceled", ORDER, {}, set()),
        ("fulfillment.created", f"fulfillment_{PART}_1", {}, set()),
        (
            "fulfillment.created",
            f"fulfillment_{PART}_2",
            {},
            {("fulfil_order", f"fulfillment_{PART}_2")},
        ),
        (
            "order.lines_canceled",
            f"cancellation_{PART}_1",
            {},
            {("cancel_lines", f"cancellation_{PART}_1")},
        ),
        ("return.requested", f"return_{PART}_1", {}, {("return_order", f"return_{PART}_1")}),
        ("order.resumed", ORDER, {"stops": STOPS}, {("return_order", f"return_{PART}_1-7")}),
    ],
)
def test_an_event_starts_its_executions_once(
    type_: str, about: str, data: dict[str, Any], started: set[tuple[str, str]]
) -> None:
    event = DomainEvent(
        "event_1", type_, 1, "2026-03-01T12:00:00.000Z", Aggregate("", about, 7), data
    )
    machines: Any = {name: Machine() for name in ("fulfil_order", "cancel_lines", "return_order")}
    for _ in range(2):
        assert start_executions(event, machines) == len(started)
    found = {(kind, name) for kind, machine in machines.items() for name in machine.started}
    assert found == started


# --- lists of returns -------------------------------------------------------------


def test_returns_are_listed_newest_first_page_by_page_and_by_status(shop: ShopAtWork) -> None:
    order_id, part = an_order(shop, units=12)
    for verb in (shop.pack, shop.ship, shop.deliver):
        verb(part)
    asked = []
    for number in range(12):
        # Every second one in the same millisecond as the one before.
        shop.now = NOW + timedelta(minutes=number // 2)
        asked.append((shop.now, shop.request(order_id, {"line_1": 1})))
    for _, each in asked[::3]:
        shop.reject(each)
    expected = [each for _, each in sorted(asked, reverse=True)]
    rejected = {each for _, each in asked[::3]}
    by_status = {
        None: expected,
        "rejected": [each for each in expected if each in rejected],
        "requested": [each for each in expected if each not in rejected],
        "refunded": [],
    }
    for status, wanted in by_status.items():
        for limit in (1, 5, 12, 50):
            pages = walk(shop, status, limit)
            assert [each for page in pages for each in page] == wanted, (status, limit)
            assert all(len(page) == limit for page in pages[:-1])


def walk(shop: ShopAtWork, status: str | None, limit: int) -> list[list[str]]:
    pages, before = [], None
    while True:
        page, before = shop.records.list_returns(status, limit=limit, before=before)
        pages.append([found.id for _, found in page])
        if before is None:
            return pages
