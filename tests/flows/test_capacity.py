"""What one happy order costs, computed from item sizes."""

from functools import partial
from typing import Any

import pytest

from builders import CART_ID, NOW, table
from capacity import CapacityMeter
from catalog_builders import product, variant
from cloud_in_memory import table_name
from commerce.audit.model import Actor, Change, Entry, Outcome
from commerce.audit.store import AuditTrail
from commerce.carts.model import Buyer, Cart
from commerce.carts.operations import price_for_checkout
from commerce.carts.store import CartStore
from commerce.catalog.store import CatalogStore
from commerce.clock import to_text
from commerce.dynamo.table import Table
from commerce.ids import new_id
from commerce.orders.model import Order
from commerce.pricing.model import Destination, LineRequest
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore
from simulated_shop import SimulatedShop

pytestmark = pytest.mark.usefixtures("tables")

SKUS = {"MUG-ENAMEL-BLU": 2, "TEA-ASSAM-250": 1, "JAM-DAMSON-340": 3}


def believable_cart() -> Cart:
    return Cart(
        CART_ID,
        "GBP",
        tuple(
            LineRequest(f"line_{n}", sku, units) for n, (sku, units) in enumerate(SKUS.items(), 1)
        ),
        Buyer("ada.lovelace@example.com", "Ada", "Lovelace"),
        Destination("12 St James's Square", "London", "Greater London", "SW1Y 4JH", "GB"),
        "gb-standard",
        2,
        to_text(NOW),
        to_text(NOW),
        int(NOW.timestamp()) + 86_400,
        4,
    )


def test_a_happy_order_of_three_lines_costs_at_most_19_writes_8_reads_and_5_transitions() -> None:
    meter: Any = CapacityMeter()
    CatalogStore(table("catalog")).add(
        product(title="Enamel mug, hand painted", variants=tuple(variant(sku) for sku in SKUS))
    )
    StockStore(table("stock")).open_many(dict.fromkeys(SKUS, 100), NOW, location="main")
    CartStore(table("carts")).open(believable_cart())
    shop = SimulatedShop(
        inner=meter,
        price=partial(
            price_for_checkout,
            carts=CartStore(Table(table_name("carts"), meter)),
            catalog=CatalogStore(Table(table_name("catalog"), meter)),
            settings=SettingsStore(Table(table_name("settings"), meter)),
            clock=lambda: NOW,
        ),
    )
    order = shop.checkout()
    assert isinstance(order, Order)
    # The sandbox provider's books stand for a system that is not ours.
    books = table_name("sandbox")
    writes = {name: units for name, units in meter.writes.items() if not name.startswith(books)}
    reads = {name: units for name, units in meter.reads.items() if not name.startswith(books)}
    transitions = len(shop.entered) + 1
    print(f"\nwrites {writes}\nreads {reads}\nitems {meter.items}\ntransitions {transitions}")
    assert order.status == "confirmed"
    assert sum(writes.values()) <= 19
    assert sum(reads.values()) <= 8
    assert transitions <= 5


def test_an_audited_change_costs_4_writes_more() -> None:
    meter: Any = CapacityMeter()
    trail = AuditTrail(Table(table_name("audit"), meter))
    entry = Entry(
        new_id("audit", NOW),
        Actor("staff", "2f1c4f0e-58c1-4f2f-9f0c-3b8d1a6f7c55", "ada@shop.example", ("packer",)),
        "POST /admin/fulfillments/{id}/ship",
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "203.0.113.9",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0",
        path={"id": f"fulfillment_{'0' * 36}_1"},
    )
    trail.begin(entry)
    shipped = ("status", "carrier", "tracking_number", "tracking_url", "shipped_at", "amount")
    changes = tuple(Change(f"$.{name}", None, "2026-03-01T12:00:00.000Z") for name in shipped)
    trail.end(entry.id, Outcome(200, at=to_text(NOW), changes=changes))
    assert sum(meter.writes.values()) <= 4
