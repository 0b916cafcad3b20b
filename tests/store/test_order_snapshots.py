"""An order is read as it was at one moment, however its items come to be seen, and decided once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders import ORDER_ID, details, line, order
from cloud_in_memory import table_name
from commerce.errors import CartChanged, TooManyUnits, TransactionConflict
from commerce.lifecycle import CANCELED, PACKED, SHIPPED
from commerce.orders.model import Details
from store.emulated_dynamodb import EmulatedDynamoDb
from store.order_rules import check_amounts, check_units
from store.seen_in_parts import SeenOneByOne, SeenPageByPage
from store.shop_at_work import SERVICES, STAFF, ShopAtWork, lines_of, refusal
from store.till import Interrupted

DELIVERY = 400
# 200 letters of four bytes each.
LONG_TITLE = "\N{GRINNING FACE}" * 200
SEEDS = 24


@pytest.fixture
def database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb(*SERVICES)


def packed_in_three(database: EmulatedDynamoDb) -> tuple[str, list[str]]:
    """Give an order of 2,000 with a delivery of 400, in three packed parcels."""
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 9, ("SKU2", "main"): 9})
    order_id = shop.place(1, lines_of(2, 2), DELIVERY)
    first = shop.allocate(order_id).fulfillments[0].id
    parts = [first, *(shop.split(order_id, {line_id: 1}) for line_id in ("line_1", "line_2"))]
    for part in parts:
        shop.pack(part)
    return order_id, parts


def test_two_cancellations_of_an_order_of_2000_lines_are_both_kept(
    database: EmulatedDynamoDb,
) -> None:
    shop = ShopAtWork(database)
    lines = tuple(
        line(f"SKU{n}", 3, line_id=f"line_{n}", title=LONG_TITLE, total=3000)
        for n in range(1, 2001)
    )
    shop.fill({(each.sku, "main"): 3 for each in lines})
    order_id = shop.place(1, lines, DELIVERY)
    shop.allocate(order_id)
    before = database.saved()
    for number in count(1):
        database.go_back_to(before)
        one = partial(ShopAtWork(database).cancel, order_id, {"line_1": 2})
        paged = SeenPageByPage(database, 10_000, number, one)
        ShopAtWork(paged).cancel(order_id, {"line_2000": 1})
        if paged.queries < number:
            break
        record = shop.record(order_id)
        check_units(record)
        assert record.canceled == {"line_1": 2, "line_2000": 1}
        assert [each.id[-2:] for each in record.cancellations] == ["_1", "_2"]
    assert number > 2, "one query takes several pages"


def test_a_parcel_that_is_shipped_while_a_unit_is_cancelled_stays_shipped(
    database: EmulatedDynamoDb,
) -> None:
    order_id, parts = packed_in_three(database)
    before = database.saved()
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen = SeenOneByOne(database, seed)
        shop = ShopAtWork(seen)
        shop.ship(parts[1])
        seen.hide_last()
        assert isinstance(refusal(partial(shop.cancel, order_id, {"line_1": 2})), TooManyUnits)
        shop.cancel(order_id, {"line_2": 1})
        record = shop.record(order_id)
        check_units(record)
        assert record.fulfillment(parts[1]).status == SHIPPED
        shop.consume(parts[1])
        shop.capture_shipment(parts[1])
        assert shop.payment(order_id).captured == record.fulfillment(parts[1]).amount == 900


def test_two_parcels_that_are_shipped_at_once_are_charged_one_delivery(
    database: EmulatedDynamoDb,
) -> None:
    order_id, parts = packed_in_three(database)
    before = database.saved()
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen = SeenOneByOne(database, seed)
        shop = ShopAtWork(seen)
        for part in parts:
            shop.ship(part)
            seen.hide_last()
        for part in parts:
            shop.capture_shipment(part)
        check_amounts(shop.record(order_id))
        assert shop.payment(order_id).captured == 2000 + DELIVERY


def test_who_reads_an_order_sees_it_before_a_decision_or_after(database: EmulatedDynamoDb) -> None:
    order_id, _parts = packed_in_three(database)
    before, was = database.saved(), ShopAtWork(database).record(order_id)
    statuses: Counter[frozenset[str]] = Counter()
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen = SeenOneByOne(database, seed)
        shop = ShopAtWork(seen)
        is_ = shop.cancel(order_id)
        seen.hide_last()
        for _ in range(6):
            found = shop.record(order_id)
            assert found in (was, is_)
            statuses[frozenset(each.status for each in found.fulfillments)] += 1
    assert set(statuses) == {frozenset({PACKED}), frozenset({CANCELED})}


def test_a_return_that_is_asked_for_while_its_order_is_claimed_is_the_customers(
    database: EmulatedDynamoDb,
) -> None:
    order_id, parts = packed_in_three(database)
    ShopAtWork(database).ship(parts[0])
    before, customer = database.saved(), "customer_" + "a" * 32
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen: Any = SeenOneByOne(database, seed)
        shop = ShopAtWork(seen)
        assert shop.records.hand_over(order_id, "ada@example.com", customer)
        seen.hide_last()
        asked = shop.request(order_id, {"line_1": 1})
        theirs, _ = shop.records.list_returns_of(customer, limit=9)
        assert [each.id for _, each in theirs] == [asked]


class Dead:
    """A provider whose caller dies before it is reached."""

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            return "sandbox"
        raise RuntimeError("the function died")


def test_a_capture_that_a_dead_run_recorded_is_made_before_its_parcel_is_settled(
    database: EmulatedDynamoDb,
) -> None:
    order_id, parts = packed_in_three(database)
    ShopAtWork(database).ship(parts[0])
    before = database.saved()
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen: Any = SeenOneByOne(database, seed)
        shop, dead = ShopAtWork(seen), ShopAtWork(seen)
        dead.till = replace(dead.till, provider=Dead())
        with pytest.raises(RuntimeError):
            dead.capture_shipment(parts[0])
        seen.hide_last()
        shop.now += timedelta(minutes=1)
        shop.capture_shipment(parts[0])
        record = shop.record(order_id)
        assert record.fulfillment(parts[0]).settled
        assert shop.payment(order_id).captured == record.fulfillment(parts[0]).amount == 1400


def test_two_cancellations_of_what_was_captured_in_part_give_back_only_what_is_too_much(
    database: EmulatedDynamoDb,
) -> None:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 9, ("SKU2", "main"): 9, ("SKU3", "main"): 9})
    order_id = shop.place(1, lines_of(1, 1, 1), 0)
    shop.allocate(order_id)
    shop.capture(order_id, 2000, "by hand")
    first, second = (
        shop.cancel(order_id, {line_id: 1}).cancellations[-1].id for line_id in ("line_1", "line_2")
    )
    before = database.saved()
    for seed in range(SEEDS):
        database.go_back_to(before)
        seen: Any = SeenOneByOne(database, seed)
        late, dead = ShopAtWork(seen), ShopAtWork(seen)
        dead.till = replace(dead.till, provider=Dead())
        with pytest.raises(RuntimeError):
            dead.refund_canceled(first)
        seen.hide_last()
        late.now += timedelta(minutes=1)
        late.refund_canceled(second)
        late.refund_canceled(first)
        payment = late.payment(order_id)
        assert (payment.captured, payment.refunded) == (2000, 1000)


class NeverWhole:
    """A database in which a part of an order is never seen as its record tells of it."""

    def __init__(self, inner: Any, part: dict[str, Any]) -> None:
        self._inner, self._part = inner, part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def query(self, **call: Any) -> Any:
        answer = dict(self._inner.query(**call))
        answer["Items"] = [
            self._part if item["sk"] == self._part["sk"] else item for item in answer["Items"]
        ]
        return answer


def test_an_order_that_is_never_seen_whole_is_not_decided_on(database: EmulatedDynamoDb) -> None:
    _, parts = packed_in_three(database)
    (old,) = [item for item in database.items("orders") if item.get("id") == {"S": parts[1]}]
    shop = ShopAtWork(database)
    shop.ship(parts[1])
    blind = ShopAtWork(NeverWhole(database, old))
    before = shop.everything()
    for part in (parts[0], parts[2]):
        with pytest.raises(TransactionConflict):
            blind.ship(part)
    assert shop.everything() == before


@pytest.mark.parametrize("sort_key", ["fulfillment#0001", "cancellation#0001"])
def test_a_part_that_is_another_than_was_read_is_not_written_over(
    database: EmulatedDynamoDb, sort_key: str
) -> None:
    order_id, parts = packed_in_three(database)
    other = {"pk": {"S": order_id}, "sk": {"S": sort_key}, "version": {"N": "77"}}

    def meanwhile() -> None:
        database.put_item(TableName=table_name("orders"), Item=other)

    read_then_written: Any = Interrupted(2, meanwhile, database)
    with pytest.raises(TransactionConflict):
        ShopAtWork(read_then_written).shortage(parts[0], {"line_1": 1})
    assert other in database.items("orders")


def test_an_order_of_before_is_read_and_keeps_its_parts_from_then_on(
    database: EmulatedDynamoDb,
) -> None:
    order_id, parts = packed_in_three(database)
    shop = ShopAtWork(database)
    shop.cancel(order_id, {"line_1": 1})
    was = shop.record(order_id)
    for item in list(database.items("orders")):
        if item["sk"]["S"] == "order":
            for name in ("parts", "cancellation_count", "history_count", "details_digest"):
                del item[name]
        if item["sk"]["S"].startswith("details#"):
            del item["version"]
    assert shop.record(order_id) == was
    shop.ship(parts[1])
    shop.cancel(order_id, {"line_2": 1})
    assert shop.records.hand_over(order_id, "ada@example.com", "customer_" + "a" * 32)
    record = shop.record(order_id)
    check_units(record)
    assert [each.id[-2:] for each in record.cancellations] == ["_1", "_2"]
    (head,) = [item for item in shop.items("orders") if item["sk"] == "order"]
    assert head["parts"].keys() == {
        "details#0000",
        *(f"fulfillment#{number:04d}" for number in (1, 2, 3)),
    }
    assert head["cancellation_count"] == 2


# --- a write that was done, and nobody heard --------------------------------------


class Unheard:
    """A database that does a transaction and says that it is still at it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.unheard = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        answer = self._inner.transact_write_items(**call)
        if self.unheard:
            self.unheard -= 1
            error: Any = {"Error": {"Code": "TransactionInProgressException", "Message": ""}}
            raise ClientError(error, "TransactWriteItems")
        return answer


