"""What an order holds leaves once: shipped, given back in part or whole, or come back later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from builders import NOW, ORDER_ID, order, stocked
from commerce.errors import NotReserved, OrderCanceled
from commerce.orders.schema import timeline
from commerce.stock.model import Adjustment, Level
from commerce.stock.store import StockStore
from store.disturbed_stock import interrupted, shared

pytestmark = pytest.mark.usefixtures("tables")

LATER = NOW + timedelta(hours=1)
SHIPMENT = "fulfillment_1"
MANY = {f"SKU-{n:04d}": 2 for n in range(120)}


def levels(stock: StockStore, sku: str) -> tuple[int, int, int]:
    found = stock.get(sku)
    assert found is not None
    return found.available, found.reserved, found.consumed


def held(stock: StockStore) -> Mapping[str, int]:
    units: Counter[str] = Counter()
    for reservation in stock.reservations(ORDER_ID):
        for part in reservation.allocations:
            units[part.sku] += part.quantity
    return units


def ordered(**units: int) -> StockStore:
    """Give a store in which the order holds these units, of ten of each."""
    stock = stocked(**dict.fromkeys(units, 10))
    stock.reserve(ORDER_ID, units, NOW, first="main")
    return stock


def in_two_places() -> StockStore:
    """Give a store in which the order holds 3 units, 2 of them at one place and 1 at another."""
    stock = stocked(MUG=2)
    stock.adjust(Adjustment("adj_north", "MUG", "north", 2, "restock", "ada", NOW))
    stock.reserve(ORDER_ID, {"MUG": 3}, NOW, first="main")
    return stock


class Died(Exception):
    pass


def die() -> None:
    raise Died


def test_shipped_units_go_from_reserved_to_consumed_once() -> None:
    stock = ordered(MUG=5, TEA=3)
    for _ in range(2):
        stock.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW)
    assert levels(stock, "MUG") == (5, 3, 2)
    assert levels(stock, "TEA") == (7, 3, 0)
    assert held(stock) == {"MUG": 3, "TEA": 3}


def test_units_of_a_cancelled_line_can_be_sold_again_once() -> None:
    stock = ordered(MUG=5)
    for _ in range(2):
        stock.release_part(ORDER_ID, "cancellation_1", {"MUG": 2}, None, NOW)
    assert levels(stock, "MUG") == (7, 3, 0)
    assert held(stock) == {"MUG": 3}


def test_one_id_may_name_a_shipment_and_the_shortage_found_when_packing_it() -> None:
    stock = ordered(MUG=5)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 3}, None, NOW)
    stock.release_part(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW)
    assert levels(stock, "MUG") == (7, 0, 3)


@pytest.mark.parametrize("verb", ["consume", "release_part"])
def test_more_than_the_order_holds_is_refused_and_named_and_nothing_moves(verb: str) -> None:
    stock = ordered(MUG=5, TEA=3)
    with pytest.raises(NotReserved) as refused:
        getattr(stock, verb)(ORDER_ID, "one", {"TEA": 1, "MUG": 6}, None, NOW)
    assert refused.value.details["short_lines"] == [{"sku": "MUG", "requested": 6, "held": 5}]
    assert levels(stock, "TEA") == (7, 3, 0)
    getattr(stock, verb)(ORDER_ID, "one", {"TEA": 1, "MUG": 5}, None, NOW)
    assert held(stock) == {"TEA": 2}


def test_a_sku_the_order_never_had_is_refused() -> None:
    stock = ordered(MUG=5)
    stock.open_many({"JAM": 5}, NOW, location="main")
    with pytest.raises(NotReserved) as refused:
        stock.consume(ORDER_ID, SHIPMENT, {"MUG": 1, "JAM": 1}, None, NOW)
    assert refused.value.details["short_lines"] == [{"sku": "JAM", "requested": 1, "held": 0}]
    assert levels(stock, "MUG") == (5, 5, 0)


def test_a_negative_number_of_units_is_a_mistake_of_the_caller_and_none_is_no_movement() -> None:
    stock = ordered(MUG=5)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 0, "JAM": 0}, None, NOW)
    with pytest.raises(ValueError, match="negative"):
        stock.consume(ORDER_ID, SHIPMENT, {"MUG": -1}, None, NOW)
    assert levels(stock, "MUG") == (5, 5, 0)


def test_a_shipment_takes_only_what_is_held_at_its_location() -> None:
    stock = in_two_places()
    with pytest.raises(NotReserved) as refused:
        stock.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, "north", NOW)
    assert refused.value.details["short_lines"] == [{"sku": "MUG", "requested": 2, "held": 1}]
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 1}, "north", NOW)
    found = stock.get("MUG")
    assert found is not None
    assert found.locations == {"main": Level(0, 2, 0), "north": Level(1, 0, 1)}


def test_a_shipment_from_wherever_takes_what_is_held_in_two_places() -> None:
    stock = in_two_places()
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 3}, None, NOW)
    found = stock.get("MUG")
    assert found is not None
    assert found.locations == {"main": Level(0, 0, 2), "north": Level(1, 0, 1)}


def test_a_release_after_a_shipment_gives_back_what_is_left_once() -> None:
    stock = ordered(MUG=5, TEA=3)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 2, "TEA": 3}, None, NOW)
    stock.release(ORDER_ID, NOW)
    stock.release(ORDER_ID, NOW)
    assert levels(stock, "MUG") == (8, 0, 2)
    assert levels(stock, "TEA") == (7, 0, 3)
    with pytest.raises(NotReserved):
        stock.consume(ORDER_ID, "fulfillment_2", {"MUG": 1}, None, NOW)


def test_a_chunk_is_named_after_the_movement_that_took_the_last_of_it() -> None:
    stock = ordered(MUG=5)
    stock.release_part(ORDER_ID, "cancellation_1", {"MUG": 1}, None, NOW)
    assert [each.status for each in stock.reservations(ORDER_ID)] == ["held"]
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 4}, None, NOW)
    assert [each.status for each in stock.reservations(ORDER_ID)] == ["consumed"]


def test_a_late_reservation_of_a_shipped_order_holds_nothing_more() -> None:
    stock = ordered(MUG=5)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 5}, None, NOW)
    stock.release(ORDER_ID, NOW)
    stock.reserve(ORDER_ID, {"MUG": 5}, NOW, first="main")
    assert levels(stock, "MUG") == (5, 0, 5)


def test_a_reservation_given_back_part_by_part_is_not_made_again() -> None:
    stock = ordered(MUG=5)
    stock.release_part(ORDER_ID, "cancellation_1", {"MUG": 5}, None, NOW)
    with pytest.raises(OrderCanceled):
        stock.reserve(ORDER_ID, {"MUG": 5}, NOW, first="main")
    assert levels(stock, "MUG") == (10, 0, 0)


def test_a_release_that_meets_a_shipment_gives_back_what_that_left() -> None:
    stock = ordered(MUG=5)
    interrupted(1, lambda: stock.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW)).release(
        ORDER_ID, NOW
    )
    assert levels(stock, "MUG") == (8, 0, 2)


def test_two_releases_at_once_give_back_once_though_nobody_else_holds_units() -> None:
    stock = ordered(MUG=5)
    interrupted(1, lambda: stock.release(ORDER_ID, NOW)).release(ORDER_ID, NOW)
    assert levels(stock, "MUG") == (10, 0, 0)


def test_a_shipment_that_meets_a_release_is_refused() -> None:
    stock = ordered(MUG=5)
    late = interrupted(1, lambda: stock.release(ORDER_ID, NOW))
    with pytest.raises(NotReserved):
        late.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW)
    assert levels(stock, "MUG") == (10, 0, 0)


def test_two_runs_of_one_movement_at_once_move_once() -> None:
    stock = ordered(MUG=5)

    def ship(store: StockStore) -> None:
        store.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW)

    ship(interrupted(1, lambda: ship(stock)))
    assert levels(stock, "MUG") == (5, 3, 2)


def test_movements_at_once_take_no_more_than_there_is_and_lose_none() -> None:
    stock = ordered(MUG=5)
    store = shared()

    def ship(number: int) -> int:
        # Each shipment is told twice, as state machines do.
        try:
            store.consume(ORDER_ID, f"fulfillment_{number // 2}", {"MUG": 1}, None, NOW)
        except NotReserved:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        done = sum(pool.map(ship, range(14)))
    assert done == 10
    assert levels(stock, "MUG") == (5, 0, 5)


def test_a_big_order_leaves_whole_or_not_and_a_repeat_goes_on_where_it_died() -> None:
    stock = stocked(**MANY)
    stock.reserve(ORDER_ID, MANY, NOW, first="main")
    with pytest.raises(NotReserved):
        stock.consume(ORDER_ID, SHIPMENT, {**MANY, "SKU-0119": 3}, None, NOW)
    assert {level.consumed for level in stock.levels(MANY).values()} == {0}
    with pytest.raises(Died):
        interrupted(2, die).consume(ORDER_ID, SHIPMENT, MANY, None, NOW)
    assert sum(level.consumed for level in stock.levels(MANY).values()) == 2 * 97
    for _ in range(2):
        stock.consume(ORDER_ID, SHIPMENT, MANY, None, NOW)
    assert {levels(stock, sku) for sku in MANY} == {(0, 0, 2)}
    assert {each.status for each in stock.reservations(ORDER_ID)} == {"consumed"}


def test_what_came_back_is_available_again_and_an_adjustment_says_why_once() -> None:
    stock = ordered(MUG=5)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 5}, None, NOW)
    for _ in range(2):
        stock.restock("return_1", ORDER_ID, {"MUG": 2}, "main", "ada", "return", LATER)
    assert levels(stock, "MUG") == (7, 0, 5)
    (initial, back), _ = stock.adjustments("MUG", limit=10)
    if initial.reason != "initial":
        initial, back = back, initial
    assert (initial.delta, back.delta) == (10, 2)
    assert (back.reason, back.by, back.at, back.order_id) == ("return", "ada", LATER, ORDER_ID)


def test_what_came_back_opens_a_location_and_a_sku_that_had_none() -> None:
    stock = ordered(MUG=5)
    stock.restock("return_1", ORDER_ID, {"MUG": 1, "JAM": 2}, "north", "ada", "return", NOW)
    mug, jam = stock.get("MUG"), stock.get("JAM")
    assert mug is not None
    assert mug.locations == {"main": Level(5, 5, 0), "north": Level(1, 0, 0)}
    assert jam is not None
    assert jam.locations == {"north": Level(2, 0, 0)}


def test_two_runs_of_one_return_at_once_add_once() -> None:
    stock = ordered(MUG=5)

    def bring(store: StockStore) -> None:
        store.restock("return_1", ORDER_ID, {"JAM": 2, "MUG": 2}, "north", "ada", "return", NOW)

    bring(interrupted(1, lambda: bring(stock)))
    assert levels(stock, "MUG") == (7, 5, 0)
    assert levels(stock, "JAM") == (2, 0, 0)


def test_a_return_that_meets_another_opening_the_location_is_added_to_it() -> None:
    stock = ordered(MUG=5)

    def bring(store: StockStore, return_id: str) -> None:
        store.restock(return_id, ORDER_ID, {"MUG": 2}, "north", "ada", "return", NOW)

    bring(interrupted(1, lambda: bring(stock, "return_2")), "return_1")
    assert levels(stock, "MUG") == (9, 5, 0)


def test_a_big_return_comes_back_in_parts_and_a_repeat_goes_on_where_it_died() -> None:
    stock = stocked(**dict.fromkeys(MANY, 0))
    with pytest.raises(Died):
        interrupted(2, die).restock("return_1", ORDER_ID, MANY, "main", "ada", "return", NOW)
    assert sum(level.available for level in stock.levels(MANY).values()) == 2 * 50
    stock.restock("return_1", ORDER_ID, MANY, "main", "ada", "return", NOW)
    assert {levels(stock, sku) for sku in MANY} == {(2, 0, 0)}


def test_the_timeline_tells_each_movement_with_its_units_and_time() -> None:
    stock = ordered(MUG=5, TEA=3)
    stock.consume(ORDER_ID, SHIPMENT, {"MUG": 2}, None, NOW + timedelta(hours=1))
    stock.release_part(ORDER_ID, "cancellation_1", {"TEA": 1}, None, NOW + timedelta(hours=2))
    stock.release(ORDER_ID, NOW + timedelta(hours=3))
    told = [
        (entry.at[11:13], entry.what, entry.detail)
        for entry in timeline(order(), None, stock.reservations(ORDER_ID))
        if entry.what.startswith("stock")
    ]
    assert told == [
        ("12", "stock reserved", "8 units of 2 SKUs"),
        ("13", "stock consumed", "2 units of 1 SKUs"),
        ("14", "stock released", "1 units of 1 SKUs"),
        ("15", "stock released", "5 units of 2 SKUs"),
    ]
