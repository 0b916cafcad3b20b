import pytest

from builders import CART_ID, NOW, ORDER_ID, stocked, table
from commerce.errors import InsufficientStock, OrderCanceled, OutOfStock
from commerce.orders.model import order_id_for
from commerce.stock.model import Adjustment, Level
from commerce.stock.store import StockStore
from store.disturbed_stock import interrupted

pytestmark = pytest.mark.usefixtures("tables")

OTHER_ORDER_ID = order_id_for(CART_ID, 2)


def levels(stock: StockStore, sku: str) -> tuple[int, int, int]:
    found = stock.get(sku)
    assert found is not None
    return found.available, found.reserved, found.consumed


def adjustment(sku: str, delta: int, location: str = "main", number: int = 1) -> Adjustment:
    return Adjustment(f"adj_{number}", sku, location, delta, "restock", "ada", NOW)


def test_reserving_moves_units_from_available_to_reserved() -> None:
    stock = stocked(MUG=5, TEA=9)
    stock.reserve(ORDER_ID, {"MUG": 2, "TEA": 9}, NOW, first="main")
    assert levels(stock, "MUG") == (3, 2, 0)
    assert levels(stock, "TEA") == (0, 9, 0)


def test_reserving_twice_for_one_order_holds_units_once() -> None:
    stock = stocked(MUG=5)
    stock.reserve(ORDER_ID, {"MUG": 2}, NOW, first="main")
    stock.reserve(ORDER_ID, {"MUG": 2}, NOW, first="main")
    assert levels(stock, "MUG") == (3, 2, 0)


def test_a_short_order_holds_nothing_and_names_every_short_sku() -> None:
    stock = stocked(MUG=1, TEA=9, JAM=0)
    with pytest.raises(OutOfStock) as refused:
        stock.reserve(ORDER_ID, {"MUG": 2, "TEA": 3, "JAM": 1, "GONE": 4}, NOW, first="main")
    assert refused.value.details["short_lines"] == [
        {"sku": "GONE", "requested": 4, "available": 0},
        {"sku": "JAM", "requested": 1, "available": 0},
        {"sku": "MUG", "requested": 2, "available": 1},
    ]
    assert levels(stock, "TEA") == (9, 0, 0)


def test_short_skus_of_later_chunks_are_named_too() -> None:
    quantities = {f"SKU-{n:04d}": 1 for n in range(120)}
    stock = stocked(**{**quantities, "SKU-0005": 0, "SKU-0119": 0})
    with pytest.raises(OutOfStock) as refused:
        stock.reserve(ORDER_ID, quantities, NOW, first="main")
    assert [line["sku"] for line in refused.value.details["short_lines"]] == [
        "SKU-0005",
        "SKU-0119",
    ]


def test_releasing_twice_returns_stock_once() -> None:
    stock = stocked(MUG=5)
    stock.reserve(ORDER_ID, {"MUG": 2}, NOW, first="main")
    stock.release(ORDER_ID, NOW)
    stock.release(ORDER_ID, NOW)
    assert levels(stock, "MUG") == (5, 0, 0)


def test_a_late_reservation_finds_the_tombstone_and_holds_nothing() -> None:
    stock = stocked(MUG=5)
    stock.release(ORDER_ID, NOW)
    with pytest.raises(OrderCanceled):
        stock.reserve(ORDER_ID, {"MUG": 2}, NOW, first="main")
    assert levels(stock, "MUG") == (5, 0, 0)


def test_a_late_chunk_of_a_big_order_finds_the_gate_released() -> None:
    quantities = {f"SKU-{n:04d}": 1 for n in range(120)}
    stock = stocked(**quantities)
    # The first chunk is held, then the order is cancelled, then the step goes on.
    first_chunk = dict(sorted(quantities.items())[:97])
    stock.reserve(ORDER_ID, first_chunk, NOW, first="main")
    stock.release(ORDER_ID, NOW)
    with pytest.raises(OrderCanceled):
        stock.reserve(ORDER_ID, quantities, NOW, first="main")
    assert all(level.available == 1 for level in stock.levels(quantities).values())


