"""One real order over HTTP, to show that the shop works."""

import secrets
import time
import uuid
from typing import Any

from commerce.money import to_text
from pushcart import orders, seed
from pushcart.problems import CommandFailed
from pushcart.progress import Report
from pushcart.shop import Shop, refusal
from pushcart.workspace import Workspace

_ANY = secrets.SystemRandom()
_LINES = 3
_RESTOCK_UNITS = 25
_BUYER = {"email": "ada@pushcart.example", "first_name": "Ada", "last_name": "Lovelace"}
_DESTINATION = {
    "street_address": "12 St James's Square",
    "address_locality": "London",
    "postal_code": "SW1Y 4JH",
    "address_country": "GB",
}


def place(workspace: Workspace, report: Report) -> str:
    """Place an order of three products and tell its story, a line a step."""
    shop = Shop(workspace)
    report.doing("a cart")
    skus = _some_skus(shop)
    if not skus:
        return "none: the shop has no product to buy"
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
    order = orders.read(shop, order_id)
    headline = (
        f"{order['id']} is {order['status']}: {len(order['line_items'])} lines, "
        f"{to_text(order['total'], order['currency'])}, placed in {seconds:.2f} s"
    )
    return "\n".join([headline, *orders.story(order)])


def _some_skus(shop: Shop) -> list[str]:
    """Choose a variant of each of three seeded products that are still sold."""
    skus: list[str] = []
    for handle in _ANY.sample(handles := seed.handles(), len(handles)):
        found = shop.call("GET", f"/store/products/{handle}")
        if found.is_success:
            skus.append(_ANY.choice(found.json()["variants"])["sku"])
        if len(skus) == _LINES:
            break
    return skus


def _checkout(shop: Shop, cart: dict[str, Any]) -> tuple[str, float]:
    """Complete the cart and give the order's id and the seconds the call took."""
    total = next(each["amount"] for each in cart["totals"] if each["type"] == "total")
    body = {"payment": {"provider": "sandbox", "token": "tok_visa"}, "expected_total": total}
    for _ in range(2):
        started = time.monotonic()
        answer = shop.call(
            "POST", f"/store/carts/{cart['id']}/complete", body, key=str(uuid.uuid4())
        )
        seconds = time.monotonic() - started
        if answer.is_success:
            return answer.json()["id"], seconds
        if answer.status_code != 409 or "short_lines" not in answer.json():
            break
        # Every start of the shop sells a few; one day a shelf is empty.
        for line in answer.json()["short_lines"]:
            change = {"delta": _RESTOCK_UNITS, "reason": "sold out by sample orders"}
            shop.ask("POST", f"/admin/stock/{line['sku']}/adjustments", change)
    raise CommandFailed(f"The sample order was refused: {refusal(answer)}.")
