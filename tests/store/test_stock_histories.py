"""Whatever happens to stock, in whatever order and however often, it adds up.

Each example is a history of its own. `--hypothesis-profile thorough` tells thousands.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builders import NOW
from cloud_in_memory import table_name
from commerce.dynamo.table import Item, Table, from_wire
from commerce.errors import InsufficientStock, NotReserved, OrderCanceled, OutOfStock
from commerce.stock.model import Adjustment
from commerce.stock.store import StockStore
from e2e.invariants import COUNTED, Tables, violations
from store.emulated_dynamodb import EmulatedDynamoDb

SKUS = ("JAM", "MUG", "TEA")
PLACES = ("main", "north")
ORDERS = ("order_1", "order_2", "order_3", "order_4")

a_sku, a_place, an_order = map(st.sampled_from, (SKUS, PLACES, ORDERS))
a_place_or_any = st.sampled_from((*PLACES, None))
some_units = st.dictionaries(a_sku, st.integers(1, 4), min_size=1)

Step = Callable[[], None]


@dataclass
class Expected:
    """What is to be found, by SKU: added over all, and of an order held, consumed, released."""

    added: Counter[str] = field(default_factory=Counter)
    held: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    consumed: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reserved_once: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)


class StockHistory(RuleBasedStateMachine):
    """Orders hold, ship and give back units, staff adjust them, and steps are repeated."""

    def __init__(self) -> None:
        super().__init__()
        self._database = EmulatedDynamoDb("stock")
        client: Any = self._database
        self.stock = StockStore(Table(table_name("stock"), client, lambda _seconds: None))
        self.expected = Expected()
        self.done: list[Step] = []
        self.movements: list[Step] = []
        self.steps = 0
        self.found: list[Item] = []

    @initialize(units=st.fixed_dictionaries(dict.fromkeys(SKUS, st.integers(4, 12))))
    def open(self, units: dict[str, int]) -> None:
        self.stock.open_many(units, NOW, location="main")
        self.expected.added.update(units)

    @rule(sku=a_sku, place=a_place, delta=st.integers(-5, -1) | st.integers(1, 9))
    def adjust(self, sku: str, place: str, delta: int) -> None:
        available = self._available(sku, place)
        change = Adjustment(f"adj_{self._number()}", sku, place, delta, "counted", "ada", NOW)
        if available + delta < 0:
            self._refused(InsufficientStock, lambda: self.stock.adjust(change))
        else:
            self.stock.adjust(change)
            self.expected.added[sku] += delta

    @rule(order=an_order, units=some_units)
    def reserve(self, order: str, units: dict[str, int]) -> None:
        def step() -> None:
            self.stock.reserve(order, units, NOW, first="main")

        if order in self.expected.reserved_once:
            self._repeated(step)
        elif order in self.expected.released:
            self._refused(OrderCanceled, step)
        elif any(self._available(sku) < wanted for sku, wanted in units.items()):
            self._refused(OutOfStock, step)
        else:
            self._do(step)
            self.expected.reserved_once.add(order)
            self.expected.held[order].update(units)

    @rule(order=an_order)
    def release(self, order: str) -> None:
        self._do(lambda: self.stock.release(order, NOW))
        self.expected.held[order].clear()
        self.expected.released.add(order)

    @rule(order=an_order, units=some_units, place=a_place_or_any)
    def consume(self, order: str, units: dict[str, int], place: str | None) -> None:
        order, units = self._likely(order, units)
        if self._moved(self.stock.consume, order, units, place):
            self.expected.consumed[order].update(units)

    @rule(order=an_order, units=some_units, place=a_place_or_any)
    def release_part(self, order: str, units: dict[str, int], place: str | None) -> None:
        order, units = self._likely(order, units)
        self._moved(self.stock.release_part, order, units, place)

    @precondition(lambda self: any(map(Counter.total, self.expected.consumed.values())))
    @rule(order=an_order, units=some_units, place=a_place)
    def restock(self, order: str, units: dict[str, int], place: str) -> None:
        number = self._number()
        self._move(
            lambda: self.stock.restock(
                f"return_{number}", order, units, place, "ada", "return", NOW
            )
        )
        self.expected.added.update(units)

    @precondition(lambda self: self.movements)
    @rule(which=st.integers(0, 20))
    def repeat_a_movement(self, which: int) -> None:
        """Repeat what left or came back, however much has happened since."""
        self._repeated(self.movements[-1 - which % len(self.movements)])

    @precondition(lambda self: self.done)
    @rule(which=st.integers(0, 20))
    def repeat(self, which: int) -> None:
        self._repeated(self.done[-1 - which % len(self.done)])

    @invariant()
    def it_adds_up(self) -> None:
        by_key: defaultdict[str, list[Item]] = defaultdict(list)
        self.found = self._items()
        for item in self.found:
            by_key[item["pk"]].append(item)
        assert violations(Tables(by_key, {}, {}, {})) == []
        consumed: Counter[str] = sum(self.expected.consumed.values(), Counter())
        for item in [one for items in by_key.values() for one in items if one["sk"] == "stock"]:
            assert _sum(item) == self.expected.added[item["sku"]]
            assert _sum(item, "consumed") == consumed[item["sku"]]
        for order in ORDERS:
            assert self._held_at(order, None) == +self.expected.held[order]

    def _refused(self, error: type[Exception], step: Callable[[], Any]) -> None:
        try:
            step()
        except error:
            assert self._items() == self.found
        else:
            raise AssertionError(f"no {error.__name__}")

    def _repeated(self, step: Step) -> None:
        # A reservation that was given back meanwhile is not made again.
        with suppress(OrderCanceled):
            step()
        assert self._items() == self.found

    def _move(self, step: Step) -> None:
        """Move units, and be told to again by one who was not told that it was done."""
        self._do(step)
        self.movements.append(step)
        self.found = self._items()
        self._repeated(step)

    def _do(self, step: Step) -> None:
        step()
        self.done.append(step)

    def _moved(
        self, verb: Callable[..., None], order: str, units: Mapping[str, int], place: str | None
    ) -> bool:
        movement_id = f"movement_{self._number()}"
        held = self._held_at(order, place)

        def step() -> None:
            verb(order, movement_id, units, place, NOW)

        if any(held[sku] < wanted for sku, wanted in units.items()):
            self._refused(NotReserved, step)
            return False
        self._move(step)
        self.expected.held[order].subtract(units)
        return True

    def _likely(self, order: str, units: dict[str, int]) -> tuple[str, dict[str, int]]:
        """Choose an order that holds units, and SKUs that it holds, where there are any."""
        holders = [each for each in (order, *ORDERS) if self.expected.held[each].total()]
        order = holders[0] if holders else order
        held = self.expected.held[order]
        return order, {sku: wanted for sku, wanted in units.items() if held[sku]} or units

    def _held_at(self, order: str, place: str | None) -> Counter[str]:
        held: Counter[str] = Counter()
        for item in self.found:
            if item["pk"] == f"order#{order}" and item["sk"].startswith("reservation#"):
                for part in item["allocations"]:
                    if place in {None, part["location"]}:
                        held[part["sku"]] += part["quantity"]
        return held

    def _available(self, sku: str, *places: str) -> int:
        return sum(
            item["locations"][place]["available"]
            for item in self.found
            if item["sk"] == "stock" and item["sku"] == sku
            for place in (places or PLACES)
            if place in item["locations"]
        )

    def _number(self) -> int:
        self.steps += 1
        return self.steps

    def _items(self) -> list[Item]:
        """Read the table as it is, and not through the store."""
        return [from_wire(item) for item in self._database.items("stock")]


def _sum(item: Item, unit: str | None = None) -> int:
    levels = item["locations"].values()
    return sum(level[each] for level in levels for each in ([unit] if unit else COUNTED))


TestStockHistory = StockHistory.TestCase
# A history takes as long as some examples of another test.
TestStockHistory.settings = settings(
    max_examples=max(1, settings().max_examples // 4), stateful_step_count=30, deadline=None
)