def test_an_order_cancelled_between_two_chunks_holds_nothing() -> None:
    quantities = {f"SKU-{n:04d}": 1 for n in range(120)}
    stock = stocked(**quantities)
    late = interrupted(2, lambda: stock.release(ORDER_ID, NOW))
    with pytest.raises(OrderCanceled):
        late.reserve(ORDER_ID, quantities, NOW, first="main")
    assert all(level.available == 1 for level in stock.levels(quantities).values())


def test_two_releases_at_once_return_stock_once() -> None:
    stock = stocked(MUG=5)
    stock.reserve(ORDER_ID, {"MUG": 2}, NOW, first="main")
    # Another order's units are reserved too, so a second release would find some to take.
    stock.reserve(OTHER_ORDER_ID, {"MUG": 2}, NOW, first="main")
    interrupted(1, lambda: stock.release(ORDER_ID, NOW)).release(ORDER_ID, NOW)
    assert levels(stock, "MUG") == (3, 2, 0)


def test_a_big_order_is_held_and_released_in_chunks() -> None:
    quantities = {f"SKU-{n:04d}": 2 for n in range(120)}
    stock = stocked(**quantities)
    stock.reserve(ORDER_ID, quantities, NOW, first="main")
    held = stock.levels(quantities)
    assert len(held) == 120
    assert all((level.available, level.reserved) == (0, 2) for level in held.values())
    stock.release(ORDER_ID, NOW)
    freed = stock.levels(quantities)
    assert all((level.available, level.reserved) == (2, 0) for level in freed.values())


def test_units_come_from_another_location_where_the_main_one_has_too_few() -> None:
    stock = stocked(MUG=1)
    stock.adjust(adjustment("MUG", 4, "north"))
    stock.reserve(ORDER_ID, {"MUG": 3}, NOW, first="main")
    found = stock.get("MUG")
    assert found is not None
    assert found.locations == {"main": Level(1, 0, 0), "north": Level(1, 3, 0)}


def test_units_come_from_two_locations_where_neither_has_enough_and_go_back_there() -> None:
    stock = stocked(MUG=2)
    stock.adjust(adjustment("MUG", 2, "north"))
    stock.reserve(ORDER_ID, {"MUG": 3}, NOW, first="main")
    assert levels(stock, "MUG") == (1, 3, 0)
    stock.release(ORDER_ID, NOW)
    found = stock.get("MUG")
    assert found is not None
    assert found.locations == {"main": Level(2, 0, 0), "north": Level(2, 0, 0)}


def test_an_adjustment_changes_the_count_and_is_kept_with_its_reason() -> None:
    stock = stocked(MUG=2)
    adjusted = stock.adjust(adjustment("MUG", 3))
    assert (adjusted.available, adjusted.version) == (5, 2)
    history, _ = stock.adjustments("MUG", limit=10)
    assert {(change.delta, change.reason) for change in history} == {(2, "initial"), (3, "restock")}


def test_an_adjustment_opens_a_sku_that_was_never_stocked() -> None:
    stock = StockStore(table("stock"))
    assert stock.adjust(adjustment("MUG", 3)).available == 3


def test_an_adjustment_never_takes_more_than_is_available() -> None:
    stock = stocked(MUG=5)
    stock.reserve(ORDER_ID, {"MUG": 3}, NOW, first="main")
    with pytest.raises(InsufficientStock) as refused:
        stock.adjust(adjustment("MUG", -3))
    assert refused.value.details["available"] == 2
    assert levels(stock, "MUG") == (2, 3, 0)
    assert stock.adjust(adjustment("MUG", -2)).available == 0


def test_opening_stock_again_keeps_what_was_counted() -> None:
    stock = stocked(MUG=5)
    assert stock.open_many({"MUG": 99, "TEA": 1}, NOW, location="main") == 1
    assert levels(stock, "MUG") == (5, 0, 0)