@pytest.mark.parametrize("key", ["", "a key"])
def test_a_decision_whose_answer_was_lost_is_made_once(
    database: EmulatedDynamoDb, key: str
) -> None:
    order_id, parts = packed_in_three(database)
    deaf = Unheard(database)
    shop = ShopAtWork(deaf)
    shop.key = key
    for act in (
        lambda: shop.begin_again(parts[0]),
        lambda: shop.split(order_id, {"line_1": 1}),
        lambda: shop.cancel(order_id, {"line_2": 1}),
        lambda: shop.shortage(parts[1], {"line_1": 1}),
    ):
        deaf.unheard = 1
        act()
    record = shop.record(order_id)
    check_units(record)
    assert record.canceled == {"line_1": 1, "line_2": 1}
    assert len(record.fulfillments) == len(parts) + 2


# --- one key, several operations ----------------------------------------------------


def test_a_key_is_one_operations_and_one_contents(database: EmulatedDynamoDb) -> None:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 20})
    order_id = shop.place(1, lines_of(20), 0)
    part = shop.allocate(order_id).fulfillments[0].id
    shop.key = "k"
    made = shop.split(order_id, {"line_1": 2})
    shop.cancel(order_id, {"line_1": 3})
    shop.shortage(part, {"line_1": 4})
    assert shop.split(order_id, {"line_1": 2}) == made
    shop.cancel(order_id, {"line_1": 3})
    shop.shortage(part, {"line_1": 4})
    record = shop.record(order_id)
    assert record.canceled == {"line_1": 7}
    assert record.fulfillment(made).units == {"line_1": 2}
    before = shop.everything()
    others = {
        "another split": lambda: shop.split(order_id, {"line_1": 1}),
        "the whole order": lambda: shop.cancel(order_id),
        "fewer units": lambda: shop.cancel(order_id, {"line_1": 2}),
        "another shortage": lambda: shop.shortage(part, {"line_1": 1}),
        "of another parcel": lambda: shop.shortage(made, {"line_1": 4}),
    }
    for what, act in others.items():
        assert type(refusal(act)).__name__ == "IdempotencyKeyReused", what
    assert shop.everything() == before
    shop.key = ""
    for verb in (shop.pack, shop.ship, shop.deliver):
        verb(part)
    shop.key = "k"
    asked = shop.request(order_id, {"line_1": 5})
    assert shop.request(order_id, {"line_1": 5}) == asked
    assert refusal(lambda: shop.request(order_id, {"line_1": 4})) is not None
    shop.approve(asked)
    shop.receive(asked, {"line_1": 4}, {})
    assert shop.receive(asked, {"line_1": 4}, {}).sent_back(asked).received == {"line_1": 4}
    refused = refusal(lambda: shop.receive(asked, {"line_1": 5}, {}))
    assert type(refused).__name__ == "IdempotencyKeyReused"
    assert shop.record(order_id).order.timeline[-1].by == STAFF


