"""What must be true of an order's parts: its fulfillments, cancellations and returns.

Reads the items as they are stored, and not through the stores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from commerce.dynamo.table import Item
from commerce.lifecycle import FULFILLMENT, RETURN
from commerce.orders.corrections import CORRECTED

_EDGES = {"fulfillment": FULFILLMENT, "return": RETURN}
_FIRST = {"fulfillment": "open", "return": "requested", "cancellation": "canceled"}
_CAME_IN = {"received", "refunding", "refunded"}


@dataclass(frozen=True)
class Parts:
    """An order's record and its parts."""

    head: Item
    lines: Mapping[str, Item]
    fulfillments: list[Item]
    cancellations: list[Item]
    returns: list[Item]
    waits: Mapping[str, set[str]]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Parts:
        """Sort the items of one order."""
        kinds: dict[str, list[Item]] = {}
        for item in items:
            kinds.setdefault(item["sk"].partition("#")[0], []).append(item)
        waits: dict[str, set[str]] = {}
        for item in kinds.get("wait", []):
            # wait#<the part's own key>#<whose wait>
            part, _, _ = item["sk"].removeprefix("wait#").rpartition("#")
            waits.setdefault(part, set()).add(item["status"])
        return cls(
            kinds["order"][0],
            {
                line["line_id"]: line
                for chunk in kinds.get("details", [])
                for line in chunk["lines"]
            },
            kinds.get("fulfillment", []),
            kinds.get("cancellation", []),
            kinds.get("return", []),
            waits,
        )

    @property
    def live(self) -> list[Item]:
        """The fulfillments that are not cancelled."""
        return [each for each in self.fulfillments if each["status"] != "canceled"]

    @property
    def stands(self) -> bool:
        """Whether the order was confirmed, and neither cancelled nor handed to a person."""
        return self.head["status"] in {"confirmed", "completed"}

    def by_sku(self, units: Iterable[Mapping[str, int]]) -> Counter[str]:
        """Add units of lines up by SKU."""
        total: Counter[str] = Counter()
        for each in units:
            for line_id, count in each.items():
                total[self.lines[line_id]["sku"]] += count
        return +total

    @property
    def canceled_units(self) -> list[Mapping[str, int]]:
        """The units of all cancellations, location by location."""
        return [units for each in self.cancellations for units in each["parts"].values()]


@dataclass(frozen=True)
class Moved:
    """What other services moved for an order: units by SKU, and money.

    `calls` are our record of captures and refunds, `at_provider` is the provider's payment.
    """

    held: Counter[str]
    consumed: Counter[str]
    released: Counter[str]
    restocked: Counter[str]
    calls: list[Item]
    at_provider: Item


def in_motion(parts: Parts) -> Iterator[str]:
    """Name what machines are still at work on, or should be, by the record alone."""
    if not parts.stands:
        return
    if "allocated_at" not in parts.head:
        yield "the order is not allocated"
    arrived = all(each["status"] == "delivered" for each in parts.live)
    if parts.head["status"] == "confirmed" and parts.live and arrived:
        yield "everything arrived and the order is not completed"
    for each in (*parts.live, *parts.returns):
        waits = parts.waits.get(each["sk"], set())
        if each["status"] not in {"delivered", "refunded", "rejected"}:
            if waits != {each["status"]}:
                yield f"{each['id']} is {each['status']}, and is waited for while {waits}"
        elif waits:
            yield f"{each['id']} is {each['status']}, and is waited for while {waits}"
        elif each["status"] == "delivered" and not each["settled"]:
            yield f"{each['id']} is delivered and not settled"


def violations(parts: Parts, moved: Moved) -> Iterator[str]:
    """Check everything about the parts of an order at rest."""
    yield from _history(parts)
    yield from (f"6: {what}" for what in in_motion(parts))
    if parts.stands:
        yield from _units(parts, moved)
        yield from _money(parts, moved)
    elif parts.head["status"] == "canceled" and moved.consumed:
        yield f"2: canceled, and {dict(moved.consumed)} left"


