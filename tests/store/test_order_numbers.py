"""The short numbers that people call orders by: each is given once, whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from builders import CART_ID, NOW, details, order, table
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import OrderCanceled
from commerce.orders.model import Order, order_id_for, part_number
from commerce.orders.store import OrderStore
from commerce.settings.model import OrderNumbers
from store.emulated_dynamodb import EmulatedDynamoDb

pytestmark = pytest.mark.usefixtures("tables")
PLAIN = OrderNumbers()
RANDOM = OrderNumbers(random=True)


def placed(store: OrderStore, attempt: int, numbering: OrderNumbers = PLAIN, **facts: Any) -> str:
    """Give a pending order's id."""
    order_id = order_id_for(CART_ID, attempt)
    wanted = order(order_id=order_id, attempt=attempt, numbering=numbering, **facts)
    store.place_once(wanted, details())
    return order_id


def confirmed(store: OrderStore, attempt: int, numbering: OrderNumbers = PLAIN) -> Order:
    return store.confirm(placed(store, attempt, numbering), "place_order", NOW)


def test_orders_are_numbered_from_1001_once_they_are_confirmed() -> None:
    store = OrderStore(table("orders"))
    waiting = placed(store, 1)
    assert store.get(waiting).number is None
    assert [confirmed(store, attempt).number for attempt in (2, 3)] == ["1001", "1002"]
    assert store.confirm(waiting, "place_order", NOW).number == "1003"
    assert store.get(waiting).number == "1003"


def test_an_order_is_found_by_its_number_and_no_other_by_it() -> None:
    store = OrderStore(table("orders"))
    first = confirmed(store, 1, OrderNumbers("GB-"))
    assert first.number == "GB-1001"
    assert store.id_of_number("GB-1001") == first.order_id
    assert store.id_of_number("1001") is None
    assert store.id_of_number("GB-1002") is None


def test_prefix_and_start_may_change_and_no_number_comes_twice() -> None:
    store = OrderStore(table("orders"))
    rules = [
        OrderNumbers(),
        OrderNumbers(start=5000),
        OrderNumbers(start=5000),
        OrderNumbers(start=1),
        OrderNumbers("X-", start=7000),
        OrderNumbers(),
    ]
    given = [confirmed(store, n, each).number for n, each in enumerate(rules, 1)]
    assert given == ["1001", "5000", "5001", "5002", "X-7000", "7001"]


def test_a_repeat_of_the_step_keeps_the_number() -> None:
    store = OrderStore(table("orders"))
    first = confirmed(store, 1)
    again = store.confirm(first.order_id, "place_order", NOW)
    assert (again.number, again.version) == (first.number, first.version)
    assert confirmed(store, 2).number == "1002"


def test_a_cancelled_order_takes_no_number() -> None:
    store = OrderStore(table("orders"))
    order_id = placed(store, 1)
    store.begin_cancel(order_id, "execution-1", "place_order", {"error": "X"}, NOW)
    with pytest.raises(OrderCanceled):
        store.confirm(order_id, "place_order", NOW)
    assert confirmed(store, 2).number == "1001"


class Killed(Exception):
    """The function died."""


class Mortal:
    """A database whose caller dies right before or after its n-th write."""

    def __init__(self, inner: Any, writes: int, *, after: bool) -> None:
        self._inner = inner
        self._left = writes
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._inner, name)
        if name != "update_item":
            return call

        def write(**arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            answer = call(**arguments)
            if self._left == 0:
                raise Killed
            return answer

        return write


@pytest.mark.parametrize("numbering", [OrderNumbers(), OrderNumbers(start=5000), RANDOM])
def test_wherever_the_step_dies_its_repeat_ends_with_one_number(numbering: OrderNumbers) -> None:
    deaths: Iterator[tuple[int, bool]] = ((n, after) for n in count(1) for after in (False, True))
    died = 0
    for writes, after in deaths:
        database: Any = EmulatedDynamoDb("orders")
        mortal: Any = Mortal(database, writes, after=after)
        store = OrderStore(Table(table_name("orders"), mortal, pause=lambda _seconds: None))
        sane = OrderStore(Table(table_name("orders"), database, pause=lambda _seconds: None))
        confirmed(sane, 9)
        order_id = placed(sane, 1, numbering)
        try:
            store.confirm(order_id, "place_order", NOW)
        except Killed:
            died += 1
        else:
            break
        number = sane.confirm(order_id, "place_order", NOW).number
        assert number is not None
        assert sane.get(order_id).number == number
        assert sane.id_of_number(number) == order_id
        assert confirmed(sane, 2, numbering).number not in (None, number, "1001")
    assert died >= 4


def test_numbers_of_orders_at_the_same_moment_are_all_different() -> None:
    database: Any = EmulatedDynamoDb("orders")
    store = OrderStore(Table(table_name("orders"), database, pause=lambda _seconds: None))
    # Some with another start, or with random numbers of which some come twice.
    rules = [OrderNumbers(), OrderNumbers(start=2000), OrderNumbers("A-"), OrderNumbers(start=1)]
    orders = [placed(store, n, rules[n % 4]) for n in range(1, 25)]
    with ThreadPoolExecutor(8) as pool:
        given = [
            each.number for each in pool.map(lambda o: store.confirm(o, "place_order", NOW), orders)
        ]
    assert len(set(given)) == len(orders)
    assert [store.id_of_number(str(number)) for number in given] == orders


def test_a_random_number_that_is_taken_is_drawn_again() -> None:
    draws = iter([5, 5, 5, 6])
    store = OrderStore(table("orders"), lambda _bits: next(draws))
    assert [confirmed(store, n, RANDOM).number for n in (1, 2)] == ["10000005", "10000006"]


def test_an_order_of_before_has_no_number_and_its_parts_have_none() -> None:
    store = OrderStore(table("orders"))
    order_id = placed(store, 1)
    assert replace(store.get(order_id), number=None).number is None
    assert part_number(None, "F", "fulfillment_x_1") is None
    assert part_number("1001", "F", "fulfillment_x_12") == "1001-F12"
