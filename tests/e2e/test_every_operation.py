"""Every published operation does its work on the deployed shop, with the permissions it has."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from cloud_in_memory import ROOT
from e2e.customers import PASSWORD, new_email, newest_code, signed_in
from e2e.receiver import receiving
from e2e.recovery import wait_until
from e2e.storefront import BUYER, DESTINATION, Storefront, new_key, total
from pushcart import payment_messages
from pushcart.cloud import Cloud
from pushcart.payment_messages import Result
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


class Walk:
    """Calls operations of the published document, and remembers which.

    `changes` are its calls that the audit trail must tell of: their routes by request id.
    """

    def __init__(self, storefront: Storefront) -> None:
        self.shop = storefront.shop
        self.called: set[str] = set()
        self.changes: dict[str, str] = {}
        document = json.loads((ROOT / "functions/site/openapi.json").read_text())
        self.published = {
            f"{method.upper()} {path}"
            for path, item in document["paths"].items()
            for method in item
        }

    def do(self, route: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call an operation with its path filled in, and give its answer's JSON."""
        method, _, path = route.partition(" ")
        tag = more.pop("if_match", None)
        headers = more.pop("headers", {}) | ({} if tag is None else {"If-Match": f'"{tag}"'})
        published = [
            each
            for each in self.published
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), route)
        ]
        operation = min(published, key=lambda each: each.count("{"))
        self.called |= {operation}
        answer = self.shop.call(method, path, body, headers=headers, **more)
        assert answer.is_success, (route, answer.text)
        if changes_something(operation):
            self.changes[answer.headers["X-Request-Id"]] = operation
        document: dict[str, Any] = answer.json()
        return document


def changes_something(operation: str) -> bool:
    """Tell whether staff change something by it."""
    return " /admin/" in operation and not operation.startswith("GET ")


def test_every_operation_does_its_work(
    storefront: Storefront, cloud: Cloud, deployed_shop: Workspace
) -> None:
    storefront.has_places("north")
    walk = Walk(storefront)
    name = new_key()[:8]
    skus = f"{name}-A", f"{name}-B"
    product = a_product_from_draft_to_shelf(walk, name, *skus)
    stock_by_hand(walk, *skus)
    cart = a_cart_line_by_line(walk, *skus)
    order_id = an_order(walk, cart)
    assert payment_messages.send(storefront.shop, cloud, order_id, Result.CAPTURED) == "settled"
    walk.called.add("POST /hooks/payments/{provider}")
    a_reconciliation(walk)
    orders_undone(walk, storefront, skus[0])
    goods_sent_and_sent_back(walk, storefront)
    webhooks(walk)
    keys_of_integrations(walk)
    a_customers_account(walk, deployed_shop)
    a_customers_orders(walk, storefront, cloud)
    settings = walk.do("GET /admin/settings")
    replaced = walk.do("PUT /admin/settings", settings, if_match=settings["version"])
    assert replaced["version"] == settings["version"] + 1
    assert walk.do(f"DELETE {product}")["status"] == "archived"
    assert walk.do("GET /health")["status"] == "ok"
    told = what_was_audited(walk)
    assert walk.published - walk.called == set()
    assert {route for route in walk.published if changes_something(route)} == set(told)
    the_trail_says_what_changed(told)


