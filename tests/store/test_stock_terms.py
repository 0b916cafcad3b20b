"""What is sold beyond what is there or without being counted, what is counted anew, and moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from builders import NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Item, Put, Table, from_wire
from commerce.errors import InsufficientStock, NotReserved, OrderCanceled, OutOfStock
from commerce.stock.model import Adjustment, Allocation, Count, Level, Stock, Terms, Transfer
from commerce.stock.store import StockStore, reservation_key
from e2e.invariants import COUNTED, Tables, violations
from store.emulated_dynamodb import EmulatedDynamoDb

TERMS = Terms(uncounted={"TICKET"}, backorderable={"PRINT"})
LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def one_database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb("stock")


@pytest.fixture
def database(one_database: EmulatedDynamoDb) -> EmulatedDynamoDb:
    one_database.empty()
    return one_database


def store_of(client: Any) -> StockStore:
    return StockStore(Table(table_name("stock"), client, lambda _seconds: None))


@pytest.fixture
def stock(database: EmulatedDynamoDb) -> StockStore:
    return store_of(database)


def added(sku: str, delta: int, place: str = "main", call: str = "") -> Adjustment:
    number = f"adj_{sku}_{place}_{delta}_{call}"
    return Adjustment(number, sku, place, delta, "restock", "ada", NOW, call=call)


def counted(sku: str, units: int, call: str, place: str = "main") -> Count:
    return Count(f"adj_{call}", sku, place, units, "count", "ada", NOW, call)


def moved(sku: str, units: int, call: str) -> Transfer:
    return Transfer(f"adj_{call}", sku, "main", "north", units, "moved", "ada", NOW, call)


def at(stock: StockStore, sku: str, place: str = "main") -> Level:
    found = stock.get(sku)
    assert found is not None
    return found.locations[place]


def hold(stock: StockStore, order: str = ORDER_ID, **units: int) -> None:
    stock.reserve(order, units, NOW, first="main", terms=TERMS)


# --- sold beyond what is there --------------------------------------------------


def test_a_variant_that_may_be_sold_beyond_what_is_there_is_held_and_owed(
    stock: StockStore,
) -> None:
    stock.adjust(added("PRINT", 2))
    for _ in range(2):
        hold(stock, PRINT=5)
    assert at(stock, "PRINT") == Level(0, 2, 0, backordered=3)


def test_what_was_never_stocked_can_be_owed_too(stock: StockStore) -> None:
    hold(stock, PRINT=5)
    assert at(stock, "PRINT") == Level(0, 0, 0, backordered=5)
    stock.release(ORDER_ID, NOW)
    assert at(stock, "PRINT") == Level()


def test_what_comes_in_goes_to_the_orders_that_wait_before_anybody_else(stock: StockStore) -> None:
    hold(stock, PRINT=5)
    stock.adjust(added("PRINT", 3))
    assert at(stock, "PRINT") == Level(0, 3, 0, backordered=2)
    stock.adjust(added("PRINT", 4))
    assert at(stock, "PRINT") == Level(2, 5, 0)


def test_units_sent_before_they_were_counted_in_are_made_up_for_by_those_that_come(
    stock: StockStore,
) -> None:
    hold(stock, PRINT=5)
    for _ in range(2):
        stock.consume(ORDER_ID, "fulfillment_1", {"PRINT": 5}, "main", NOW)
    assert at(stock, "PRINT") == Level(sent_ahead=5)
    stock.restock("return_1", ORDER_ID, {"PRINT": 7}, "main", "ada", "return", NOW)
    assert at(stock, "PRINT") == Level(2, 0, 5)


def test_what_is_given_back_and_was_never_there_makes_up_for_nothing_sent(
    stock: StockStore,
) -> None:
    hold(stock, PRINT=5)
    stock.consume(ORDER_ID, "fulfillment_1", {"PRINT": 2}, "main", NOW)
    stock.release(ORDER_ID, NOW)
    assert at(stock, "PRINT") == Level(sent_ahead=2)


def test_a_cancelled_order_is_not_owed_any_more_and_its_units_serve_another(
    stock: StockStore,
) -> None:
    stock.adjust(added("PRINT", 2))
    hold(stock, PRINT=2)
    hold(stock, "order_2", PRINT=3)
    stock.release_part(ORDER_ID, "cancellation_1", {"PRINT": 2}, "main", NOW)
    assert at(stock, "PRINT") == Level(0, 2, 0, backordered=1)
    stock.release("order_2", NOW)
    assert at(stock, "PRINT") == Level(2, 0, 0)


def test_units_at_other_places_are_taken_before_any_is_owed(stock: StockStore) -> None:
    stock.adjust(added("PRINT", 2, "north"))
    hold(stock, PRINT=5)
    assert at(stock, "PRINT", "north") == Level(0, 2, 0)
    assert at(stock, "PRINT") == Level(backordered=3)


def test_a_variant_that_may_not_is_short_beside_one_that_may(stock: StockStore) -> None:
    stock.adjust(added("MUG", 1))
    with pytest.raises(OutOfStock) as refused:
        hold(stock, PRINT=9, TICKET=9, MUG=2)
    assert refused.value.details["short_lines"] == [{"sku": "MUG", "requested": 2, "available": 1}]


# --- not counted ----------------------------------------------------------------


def test_what_is_not_counted_is_held_sent_and_given_back_without_any_count(
    stock: StockStore,
) -> None:
    hold(stock, TICKET=5)
    (held,) = stock.holdings(ORDER_ID)
    assert held.allocations == (Allocation("TICKET", "main", 5, counted=False),)
    stock.consume(ORDER_ID, "fulfillment_1", {"TICKET": 2}, "main", NOW)
    stock.release_part(ORDER_ID, "cancellation_1", {"TICKET": 1}, "main", NOW)
    with pytest.raises(NotReserved):
        stock.consume(ORDER_ID, "fulfillment_2", {"TICKET": 3}, "main", NOW)
    stock.release(ORDER_ID, NOW)
    became = Counter[str]()
    for what, part in stock.reservations(ORDER_ID)[0].parts:
        became[what] += part.quantity
    assert became == {"consumed": 2, "released": 3}
    assert stock.get("TICKET") is None


# --- counted, and moved ---------------------------------------------------------


def test_a_count_sets_what_is_there_and_orders_keep_what_they_hold(stock: StockStore) -> None:
    stock.adjust(added("MUG", 5))
    hold(stock, MUG=2)
    assert stock.count(counted("MUG", 9, "first")).available == 7
    assert at(stock, "MUG") == Level(7, 2, 0)
    with pytest.raises(InsufficientStock) as refused:
        stock.count(counted("MUG", 1, "second"))
    assert refused.value.details == {"available": 7, "reserved": 2}
    assert stock.count(counted("MUG", 2, "third")).available == 0
    history, _ = stock.adjustments("MUG", limit=10)
    assert {(each.counted, each.delta) for each in history} == {(None, 5), (9, 4), (2, -7)}


def test_a_count_opens_a_place_and_a_sku_that_had_none(stock: StockStore) -> None:
    stock.count(counted("MUG", 4, "first"))
    stock.count(counted("MUG", 0, "second", "north"))
    assert (at(stock, "MUG"), at(stock, "MUG", "north")) == (Level(4), Level())


def test_a_count_makes_up_for_what_left_before_it_was_counted_in(stock: StockStore) -> None:
    hold(stock, PRINT=5)
    stock.consume(ORDER_ID, "fulfillment_1", {"PRINT": 3}, "main", NOW)
    stock.count(counted("PRINT", 1, "first"))
    assert at(stock, "PRINT") == Level(0, 1, 3, backordered=1)


CHANGES: dict[str, Callable[[StockStore], Stock]] = {
    "add": lambda stock: stock.adjust(added("MUG", 3, call="k")),
    "take": lambda stock: stock.adjust(added("MUG", -4, call="k")),
    "count": lambda stock: stock.count(counted("MUG", 4, "k")),
    "move": lambda stock: stock.transfer(moved("MUG", 4, "k")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_call_changes_the_counts_once_however_late_it_is_repeated(
    change: Callable[[StockStore], Stock], stock: StockStore
) -> None:
    stock.adjust(added("MUG", 5))
    change(stock)
    first = at(stock, "MUG")
    assert change(stock).locations["main"] == first
    hold(stock, MUG=first.available)
    assert change(stock).locations["main"] == Level(0, first.available, 0)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_meets_a_reservation_loses_and_makes_up_nothing(
    change: Callable[[StockStore], Stock], database: EmulatedDynamoDb, stock: StockStore
) -> None:
    stock.adjust(added("MUG", 5))
    client: Any = Met(database, lambda: hold(stock, MUG=2))
    with suppress(InsufficientStock):
        change(store_of(client))
    assert found(database) == []
    assert at(stock, "MUG").reserved == 2


def test_a_move_takes_only_what_no_order_holds_and_serves_orders_that_wait(
    stock: StockStore,
) -> None:
    stock.adjust(added("MUG", 5))
    hold(stock, MUG=2)
    with pytest.raises(InsufficientStock) as refused:
        stock.transfer(moved("MUG", 4, "first"))
    assert refused.value.details == {"available": 3}
    stock.transfer(moved("MUG", 3, "second"))
    assert (at(stock, "MUG"), at(stock, "MUG", "north")) == (Level(0, 2, 0), Level(3))
    history, _ = stock.adjustments("MUG", limit=10)
    told = {(each.location, each.delta, each.moved) for each in history if each.moved}
    assert told == {("main", -3, "north"), ("north", 3, "main")}


def test_units_of_more_places_than_an_expression_can_add_to_are_held_sent_and_given_back(
    database: EmulatedDynamoDb, stock: StockStore
) -> None:
    places = [f"{'p' * 60}-{number}" for number in range(100)]
    for place in places:
        stock.adjust(added("MUG", 1, place))
    hold(stock, MUG=100)
    stock.consume(ORDER_ID, "fulfillment_1", {"MUG": 60}, None, NOW)
    stock.release(ORDER_ID, NOW)
    found_ = stock.get("MUG")
    assert found_ is not None
    assert (found_.available, found_.reserved, found_.consumed) == (40, 0, 60)
    assert found(database) == []


def test_a_chunk_of_before_there_were_names_of_movements_goes_on(
    database: EmulatedDynamoDb, stock: StockStore
) -> None:
    stock.adjust(added("MUG", 5))
    stock.adjust(added("TEA", 5))
    hold(stock, MUG=2, TEA=2)
    table = Table(table_name("stock"), database)  # type: ignore[arg-type] # a client by its calls
    older = table.get(reservation_key(ORDER_ID, 0))
    assert older is not None
    table.put(Put({name: older[name] for name in older.keys() - {"skus", "moved", "chunks"}}))
    for _ in range(2):
        stock.consume(ORDER_ID, "fulfillment_1", {"MUG": 2}, None, NOW)
    for _ in range(2):
        stock.consume(ORDER_ID, "fulfillment_2", {"TEA": 1}, None, NOW)
    stock.release(ORDER_ID, NOW)
    assert (at(stock, "MUG"), at(stock, "TEA")) == (Level(3, 0, 2), Level(4, 0, 1))
    became = {(what, part.sku) for what, part in stock.reservations(ORDER_ID)[0].parts}
    assert became == {("consumed", "MUG"), ("consumed", "TEA"), ("released", "TEA")}


class Met:
    """The database's client, with something done before the first transaction."""

    def __init__(self, inner: Any, meanwhile: Callable[[], None]) -> None:
        self._inner, self._meanwhile = inner, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        while self._meanwhile:
            self._meanwhile.pop()()
        return self._inner.transact_write_items(**call)


