"""Small builders: a thing with believable content, and what the test cares about given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cloud_in_memory import table_name
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.orders.model import Change, Details, Order, OrderLine, order_id_for
from commerce.secret import Secret
from commerce.stock.store import StockStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CART_ID = "cart_01kjm2h5k0abcdefghjkmnpqrstvwxyz0123"
ORDER_ID = order_id_for(CART_ID, 1)


def table(noun: str) -> Table:
    """Open a test table; never waits."""
    return Table(table_name(noun), pause=lambda _seconds: None)


class SecretsInMemory:
    """Secrets Manager with the same secret under every name; counts how often it was read."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.reads += 1
        return {"Name": SecretId, "SecretString": self._value}


def cursors(key: str = "key") -> Cursors:
    """Give what seals and opens cursors, with a key that the test knows."""
    return Cursors(Secret("cursor-secret", SecretsInMemory(key)))


def stocked(**units: int) -> StockStore:
    """Give a stock store with these SKUs at the main location."""
    store = StockStore(table("stock"))
    store.open_many(units, NOW, location="main")
    return store


def line(sku: str = "MUG", quantity: int = 1, unit_price: int = 1000, **other: Any) -> OrderLine:
    """Give an order line."""
    facts: dict[str, Any] = {
        "line_id": "line_1",
        "product_id": "prod_01kjm2h5k0abcdefghjkmnpqrstvwxyz0123",
        "title": "Enamel mug",
        "variant_title": "Blue",
        "tax": quantity * unit_price // 6,
        "total": quantity * unit_price,
    }
    return OrderLine(sku=sku, quantity=quantity, unit_price=unit_price, **{**facts, **other})


def details(*lines: OrderLine) -> Details:
    """Give the details of an order."""
    return Details(lines or (line(),), {"email": "ada@example.com"}, {})


def order(**other: Any) -> Order:
    """Give a pending order."""
    facts: dict[str, Any] = {
        "order_id": ORDER_ID,
        "cart_id": CART_ID,
        "attempt": 1,
        "status": "pending",
        "version": 1,
        "currency": "GBP",
        "totals": {"subtotal": 1000, "tax": 167, "total": 1000},
        "line_count": 1,
        "placed_at": "2026-03-01T12:00:00.000Z",
        "execution": "execution-1",
        "idempotency_key": "key-1",
        "fingerprint": "fingerprint-1",
        "cart_version": 1,
        "settings_version": 1,
        "timeline": (Change("2026-03-01T12:00:00.000Z", "pending", "place_order"),),
        "recovery_due_at": "2026-03-01T12:00:45.000Z",
    }
    return Order(**{**facts, **other})
