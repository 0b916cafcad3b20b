"""A page of a list reads about as much as it shows, however much the list has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, ORDER_ID, details, order
from cloud_in_memory import table_name
from commerce.api_keys.model import ApiKey
from commerce.api_keys.store import ApiKeyStore
from commerce.audit.model import Actor, Entry, Outcome
from commerce.audit.store import AuditTrail, Wanted
from commerce.clock import to_text
from commerce.customers.model import Customer
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Put, Table, dynamodb_client
from commerce.emails.model import SENDING, STATUSES, Email
from commerce.emails.store import EmailStore
from commerce.events.model import Aggregate, DomainEvent, event_id
from commerce.events.store import EventStore
from commerce.ids import new_id
from commerce.orders.owners import guest_owner, returns_owner
from commerce.orders.record import Return, part_id
from commerce.orders.records import RecordStore, part_key
from commerce.orders.store import OrderStore
from commerce.reconciliation.model import Finding, Run
from commerce.reconciliation.store import ReconciliationStore
from commerce.stock.model import Adjustment
from commerce.stock.store import StockStore
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.model import PENDING, Delivery

pytestmark = pytest.mark.usefixtures("tables")

HELD, SHOWN = 90, 20
CUSTOMER = "customer_" + "a" * 32
TYPES = ("order.placed", "order.canceled")
TIMES = [NOW + timedelta(seconds=number) for number in range(HELD)]


class Reads:
    """DynamoDB's client, with what each query has read of its partition."""

    def __init__(self) -> None:
        self.of_partition: Counter[str] = Counter()
        self.got = 0

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        return getattr(dynamodb_client(), name)

    def query(self, **call: Any) -> Any:
        answer = dynamodb_client().query(**call)
        values = sorted(str(value) for value in call["ExpressionAttributeValues"].values())
        self.of_partition["|".join(values)] += answer["ScannedCount"]
        return answer

    def batch_get_item(self, **call: Any) -> Any:
        self.got += sum(len(each["Keys"]) for each in call["RequestItems"].values())
        return dynamodb_client().batch_get_item(**call)


def opened(noun: str, reads: Any = None) -> Table:
    return Table(table_name(noun), reads)


def hold_orders() -> None:
    store = OrderStore(opened("orders"))
    for at in TIMES:
        order_id = new_id("order", at, lambda _bits: 0)
        store.place_once(order(order_id=order_id, placed_at=to_text(at)), details())


def hold_returns() -> None:
    for number, at in enumerate(TIMES, 1):
        wish = Return(
            part_id("return", ORDER_ID, number), "requested", {"line_1": 1}, "damaged", {}
        )
        item = {name: value for name, value in asdict(wish).items() if value is not None}
        item |= {**part_key(wish.id), "version": number, "placed_at": to_text(at)}
        item |= {"listed": "return#requested#0", "owner": returns_owner(CUSTOMER)}
        opened("orders").put(Put(item))


def hold_events() -> None:
    store = EventStore(opened("events"))
    for number, at in enumerate(TIMES):
        for type_ in TYPES:
            about = Aggregate("order", ORDER_ID, number)
            happened = DomainEvent(event_id(type_, about), type_, 1, to_text(at), about, {})
            store.record_once(happened, NOW)


def hold_emails() -> None:
    store = EmailStore(opened("emails"))
    for number, at in enumerate(TIMES):
        about = f"email_{number}", ORDER_ID, f"evt_{number}", "order.placed", to_text(at)
        store.claim(Email(*about, "ada@example.com", "en", "Hello"), NOW)


def hold_entries() -> None:
    trail = AuditTrail(opened("audit"))
    for at in TIMES:
        entry = Entry(
            new_id("audit", at),
            Actor("staff", "1", "ada@shop.example", roles=("manager",)),
            "POST /admin/products",
            "request",
            "203.0.113.9",
            "curl/8",
            path={"id": ORDER_ID},
        )
        trail.begin(entry)
        trail.end(entry.id, Outcome(200, at=to_text(at)))


def hold_deliveries() -> None:
    store = DeliveryStore(opened("webhooks"))
    for at in TIMES:
        facts = new_id("delivery", at), "evt_1", "order.placed", "{}", PENDING, to_text(at)
        store.record_once(Delivery("endpoint_1", *facts), NOW)


def hold_customers() -> None:
    store = CustomerStore(opened("customers"))
    for number, at in enumerate(TIMES):
        moment = to_text(at)
        who = f"customer_{number:032x}"
        store.register(Customer(who, "ada@example.com", "active", moment, moment))


def hold_keys() -> None:
    for at in TIMES:
        key = ApiKey(new_id("key", at), "secret", "one", (), to_text(at), "ada")
        ApiKeyStore(opened("api_keys")).add(key)


def hold_runs() -> None:
    store = ReconciliationStore(opened("reconciliations"))
    for at in TIMES:
        store.begin(Run(new_id("rec", at), "running", "ada", to_text(at)))
    for number in range(HELD):
        store.record("rec_1", Finding("kind", f"order_{number}", "1", "2"))