def a_product_from_draft_to_shelf(walk: Walk, name: str, *skus: str) -> str:
    wanted = {
        "title": f"Mug {name}",
        "categories": [{"slug": f"mugs-{name}", "title": f"Mugs {name}"}],
        "variants": [
            {"sku": sku, "title": sku, "prices": {"GBP": 950}, "option_values": {"No": sku}}
            for sku in skus
        ],
    }
    product = walk.do("POST /admin/products", wanted, key=new_key())
    assert product["status"] == "draft"
    path = f"/admin/products/{product['id']}"
    read = walk.do(f"GET {path}")
    changed = walk.do(f"PATCH {path}", {"status": "active"}, if_match=read["version"])
    assert changed["status"] == "active"
    listed = walk.do("GET /admin/products", query={"status": "active", "limit": 1})
    assert listed["items"][0]["id"] == product["id"]
    exported = walk.do("GET /admin/products/export", query={"limit": 1})
    assert (exported["products"], sku_of(exported["csv"])) == (1, skus[0])
    assert exported["next_cursor"]
    of_category = {"category": f"mugs-{name}"}
    assert len(walk.do("GET /store/products", query=of_category)["items"]) == 1
    assert walk.do(f"GET /store/products/{product['handle']}")["id"] == product["id"]
    slugs = [each["slug"] for each in walk.do("GET /store/categories")["items"]]
    assert f"mugs-{name}" in slugs
    row = f"Handle,Title,Variant SKU,Variant Price\n{name}-c,C,{name}-C,1.00"
    assert walk.do("POST /admin/imports", {"csv": row}, key=new_key())["products_created"] == 1
    assert walk.do("POST /admin/imports/uploads")["fields"]["key"] == "products.csv"
    return path


def sku_of(text: str) -> str:
    return next(csv.DictReader(io.StringIO(text, newline="")))["Variant SKU"]


def stock_by_hand(walk: Walk, sku: str, other: str) -> None:
    assert walk.do(f"GET /admin/stock/{sku}")["available"] == 0
    change = {"delta": 7, "reason": "restock"}
    key = new_key()
    for _ in range(2):
        adjusted = walk.do(f"POST /admin/stock/{sku}/adjustments", change, key=key)
        assert adjusted["available"] == 7
    for units in (1, 2):
        one_more = {"delta": 1, "reason": "found one"}
        adjusted = walk.do(f"POST /admin/stock/{other}/adjustments", one_more)
        assert adjusted["available"] == units
    assert len(walk.do(f"GET /admin/stock/{sku}")["adjustments"]) == 1
    assert walk.do("GET /admin/stock")["items"]
    counted = {"sku": other, "counted": 5, "reason": "yearly count"}
    moved = {"sku": other, "from_location": "main", "to_location": "north", "quantity": 3}
    for operation, change in (("stock-counts", counted), ("stock-transfers", moved)):
        key = new_key()
        for _ in range(2):
            changed = walk.do(f"POST /admin/{operation}", change, key=key)
            assert changed["available"] == 5
    levels = {each["location_id"]: each["available"] for each in changed["locations"]}
    assert levels == {"main": 2, "north": 3}


def a_cart_line_by_line(walk: Walk, sku: str, other: str) -> str:
    cart = walk.do("POST /store/carts", {"currency": "GBP"}, key=new_key())
    path = f"/store/carts/{cart['id']}"
    walk.do(f"POST {path}/line-items", {"sku": sku, "quantity": 1}, key=new_key())
    lines = {"line_items": [{"sku": sku, "quantity": 2}, {"sku": other, "quantity": 1}]}
    cart = walk.do(f"POST {path}/line-items", lines, key=new_key())
    assert {each["sku"]: each["quantity"] for each in cart["line_items"]} == {sku: 3, other: 1}
    first, second = (each["id"] for each in cart["line_items"])
    walk.do(f"PATCH {path}/line-items/{first}", {"quantity": 2})
    walk.do(f"DELETE {path}/line-items/{second}")
    walk.do(f"PATCH {path}", {"buyer": BUYER, "fulfillment": {"destination": DESTINATION}})
    options = walk.do(f"GET {path}/fulfillment-options")["items"]
    dearest = max(options, key=lambda each: int(each["amount"]))
    walk.do(f"PATCH {path}", {"fulfillment": {"option_id": dearest["id"]}})
    assert total(walk.do(f"GET {path}")) == 2 * 950 + dearest["amount"]
    return path