def _history(parts: Parts) -> Iterator[str]:
    """8: each part came to be and followed legal edges only, as the order's history tells."""
    for part in (*parts.fulfillments, *parts.cancellations, *parts.returns):
        kind = part["sk"].partition("#")[0]
        told = [each for each in parts.head["timeline"] if each.get("part") == part["id"]]
        statuses = [each["status"] for each in told]
        if statuses[:1] != [_FIRST[kind]] or statuses[-1] != part.get("status", _FIRST[kind]):
            yield f"8: {part['id']} is {part.get('status')} after {statuses}"
        for before, after in pairwise(statuses):
            if after not in _EDGES[kind][before]:
                yield f"8: {part['id']} went from {before} to {after}"
    known = {part["id"] for part in (*parts.fulfillments, *parts.cancellations, *parts.returns)}
    for each in parts.head["timeline"]:
        if (each.get("part"), each["status"]) == ("destination", CORRECTED):
            continue
        if each.get("part", "") not in {"", *known}:
            yield f"8: the history tells of {each['part']}, which is no part"


def _units(parts: Parts, moved: Moved) -> Iterator[str]:
    """2: each unit is in one part, and the stock did with it what the part says."""
    ordered = parts.by_sku({key: line["quantity"]} for key, line in parts.lines.items())
    canceled = parts.by_sku(parts.canceled_units)
    fulfilled = parts.by_sku(each["units"] for each in parts.live)
    if fulfilled + canceled != ordered:
        yield f"2: {dict(ordered)} ordered, {dict(fulfilled)} to send, {dict(canceled)} cancelled"
    sent = parts.by_sku(
        each["units"] for each in parts.live if each["status"] in {"shipped", "delivered"}
    )
    came_in = parts.by_sku(
        {
            line_id: units
            for line_id, units in each.get("restocked", {}).items()
            if parts.lines[line_id].get("manage_inventory", True)
        }
        for each in parts.returns
        if each["status"] in _CAME_IN
    )
    back = parts.by_sku(
        units
        for each in parts.returns
        for units in (each.get("restocked", {}), each.get("discarded", {}))
    )
    if back - sent:
        yield f"2: more came back than was sent: {dict(back - sent)}"
    for what, told, done in (
        ("to hold", ordered - canceled - sent, moved.held),
        ("sent", sent, moved.consumed),
        ("cancelled", canceled, moved.released),
        ("to restock", came_in, moved.restocked),
    ):
        if told != done:
            yield f"2: {dict(told)} {what}, and the stock says {dict(done)}"


def _money(parts: Parts, moved: Moved) -> Iterator[str]:
    """3: what was sent is charged, what was not is not kept, what came back is refunded."""
    captured, refunded = _total(moved, "capture"), _total(moved, "refund")
    sent = sum(each["amount"] for each in parts.live if each["settled"])
    owed = parts.head.get("charged", sent)
    by_hand = captured - _total(moved, "capture", "fulfil_order")
    if captured < owed or (captured > owed and not by_hand):
        yield f"3: {owed} to charge, {captured} captured"
    if refunded > captured:
        yield f"3: {captured} captured, {refunded} refunded"
    promised = sum(each["amount"] for each in parts.returns if each["status"] == "refunded")
    if promised != _total(moved, "refund", "return_order"):
        yield f"3: {promised} to give back for returns, not what was given"
    waived = sum(sum(each["amounts"].values()) for each in parts.cancellations)
    given = _total(moved, "refund", "cancel_lines")
    if given > waived or ("charged" in parts.head and not by_hand and given != waived):
        yield f"3: {waived} not to be paid of {captured}, {given} given back"
    released = moved.at_provider.get("released", 0)
    left = moved.at_provider.get("amount", 0) - captured - released
    if parts.head["status"] == "completed" and left:
        yield f"3: completed, and {left} still held"
    if parts.head["status"] == "confirmed" and released:
        yield f"3: {released} let go of while there is something to send"


def _total(moved: Moved, kind: str, by: str | None = None) -> int:
    return sum(
        call["amount"]
        for call in moved.calls
        if call["sk"].startswith(f"{kind}#") and call["status"] == "done"
        if by in (None, call["by"])
    )
