"""Each transition of a stored item is one event, however often and in whatever order it is told."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ORDER_ID
from commerce import lifecycle
from commerce.events.model import Change, DomainEvent, event_of
from commerce.events.schema import PUBLISHED, document, name_of

AT = "2026-03-01T12:00:00.000Z"
WRITTEN_AT = "2026-03-01T12:00:00.007Z"
PRODUCT_ID = "prod_01kjm2h5k0abcdefghjkmnpqrstvwxyz0123"
LOW_STOCK_UNITS = 7
PERSONAL = {"cart_id": "cart_secret", "buyer": {"email": "ada@example.com"}}


def order_image(status: str, version: int = 2, **other: Any) -> dict[str, Any]:
    return {
        "pk": ORDER_ID,
        "sk": "order",
        "status": status,
        "version": version,
        "currency": "GBP",
        "totals": {"total": 1200},
        "line_count": 3,
        "timeline": [{"at": AT, "status": status, "by": "place_order"}],
        **PERSONAL,
        **other,
    }


def payment_image(status: str, version: int = 2, **other: Any) -> dict[str, Any]:
    return {
        "pk": ORDER_ID,
        "sk": "payment",
        "status": status,
        "version": version,
        "provider": "sandbox",
        "amount": 1200,
        "currency": "GBP",
        "events": [{"at": AT, "status": status}],
        **other,
    }


def stock_image(*available: int, version: int = 2) -> dict[str, Any]:
    levels = {
        f"place-{n}": {"available": units, "reserved": 9, "consumed": 0}
        for n, units in enumerate(available)
    }
    return {"pk": "sku#MUG", "sk": "stock", "sku": "MUG", "version": version, "locations": levels}


def product_image(status: str = "active", version: int = 2) -> dict[str, Any]:
    return {
        "pk": f"product#{PRODUCT_ID}",
        "sk": "product",
        "product_id": PRODUCT_ID,
        "status": status,
        "version": version,
        "handle": "mug",
        "description": "A mug.",
        "updated_at": AT,
    }


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> Change:
    item = new or old or {}
    return Change({"pk": item["pk"], "sk": item["sk"]}, old, new, WRITTEN_AT)


def told(
    old: dict[str, Any] | None, new: dict[str, Any] | None, low_stock_units: int = LOW_STOCK_UNITS
) -> DomainEvent | None:
    """Give the event of a change, which must have its published shape."""
    event = event_of(change(old, new), low_stock_units)
    if event is not None:
        document(event)
    return event


ORDER_TRANSITIONS = {
    ("pending", "confirmed"): "order.placed",
    ("canceling", "canceled"): "order.canceled",
    ("canceling", "requires_action"): "order.requires_action",
    ("confirmed", "requires_action"): "order.requires_action",
    ("completed", "requires_action"): "order.requires_action",
    ("requires_action", "confirmed"): "order.resumed",
    ("requires_action", "completed"): "order.resumed",
    ("confirmed", "completed"): "order.completed",
}
PAYMENT_TRANSITIONS = {
    ("authorizing", "authorized"): "payment.authorized",
    ("authorizing", "declined"): "payment.declined",
    ("voiding", "voided"): "payment.voided",
}


@pytest.mark.parametrize("edge", [(a, b) for a, to in lifecycle.ORDER.items() for b in to])
def test_an_orders_edge_is_the_event_of_the_table_or_none(edge: tuple[str, str]) -> None:
    event = told(order_image(edge[0], 1), order_image(edge[1], 2))

    assert (event.type if event else None) == ORDER_TRANSITIONS.get(edge)


PART_EVENTS = {
    **{("fulfillment", status): f"fulfillment.{status}" for status in lifecycle.FULFILLMENT},
    **{("return", status): f"return.{status}" for status in lifecycle.RETURN},
    ("fulfillment", "open"): "fulfillment.created",
}


def part_image(kind: str, status: str, version: int) -> dict[str, Any]:
    tail = ORDER_ID.partition("_")[2]
    return {
        "pk": ORDER_ID,
        "sk": f"{kind}#0001",
        "id": f"{kind}_{tail}_1",
        "status": status,
        "version": version,
        "location": "main",
        "units": {"line_1": 2},
        "amount": 2000,
        "reason": "damaged",
        "times": {status: AT},
        "tracking": {"carrier": "Royal Mail"},
    }


@pytest.mark.parametrize(("kind", "status"), PART_EVENTS)
def test_each_status_of_a_part_is_an_event_and_other_changes_are_none(
    kind: str, status: str
) -> None:
    before = {"open": None, "requested": None}.get(status, part_image(kind, "another", 1))
    now = part_image(kind, status, 2)

    event = told(before, now)
    assert event is not None
    assert event.type == PART_EVENTS[kind, status]
    assert (event.aggregate.type, event.aggregate.id) == (kind, now["id"])
    assert event.data["line_items"] == [{"id": "line_1", "quantity": 2}]
    assert event.data["order_id"] == ORDER_ID
    # Units that are taken out of a parcel leave its status.
    assert told(now, {**now, "units": {"line_1": 1}, "version": 3}) is None


def test_a_cancellation_of_units_is_told_once_with_all_its_units() -> None:
    made = {
        "pk": ORDER_ID,
        "sk": "cancellation#0001",
        "id": f"cancellation_{ORDER_ID.partition('_')[2]}_1",
        "version": 4,
        "parts": {"main": {"line_1": 1}, "north": {"line_1": 1, "line_2": 3}},
        "amounts": {"line_1": 800, "line_2": 300},
        "reason": "shortage",
        "at": AT,
    }

    event = told(None, made)
    assert event is not None
    assert event.type == "order.lines_canceled"
    assert event.data["amount"] == 1100
    assert event.data["line_items"] == [
        {"id": "line_1", "quantity": 2},
        {"id": "line_2", "quantity": 3},
    ]
    assert told(made, {**made, "version": 5}) is None


def test_a_cancelled_order_tells_why_the_buyer_cancelled_it() -> None:
    timeline = [
        {"at": AT, "status": "canceling", "by": "buyer", "reason": "ordered twice"},
        {"at": AT, "status": "canceled", "by": "recover_order"},
    ]
    event = told(order_image("canceling", 4), order_image("canceled", 5, timeline=timeline))

    assert event is not None
    assert event.data["reason"] == "ordered twice"


def test_an_order_that_goes_on_names_what_stopped() -> None:
    stop = {
        "machine": "fulfil_order",
        "execution": ORDER_ID,
        "input": {"order_id": ORDER_ID},
        "error": "ProviderRejected",
        "cause": "no",
    }
    event = told(order_image("requires_action", 4, stops=[stop]), order_image("confirmed", 5))

    assert event is not None
    assert event.data["stops"] == [
        {"machine": "fulfil_order", "execution": ORDER_ID, "input": {"order_id": ORDER_ID}}
    ]


@pytest.mark.parametrize("edge", [(a, b) for a, to in lifecycle.PAYMENT.items() for b in to])
def test_a_payments_edge_is_the_event_of_the_table_or_none(edge: tuple[str, str]) -> None:
    event = told(payment_image(edge[0], 1), payment_image(edge[1], 2))

    assert (event.type if event else None) == PAYMENT_TRANSITIONS.get(edge)


def test_each_capture_and_refund_is_one_event_with_its_amount_and_the_sums() -> None:
    history = [
        payment_image("authorized", 2),
        payment_image("authorized", 3, claimed=700),
        payment_image("captured", 4, claimed=700, captured=700),
        payment_image("captured", 5, claimed=1200, captured=700),
        payment_image("captured", 6, claimed=1200, captured=1200),
        payment_image("voiding", 7, claimed=1200, captured=1200),
        payment_image("voiding", 8, claimed=1200, captured=1200, refunded=1000),
        payment_image("refunded", 9, claimed=1200, captured=1200, refunded=1000),
    ]

    events = [event for event in (told(*pair) for pair in pairwise(history)) if event]

    facts = ("amount", "captured", "refunded")
    assert [
        (event.type, event.aggregate.version, *(event.data[name] for name in facts))
        for event in events
    ] == [
        ("payment.captured", 4, 700, 700, 0),
        ("payment.captured", 6, 500, 1200, 0),
        ("payment.refunded", 8, 1000, 1200, 1000),
    ]


def test_a_placed_order_is_told_by_ids_and_few_facts() -> None:
    event = told(order_image("pending", 1), order_image("confirmed", 2))

    assert event is not None
    assert (event.aggregate.type, event.aggregate.id, event.aggregate.version) == (
        "order",
        ORDER_ID,
        2,
    )
    assert event.occurred_at == AT
    assert event.data == {"currency": "GBP", "total": 1200, "line_count": 3}


def test_nothing_of_buyer_or_cart_is_told() -> None:
    images = [(order_image(a, 1), order_image(b, 2)) for a, b in ORDER_TRANSITIONS]

    text = str([told(old, new) for old, new in images])

    assert "cart_secret" not in text
    assert "ada@" not in text


def test_a_canceled_order_names_the_error_and_not_its_sentence() -> None:
    refusal = {"error": "OutOfStock", "sentence": "not enough of MUG"}
    event = told(order_image("canceling", 2), order_image("canceled", 3, refusal=refusal))

    assert event is not None
    assert event.data["reason"] == "OutOfStock"


def test_an_order_for_a_person_names_why_it_could_not_be_undone() -> None:
    entry = {"at": AT, "status": "requires_action", "by": "sweep", "reason": "RecoveryExhausted"}
    new = order_image("requires_action", 9, refusal={"error": "OutOfStock"}, timeline=[entry])
    event = told(order_image("canceling", 8), new)

    assert event is not None
    assert event.data["reason"] == "RecoveryExhausted"


@pytest.mark.parametrize(
    "image", [order_image("pending", 1), payment_image("authorizing", 1), payment_image("voided")]
)
def test_a_new_order_payment_or_tombstone_is_no_event(image: dict[str, Any]) -> None:
    assert told(None, image) is None


def test_a_write_that_keeps_the_status_is_no_event() -> None:
    assert told(order_image("canceling", 2), order_image("canceling", 3)) is None
    assert told(product_image(version=2), product_image(version=2)) is None


@pytest.mark.parametrize("sk", ["details#0000", "adjustment#1", "reservation#0000", "variant"])
def test_other_items_are_no_event_whatever_they_hold(sk: str) -> None:
    assert told(None, {"pk": "x", "sk": sk}) is None


def test_a_deleted_item_is_no_event() -> None:
    assert told(product_image(), None) is None


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.integers(0, 30),
)
def test_stock_is_low_exactly_when_it_falls_over_the_shops_threshold(
    before: list[int], after: list[int], threshold: int
) -> None:
    event = told(stock_image(*before, version=1), stock_image(*after), threshold)

    crossed = sum(before) > threshold and sum(after) <= threshold
    assert (event is not None) == crossed
    if event:
        assert event.data == {"available": sum(after), "threshold": threshold}
        assert event.occurred_at == WRITTEN_AT


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (None, product_image("draft", 1), "created"),
        (product_image("draft", 1), product_image("active"), "updated"),
        (product_image("active", 1), product_image("archived"), "archived"),
        (product_image("archived", 1), product_image("archived"), "updated"),
    ],
)
def test_a_products_every_version_is_told_with_what_was_done(
    old: dict[str, Any] | None, new: dict[str, Any], what: str
) -> None:
    event = told(old, new)

    assert event is not None
    assert event.data == {"change": what, "status": new["status"], "handle": "mug"}


def test_an_item_that_no_store_wrote_is_refused() -> None:
    with pytest.raises(LookupError):
        event_of(change(None, {"pk": "product#x", "sk": "product"}), LOW_STOCK_UNITS)


def event_told(record: Change) -> DomainEvent | None:
    return event_of(record, LOW_STOCK_UNITS)


SAGAS = [
    ["pending", "confirmed"],
    ["pending", "canceling", "canceled"],
    ["pending", "canceling", "requires_action", "canceling", "requires_action"],
    ["pending", "canceling", "requires_action", "canceling", "canceled"],
]


def history(number: int, statuses: list[str]) -> list[Change]:
    images = [
        order_image(status, version, pk=f"order_{number}")
        for version, status in enumerate(statuses, 1)
    ]
    return [change(old, new) for old, new in zip([None, *images], images, strict=False)]


@given(st.lists(st.sampled_from(SAGAS), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_replayed_duplicated_and_reordered_stream_tells_the_same_events(
    sagas: list[list[str]], chance: random.Random
) -> None:
    records = [one for number, saga in enumerate(sagas) for one in history(number, saga)]
    again = records + chance.choices(records, k=len(records))
    chance.shuffle(again)

    once = [event for event in map(event_told, records) if event]
    repeated = [event for event in map(event_told, again) if event]

    ids = Counter(event.event_id for event in once)
    assert set(ids.values()) <= {1}
    assert len(once) == sum(
        (old, new) in ORDER_TRANSITIONS for saga in sagas for old, new in pairwise(saga)
    )
    by_id = {event.event_id: event for event in once}
    assert {event.event_id for event in repeated} == set(by_id)
    assert all(event == by_id[event.event_id] for event in repeated)


def test_every_event_has_a_published_schema_and_every_schema_an_event() -> None:
    types = {*ORDER_TRANSITIONS.values(), *PAYMENT_TRANSITIONS.values()}
    types |= {"payment.captured", "payment.refunded", "order.lines_canceled", *PART_EVENTS.values()}

    assert {name_of(model) for model in PUBLISHED} == {
        f"{type_}.v1" for type_ in types | {"stock.low", "product.changed"}
    }
