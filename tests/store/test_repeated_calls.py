"""A call that is cut off and comes again with its key has one effect, and the same answer.

Every operation that makes or adds something is walked, but the checkout, whose saga is cut off
everywhere in `tests/flows`: it dies after each of its writes, its
answer cannot be kept, or the SDK sends each of its writes again by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from builders import NOW
from catalog_builders import product
from cloud_in_memory import ROOT, table_name
from commerce.api_keys.model import SECRET as SECRET_KEY
from commerce.api_keys.model import ApiKey, hash_of
from commerce.api_keys.store import ApiKeyStore
from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock, to_text
from commerce.customers import model
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table, from_wire
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import StockLocation
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.model import ENABLED, SUCCEEDED, Delivery, Endpoint
from store.emulated_dynamodb import EmulatedDynamoDb
from store.handlers_at_work import Answer, HandlersAtWork
from store.shop_at_work import ShopAtWork

SERVICES = (
    *("api_keys", "audit", "carts", "catalog", "customers", "idempotency", "ledger", "orders"),
    *("payments", "reconciliations", "sandbox", "settings", "stock", "webhooks"),
)
# What is kept of a call itself, and not of its effect.
OF_THE_CALL = ("audit", "idempotency")
CUSTOMER = "customer_" + "a" * 32
KEY_ID, ENDPOINT_ID = f"key_{'0' * 36}", f"endpoint_{'0' * 36}"
DELIVERY_ID = f"delivery_{'0' * 36}"
SKUS = ("MUG-BLU", "MUG-RED")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
LINE = {"line_items": [{"id": "line_1", "quantity": 1}]}
WISH = {**LINE, "reason": "damaged"}
NEW_ADDRESS = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "E1 6AN",
    "address_country": "GB",
}
DESTINATION = {
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "E1 6AN",
    "address_country": "GB",
}


class Died(BaseException):
    """The function's process ends: no answer, and nothing is cleaned up."""


class DisturbedHandlers(HandlersAtWork):
    """Handlers whose database may be cut off after a write, or asked twice for each."""

    milliseconds = 0

    def __init__(self, database: EmulatedDynamoDb) -> None:
        super().__init__(database)
        self.writes = 0
        self.dies_after: int | None = None
        self.sends_again = self.keeps_nothing = False

    def _asked_of_database(self, operation: str, document: Any) -> tuple[int, Any]:
        of_the_call = str(document.get("TableName", "")) in map(table_name, OF_THE_CALL)
        if self.keeps_nothing and of_the_call and operation == "UpdateItem":
            # As where the answer is too large for an item: the SDK would try a throttle again.
            code = "com.amazonaws.dynamodb.v20120810#ValidationException"
            return 400, {"__type": code, "message": "Item size has exceeded the maximum"}
        answer = super()._asked_of_database(operation, document)
        if operation not in WRITES or of_the_call:
            return answer
        if self.sends_again:
            document.pop("ClientRequestToken", None)
            answer = super()._asked_of_database(operation, document)
        self.writes += 1
        if self.writes == self.dies_after:
            raise Died
        return answer


