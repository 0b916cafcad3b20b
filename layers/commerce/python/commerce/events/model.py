"""Which change of a stored item is which domain event.

A stream tells the old and the new image of an item; nothing else is asked but at how many
units stock is low. So the same record gives the same events, however often and in whatever
order it comes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from commerce import lifecycle

Image = Mapping[str, Any]

ORDER_PLACED = "order.placed"
ORDER_CANCELED = "order.canceled"
ORDER_REQUIRES_ACTION = "order.requires_action"
ORDER_RESUMED = "order.resumed"
ORDER_COMPLETED = "order.completed"
ORDER_LINES_CANCELED = "order.lines_canceled"
FULFILLMENT_CREATED = "fulfillment.created"
FULFILLMENT_SHIPPED = "fulfillment.shipped"
RETURN_APPROVED = "return.approved"
RETURN_REJECTED = "return.rejected"
RETURN_REFUNDED = "return.refunded"
PAYMENT_AUTHORIZED = "payment.authorized"
PAYMENT_DECLINED = "payment.declined"
PAYMENT_VOIDED = "payment.voided"
PAYMENT_CAPTURED = "payment.captured"
PAYMENT_REFUNDED = "payment.refunded"
STOCK_LOW = "stock.low"
PRODUCT_CHANGED = "product.changed"

_ARCHIVED = "archived"

_ORDER_EVENTS: Mapping[tuple[str | None, str], str] = {
    (lifecycle.PENDING, lifecycle.CONFIRMED): ORDER_PLACED,
    (lifecycle.CANCELING, lifecycle.CANCELED): ORDER_CANCELED,
    (lifecycle.CANCELING, lifecycle.REQUIRES_ACTION): ORDER_REQUIRES_ACTION,
    (lifecycle.CONFIRMED, lifecycle.REQUIRES_ACTION): ORDER_REQUIRES_ACTION,
    (lifecycle.COMPLETED, lifecycle.REQUIRES_ACTION): ORDER_REQUIRES_ACTION,
    (lifecycle.REQUIRES_ACTION, lifecycle.CONFIRMED): ORDER_RESUMED,
    (lifecycle.REQUIRES_ACTION, lifecycle.COMPLETED): ORDER_RESUMED,
    (lifecycle.CONFIRMED, lifecycle.COMPLETED): ORDER_COMPLETED,
}
# A payment that was never asked for is born `voided`, as a tombstone: nothing was voided.
_PAYMENT_EVENTS: Mapping[tuple[str | None, str], str] = {
    (lifecycle.AUTHORIZING, lifecycle.AUTHORIZED): PAYMENT_AUTHORIZED,
    (lifecycle.AUTHORIZING, lifecycle.DECLINED): PAYMENT_DECLINED,
    (lifecycle.VOIDING, lifecycle.VOIDED): PAYMENT_VOIDED,
}


@dataclass(frozen=True)
class Aggregate:
    """The thing something happened to; its events are in order of `version`."""

    type: str
    id: str
    version: int


@dataclass(frozen=True)
class DomainEvent:
    """Something that happened, once; a repeat has the same `event_id`."""

    event_id: str
    type: str
    schema_version: int
    occurred_at: str
    aggregate: Aggregate
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One record of a table's stream.

    `old` is None for a new item and `new` for a deleted one. `written_at` is when the
    table took the write, as `commerce.clock.to_text` writes it.
    """

    key: Mapping[str, str]
    old: Image | None
    new: Image | None
    written_at: str


def event_of(change: Change, low_stock_units: int) -> DomainEvent | None:
    """Tell what a change means to others; None for most, a transition has one event.

    Parameters
    ----------
    change
        A stream's record.
    low_stock_units
        A SKU is low at this many available units, over all locations, and below.

    Raises
    ------
    LookupError
        The item is not one that a store wrote.
    """
    tell = _TELL.get(change.key["sk"].partition("#")[0])
    if change.key["sk"] == "stock":
        tell = partial(_stock, low_stock_units=low_stock_units)
    if tell is None or change.new is None or _version(change.old) == change.new["version"]:
        return None
    return tell(change.new, change.old, change.written_at)


def event_id(type_: str, aggregate: Aggregate) -> str:
    """Give the one id of an event of this type at this version of its aggregate."""
    source = f"{type_}|{aggregate.type}|{aggregate.id}|{aggregate.version}"
    return f"evt_{hashlib.sha256(source.encode()).hexdigest()[:32]}"


def _order(new: Image, old: Image | None, _at: str) -> DomainEvent | None:
    type_ = _ORDER_EVENTS.get((_status(old), new["status"]))
    if type_ is None:
        return None
    data = {
        "currency": new["currency"],
        "total": new["totals"]["total"],
        "line_count": new["line_count"],
    }
    if type_ in (ORDER_CANCELED, ORDER_REQUIRES_ACTION):
        data["reason"] = _reason(new)
    if type_ == ORDER_RESUMED:
        data["stops"] = [_stop(stop) for stop in (old or {}).get("stops", [])]
    return _event(type_, "order", new["pk"], new, new["timeline"][-1]["at"], data)