def hold_adjustments() -> None:
    store = StockStore(opened("stock"))
    for at in TIMES:
        store.adjust(Adjustment(new_id("adj", at), "MUG", "main", 1, "counted", "ada", at))


Page = Callable[[Any], tuple[list[Any], Any]]
LISTS: dict[str, tuple[Callable[[], None], Page]] = {
    "all orders": (
        hold_orders,
        lambda reads: OrderStore(opened("orders", reads)).list_newest(None, limit=SHOWN),
    ),
    "orders of a status": (
        hold_orders,
        lambda reads: OrderStore(opened("orders", reads)).list_newest("pending", limit=SHOWN),
    ),
    "somebody's orders": (
        hold_orders,
        lambda reads: OrderStore(opened("orders", reads)).list_newest_of(
            guest_owner("ada@example.com"), limit=SHOWN
        ),
    ),
    "orders further down": (
        hold_orders,
        lambda reads: OrderStore(opened("orders", reads)).list_newest(
            "pending", limit=SHOWN, before=(to_text(TIMES[50]), "order_")
        ),
    ),
    "all returns": (
        hold_returns,
        lambda reads: RecordStore(opened("orders", reads)).list_returns(None, limit=SHOWN),
    ),
    "somebody's returns": (
        hold_returns,
        lambda reads: RecordStore(opened("orders", reads)).list_returns_of(CUSTOMER, limit=SHOWN),
    ),
    "all events": (
        hold_events,
        lambda reads: EventStore(opened("events", reads)).newest(TYPES, limit=SHOWN),
    ),
    "events of one thing": (
        hold_events,
        lambda reads: EventStore(opened("events", reads)).newest(TYPES, ORDER_ID, limit=SHOWN),
    ),
    "all e-mails": (
        hold_emails,
        lambda reads: EmailStore(opened("emails", reads)).newest(STATUSES, limit=SHOWN),
    ),
    "e-mails about an order": (
        hold_emails,
        lambda reads: EmailStore(opened("emails", reads)).newest((SENDING,), ORDER_ID, limit=SHOWN),
    ),
    "the audit trail": (
        hold_entries,
        lambda reads: AuditTrail(opened("audit", reads)).newest(Wanted(), TIMES[-1], limit=SHOWN),
    ),
    "an actor's entries": (
        hold_entries,
        lambda reads: AuditTrail(opened("audit", reads)).newest(
            Wanted(actor="1"), TIMES[-1], limit=SHOWN
        ),
    ),
    "entries about a thing": (
        hold_entries,
        lambda reads: AuditTrail(opened("audit", reads)).newest(
            Wanted(about=ORDER_ID), TIMES[-1], limit=SHOWN
        ),
    ),
    "an endpoint's deliveries": (
        hold_deliveries,
        lambda reads: DeliveryStore(opened("webhooks", reads)).newest(
            "endpoint_1", None, limit=SHOWN
        ),
    ),
    "customers": (
        hold_customers,
        lambda reads: CustomerStore(opened("customers", reads)).newest(None, limit=SHOWN),
    ),
    "customers of an address": (
        hold_customers,
        lambda reads: CustomerStore(opened("customers", reads)).newest(
            "ada@example.com", limit=SHOWN
        ),
    ),
    "API keys": (
        hold_keys,
        lambda reads: ApiKeyStore(opened("api_keys", reads)).newest(SHOWN, None),
    ),
    "reconciliations": (
        hold_runs,
        lambda reads: ReconciliationStore(opened("reconciliations", reads)).newest(limit=SHOWN),
    ),
    "findings": (
        hold_runs,
        lambda reads: ReconciliationStore(opened("reconciliations", reads)).findings_page(
            "rec_1", limit=SHOWN
        ),
    ),
    "a SKU's adjustments": (
        hold_adjustments,
        lambda reads: StockStore(opened("stock", reads)).adjustments("MUG", limit=SHOWN),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_20_reads_about_20_of_each_partition(name: str) -> None:
    hold, page = LISTS[name]
    hold()
    reads = Reads()
    shown, further = page(reads)
    assert len(shown) == SHOWN
    assert further is not None
    # An entry of the audit trail has two items, its beginning and its end.
    each = 2 if hold is hold_entries else 1
    assert max(reads.of_partition.values()) <= each * (SHOWN + 2), reads.of_partition
    assert reads.got <= each * (SHOWN + 2)


def test_what_was_placed_at_one_moment_is_listed_once_on_pages_of_any_size() -> None:
    store = OrderStore(opened("orders"))
    ids = [new_id("order", at) for at in (TIMES[0],) * 30 + (TIMES[1],) * 3]
    for order_id in ids:
        placed = TIMES[1] if order_id in ids[30:] else TIMES[0]
        store.place_once(order(order_id=order_id, placed_at=to_text(placed)), details())
    for limit in (1, 2, 7, 32):
        seen: list[str] = []
        before = None
        while True:
            page, before = store.list_newest("pending", limit=limit, before=before)
            seen += [each.order_id for each in page]
            if before is None:
                break
        assert sorted(seen) == sorted(ids), limit
        assert set(seen[:3]) == set(ids[30:])