@dataclass
class World:
    """A shop with a bit of everything, to be brought back to how it was."""

    database: Any = field(default_factory=lambda: EmulatedDynamoDb(*SERVICES))
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.handlers = DisturbedHandlers(self.database)
        with self.handlers.working():
            self._fill()
        self.saved = self.database.saved()

    def table(self, noun: str) -> Table:
        return Table(table_name(noun), self.database, lambda _seconds: None)

    def begin_again(self) -> DisturbedHandlers:
        """Go back to the beginning; what other tests left behind is forgotten."""
        self.database.go_back_to(self.saved)
        self.handlers.writes, self.handlers.dies_after = 0, None
        self.handlers.sends_again = self.handlers.keeps_nothing = False
        return self.handlers

    def effect(self) -> list[str]:
        """Tell what all tables hold, but for what differs from call to call."""
        return sorted(
            f"{noun} {plain(json.dumps(from_wire(item), sort_keys=True, default=list))}"
            for noun in SERVICES
            if noun not in OF_THE_CALL
            for item in self.database.items(noun)
        )

    def _fill(self) -> None:
        CatalogStore(self.table("catalog")).add(product(*SKUS))
        StockStore(self.table("stock")).open_many(dict.fromkeys(SKUS, 100), NOW, location="main")
        known = model.confirmed(CUSTOMER, "ada@example.com", NOW)
        CustomerStore(self.table("customers")).register(known)
        key = ApiKey(
            *(KEY_ID, SECRET_KEY, "erp", (), to_text(NOW), "ada"), secret_hash=hash_of("secret")
        )
        ApiKeyStore(self.table("api_keys")).add(key)
        endpoint = Endpoint(
            *(ENDPOINT_ID, "https://1.1.1.1/hook", ("order.placed",), "", ENABLED, 1),
            *(to_text(NOW), to_text(NOW)),
        )
        EndpointStore(self.table("webhooks")).add(endpoint)
        two_places = replace(
            DEFAULT_SETTINGS,
            stock_locations=(StockLocation("main", "Main"), StockLocation("north", "North")),
        )
        SettingsStore(self.table("settings")).replace(two_places, 1, "ada", NOW)
        self._deliver()
        self.facts["cart"] = self._cart()
        whose = {"guest": None, "mine": CUSTOMER, "open": None, "mine too": CUSTOMER}
        for name, customer in whose.items():
            self.facts[name] = self._order(name, customer)
        shop = ShopAtWork(self.database)
        shop.now = system_clock()
        for name in whose:
            shop.allocate(self.facts[name])
        for name in ("guest", "mine"):
            (parcel,) = shop.record(self.facts[name]).live
            shop.pack(parcel.id)
            shop.ship(parcel.id)
            shop.consume(parcel.id)
            shop.capture_shipment(parcel.id)
            shop.deliver(parcel.id)
        self.facts["parcel"] = shop.record(self.facts["open"]).live[0].id
        self.facts["approved"] = shop.request(self.facts["mine"], {"line_1": 1})
        shop.approve(self.facts["approved"])
        self.facts["received"] = shop.request(self.facts["mine"], {"line_2": 1})
        shop.approve(self.facts["received"])
        shop.receive(self.facts["received"], {"line_2": 1}, {})

    def _deliver(self) -> None:
        delivery = Delivery(
            *(ENDPOINT_ID, DELIVERY_ID, "event_1", "order.placed", "{}", SUCCEEDED, to_text(NOW))
        )
        DeliveryStore(self.table("webhooks")).record_once(delivery, NOW)

    def _cart(self) -> str:
        lines = [{"sku": sku, "quantity": 2} for sku in SKUS]
        body = {
            "currency": "GBP",
            "line_items": lines,
            "buyer": {"email": "ada@example.com"},
            "fulfillment": {"destination": DESTINATION},
        }
        return str(self.handlers.call("carts/create_cart", {}, body).body["id"])

    def _order(self, name: str, customer: str | None) -> str:
        cart = self._cart()
        if customer:
            self.handlers.call("carts/claim_cart", {"id": cart}, customer=customer)
        payment = {"payment": {"provider": "sandbox", "token": "tok_visa"}}
        answer = self.handlers.call(
            "carts/complete_cart", {"id": cart}, payment, headers={"Idempotency-Key": "order"}
        )
        assert answer.status == 200, answer.text
        self.facts[f"token of {name}"] = answer.body.get("order_token", "")
        return str(answer.body["id"])


NEW_PRODUCT = {
    "title": "Plate",
    "status": "active",
    "variants": [{"sku": "PLATE", "title": "Plate", "prices": {"GBP": 500}}],
}
FILE = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\nbowl,Bowl,BOWL,9.50,7\n"
ACCOUNT = "store_credit:customer-7"