def _reason(new: Image) -> str:
    """Tell why: what the last step says, else whoever decided to cancel, else the refusal."""
    last = new["timeline"][-1]
    decided = [entry for entry in new["timeline"] if entry["status"] == lifecycle.CANCELING]
    for entry in (last, *reversed(decided)):
        if entry.get("reason"):
            return str(entry["reason"])
    return str(new.get("refusal", {}).get("error") or "unknown")


def _stop(stop: Image) -> dict[str, Any]:
    return {name: stop[name] for name in ("machine", "execution", "input")}


def _fulfillment(new: Image, old: Image | None, _at: str) -> DomainEvent | None:
    if _status(old) == new["status"]:
        return None
    type_ = FULFILLMENT_CREATED if old is None else f"fulfillment.{new['status']}"
    data = {
        "order_id": new["pk"],
        "location": new["location"],
        "line_items": _line_items(new["units"]),
        "amount": new["amount"],
        **new.get("tracking", {}),
    }
    return _event(type_, "fulfillment", new["id"], new, new["times"][new["status"]], data)


def _cancellation(new: Image, old: Image | None, _at: str) -> DomainEvent | None:
    if old is not None:
        return None
    units: Counter[str] = Counter()
    for part in new["parts"].values():
        units.update(part)
    data = {
        "order_id": new["pk"],
        "line_items": _line_items(units),
        "amount": sum(new["amounts"].values()),
        "reason": new["reason"],
    }
    return _event(ORDER_LINES_CANCELED, "cancellation", new["id"], new, new["at"], data)


def _return(new: Image, old: Image | None, _at: str) -> DomainEvent | None:
    if _status(old) == new["status"]:
        return None
    data = {
        "order_id": new["pk"],
        "line_items": _line_items(new["units"]),
        "restocked": _line_items(new.get("restocked", {})),
        "discarded": _line_items(new.get("discarded", {})),
        "amount": new["amount"],
        "reason": new["reason"],
    }
    at = new["times"][new["status"]]
    return _event(f"return.{new['status']}", "return", new["id"], new, at, data)


def _line_items(units: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"id": line_id, "quantity": count} for line_id, count in units.items()]


def _payment(new: Image, old: Image | None, at: str) -> DomainEvent | None:
    for type_, sum_ in ((PAYMENT_CAPTURED, "captured"), (PAYMENT_REFUNDED, "refunded")):
        moved = new.get(sum_, 0) - (old or {}).get(sum_, 0)
        if moved:
            return _event(type_, "payment", new["pk"], new, at, _moved(new, moved))
    changed = _PAYMENT_EVENTS.get((_status(old), new["status"]))
    if changed is None:
        return None
    data = {name: new[name] for name in ("provider", "amount", "currency")}
    data["order_id"] = new["pk"]
    if changed == PAYMENT_DECLINED:
        data["reason"] = new.get("decline_reason") or "unknown"
    return _event(changed, "payment", new["pk"], new, new["events"][-1]["at"], data)


def _moved(new: Image, amount: int) -> dict[str, Any]:
    """Tell of one capture or refund: each is booked in a write of its own."""
    return {
        "order_id": new["pk"],
        "provider": new["provider"],
        "currency": new["currency"],
        "amount": amount,
        "captured": new.get("captured", 0),
        "refunded": new.get("refunded", 0),
    }


def _stock(new: Image, old: Image | None, at: str, *, low_stock_units: int) -> DomainEvent | None:
    if old is None or not _available(old) > low_stock_units >= _available(new):
        return None
    data = {"available": _available(new), "threshold": low_stock_units}
    return _event(STOCK_LOW, "stock", new["sku"], new, at, data)


def _product(new: Image, old: Image | None, _at: str) -> DomainEvent:
    change = "updated"
    if old is None:
        change = "created"
    elif new["status"] == _ARCHIVED != old["status"]:
        change = "archived"
    data = {"change": change, "status": new["status"], "handle": new["handle"]}
    return _event(PRODUCT_CHANGED, "product", new["product_id"], new, new["updated_at"], data)


_TELL: Mapping[str, Callable[[Image, Image | None, str], DomainEvent | None]] = {
    "order": _order,
    "payment": _payment,
    "product": _product,
    "fulfillment": _fulfillment,
    "cancellation": _cancellation,
    "return": _return,
}


def _event(
    type_: str, noun: str, id_: str, new: Image, at: str, data: Mapping[str, Any]
) -> DomainEvent:
    aggregate = Aggregate(noun, id_, new["version"])
    return DomainEvent(event_id(type_, aggregate), type_, 1, at, aggregate, data)


def _version(image: Image | None) -> int | None:
    return image["version"] if image else None


def _status(image: Image | None) -> str | None:
    return image["status"] if image else None


def _available(image: Image) -> int:
    return sum(level["available"] for level in image["locations"].values())