# --- lines of one run of PlaceOrder ---------------------------------------------------


def priced(unit_price: int, number: int = 900) -> Details:
    """Give lines of three chunks that come to the same total whatever the first one costs."""
    facts = {"title": LONG_TITLE, "tax": 0}
    prices = [unit_price, 2000 - unit_price, *[10] * (number - 2)]
    return details(
        *(
            line("SKU", 1, price, line_id=f"line_{n}", total=price, **facts)
            for n, price in enumerate(prices, 1)
        )
    )


def test_two_runs_of_place_order_that_found_other_prices_never_mix_their_lines(
    database: EmulatedDynamoDb,
) -> None:
    head = order(line_count=900)
    for number in count(1):
        database.empty()
        refused: list[bool] = []

        def another(told: list[bool] = refused) -> None:
            try:
                ShopAtWork(database).orders.place_once(head, priced(900))
            except CartChanged:
                told.append(True)

        client = Interrupted(number, another, database)
        won = priced(1100)
        try:
            ShopAtWork(client).orders.place_once(head, won)
        except CartChanged:
            refused.append(True)
            won = priced(900)
        if client.calls < number:
            break
        assert len(refused) == 1
        assert ShopAtWork(database).orders.lines(ORDER_ID) == won.lines
    assert number == 1 + 1 + 3, "the record and three chunks"