@dataclass(frozen=True)
class Made:
    """A call of an operation: by whom, of what (facts of the world, or as it stands), with what."""

    file: str
    body: Any = None
    path: tuple[str, ...] = ()
    by: str = "staff"
    parameters: tuple[str, ...] = ("id", "delivery_id")

    def call(self, world: World, key: str = "key-1") -> Answer:
        """Make it."""
        known = [world.facts.get(each, each) for each in self.path]
        headers = {"Idempotency-Key": key}
        if self.by.startswith("token of"):
            headers["X-Order-Token"] = world.facts[self.by]
        body = self.body
        if body is not None and "order_id" in body:
            body = {**body, "order_id": world.facts[body["order_id"]]}
        return world.handlers.call(
            self.file,
            dict(zip(self.parameters, known, strict=False)),
            body,
            customer=CUSTOMER if self.by == "customer" else None,
            staff="owner" if self.by == "staff" else None,
            headers=headers,
        )


SKU = ("sku",)
CALLS = {
    "POST /admin/api-keys": Made("api_keys/create_api_key", {"name": "app", "type": "publishable"}),
    "POST /admin/api-keys/{id}/rotate": Made("api_keys/rotate_api_key", {}, (KEY_ID,)),
    "POST /store/carts/{id}/line-items": Made(
        "carts/add_line_items", {"sku": "MUG-BLU", "quantity": 2}, ("cart",), "guest"
    ),
    "POST /store/carts": Made("carts/create_cart", {"line_items": [{"sku": "MUG-BLU"}]}, (), ""),
    "POST /admin/products": Made("catalog/create_product", NEW_PRODUCT),
    "POST /admin/imports": Made("catalog/import_products", {"csv": FILE, "currency": "GBP"}),
    "POST /store/customers/me/addresses": Made(
        "customers/add_address", NEW_ADDRESS, (), "customer"
    ),
    "POST /admin/orders/{id}/fulfillments": Made("fulfillment/create_fulfillment", LINE, ("open",)),
    "POST /admin/fulfillments/{id}/report-shortage": Made(
        "fulfillment/report_shortage", LINE, ("parcel",)
    ),
    "POST /admin/accounts/{id}/transfers": Made(
        "ledger/make_transfer",
        {"to": ACCOUNT, "amount": 500, "currency": "GBP", "reason": "goodwill"},
        ("refunds",),
    ),
    "POST /store/customers/me/orders/{id}/cancel": Made(
        "orders/cancel_my_order", LINE, ("mine too",), "customer"
    ),
    "POST /admin/orders/{id}/cancel": Made("orders/cancel_order", LINE, ("open",)),
    "POST /store/orders/{id}/cancel": Made(
        "orders/cancel_own_order", LINE, ("open",), "token of open"
    ),
    "POST /admin/orders/{id}/capture": Made("payments/capture_payment", {"amount": 700}, ("open",)),
    "POST /admin/orders/{id}/refund": Made(
        "payments/refund_payment", {"amount": 300, "reason": "late"}, ("guest",)
    ),
    "POST /admin/reconciliations": Made("reconciliation/start_reconciliation"),
    "POST /admin/returns/{id}/receive": Made(
        "returns/receive_return", {"restock": LINE["line_items"]}, ("approved",)
    ),
    "POST /admin/returns/{id}/refund": Made("returns/refund_return", {}, ("received",)),
    "POST /store/customers/me/orders/{id}/returns": Made(
        "returns/request_my_return", WISH, ("mine",), "customer"
    ),
    "POST /store/returns": Made(
        "returns/request_return", {**WISH, "order_id": "guest"}, (), "token of guest"
    ),
    "POST /admin/stock/{sku}/adjustments": Made(
        "stock/adjust_stock", {"delta": 5, "reason": "restock"}, ("MUG-BLU",), parameters=SKU
    ),
    "POST /admin/stock-counts": Made("stock/count_stock", {"sku": "MUG-BLU", "counted": 7}),
    "POST /admin/stock-transfers": Made(
        "stock/transfer_stock",
        {"sku": "MUG-BLU", "from_location": "main", "to_location": "north", "quantity": 3},
    ),
    "POST /admin/webhook-endpoints": Made(
        "webhooks/create_webhook_endpoint",
        {"url": "https://1.1.1.1/other", "event_types": ["order.placed"]},
    ),
    "POST /admin/webhook-endpoints/{id}/deliveries/{delivery_id}/resend": Made(
        "webhooks/resend_delivery", None, (ENDPOINT_ID, DELIVERY_ID)
    ),
    "POST /admin/webhook-endpoints/{id}/rotate-secret": Made(
        "webhooks/rotate_webhook_secret", None, (ENDPOINT_ID,)
    ),
}