def an_order(walk: Walk, cart: str) -> str:
    checkout = {"payment": {"provider": "sandbox", "token": "tok_visa"}}
    order = walk.do(f"POST {cart}/complete", checkout, key=new_key())
    assert walk.do(f"GET /store/orders/{order['id']}")["status"] == "confirmed"
    assert walk.do(f"GET /admin/orders/{order['id']}")["payment"]["status"] == "authorized"
    money_of(walk, order)
    newest = walk.do("GET /admin/orders", query={"status": "confirmed", "limit": 1})
    assert newest["items"][0]["id"] == order["id"]
    found_by_what_is_known(walk, order)
    assert walk.do(f"GET {cart}")["status"] == "completed"
    wait_until(
        lambda: bool(walk.do("GET /admin/events", query={"aggregate_id": order["id"]})["items"]),
        "the order's events",
    )
    wait_until(
        lambda: bool(walk.do("GET /admin/emails", query={"order_id": order["id"]})["items"]),
        "the order's e-mail",
    )
    for every in ("events", "emails"):
        assert len(walk.do(f"GET /admin/{every}", query={"limit": 1})["items"]) == 1
    order_id: str = order["id"]
    return order_id


def found_by_what_is_known(walk: Walk, order: dict[str, Any]) -> None:
    placed = datetime.fromisoformat(order["placed_at"])
    around = {
        "placed_from": f"{placed - timedelta(days=1):%Y-%m-%d}",
        "placed_to": f"{placed + timedelta(days=1):%Y-%m-%d}",
    }
    bought = {"email": BUYER["email"], "sku": order["line_items"][0]["sku"], **around}
    for known in ({"number": order["number"]}, bought):
        found = walk.do("GET /admin/orders", query=known)["items"]
        assert [each["id"] for each in found] == [order["id"]]
        assert walk.do("GET /admin/orders", query={**known, "status": "canceled"})["items"] == []


def a_reconciliation(walk: Walk) -> None:
    run = walk.do("POST /admin/reconciliations", key=new_key())
    path = f"GET /admin/reconciliations/{run['id']}"
    wait_until(lambda: bool(walk.do(path)["status"] == "finished"), "the reconciliation")
    newest = walk.do("GET /admin/reconciliations", query={"limit": 1})
    assert newest["items"][0]["id"] == run["id"]


def orders_undone(walk: Walk, storefront: Storefront, sku: str) -> None:
    available, reserved = storefront.levels(sku)

    def undone(order_id: str) -> bool:
        return bool(storefront.order(order_id)["status"] == "canceled")

    for area, body in (("store", {"reason": "ordered twice"}), ("admin", {})):
        order = storefront.complete(storefront.cart({sku: 2})).json()
        assert storefront.held(order["id"]) == order["total"]
        walk.do(f"POST /{area}/orders/{order['id']}/cancel", body)
        wait_until(partial(undone, order["id"]), "the order to be cancelled")
        assert storefront.held(order["id"]) == 0
        assert storefront.levels(sku) == (available, reserved)

    order = storefront.complete(storefront.cart({sku: 2})).json()
    storefront.break_undo(order["id"])
    assert storefront.order(order["id"])["status"] == "requires_action"
    walk.do(f"POST /admin/orders/{order['id']}/redrive")
    wait_until(partial(undone, order["id"]), "the undo to be done")
    assert storefront.held(order["id"]) == 0
    assert storefront.levels(sku) == (available, reserved)