def found(database: EmulatedDynamoDb) -> list[str]:
    """Check the table as it is, and not through the store."""
    by_key: defaultdict[str, list[Item]] = defaultdict(list)
    for item in map(from_wire, database.items("stock")):
        by_key[item["pk"]].append(item)
    return violations(Tables(by_key, {}, {}, {}))


# --- whatever happens, it adds up -----------------------------------------------

SKUS = ("MUG", "PRINT", "TICKET")
a_sku = st.sampled_from(SKUS)
a_place = st.sampled_from(("main", "north"))
an_order = st.sampled_from(("order_1", "order_2", "order_3"))
units = st.integers(1, 6)
some_units = st.dictionaries(a_sku, units, min_size=1)


class TermsHistory(RuleBasedStateMachine):
    """Orders on all terms, people who count, add and move, and each step told twice."""

    def __init__(self) -> None:
        super().__init__()
        self._database = EmulatedDynamoDb("stock")
        self.stock = store_of(self._database)
        self.held: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.sent: Counter[str] = Counter()
        self.steps = 0

    @initialize()
    def open(self) -> None:
        self.stock.adjust(added("MUG", 9))

    @rule(sku=st.sampled_from(("MUG", "PRINT")), place=a_place, delta=st.integers(-4, 9))
    def adjust(self, sku: str, place: str, delta: int) -> None:
        if delta:
            self._twice(lambda call: self.stock.adjust(added(sku, delta, place, call)))

    @rule(sku=st.sampled_from(("MUG", "PRINT")), place=a_place, there=st.integers(0, 12))
    def count(self, sku: str, place: str, there: int) -> None:
        self._twice(lambda call: self.stock.count(counted(sku, there, call, place)))

    @rule(sku=st.sampled_from(("MUG", "PRINT")), quantity=units)
    def move(self, sku: str, quantity: int) -> None:
        self._twice(lambda call: self.stock.transfer(moved(sku, quantity, call)))

    @rule(order=an_order, wanted=some_units)
    def reserve(self, order: str, wanted: dict[str, int]) -> None:
        known = bool(self.stock.holdings(order))

        def step(_call: str) -> None:
            self.stock.reserve(order, wanted, NOW, first="main", terms=TERMS)
            if not known:
                self.held[order] = Counter(wanted)

        with suppress(OutOfStock, OrderCanceled):
            self._twice(step)

    @rule(order=an_order)
    def release(self, order: str) -> None:
        self._twice(lambda _call: self.stock.release(order, NOW))
        self.held[order].clear()

    @rule(order=an_order, wanted=some_units, send=st.booleans())
    def leave(self, order: str, wanted: dict[str, int], send: bool) -> None:
        wanted = {sku: min(n, self.held[order][sku]) for sku, n in wanted.items()}
        verb = self.stock.consume if send else self.stock.release_part
        self._twice(lambda call: verb(order, call, wanted, None, NOW))
        self.held[order].subtract(wanted)
        if send:
            self.sent.update(wanted)

    @invariant()
    def it_adds_up(self) -> None:
        assert found(self._database) == []
        for order, holds in self.held.items():
            parts = [part for each in self.stock.holdings(order) for part in each.allocations]
            assert Counter({sku: n for sku, n in holds.items() if n}) == sum(
                (Counter({part.sku: part.quantity}) for part in parts), Counter()
            )
        for item in map(from_wire, self._database.items("stock")):
            if item["sk"] == "stock":
                levels = item["locations"].values()
                left = sum(each["consumed"] + each.get("sent_ahead", 0) for each in levels)
                assert left == self.sent[item["sku"]]
                assert item["sku"] == "PRINT" or all(set(each) == set(COUNTED) for each in levels)

    def _twice(self, step: Callable[[str], Any]) -> None:
        self.steps += 1
        with suppress(InsufficientStock):
            step(f"call_{self.steps}")
            before = self._database.items("stock")
            told = [from_wire(item) for item in before]
            step(f"call_{self.steps}")
            assert [from_wire(item) for item in self._database.items("stock")] == told


TestTermsHistory = TermsHistory.TestCase
TestTermsHistory.settings = settings(
    max_examples=max(1, settings().max_examples // 4), stateful_step_count=25, deadline=None
)
