"""What must be true of the whole deployed shop, whatever happened to it.

Reads the tables as they are, and not through the stores, and names each violation. The
numbers are those of the design's invariants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from commerce.dynamo.table import Item, from_wire
from commerce.lifecycle import ORDER
from pushcart.cloud import Cloud

SETTLED = {"confirmed", "canceled", "requires_action"}


@dataclass(frozen=True)
class Tables:
    """The items of five tables, by their first key."""

    stock: Mapping[str, list[Item]]
    orders: Mapping[str, list[Item]]
    payments: Mapping[str, list[Item]]
    books: Mapping[str, list[Item]]
    ledger: Mapping[str, list[Item]] = field(default_factory=dict)

    @classmethod
    def read(cls, cloud: Cloud) -> Tables:
        """Scan the tables of a shop that nobody uses meanwhile."""
        outputs = cloud.stack_outputs()
        return cls(
            *(
                _by_key(scan(cloud, outputs[f"{name}TableName"]))
                for name in ("Stock", "Orders", "Payments", "Sandbox", "Ledger")
            )
        )


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


def violations(tables: Tables) -> list[str]:
    """Check everything; the empty list is what a test wants to see."""
    found = [*_stock(tables), *_books(tables), *_ledger(tables)]
    for order_id, items in tables.orders.items():
        found += [f"{order_id}: {what}" for what in _order(order_id, items, tables)]
    return found


def _stock(tables: Tables) -> Iterator[str]:
    """1: nothing is oversold, made up or lost; what is reserved is what orders hold."""
    reserved = _reserved(tables)
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
                if sum(level.values()) != added[location]:
                    yield f"{place}, but {added[location]} were added"
                if level["reserved"] != held:
                    yield f"{place}, but orders hold {held}"


def _reserved(tables: Tables) -> Counter[tuple[str, str]]:
    """Add up what the reservations hold, by SKU and location."""
    units: Counter[tuple[str, str]] = Counter()
    for items in tables.stock.values():
        for part in _held_parts(_with_prefix(items, "reservation#")):
            units[part["sku"], part["location"]] += part["quantity"]
    return units


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
        or (each["status"] == "captured" and (head["status"] == "confirmed" or _net(each)))
    )
    if money not in (0, head["totals"]["total"]):
        yield f"3: the provider holds {money} for an order of {head['totals']['total']}"
    reservations = _with_prefix(tables.stock.get(f"order#{order_id}", []), "reservation#")
    if {each["status"] for each in reservations} - {"held", "consumed", "released"}:
        yield "2: a reservation is neither held, consumed nor released"
    payments = _with_prefix(tables.payments.get(order_id, []), "payment")
    recorded = [each["status"] for each in payments]
    yield from _decision(head, recorded, money, _units(_held_parts(reservations)), items)


def _decision(
    head: Item, recorded: list[str], money: int, units: Counter[str], items: list[Item]
) -> Iterator[str]:
    """5: what the order says, money and stock say too."""
    if head["status"] == "confirmed":
        if recorded not in (["authorized"], ["captured"]) or money != head["totals"]["total"]:
            yield f"5: confirmed with payment {recorded}, and {money} held"
        ordered = _units(
            line for chunk in _with_prefix(items, "details#") for line in chunk["lines"]
        )
        if units != ordered:
            yield "5: confirmed, and holds other units than were ordered"
    if head["status"] == "canceled" and (
        money or units or {"authorized", "captured"} & {*recorded}
    ):
        yield f"5: canceled with payment {recorded}, {money} held and {units.total()} units"


def _net(payment: Item) -> int:
    net: int = payment["captured"] - payment["refunded"]
    return net


def _history(head: Item) -> Iterator[str]:
    """8: only legal edges, and a version that rose with each."""
    # Entries about a part have statuses of its own.
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


def _by_key(items: Iterable[Item]) -> dict[str, list[Any]]:
    by_key: defaultdict[str, list[Any]] = defaultdict(list)
    for item in items:
        by_key[item["pk"]].append(item)
    return by_key
