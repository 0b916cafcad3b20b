"""What must be true of the whole deployed shop, whatever happened to it.

Reads the tables as they are, and not through the stores, and names each violation. The
numbers are those of the design's invariants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from commerce.dynamo.table import Item, from_wire
from commerce.lifecycle import ORDER
from e2e import parts
from e2e.parts import Moved, Parts
from pushcart.cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

SETTLED = {"confirmed", "completed", "canceled", "requires_action"}
STANDING = {"confirmed", "completed"}
COUNTED = ("available", "reserved", "consumed")
# The state machines that the watchdog looks after.
WATCHED = ("fulfil-order", "cancel-lines", "return-order")
ENDED_EARLY: tuple[ExecutionStatusType, ...] = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True)
class Tables:
    """The items of five tables, by their first key.

    `stopped` are the names of the watched executions that ended before their work was done.
    """

    stock: Mapping[str, list[Item]]
    orders: Mapping[str, list[Item]]
    payments: Mapping[str, list[Item]]
    books: Mapping[str, list[Item]]
    ledger: Mapping[str, list[Item]] = field(default_factory=dict)
    stopped: Iterable[str] = ()

    @classmethod
    def read(cls, cloud: Cloud) -> Tables:
        """Scan the tables of a shop that nobody uses meanwhile."""
        outputs = cloud.stack_outputs()
        stock, orders, payments, books, ledger = (
            _by_key(scan(cloud, outputs[f"{name}TableName"]))
            for name in ("Stock", "Orders", "Payments", "Sandbox", "Ledger")
        )
        stopped = [
            name
            for machine in WATCHED
            for status in ENDED_EARLY
            for name in executions(cloud, machine, status)
        ]
        return cls(stock, _orders(orders), payments, books, ledger, stopped)


def executions(cloud: Cloud, machine: str, status: ExecutionStatusType) -> Iterator[str]:
    """Name the executions of a state machine, such as `fulfil-order`, that stand so."""
    arn = cloud.stack_outputs()["PlaceOrderArn"].replace("-place-order", f"-{machine}")
    pages = cloud.stepfunctions.get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=arn, statusFilter=status):
        yield from (each["name"] for each in page["executions"])


def scan(cloud: Cloud, table: str) -> Iterator[Item]:
    """Walk every item of a table."""
    for page in cloud.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            yield from_wire(item)


def unsettled(cloud: Cloud) -> list[str]:
    """List the orders that are still in flight."""
    return [
        item["pk"]
        for item in scan(cloud, cloud.stack_outputs()["OrdersTableName"])
        if item["sk"] == "order" and item["status"] not in SETTLED
    ]


def at_work(cloud: Cloud) -> list[str]:
    """List what state machines are still at work on, of orders that were confirmed."""
    orders = _orders(_by_key(scan(cloud, cloud.stack_outputs()["OrdersTableName"])))
    found = [
        f"{order_id}: {what}"
        for order_id, items in orders.items()
        for what in parts.in_motion(Parts.of(items))
    ]
    return [*found, *executions(cloud, "cancel-lines", "RUNNING")]


def violations(tables: Tables) -> list[str]:
    """Check everything; the empty list is what a test wants to see."""
    found = [*_stock(tables), *_books(tables), *_ledger(tables), *_stopped(tables)]
    restocked = _restocked(tables)
    for order_id, items in tables.orders.items():
        found += [f"{order_id}: {what}" for what in _order(order_id, items, tables)]
        order = Parts.of(items)
        moved = _moved(order_id, tables, restocked[order_id])
        found += [f"{order_id}: {what}" for what in parts.violations(order, moved)]
    return found


def _stock(tables: Tables) -> Iterator[str]:
    """1: nothing is oversold, made up or lost; what is reserved is what orders hold.

    What was sold beyond what was there is counted beside that, and only where nothing is left.
    """
    reserved, left = _reserved(tables), _left(tables)
    for items in tables.stock.values():
        added: Counter[str] = Counter()
        for adjustment in _with_prefix(items, "adjustment#"):
            added[adjustment["location"]] += adjustment["delta"]
        for stock in _with_prefix(items, "stock"):
            for location, level in stock["locations"].items():
                held = reserved[stock["sku"], location]
                place = f"1: {stock['sku']} at {location} has {level}"
                if min(level.values()) < 0:
                    yield f"{place}: less than nothing"
                owed = level.get("backordered", 0), level.get("sent_ahead", 0)
                if sum(level[unit] for unit in COUNTED) != added[location]:
                    yield f"{place}, but {added[location]} were added"
                if level["reserved"] + owed[0] != held:
                    yield f"{place}, but orders hold {held}"
                if level["consumed"] + owed[1] != left[stock["sku"], location]:
                    yield f"{place}, but {left[stock['sku'], location]} were sent"
                if level["available"] and any(owed):
                    yield f"{place}: available though some are owed"


def _reserved(tables: Tables) -> Counter[tuple[str, str]]:
    """Add up what the reservations hold, by SKU and location."""
    units: Counter[tuple[str, str]] = Counter()
    for items in tables.stock.values():
        for part in _held_parts(_with_prefix(items, "reservation#")):
            if part.get("counted", True):
                units[part["sku"], part["location"]] += part["quantity"]
    return units


def _left(tables: Tables) -> Counter[tuple[str, str]]:
    """Add up what left for good, by SKU and location."""
    units: Counter[tuple[str, str]] = Counter()
    for items in tables.stock.values():
        for movement in _with_prefix(items, "movement#consumed#"):
            for part in movement["parts"]:
                if part.get("counted", True):
                    units[part["sku"], part["location"]] += part["quantity"]
    return units


def _restocked(tables: Tables) -> defaultdict[str, Counter[str]]:
    """Add up what came back, by order and SKU."""
    units: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for items in tables.stock.values():
        for adjustment in _with_prefix(items, "adjustment#"):
            if adjustment.get("order_id"):
                units[adjustment["order_id"]][adjustment["sku"]] += adjustment["delta"]
    return units


def _moved(order_id: str, tables: Tables, restocked: Counter[str]) -> Moved:
    stock = tables.stock.get(f"order#{order_id}", [])
    payments = tables.payments.get(order_id, [])
    consumed, released = (
        _units(part for each in _with_prefix(stock, f"movement#{kind}#") for part in each["parts"])
        for kind in ("consumed", "released")
    )
    return Moved(
        held=_units(_held_parts(_with_prefix(stock, "reservation#"))),
        consumed=consumed,
        released=released,
        restocked=restocked,
        calls=[each for each in payments if each["sk"] != "payment"],
        at_provider=next(iter(_with_prefix(tables.books.get(order_id, []), "payment")), {}),
    )


def _stopped(tables: Tables) -> Iterator[str]:
    """6: no execution ends early and nobody is told."""
    for order_id, stopped in Counter(map(_order_of, tables.stopped)).items():
        head = _head(tables.orders[order_id])
        statuses = Counter(each["status"] for each in head["timeline"])
        # An order that is given up needs no person.
        if statuses["requires_action"] < stopped and not statuses["canceling"]:
            yield f"6: {order_id} had {stopped} executions stopped, and went {dict(statuses)}"


def _order_of(execution: str) -> str:
    """Give the order an execution is about, from its name: an order's, or a part's."""
    kind, _, rest = execution.partition("-")[0].partition("_")
    return f"order_{rest if kind == 'order' else rest.partition('_')[0]}"


def _books(tables: Tables) -> Iterator[str]:
    """3: the provider knows no payment but those of orders."""
    for reference in tables.books.keys() - tables.orders.keys():
        yield f"3: the provider has a payment of no order: {reference}"


def _ledger(tables: Tables) -> Iterator[str]:
    """4: debits are credits, in each entry and over all balances."""
    balances: Counter[str] = Counter()
    for items in tables.ledger.values():
        for entry in _with_prefix(items, "entry#"):
            if sum(line["debit"] - line["credit"] for line in entry["lines"]):
                yield f"4: {entry['entry_id']} does not balance"
            for line in entry["lines"]:
                balances[f"{line['account']} {entry['currency']}"] -= line["debit"] - line["credit"]
        for balance in _with_prefix(items, "balance#"):
            account, currency = items[0]["pk"].split("#")[1], balance["sk"].split("#")[1]
            balances[f"{account} {currency}"] += balance["debits"] - balance["credits"]
    for account, difference in balances.items():
        # The sum of all store credit is no line of an entry.
        if difference and not account.startswith("store_credit "):
            yield f"4: {account} is {difference} off its entries"


def _charged(order_id: str, books: list[Item], tables: Tables) -> Iterator[str]:
    """4: what the provider captured and refunded is in our record, and in the ledger."""
    recorded = tables.payments.get(order_id, [])
    entries = tables.ledger.get(f"order#{order_id}", [])
    booked = sum(
        line["debit"] - line["credit"]
        for entry in entries
        for line in entry["lines"]
        if line["account"] == "cash_at_provider"
    )
    theirs = [(each.get("captured", 0), each.get("refunded", 0)) for each in books]
    ours = [(each.get("captured", 0), each.get("refunded", 0)) for each in recorded]
    captured, refunded = map(sum, zip(*theirs, strict=True)) if theirs else (0, 0)
    if (captured, refunded) != (tuple(map(sum, zip(*ours, strict=True))) if ours else (0, 0)):
        yield f"4: the provider moved {theirs}, we recorded {ours}"
    if booked != captured - refunded:
        yield f"4: the provider has {captured - refunded} for us, the ledger {booked}"
    if [each for each in recorded if each["status"] == "requested"]:
        yield "4: a capture or refund has no answer"


def _order(order_id: str, items: list[Item], tables: Tables) -> Iterator[str]:
    head = _head(items)
    if head["status"] not in SETTLED:
        yield f"6: still {head['status']}"
    yield from _history(head)
    books = tables.books.get(order_id, [])
    calls = Counter(each["call"] for each in _with_prefix(books, "call#"))
    if calls["authorize"] > 1:
        yield f"3: the provider applied {dict(calls)}"
    yield from _charged(order_id, books, tables)
    money = sum(
        each["amount"]
        for each in _with_prefix(books, "payment")
        if each["status"] == "authorized"
        # What is given back of a capture is not held; an order that stands was paid all the same.
        or (each["status"] == "captured" and (head["status"] in STANDING or _net(each)))
    )
    if money not in (0, head["totals"]["total"]):
        yield f"3: the provider holds {money} for an order of {head['totals']['total']}"
    reservations = _with_prefix(tables.stock.get(f"order#{order_id}", []), "reservation#")
    if {each["status"] for each in reservations} - {"held", "consumed", "released"}:
        yield "2: a reservation is neither held, consumed nor released"
    payments = _with_prefix(tables.payments.get(order_id, []), "payment")
    recorded = [each["status"] for each in payments]
    yield from _decision(head, recorded, money, _units(_held_parts(reservations)))


def _decision(head: Item, recorded: list[str], money: int, units: Counter[str]) -> Iterator[str]:
    """5: what the order says, money and stock say too."""
    paid = recorded in (["authorized"], ["captured"]) and money == head["totals"]["total"]
    if head["status"] in STANDING and not paid:
        yield f"5: {head['status']} with payment {recorded}, and {money} held"
    if head["status"] == "canceled" and (
        money or units or {"authorized", "captured"} & {*recorded}
    ):
        yield f"5: canceled with payment {recorded}, {money} held and {units.total()} units"


def _net(payment: Item) -> int:
    net: int = payment["captured"] - payment["refunded"]
    return net


def _history(head: Item) -> Iterator[str]:
    """8: only legal edges, and a version that rose with each."""
    statuses = [change["status"] for change in head["timeline"] if not change.get("part")]
    for before, after in pairwise(statuses):
        if after not in ORDER[before]:
            yield f"8: went from {before} to {after}"
    if statuses[-1] != head["status"] or head["version"] < len(statuses):
        yield f"8: is {head['status']}, version {head['version']}, after {statuses}"


def _held_parts(reservations: Iterable[Item]) -> Iterator[Item]:
    for reservation in reservations:
        if reservation["status"] == "held":
            yield from reservation["allocations"]


def _units(parts: Iterable[Item]) -> Counter[str]:
    units: Counter[str] = Counter()
    for part in parts:
        units[part["sku"]] += part["quantity"]
    return units


def _head(items: Iterable[Item]) -> Item:
    return next(item for item in items if item["sk"] == "order")


def _with_prefix(items: Iterable[Item], prefix: str) -> list[Item]:
    return [item for item in items if item["sk"].startswith(prefix)]


def _orders(by_key: Mapping[str, list[Item]]) -> dict[str, list[Item]]:
    """Give the orders of their table, once each number in it is seen to be its order's alone."""
    orders = {key: items for key, items in by_key.items() if key.startswith("order_")}
    for key, (item, *_) in by_key.items():
        kind, _, number = key.partition("#")
        assert kind in ("number", "numbers") or key in orders, key
        # A run that died, or that came second, leaves a number that its order does not have.
        assert kind != "number" or item["order_id"] in orders, number
    given = [head["number"] for head in map(_head, orders.values()) if "number" in head]
    assert len(set(given)) == len(given), "a number is two orders'"
    for head in map(_head, orders.values()):
        if "number" in head:
            assert by_key[f"number#{head['number']}"][0]["order_id"] == head["pk"], head["pk"]
    return orders


def _by_key(items: Iterable[Item]) -> dict[str, list[Any]]:
    by_key: defaultdict[str, list[Any]] = defaultdict(list)
    for item in items:
        by_key[item["pk"]].append(item)
    return by_key