def goods_sent_and_sent_back(walk: Walk, storefront: Storefront) -> None:
    (sku,) = storefront.stocked(10)
    order = storefront.complete(storefront.cart({sku: 4})).json()
    line = order["line_items"][0]["id"]
    parcels = f"/admin/orders/{order['id']}/fulfillments"
    wait_until(lambda: bool(walk.do(f"GET {parcels}")["items"]), "the allocation")

    def units(count: int) -> list[dict[str, Any]]:
        return [{"id": line, "quantity": count}]

    address = {**DESTINATION, "organization": "Engines Ltd", "phone_number": "020 7946 0000"}
    seen = walk.do(f"GET /admin/orders/{order['id']}")["version"]
    elsewhere = f"PUT /admin/orders/{order['id']}/destination"
    corrected = walk.do(elsewhere, address, if_match=seen)["fulfillment"]["destination"]
    assert corrected["organization"] == "Engines Ltd"

    apart = walk.do(f"POST {parcels}", {"line_items": units(3)}, key=new_key())["id"]
    parcel = walk.do(f"POST /admin/fulfillments/{apart}/cancel")["id"]
    path = f"/admin/fulfillments/{parcel}"
    walk.do(f"POST {path}/report-shortage", {"line_items": units(1)}, key=new_key())
    for step, body in (("pack", None), ("ship", {"carrier": "Royal Mail"}), ("deliver", None)):
        assert walk.do(f"POST {path}/{step}", body)["id"] == parcel
    wait_until(lambda: storefront.payment_status(order["id"]) == "captured", "the capture")
    wait_until(lambda: storefront.units(sku) == (7, 1, 2), "the missing unit's release")

    wish = {"order_id": order["id"], "line_items": units(1), "reason": "does_not_fit"}
    refused, taken = (walk.do("POST /store/returns", wish, key=new_key())["id"] for _ in range(2))
    walk.do(f"POST /admin/returns/{refused}/reject", {"reason": "worn"})
    walk.do(f"POST /admin/returns/{taken}/approve")
    walk.do(f"POST /admin/returns/{taken}/receive", {"restock": units(1)}, key=new_key())
    walk.do(f"POST /admin/returns/{taken}/refund", {"restocking_fee": 50}, key=new_key())
    wait_until(
        lambda: bool(walk.do(f"GET /admin/returns/{taken}")["status"] == "refunded"), "the refund"
    )
    newest = walk.do("GET /admin/returns", query={"status": "refunded", "limit": 1})
    assert newest["items"][0]["id"] == taken
    assert storefront.units(sku) == (8, 1, 2)


def money_of(walk: Walk, order: dict[str, Any]) -> None:
    path = f"/admin/orders/{order['id']}"
    captured = walk.do(f"POST {path}/capture", {"amount": 1000}, key=new_key())
    assert (captured["status"], captured["captured"]) == ("partially_captured", 1000)
    back = {"amount": 300, "reason": "arrived broken"}
    refunded = walk.do(f"POST {path}/refund", back, key=new_key())
    assert (refunded["refunded"], refunded["net"]) == (300, 700)
    credit = f"store_credit:{order['id']}"
    gift = {"to": credit, "amount": 200, "currency": "GBP", "reason": "goodwill"}
    lines = walk.do("POST /admin/accounts/refunds/transfers", gift, key=new_key())["lines"]
    assert {each["account_id"] for each in lines} == {"refunds", credit}
    assert walk.do(f"GET /admin/accounts/{credit}")["balances"][0]["balance"] == 200


def webhooks(walk: Walk) -> None:
    with receiving(walk.shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["product.changed"]}
        made = walk.do("POST /admin/webhook-endpoints", wanted, key=new_key())
        path = f"/admin/webhook-endpoints/{made['id']}"
        changes = {"description": "The warehouse"}
        walk.do(f"PATCH {path}", changes, if_match=walk.do(f"GET {path}")["version"])
        assert walk.do(f"POST {path}/rotate-secret", key=new_key())["secret"] != made["secret"]
        listed = walk.do("GET /admin/webhook-endpoints")["items"]
        assert made["id"] in [each["id"] for each in listed]

        sku = new_key()[:8]
        variant = {"sku": sku, "title": sku, "prices": {"GBP": 950}}
        walk.do("POST /admin/products", {"title": sku, "variants": [variant]}, key=new_key())
        receiver.wait_for(1)
        wait_until(
            lambda: bool(walk.do(f"GET {path}/deliveries", query={"status": "succeeded"})["items"]),
            "the delivery to be recorded",
        )
        (delivery,) = walk.do(f"GET {path}/deliveries")["items"]
        walk.do(f"POST {path}/deliveries/{delivery['id']}/resend", key=new_key())
        receiver.wait_for(2)
        walk.do(f"DELETE {path}")


