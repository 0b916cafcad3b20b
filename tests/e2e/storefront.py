"""A buyer and a member of staff of the deployed shop, for tests."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from commerce.dynamo.table import Table
from commerce.fulfillment.model import Acting, cancel
from commerce.orders.model import order_id_for
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.stock.store import StockStore
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from pushcart.workspace import Workspace

BUYER = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
DESTINATION = {
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "E1 6AN",
    "address_country": "GB",
}
_VARIANTS_A_PRODUCT = 100
_COLUMNS = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price"

Got = TypeVar("Got")


class Storefront:
    """Calls the shop over HTTP, and asks the payment provider for its own books."""

    def __init__(self, workspace: Workspace, cloud: Cloud) -> None:
        self.shop = Shop(workspace)
        outputs = cloud.stack_outputs()
        self._provider = SandboxProvider(Table(outputs["SandboxTableName"], cloud.dynamodb))
        self._payments = PaymentStore(Table(outputs["PaymentsTableName"], cloud.dynamodb))
        orders = Table(outputs["OrdersTableName"], cloud.dynamodb)
        self._orders, self._records = OrderStore(orders), RecordStore(orders)
        self._stock = StockStore(Table(outputs["StockTableName"], cloud.dynamodb))

    def stocked(self, *units: int, price: int = 1000) -> list[str]:
        """Make new SKUs with so many units each, sold at one price; give their names."""
        name = uuid.uuid4().hex[:8]
        skus = [f"{name}-{number:04d}" for number in range(len(units))]
        rows = [_COLUMNS]
        for number, (sku, available) in enumerate(zip(skus, units, strict=True)):
            handle = f"{name}-{number // _VARIANTS_A_PRODUCT}"
            rows.append(f"{handle},{handle},No,{number},{sku},{available},{price / 100:.2f}")
        while True:
            done = self.shop.ask("POST", "/admin/imports", {"csv": "\n".join(rows)})
            assert not done["errors"]
            if not done["products_left"]:
                return skus

    def has_places(self, *wanted: str) -> None:
        """Let the settings name these stock locations beside those that they name."""
        while True:
            settings = self.shop.ask("GET", "/admin/settings")
            known = [place["id"] for place in settings["stock_locations"]]
            new = [{"id": place, "title": place} for place in wanted if place not in known]
            if not new:
                return
            settings["stock_locations"] += new
            tag = {"If-Match": f'"{settings["version"]}"'}
            answer = self.shop.call("PUT", "/admin/settings", settings, headers=tag)
            assert answer.status_code in (200, 412), answer.text

    def cart(self, lines: Mapping[str, int], **buyer: str) -> dict[str, Any]:
        """Fill a cart that lacks nothing for a checkout, with more about the buyer."""
        body = {
            "currency": "GBP",
            "line_items": [{"sku": sku, "quantity": units} for sku, units in lines.items()],
            "buyer": {**BUYER, **buyer},
            "fulfillment": {"destination": DESTINATION},
        }
        return self.shop.ask("POST", "/store/carts", body)

    def complete(
        self,
        cart: Mapping[str, Any],
        token: str = "tok_visa",
        *,
        key: str | None = None,
        expected_total: int | None = None,
    ) -> httpx.Response:
        """Complete a cart, with a new key where none is given."""
        body = {
            "payment": {"provider": "sandbox", "token": token},
            "expected_total": total(cart) if expected_total is None else expected_total,
        }
        path = f"/store/carts/{cart['id']}/complete"
        return self.shop.call("POST", path, body, key=key or new_key())

    def order(self, order_id: str) -> dict[str, Any]:
        """Read an order as staff see it."""
        return self.shop.ask("GET", f"/admin/orders/{order_id}")

    def order_of(self, cart: Mapping[str, Any], attempt: int = 1) -> dict[str, Any]:
        """Read the order a cart became, or would have."""
        return self.order(order_id_for(cart["id"], attempt))

    def levels(self, sku: str) -> tuple[int, int]:
        """Read how many units of a SKU are available, and how many reserved."""
        stock = self.shop.ask("GET", f"/admin/stock/{sku}")
        return stock["available"], stock["reserved"]

    def units(self, sku: str) -> tuple[int, int, int]:
        """Read how many units of a SKU are available, reserved, and gone for good."""
        stock = self.shop.ask("GET", f"/admin/stock/{sku}")
        return stock["available"], stock["reserved"], stock["consumed"]

    def payment_status(self, order_id: str) -> str | None:
        """Tell how far the shop's own record of a payment is; None before there is one."""
        payment = self._payments.get(order_id)
        return payment.status if payment else None

    def reservations(self, order_id: str) -> Counter[str]:
        """Count the chunks of what an order holds, or held, by their status."""
        return Counter(each.status for each in self._stock.reservations(order_id))

    def at_provider(self, order_id: str) -> ProviderPayment | None:
        """Look an order's payment up in the provider's own books."""
        return self._provider.find(order_id)

    def break_undo(self, order_id: str) -> None:
        """Leave a confirmed order as an undo does that failed for good."""
        now = datetime.now(UTC)
        self._records.decide(order_id, lambda record: cancel(record, Acting("test", now)))
        self._orders.require_action(order_id, "test", "RecoveryExhausted", now)

    def held(self, order_id: str) -> int:
        """Tell how much of the buyer's money the provider holds for an order."""
        payment = self.at_provider(order_id)
        return payment.amount if payment and payment.held else 0


def total(document: Mapping[str, Any]) -> int:
    """Give what a cart or an order costs in all."""
    amount: int = next(each["amount"] for each in document["totals"] if each["type"] == "total")
    return amount


def new_key() -> str:
    """Make an Idempotency-Key."""
    return str(uuid.uuid4())


def at_once(*calls: Callable[[], Got]) -> list[Got]:
    """Make calls at the same time and give their answers, in the order of the calls."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
