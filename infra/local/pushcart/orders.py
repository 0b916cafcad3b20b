"""Orders as the people of the shop look at them: a list, and the story of one."""

from datetime import datetime
from typing import Any

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


def table(orders: list[dict[str, Any]]) -> list[str]:
    """Write orders in columns, a line an order, cut off by no terminal."""
    form = "{:<19}  {:<42}  {:<15}  {:>5}  {:>14}"
    return [
        form.format("placed (UTC)", "order", "status", "lines", "total").rstrip(),
        *(
            form.format(
                order["placed_at"][:19].replace("T", " "),
                order["id"],
                order["status"],
                order["line_count"],
                to_text(order["total"], order["currency"]),
            )
            for order in orders
        ),
    ]


def story(order: dict[str, Any]) -> list[str]:
    """Write what happened to an order, a line a step, timed from its first."""
    began = datetime.fromisoformat(order["timeline"][0]["at"])
    lines = []
    for entry in order["timeline"]:
        seconds = (datetime.fromisoformat(entry["at"]) - began).total_seconds()
        facts = [entry[name] for name in ("by", "detail") if entry.get(name)]
        lines.append(f"{seconds:+8.3f} s  {entry['what']:<22} {'  '.join(facts)}".rstrip())
    return lines


def trace(order: dict[str, Any]) -> list[str]:
    """Write an order's facts, its story and, where it was refused, why."""
    payment = order.get("payment")
    facts = {
        "order": order["id"],
        "status": f"{order['status']}, version {order['version']}",
        "placed": order["placed_at"],
        "total": to_text(order["total"], order["currency"]),
        "lines": str(len(order["line_items"])),
        "cart": f"{order['cart_id']}, attempt {order['attempt']}",
    }
    if payment:
        reference = payment.get("provider_reference")
        facts["payment"] = f"{payment['status']}{f', {reference}' if reference else ''}"
    if order.get("refusal"):
        refused = order["refusal"]
        facts["refused"] = f"{refused.get('error', '')}: {refused.get('sentence', '')}".rstrip(": ")
    if order.get("recovery_due_at"):
        facts["recovery"] = f"due {order['recovery_due_at']}"
    return [*(f"{name:<9} {text}" for name, text in facts.items()), "", *story(order)]
