"""The longest of everything that grows has room in DynamoDB's 400 KB an item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import CART_ID, NOW, ORDER_ID, details, line, order
from capacity import item_bytes as as_dynamodb_counts
from commerce.carts.model import LINES_MAX, Buyer, Cart
from commerce.carts.store import CartStore
from commerce.customers.model import ADDRESSES_MAX, Address, Customer
from commerce.customers.store import CustomerStore
from commerce.dynamo.sizes import ITEM_BYTES_MAX, item_bytes
from commerce.dynamo.table import Put, Table, Update, to_wire
from commerce.errors import IllegalTransition, ItemTooLarge
from commerce.fulfillment.model import CANCELLATIONS_MAX, FULFILLMENTS_MAX, Acting, cancel_units
from commerce.lifecycle import CONFIRMED, REQUIRES_ACTION
from commerce.orders.model import Change, Details, OrderLine, Stop
from commerce.orders.record import Cancellation, Fulfillment, OrderRecord, Return, part_id
from commerce.orders.records import part_key
from commerce.orders.snapshot import TAIL_BYTES_MAX
from commerce.orders.store import order_key
from commerce.orders.watchdog import RESUMED_KEPT, interrupt
from commerce.pricing.model import Destination, LineRequest
from commerce.returns.model import RETURNS_MAX, Refund
from store.emulated_dynamodb import EmulatedDynamoDb
from store.order_rules import check_history, check_units
from store.shop_at_work import BUYER, SERVICES, ShopAtWork, lines_of, refusal

# The widest letter there is: four bytes.
WIDE = "\N{GRINNING FACE}"
TEXT = WIDE * 200
LINE_ID = "line_{:09d}"
QUANTITY = 999_999
_SHORT = {"address_country": "GB", "postal_code": "9" * 40, "phone_number": "9" * 40}
ADDRESS = Destination(**{each.name: _SHORT.get(each.name, TEXT) for each in fields(Destination)})


@pytest.fixture
def database() -> Any:
    return EmulatedDynamoDb(*SERVICES, "carts", "customers")


def longest_lines(quantity: int = QUANTITY) -> tuple[OrderLine, ...]:
    return tuple(
        line(
            f"{number:-<64}",
            quantity,
            10**10,
            line_id=LINE_ID.format(number),
            title=WIDE * 255,
            variant_title=" / ".join([WIDE * 255] * 3),
            total=10**10 * quantity,
            tax=10**9 * quantity,
        )
        for number in range(LINES_MAX)
    )


def all_items_fit(database: Any) -> None:
    for noun in SERVICES:
        for item in database.items(noun):
            assert as_dynamodb_counts(item) <= ITEM_BYTES_MAX, item["sk"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", min_size=1), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=9), values, max_size=8))
def test_a_size_is_never_taken_for_less_than_dynamodb_counts(item: dict[str, Any]) -> None:
    counted = as_dynamodb_counts(to_wire(item))
    assert counted <= item_bytes(item) <= 2 * counted + 3 * len(item)


def test_an_order_of_the_longest_lines_is_placed_and_read(database: Any) -> None:
    lines = longest_lines()
    buyer = {"email": f"{WIDE * 64}@example.com", "first_name": TEXT, "last_name": TEXT}
    fulfillment = {"destination": dict.fromkeys("abcdefghij", TEXT), "option": {"title": TEXT}}
    longest = Details(lines, buyer, fulfillment)
    shop = ShopAtWork(database)
    shop.orders.place_once(order(line_count=LINES_MAX), longest)
    assert shop.record(ORDER_ID).details == longest
    assert shop.orders.lines(ORDER_ID) == lines
    short = [{"sku": each.sku, "requested": QUANTITY, "available": QUANTITY} for each in lines]
    refusal_ = {"error": "OutOfStock", "sentence": TEXT, "lines": short}
    undone = shop.orders.begin_cancel(ORDER_ID, "execution-1", "place_order", refusal_, NOW)
    assert undone is not None
    shop.orders.close(ORDER_ID, "place_order", NOW)
    all_items_fit(database)


def test_parts_of_all_lines_fit(database: Any) -> None:
    lines = tuple(replace(each, title="", variant_title="") for each in longest_lines(1000))
    shop = ShopAtWork(database)
    shop.fill({(each.sku, "main"): 1000 for each in lines})
    order_id = shop.place(1, lines, 400)
    part = shop.allocate(order_id).fulfillments[0].id
    of_each = {each.line_id: 100 for each in lines}
    shop.cancel(order_id, of_each, BUYER)
    for verb in (shop.pack, shop.ship, shop.deliver):
        verb(part)
    asked = shop.request(order_id, of_each)
    shop.approve(asked)
    half = {line_id: count // 2 for line_id, count in of_each.items()}
    shop.receive(asked, half, half)
    shop.refund_return(asked, Refund(0))
    check_units(shop.record(order_id))
    all_items_fit(database)


# --- what grows with every decision -------------------------------------------------


def test_a_long_history_moves_out_of_the_record_and_is_read_whole(
    database: EmulatedDynamoDb,
) -> None:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 200})
    order_id = shop.place(1, lines_of(200), 0)
    shop.allocate(order_id)
    by = WIDE * 2000  # so that 60 decisions are more than an item takes
    made = []
    for number in range(60):
        shop.key = f"key {number}"
        shop.cancel(order_id, {"line_1": 1}, by)
        if number < 20:
            made.append(shop.split(order_id, {"line_1": 1}))
    all_items_fit(database)
    (head,) = [item for item in shop.items("orders") if item["sk"] == "order"]
    assert item_bytes({"timeline": head["timeline"]}) <= TAIL_BYTES_MAX + 10_000
    record = shop.record(order_id)
    check_units(record)
    check_history(None, record)
    told = [(each.part, each.by) for each in record.order.timeline if each.by == by]
    assert told == [(part_id("cancellation", order_id, n), by) for n in range(1, 61)]
    before = shop.everything()
    shop.key = "key 0"
    shop.cancel(order_id, {"line_1": 1}, by)
    assert shop.split(order_id, {"line_1": 1}) == made[0]
    assert shop.everything() == before


def test_what_a_buyer_wrote_is_erased_from_a_long_history_too(
    database: EmulatedDynamoDb,
) -> None:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 99})
    order_id = shop.place(1, lines_of(99), 0)
    shop.allocate(order_id)
    words = "because of my aunt " + WIDE * 180
    acting = Acting(BUYER, NOW, words)
    for _ in range(60):
        shop.records.decide(order_id, lambda record: cancel_units(record, {"line_1": 1}, acting))
    assert shop.everything().count("because of my aunt") == 120
    was = shop.record(order_id)
    shop.records.erase_buyer(order_id)
    shop.records.erase_buyer(order_id)
    record = shop.record(order_id)
    assert "because of my aunt" not in shop.everything()
    assert "ada@example.com" not in shop.everything()
    assert [replace(each, reason="") for each in was.order.timeline] == list(record.order.timeline)
    assert record.canceled == {"line_1": 60}


def test_returns_that_no_transaction_takes_together_are_handed_over_and_erased(
    database: Any,
) -> None:
    shop, customer = ShopAtWork(database), "customer_" + "a" * 32
    shop.orders.place_once(order(), details())
    shop.orders.begin_cancel(ORDER_ID, "execution-1", "place_order", {}, NOW)
    units = {"line_1": 1}
    times = {"requested": "2026-03-01T12:00:00.000Z"}
    with_parts = {"parts": {"details#0000": 1}}
    for number in range(1, 17):
        wish = Return(
            part_id("return", ORDER_ID, number),
            "received",
            units,
            "damaged",
            times,
            "my aunt".ljust(300_000),
        )
        item = {**part_key(wish.id), **asdict(wish), "version": 2}
        Table("test-orders_table", database).put(Put(item))
        with_parts["parts"][item["sk"]] = 2
    head = Update(order_key(ORDER_ID), "SET #parts = :parts", values=with_parts)
    Table("test-orders_table", database).update(head)

    mortal: Any = Mortal(database)
    mortal.left = 1
    with pytest.raises(Killed):
        ShopAtWork(mortal).records.hand_over(ORDER_ID, "ada@example.com", customer)
    assert shop.record(ORDER_ID).details.customer_id is None
    assert shop.records.hand_over(ORDER_ID, "ada@example.com", customer)
    assert shop.record(ORDER_ID).details.customer_id == customer
    owners = [item["owner"] for item in shop.items("orders") if item["sk"].startswith("return#")]
    assert owners == [f"return#{customer}"] * 16
    shop.records.erase_buyer(ORDER_ID)
    assert {each.note for each in shop.record(ORDER_ID).returns} == {""}


def test_an_undo_that_is_redriven_for_ever_finds_room(database: Any) -> None:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 1})
    order_id = shop.place(1, lines_of(1), 0)
    shop.cancel(order_id)
    by = WIDE * 2000
    for _ in range(60):
        shop.orders.require_action(order_id, by, "RecoveryExhausted", NOW)
        shop.redrive(order_id)
    record = shop.record(order_id)
    check_history(None, record)
    assert [each.by for each in record.order.timeline].count(by) == 60
    all_items_fit(database)


def test_more_cancellations_than_are_kept_are_refused_by_name() -> None:
    cancellations = tuple(
        Cancellation(part_id("cancellation", ORDER_ID, n), {"main": {"line_1": 1}}, {}, "", "", "")
        for n in range(1, CANCELLATIONS_MAX + 1)
    )
    parcel = Fulfillment(part_id("fulfillment", ORDER_ID, 1), "open", "main", {"line_1": 9}, {})
    standing = order(status=CONFIRMED, allocated_at="now")
    content = details(line(quantity=CANCELLATIONS_MAX + 9))
    record = OrderRecord(standing, content, (parcel,), cancellations)
    acting = Acting("ada", NOW)
    with pytest.raises(IllegalTransition):
        cancel_units(record, {"line_1": 1}, acting)
    fewer = replace(record, cancellations=cancellations[1:])
    assert cancel_units(fewer, {"line_1": 1}, acting).cancellations
    assert cancel_units(record, {"line_1": 9}, acting).order.status == "canceling"


def test_all_executions_of_an_order_may_stop(database: Any) -> None:
    parts = 1 + FULFILLMENTS_MAX + CANCELLATIONS_MAX + RETURNS_MAX
    record = OrderRecord(order(status=CONFIRMED), details())
    for number in range(parts):
        name = f"cancellation_{ORDER_ID.partition('_')[2]}_{number:04d}-{10**9}"
        given = {"order_id": ORDER_ID, "cancellation_id": name}
        stop = Stop("fulfil_order", name, given, WIDE * 256, WIDE * 500)
        stopped = interrupt(record, stop, NOW)
        assert stopped is not None
        record = replace(
            record, order=replace(stopped.order, timeline=(stopped.order.timeline[-1],))
        )
    assert len(record.order.stops) == parts
    last_decision = [Change("2026-03-01T12:00:00.000Z", CONFIRMED, TEXT, TEXT, "part" * 15)] * 20
    full = replace(
        record.order,
        status=REQUIRES_ACTION,
        timeline=tuple(last_decision),
        resumed=tuple(f"{number:-<70}" for number in range(RESUMED_KEPT)),
    )
    ShopAtWork(database).orders.place_once(full, details())
    (head,) = [item for item in database.items("orders") if item["sk"]["S"] == "order"]
    versions = 30 * (FULFILLMENTS_MAX + RETURNS_MAX + 30)
    assert as_dynamodb_counts(head) + versions <= ITEM_BYTES_MAX


# --- other services -----------------------------------------------------------------


def test_a_cart_of_the_longest_lines_fits(database: Any) -> None:
    whole = ADDRESS
    lines = tuple(LineRequest(each.line_id, each.sku, each.quantity) for each in longest_lines())
    buyer = Buyer(f"{WIDE * 64}@example.com", TEXT, TEXT, "de-AT")
    cart = Cart(
        CART_ID, "GBP", lines, buyer, whole, TEXT, 2, "now", "now", 2**33, 10**9, "c" * 41, "k" * 40
    )
    store = CartStore(Table("test-carts_table", database))
    store.open(cart)
    assert store.read(CART_ID, NOW).lines == lines


def test_a_full_address_book_of_the_longest_addresses_fits(database: Any) -> None:
    book = tuple(Address(f"{n:-<45}", ADDRESS) for n in range(ADDRESSES_MAX))
    who = f"customer_{0:032x}"
    customer = Customer(who, TEXT, "active", "now", "now", 1, TEXT, TEXT, TEXT, book)
    store = CustomerStore(Table("test-customers_table", database))
    assert store.register(customer)
    assert store.get(who) == customer


@pytest.mark.parametrize("client", ["emulated", "as AWS says it"])
@pytest.mark.parametrize("call", ["put", "update", "transact put", "transact update"])
def test_what_does_not_fit_is_refused_by_name(call: str, client: str, database: Any) -> None:
    asked: Any = database if client == "emulated" else AsAws()
    table = Table("test-orders_table", asked)
    key = {"pk": "order_1", "sk": "order"}
    put = Put({**key, "text": "x" * 410_000})
    update = Update(key, "SET #text = :text", values={"text": "x" * 410_000})
    acts: dict[str, Callable[[], object]] = {
        "put": partial(table.put, put),
        "update": partial(table.update, update),
        "transact put": partial(table.transact, [put]),
        "transact update": partial(table.transact, [update]),
    }
    assert isinstance(refusal(acts[call]), ItemTooLarge)


class Killed(Exception):
    """The function died before its next transaction."""


class Mortal:
    """A database whose caller dies before so many transactions."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.left = 0

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        return getattr(self._inner, name)

    def transact_write_items(self, **call: Any) -> Any:
        if not self.left:
            raise Killed
        self.left -= 1
        return self._inner.transact_write_items(**call)


class AsAws:
    """Says what DynamoDB's documents say it says."""

    def __getattr__(self, name: str) -> Any:
        """Give a call that is refused."""
        kind = "Item size to update has" if name == "update_item" else "Item size has"
        sentence = f"{kind} exceeded the maximum allowed size"

        def call(**_arguments: Any) -> Any:
            response: Any = {"Error": {"Code": "ValidationException", "Message": sentence}}
            if name == "transact_write_items":
                response = {
                    "Error": {"Code": "TransactionCanceledException", "Message": ""},
                    "CancellationReasons": [{"Code": "ValidationError", "Message": sentence}],
                }
            raise ClientError(response, name)

        return call
