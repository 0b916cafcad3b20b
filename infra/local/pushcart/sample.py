"""One real order over HTTP, from a cart to the buyer's door, to show that the shop works."""

import secrets
import time
import uuid
from typing import Any

from commerce.money import to_text
from pushcart import orders, seed
from pushcart.progress import Report
from pushcart.shop import Shop
from pushcart.warehouse import OverHttp
from pushcart.workspace import Workspace

_ANY = secrets.SystemRandom()
_LINES = 3
_BUYER = {"email": "ada@pushcart.example", "first_name": "Ada", "last_name": "Lovelace"}
_DESTINATION = {
    "street_address": "12 St James's Square",
    "address_locality": "London",
    "postal_code": "SW1Y 4JH",
    "address_country": "GB",
}


def place(workspace: Workspace, report: Report) -> str:
    """Place an order of three products, send it, and tell its story, a line a step."""
    shop = Shop(workspace)
    report.doing("a cart")
    skus = _some_skus(shop)
    if not skus:
        return "none: no seeded product is in stock"
    cart = shop.ask(
        "POST",
        "/store/carts",
        {
            "currency": "GBP",
            "line_items": [{"sku": sku, "quantity": 1} for sku in skus],
            "buyer": _BUYER,
            "fulfillment": {"destination": _DESTINATION},
        },
        key=str(uuid.uuid4()),
    )
    report.doing("the checkout")
    order_id, seconds = _checkout(shop, cart)
    report.doing("packed, shipped, charged and delivered")
    OverHttp(shop).send(order_id)
    order = orders.read(shop, order_id)
    headline = (
        f"{order['id']} is {order['status']}: {len(order['line_items'])} lines, "
        f"{to_text(order['total'], order['currency'])}, placed in {seconds:.2f} s"
    )
    return "\n".join([headline, *orders.story(order)])


def _some_skus(shop: Shop) -> list[str]:
    """Choose a variant of each of three seeded products that are still sold and in stock."""
    skus: list[str] = []
    for handle in _ANY.sample(handles := seed.handles(), len(handles)):
        found = shop.call("GET", f"/store/products/{handle}")
        if found.is_success:
            sku = _ANY.choice(found.json()["variants"])["sku"]
            if shop.ask("GET", f"/admin/stock/{sku}")["available"] > 0:
                skus.append(sku)
        if len(skus) == _LINES:
            break
    return skus


def _checkout(shop: Shop, cart: dict[str, Any]) -> tuple[str, float]:
    """Complete the cart and give the order's id and the seconds the call took."""
    total = next(each["amount"] for each in cart["totals"] if each["type"] == "total")
    body = {"payment": {"provider": "sandbox", "token": "tok_visa"}, "expected_total": total}
    path = f"/store/carts/{cart['id']}/complete"
    started = time.monotonic()
    order = shop.ask("POST", path, body, key=str(uuid.uuid4()))
    return order["id"], time.monotonic() - started
