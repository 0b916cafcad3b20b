"""Orders as the people of the shop look at them: a list, and the story of one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from commerce.money import to_text
from pushcart.shop import Shop

_PAGE_MAX = 100


def newest(shop: Shop, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Read the newest orders, only those of a status where one is given."""
    found: list[dict[str, Any]] = []
    query: dict[str, str | int] = {"status": status} if status else {}
    while len(found) < limit:
        query["limit"] = min(limit - len(found), _PAGE_MAX)
        page = shop.ask("GET", "/admin/orders", query=query)
        found += page["items"]
        if not page.get("next_cursor"):
            break
        query["cursor"] = page["next_cursor"]
    return found


def read(shop: Shop, order_id: str) -> dict[str, Any]:
    """Read one order as staff see it: with payment, stock and timeline."""
    return shop.ask("GET", f"/admin/orders/{order_id}")


def time_zone(shop: Shop) -> str:
    """Give the name of the zone whose days are the shop's."""
    return str(shop.ask("GET", "/admin/settings")["time_zone"])


def table(orders: list[dict[str, Any]], zone: str = "UTC") -> list[str]:
    """Write orders in columns as wide as what is in them, a line an order, cut off by nothing."""
    head = (f"placed ({zone})", "number", "order", "status", "payment", "goods", "lines", "total")
    rows = [
        head,
        *(
            (
                _local(order["placed_at"], zone),
                order.get("number") or "-",
                order["id"],
                order["status"],
                order["payment_status"],
                order["fulfillment_status"],
                str(order["line_count"]),
                to_text(order["total"], order["currency"]),
            )
            for order in orders
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = {head.index("lines"), head.index("total")}
    return [
        "  ".join(
            cell.rjust(width) if place in numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _local(at: str, zone: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def story(order: dict[str, Any]) -> list[str]:
    """Write what happened to an order, a line a step, timed from its first."""
    began = datetime.fromisoformat(order["timeline"][0]["at"])
    lines = []
    for entry in order["timeline"]:
        seconds = (datetime.fromisoformat(entry["at"]) - began).total_seconds()
        was = f"from {entry['was']}" if entry.get("was") else ""
        facts = [entry[name] for name in ("by", "detail") if entry.get(name)]
        lines.append(
            f"{seconds:+8.3f} s  {entry['what']:<22} {was:<15} {'  '.join(facts)}".rstrip()
        )
    return lines


def trace(order: dict[str, Any], zone: str = "UTC") -> list[str]:
    """Write an order's facts and parts, its story and, where it was refused, why."""
    facts = {
        "order": order["id"],
        "number": order.get("number") or "none",
        "status": f"{order['status']}, version {order['version']}",
        "goods": order["fulfillment_status"],
        "placed": f"{_local(order['placed_at'], zone)} {zone}",
        "total": to_text(order["total"], order["currency"]),
        "lines": str(len(order["line_items"])),
        "attempt": str(order["attempt"]),
    }
    if order.get("payment"):
        facts["payment"] = _payment(order["payment"])
    if order.get("refusal"):
        refused = order["refusal"]
        facts["refused"] = f"{refused.get('error', '')}: {refused.get('sentence', '')}".rstrip(": ")
    if order.get("recovery_due_at"):
        facts["recovery"] = f"due {order['recovery_due_at']}"
    return [
        *(f"{name:<9} {text}" for name, text in facts.items()),
        *(f"{name:<9} {text}" for name, text in _parts(order)),
        "",
        *story(order),
    ]


def _payment(payment: dict[str, Any]) -> str:
    """Tell how the money stands; amounts only where some was moved."""
    moved = [
        f"{to_text(payment[what], payment['currency'])} {what}"
        for what in ("captured", "refunded", "released")
        if payment[what]
    ]
    reference = payment.get("provider_reference")
    return ", ".join([payment["status"], *moved, *([reference] if reference else [])])


def _parts(order: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name each parcel, cancellation, return and stopped execution, with what is to know of it."""
    currency = order["currency"]
    for parcel in order["fulfillments"]:
        charged = f"{to_text(parcel['amount'], currency)} charged" if parcel["amount"] else ""
        tracking = [parcel.get(name) for name in ("carrier", "tracking_number")]
        yield "parcel", _facts(parcel, f"from {parcel['location']}", charged, *tracking)
    for canceled in order["cancellations"]:
        amount = f"{to_text(canceled['amount'], currency)} less"
        yield "canceled", _facts(canceled, amount, f"{canceled['reason']}, by {canceled['by']}")
    for back in order["returns"]:
        amount = f"{to_text(back['amount'], currency)} back" if back["amount"] else ""
        yield "return", _facts(back, back["reason"], amount)
    for stop in order["stops"]:
        yield "stopped", f"{stop['machine']} {stop['execution']}, {stop['error']}: {stop['cause']}"


def _facts(part: dict[str, Any], *facts: str | None) -> str:
    units = sum(line["quantity"] for line in part["line_items"])
    told = [part.get("status"), f"{units} units", *facts]
    return f"{part['id']}  {', '.join(fact for fact in told if fact)}"