def a_customers_orders(walk: Walk, storefront: Storefront, cloud: Cloud) -> None:
    customer = signed_in(storefront.shop, cloud)
    (sku,) = storefront.stocked(9)
    guests = storefront.complete(storefront.cart({sku: 1}, email=customer.email)).json()["id"]
    cart = storefront.cart({sku: 2}, email=customer.email)
    me, hers = "/store/customers/me", {"headers": customer.headers}
    walk.do(f"POST {me}/carts/{cart['id']}/claim", **hers)
    order = storefront.complete(storefront.shop.ask("GET", f"/store/carts/{cart['id']}")).json()
    claim = f"POST {me}/orders/claim"
    # The index that finds them is a moment behind.
    wait_until(lambda: bool(walk.do(claim, **hers)["claimed"]), "the guest's order")
    wait_until(
        lambda: len(walk.do(f"GET {me}/orders", **hers)["items"]) == 2, "both orders in the list"
    )
    walk.do(f"POST {me}/orders/{guests}/cancel", {}, key=new_key(), **hers)
    wait_until(lambda: bool(storefront.order(order["id"])["fulfillments"]), "the allocation")
    parcel = storefront.order(order["id"])["fulfillments"][0]["id"]
    for step in ("pack", "ship", "deliver"):
        walk.do(f"POST /admin/fulfillments/{parcel}/{step}", {} if step == "ship" else None)
    wish = {"line_items": [{"id": "line_1", "quantity": 1}], "reason": "damaged", "note": "Ada's"}
    path = f"{me}/orders/{order['id']}"
    made = walk.do(f"POST {path}/returns", wish, key=new_key(), **hers)["id"]
    assert walk.do(f"GET {path}", **hers)["returns"][0]["id"] == made
    assert walk.do(f"GET {me}/returns/{made}", **hers)["status"] == "requested"
    wait_until(lambda: bool(walk.do(f"GET {me}/returns", **hers)["items"]), "the return's entry")

    walk.do(f"POST /admin/returns/{made}/reject", {"reason": "worn"})
    wait_until(lambda: customer.call("DELETE", "").status_code != 409, "the orders to end")
    assert "Ada" not in str(storefront.order(order["id"]))


def keys_of_integrations(walk: Walk) -> None:
    made = walk.do(
        "POST /admin/api-keys", {"name": "Till", "scopes": ["stock:read"]}, key=new_key()
    )
    path = f"/admin/api-keys/{made['id']}"
    assert walk.do("GET /admin/api-keys", query={"limit": 1})["items"][0]["id"] == made["id"]
    assert walk.do(f"GET {path}")["status"] == "active"
    rotated = walk.do(f"POST {path}/rotate", {"overlap_hours": 0}, key=new_key())
    assert rotated["secret"] not in (made["secret"], None)
    assert walk.do(f"DELETE {path}")["status"] == "revoked"


def absent(kind: str, part: str = "") -> str:
    """Give an id as the shop makes them, of nothing that there is."""
    return f"{kind}_{'0' * 36}{part}"


ORDER, PARCEL, RETURN = absent("order"), absent("fulfillment", "_1"), absent("return", "_1")
ENDPOINT = absent("endpoint")


