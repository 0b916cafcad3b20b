"""The log of events: each once, newest first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders import NOW, ORDER_ID, table
from commerce.clock import to_text
from commerce.events.model import Aggregate, DomainEvent, event_id
from commerce.events.store import KEPT, EventStore, event_key

pytestmark = pytest.mark.usefixtures("tables")

TYPES = ("order.placed", "order.canceled", "payment.authorized", "stock.low")


def event(
    type_: str = "order.placed", id_: str = ORDER_ID, version: int = 2, seconds: int = 0
) -> DomainEvent:
    aggregate = Aggregate(type_.partition(".")[0], id_, version)
    at = to_text(NOW + timedelta(seconds=seconds))
    return DomainEvent(event_id(type_, aggregate), type_, 1, at, aggregate, {"total": version})


def log(*events: DomainEvent) -> EventStore:
    store = EventStore(table("events"))
    for each in events:
        store.record_once(each, NOW)
    return store


def test_an_event_that_comes_twice_is_recorded_once() -> None:
    store = log()

    assert store.record_once(event(), NOW) is True
    assert store.record_once(event(), NOW + timedelta(hours=1)) is False

    assert store.newest(TYPES, limit=10) == ([event()], None)


def test_two_events_of_one_version_are_both_recorded() -> None:
    store = log(event("order.placed"), event("order.canceled"))

    assert len(store.newest(TYPES, limit=10)[0]) == 2


def test_an_event_is_kept_for_ninety_days() -> None:
    log(event())

    item = table("events").get(event_key(event().aggregate, "order.placed"))
    assert item is not None
    assert item["expires_at"] == int((NOW + KEPT).timestamp())
    assert timedelta(days=90) == KEPT


def test_an_order_and_its_payment_are_read_together_newest_first() -> None:
    paid, placed = event("payment.authorized", seconds=1), event(seconds=2)
    store = log(placed, paid, event(id_="order_another", seconds=3))

    assert store.newest(TYPES, ORDER_ID, limit=10) == ([placed, paid], None)


def test_versions_of_one_thing_come_in_their_order_beyond_nine() -> None:
    changes = [event("stock.low", "MUG", version, seconds=version) for version in range(2, 13)]
    store = log(*changes)

    assert store.newest(TYPES, "MUG", limit=20)[0] == changes[::-1]


def test_only_the_wanted_types_are_listed() -> None:
    store = log(event(), event("payment.authorized"), event("stock.low", "MUG"))

    assert store.newest(("stock.low",), limit=10)[0] == [event("stock.low", "MUG")]
    assert store.newest(("order.placed",), ORDER_ID, limit=10)[0] == [event()]


@pytest.mark.parametrize("about", [None, ORDER_ID])
def test_pages_hold_each_event_once_also_where_times_are_equal(about: str | None) -> None:
    recorded = [event(version=version, seconds=version // 3) for version in range(1, 8)]
    store = log(*recorded)

    found, place = store.newest(TYPES, about, limit=3)
    while place:
        page, place = store.newest(TYPES, about, limit=3, before=place)
        found += page

    assert sorted(each.aggregate.version for each in found) == list(range(1, 8))
    times = [each.occurred_at for each in found]
    assert times == sorted(times, reverse=True)