# What is shown once, and what a run of an import did, which finds done what an earlier one did.
NOT_THE_SAME = ("secret", "products_created", "products_unchanged", "stock_set")


def plain(text: str) -> str:
    """Leave out of a text what is another for each call: ids, times, digests and secrets."""
    text = re.sub(r"([a-z]+)_[0-9a-z]{36}", r"\1", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "time", text)
    text = re.sub(r"\b(wh)?(sec|sk|pk|ordertoken)_[0-9A-Za-z+/=]+", "secret", text)
    text = re.sub(r"\b[0-9a-f]{32,}\b|\b[0-9a-z]{36}\b|\b[0-9a-f]{16}\b", "digest", text)
    return re.sub(r"\b\d{10}\b", "moment", text)


def shown(answer: Answer) -> tuple[int, Any]:
    """Give an answer without what is shown once."""
    body = json.loads(plain(answer.text))
    for field_name in NOT_THE_SAME:
        body.pop(field_name, None)
    return answer.status, body


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def handlers(world: World) -> Iterator[DisturbedHandlers]:
    with world.handlers.working():
        yield world.begin_again()


def test_every_operation_that_makes_or_adds_is_walked() -> None:
    texts = [path.read_text() for path in ROOT.glob("functions/*/*.py")]
    making = [each for each in texts if re.search(r"\bcreates=True", each)]
    routes = {route for each in making for route in re.findall(r'"(POST /[^"]+)"', each)}

    assert routes == set(CALLS)


@pytest.mark.parametrize("route", CALLS)
def test_a_call_that_dies_after_any_of_its_writes_has_one_effect_when_it_comes_again(
    route: str, world: World, handlers: DisturbedHandlers
) -> None:
    first = CALLS[route].call(world)
    assert first.status < 300, first.text
    writes, effect = handlers.writes, world.effect()
    assert writes
    for number in range(1, writes + 1):
        world.begin_again().dies_after = number
        with pytest.raises(Died):
            CALLS[route].call(world)
        handlers.dies_after = None
        again = CALLS[route].call(world)
        assert shown(again) == shown(first), number
        assert world.effect() == effect, number


@pytest.mark.parametrize("route", CALLS)
def test_a_call_whose_answer_is_not_kept_has_one_effect_when_it_comes_again(
    route: str, world: World, handlers: DisturbedHandlers
) -> None:
    handlers.keeps_nothing = True
    first = CALLS[route].call(world)
    effect = world.effect()
    again = CALLS[route].call(world)
    assert first.status < 300
    assert shown(again) == shown(first)
    assert world.effect() == effect


@pytest.mark.parametrize("route", CALLS)
def test_a_call_whose_writes_the_sdk_repeats_has_one_effect(
    route: str, world: World, handlers: DisturbedHandlers
) -> None:
    first = CALLS[route].call(world)
    assert handlers.writes
    effect = world.effect()
    world.begin_again().sends_again = True
    again = CALLS[route].call(world)
    assert shown(again) == shown(first)
    assert world.effect() == effect