def a_customers_account(walk: Walk, workspace: Workspace) -> None:
    email, password = new_email(), "a password of the walk"
    account = {"email": email, "password": PASSWORD}
    walk.do("POST /store/customers", account)
    walk.do("POST /store/customers/confirmation-codes", {"email": email})
    code = {"email": email, "code": newest_code(workspace, email)}
    assert walk.do("POST /store/customers/confirm", code)["status"] == "confirmed"
    walk.do("POST /store/customers/password-resets", {"email": email})
    reset = {"email": email, "code": newest_code(workspace, email), "password": password}
    walk.do("POST /store/customers/password-resets/confirm", reset)
    session = walk.do("POST /store/customers/sessions", {"email": email, "password": password})
    refreshing = {"refresh_token": session["refresh_token"]}
    refreshed = walk.do("POST /store/customers/sessions/refresh", refreshing)
    signed_in = {"Authorization": f"Bearer {refreshed['access_token']}"}
    change = {"password": password, "new_password": PASSWORD}
    session = walk.do("PUT /store/customers/me/password", change, headers=signed_in)
    signed_in = {"Authorization": f"Bearer {session['access_token']}"}

    path = "/store/customers/me"
    me = walk.do(f"GET {path}", headers=signed_in)
    assert (me["email"], me["status"]) == (email, "active")
    name = {"first_name": "Ada"}
    changed = walk.do(f"PATCH {path}", name, headers=signed_in, if_match=me["version"])
    assert changed["first_name"] == "Ada"
    book = f"{path}/addresses"
    made = walk.do(f"POST {book}", DESTINATION, headers=signed_in, key=new_key())
    place = f"{book}/{made['id']}"
    assert walk.do(f"PATCH {place}", {"postal_code": "N1"}, headers=signed_in)["default"]
    assert len(walk.do(f"GET {book}", headers=signed_in)["items"]) == 1
    assert walk.do(f"DELETE {place}", headers=signed_in)["items"] == []

    for query in ({"limit": 1}, {"email": email.upper()}):
        (listed,) = walk.do("GET /admin/customers", query=query)["items"]
        assert listed["id"] == me["id"]
    assert walk.do(f"GET /admin/customers/{me['id']}")["first_name"] == "Ada"
    assert walk.do(f"GET {path}/export", headers=signed_in)["account"]["id"] == me["id"]
    walk.do(f"DELETE {path}/sessions", headers=signed_in)
    session = walk.do("POST /store/customers/sessions", account)
    signed_in = {"Authorization": f"Bearer {session['access_token']}"}
    assert walk.do(f"DELETE {path}", headers=signed_in)["id"] == me["id"]


def what_was_audited(walk: Walk) -> dict[str, list[dict[str, Any]]]:
    """Give the trail's entries of the walk by route, the first call first."""
    found: dict[str, dict[str, Any]] = {}
    query: dict[str, Any] = {"limit": 100}
    while walk.changes.keys() - found.keys():
        page = walk.do("GET /admin/audit-entries", query=query)
        found |= {each["request_id"]: each for each in page["items"]}
        assert page["next_cursor"] or walk.changes.keys() <= found.keys()
        query["cursor"] = page["next_cursor"]
    entries = [found[request] for request in walk.changes]
    assert [each["route"] for each in entries] == list(walk.changes.values())
    assert {each["result"] for each in entries} == {"done"}
    text = json.dumps(entries)
    secrets = {"whsec_", *BUYER.values(), *DESTINATION.values()} - {"GB"}  # GBP is none
    assert {each for each in secrets if each in text} == set()

    last = entries[-1]
    assert walk.do(f"GET /admin/audit-entries/{last['id']}") == last
    about = {"about": last["path"]["id"], "actor": last["actor"]["id"], "day": last["at"][:10]}
    assert walk.do("GET /admin/audit-entries", query=about)["items"][0] == last
    del about["about"]
    assert walk.do("GET /admin/audit-entries", query={**about, "limit": 1})["items"] == [last]
    by_route: dict[str, list[dict[str, Any]]] = {}
    for each in entries:
        by_route.setdefault(each["route"], []).append(each)
    return by_route


def the_trail_says_what_changed(told: dict[str, list[dict[str, Any]]]) -> None:
    def changes(route: str, *but: str) -> dict[str, tuple[Any, Any]]:
        first, *_ = told[route]
        return {
            each["path"].removeprefix("$."): (each.get("before"), each.get("after"))
            for each in first["changes"]
            if each["path"].removeprefix("$.") not in ("version", "updated_at", *but)
        }

    assert changes("PUT /admin/settings") == {}
    assert changes("PATCH /admin/products/{id}") == {"status": ("draft", "active")}
    assert changes("DELETE /admin/products/{id}") == {"status": ("active", "archived")}
    units = changes("POST /admin/stock/{sku}/adjustments")
    assert units["available"] == (0, 7)
    first, again, *_ = told["POST /admin/stock/{sku}/adjustments"]
    assert (first["repeated"], again["repeated"], again["changes"]) == (False, True, [])
    assert changes("POST /admin/orders/{id}/refund") == {
        "status": ("partially_captured", "partially_refunded"),
        "refunded": (0, 300),
        "net": (1000, 700),
    }
    assert changes("PATCH /admin/webhook-endpoints/{id}") == {
        "description": ("", "The warehouse"),
    }
    assert changes("POST /admin/imports/uploads")["fields"] == (None, "[redacted]")
    secret = changes("POST /admin/webhook-endpoints/{id}/rotate-secret")["secret"]
    assert secret == (None, "[redacted]")
    gone = changes("DELETE /admin/webhook-endpoints/{id}")
    assert gone["description"] == ("The warehouse", None)
    made = told["POST /admin/webhook-endpoints"][0]
    assert {"path": "$.secret", "after": "[redacted]"} in made["changes"]
    assert made["made"] == told["DELETE /admin/webhook-endpoints/{id}"][0]["path"]["id"]
    assert changes("POST /admin/fulfillments/{id}/pack", "packed_at") == {
        "status": ("open", "packed")
    }


NO_LINE = {"line_items": [{"id": "line_1", "quantity": 1}]}
GIFT = {"to": "refunds", "amount": 1, "currency": "GBP", "reason": "goodwill"}
INSIDE = {"url": "https://127.0.0.1/hook", "event_types": ["order.placed"]}
# Each is well formed, and refused by what the shop knows.
REFUSED = [
    ("POST /store/carts", {"line_items": [{"sku": "no-such-sku", "quantity": 1}]}),
    (f"POST /store/carts/{absent('cart')}/line-items", {"sku": "no-such-sku", "quantity": 1}),
    (f"POST /store/orders/{ORDER}/cancel", {}),
    ("POST /store/returns", {"order_id": ORDER, "reason": "damaged", **NO_LINE}),
    ("POST /admin/imports", {"version_id": "no-such-version"}),
    ("POST /admin/stock/no-such-sku/adjustments", {"delta": -1, "reason": "lost"}),
    ("POST /admin/stock-counts", {"sku": "no-such-sku", "counted": 1}),
    (
        "POST /admin/stock-transfers",
        {"sku": "no-such-sku", "from_location": "east", "to_location": "main", "quantity": 1},
    ),
    (f"POST /admin/orders/{ORDER}/cancel", {}),
    (f"POST /admin/orders/{ORDER}/capture", {}),
    (f"POST /admin/orders/{ORDER}/refund", {"reason": "broken"}),
    (f"POST /admin/orders/{ORDER}/fulfillments", NO_LINE),
    (f"POST /admin/fulfillments/{PARCEL}/report-shortage", NO_LINE),
    (f"POST /admin/returns/{RETURN}/receive", {}),
    (f"POST /admin/returns/{RETURN}/refund", {}),
    ("POST /admin/accounts/cash_at_provider/transfers", GIFT),
    ("POST /admin/webhook-endpoints", INSIDE),
    (f"POST /admin/api-keys/{absent('key')}/rotate", {}),
    (f"POST /admin/webhook-endpoints/{ENDPOINT}/rotate-secret", None),
    (f"POST /admin/webhook-endpoints/{ENDPOINT}/deliveries/{absent('delivery')}/resend", None),
]


@pytest.mark.parametrize(("route", "body"), REFUSED, ids=[route for route, _ in REFUSED])
def test_what_was_refused_may_be_tried_again_with_its_key(
    storefront: Storefront, route: str, body: Any
) -> None:
    method, _, path = route.partition(" ")
    key = new_key()

    answers = [storefront.shop.call(method, path, body, key=key) for _ in range(2)]

    assert [each.status_code for each in answers] == [answers[0].status_code] * 2
    assert 400 <= answers[0].status_code < 500
    codes = {each.json()["code"] for each in answers}
    assert not codes & {"request_in_progress", "idempotency_key_reused", "invalid_request"}


def test_a_product_that_was_refused_may_be_tried_again_with_its_key(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(1)
    name, key = new_key()[:8], new_key()

    def product(sku: str) -> Any:
        variant = {"sku": sku, "title": name, "prices": {"GBP": 950}}
        body = {"title": name, "variants": [variant]}
        return storefront.shop.call("POST", "/admin/products", body, key=key)

    assert product(sku).status_code == 409
    # A claim that stood would say that the key came with another request.
    assert product(f"{name}-A").status_code == 201
