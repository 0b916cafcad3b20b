"""The OWASP API Security Top 10 of 2023, tried on the deployed shop: a test a risk.

Each attacks as its page of the list describes, and looks afterwards at what came of it: at
orders, money and stock, not at status codes alone.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cloud_in_memory import ROOT
from commerce.access import Role
from commerce.customers.attempts import CODES_TRIED
from commerce.ids import new_id
from commerce.orders.model import ATTEMPTS_MAX
from commerce.signatures import signed_headers
from e2e.customers import PASSWORD, SignedIn, new_email, signed_in
from e2e.receiver import receiving
from e2e.recovery import wait_until
from e2e.refusals import fields, refused
from e2e.storefront import Storefront, at_once, new_key
from e2e.throttles import one_request_a_second
from pushcart import payment_messages, staff
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]
Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def outside(deployed_shop: Workspace) -> Send:
    """Give what sends a request as it is, with no token of its own."""
    client = httpx.Client(base_url=deployed_shop.base_url, timeout=40, trust_env=False)
    return client.request


@pytest.fixture(scope="module")
def ada(storefront: Storefront, cloud: Cloud) -> SignedIn:
    """Give a customer who is signed in."""
    return signed_in(storefront.shop, cloud)


@pytest.fixture(scope="module")
def mallory(storefront: Storefront, cloud: Cloud) -> SignedIn:
    """Give another one, with an account as good as any."""
    return signed_in(storefront.shop, cloud)


def an_order(storefront: Storefront, sku: str, customer: SignedIn | None = None) -> Json:
    """Buy one unit, as a guest where no customer is named."""
    cart = storefront.cart({sku: 1})
    if customer:
        customer.ask("POST", f"/carts/{cart['id']}/claim")
    answer = storefront.complete(cart)
    assert answer.status_code == 200, answer.text
    order: Json = answer.json()
    return order


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_api1_broken_object_level_authorization(
    storefront: Storefront, outside: Send, ada: SignedIn, mallory: SignedIn
) -> None:
    """Who knows an id, and has an order or an account of his own, gets no other's by it."""
    (sku,) = storefront.stocked(10)
    of_guest, other_guests = an_order(storefront, sku), an_order(storefront, sku)
    of_ada = an_order(storefront, sku, ada)
    street = {
        "street_address": "7 Secret Street",
        "address_locality": "London",
        "postal_code": "E1 6AN",
        "address_country": "GB",
    }
    address = ada.ask("POST", "/addresses", street, key=new_key())["id"]
    stolen = {"X-Order-Token": other_guests["order_token"]}
    wish = {"reason": "damaged", "line_items": [{"id": "line_1", "quantity": 1}]}

    def tries(order: Json) -> list[httpx.Response]:
        path = f"/store/orders/{order['id']}"
        back = {**wish, "order_id": order["id"]}
        mine = f"/orders/{order['id']}"
        return [
            *(
                outside(method, where, json=body, headers=headers)
                for method, where, body in (
                    ("GET", path, None),
                    ("POST", f"{path}/cancel", {}),
                    ("POST", "/store/returns", back),
                )
                for headers in ({}, stolen, {"X-Order-Token": order["id"]}, mallory.headers)
            ),
            mallory.call("GET", mine),
            mallory.call("POST", f"{mine}/cancel", {}),
            mallory.call("POST", f"{mine}/returns", wish),
        ]

    for answer in [*tries(of_guest), *tries(of_ada)]:
        refused(answer, 404, "not_found")
    refused(mallory.call("PATCH", f"/addresses/{address}", {"postal_code": "N1"}), 404, "not_found")
    refused(mallory.call("DELETE", f"/addresses/{address}"), 404, "not_found")

    assert storefront.order(of_guest["id"])["status"] == "confirmed"
    assert storefront.order(of_ada["id"])["status"] == "confirmed"
    assert ada.ask("GET", f"/orders/{of_ada['id']}")["id"] == of_ada["id"]
    (kept,) = [each for each in ada.ask("GET", "/addresses")["items"] if each["id"] == address]
    assert kept["postal_code"] == street["postal_code"]
    assert "Secret Street" not in mallory.call("GET", "/addresses").text
    own = {"X-Order-Token": of_guest["order_token"]}
    opened = outside("GET", f"/store/orders/{of_guest['id']}", headers=own)
    assert opened.json()["id"] == of_guest["id"]


def test_api2_broken_authentication(
    outside: Send, ada: SignedIn, deployed_shop: Workspace, storefront: Storefront
) -> None:
    """A token is not made, mended or guessed; and sign-in does not tell who has an account."""
    for good, path in (
        (ada.access_token, "/store/customers/me"),
        (staff.token(deployed_shop, Role.AUDITOR), "/admin/orders"),
    ):
        assert outside("GET", path, headers=bearer(good)).status_code == 200
        for kind, token in _forgeries(good).items():
            answer = outside("GET", path, headers={"Authorization": token})
            assert answer.status_code == 401, (kind, path)
            refused(answer, 401, "unauthenticated")

    def signs_in(email: str) -> Json:
        body = {"email": email, "password": f"not {PASSWORD}"}
        answer = storefront.shop.call("POST", "/store/customers/sessions", body)
        problem: Json = answer.json()
        assert answer.status_code == 401, answer.text
        return {name: text for name, text in problem.items() if name != "request_id"}

    assert signs_in(ada.email) == signs_in(new_email("nobody"))

    def registers(email: str) -> tuple[int, Json]:
        body = {"email": email, "password": f"another {PASSWORD}"}
        answer = storefront.shop.call("POST", "/store/customers", body)
        return answer.status_code, answer.json()

    assert registers(ada.email) == registers(new_email("nobody"))
    assert ada.ask("GET", "")["email"] == ada.email

    guess = {"email": ada.email, "code": "000000", "password": PASSWORD}
    path = "/store/customers/password-resets/confirm"
    guesses = at_once(
        *(lambda: storefront.shop.call("POST", path, guess) for _ in range(CODES_TRIED.most + 1))
    )
    (slowed,) = [each for each in guesses if each.status_code == 429]
    refused(slowed, 429, "too_many_requests")
    assert int(slowed.headers["Retry-After"]) >= 1


def _forgeries(token: str) -> dict[str, str]:
    """Give a token as somebody would change it who has not the key it is signed with."""

    def encoded(part: Json) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    altered = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    groups = {**said, "cognito:groups": ["owner"]}
    return {
        "of another": f"{head}.{encoded({**said, 'sub': 'somebody-else'})}.{signature}",
        "with a role": f"{head}.{encoded(groups)}.{signature}",
        "for longer": f"{head}.{encoded({**said, 'exp': int(time.time()) + 10**6})}.{signature}",
        "altered": f"{head}.{claims}.{altered}",
        "unsigned": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "of a guessed key": f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{claims}.{altered}",
        "cut off": f"{head}.{claims}",
        "none": "Bearer",
    }


def test_api3_broken_object_property_level_authorization(
    storefront: Storefront, ada: SignedIn
) -> None:
    """Nobody writes a field that is not theirs to write, or reads one not theirs to read."""
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 1})
    path = f"/store/carts/{cart['id']}"
    for field, value in {
        "total": 1,
        "totals": [],
        "status": "completed",
        "customer_id": ada.id,
        "discounts": [{"amount": 1000}],
        "version": 99,
    }.items():
        answer = storefront.shop.call("PATCH", path, {field: value})
        assert fields(refused(answer, 422, "invalid_request")) == {f"$.{field}"}
    line = {"sku": sku, "quantity": 1, "unit_price": 1}
    answer = storefront.shop.call("POST", f"{path}/line-items", line)
    assert "$.unit_price" in fields(refused(answer, 422, "invalid_request"))
    tag = {"If-Match": f'"{ada.ask("GET", "")["version"]}"'}
    for field in ("id", "email", "status", "version", "created_at", "roles"):
        answer = ada.call("PATCH", "", {field: "owner"}, headers=tag)
        assert fields(refused(answer, 422, "invalid_request")) == {f"$.{field}"}
    assert storefront.shop.ask("GET", path)["totals"] == cart["totals"]

    order = an_order(storefront, sku)
    token = {"X-Order-Token": order["order_token"]}
    shown = storefront.shop.call("GET", f"/store/orders/{order['id']}", headers=token).json()
    of_staff = {"payment", "timeline", "reservations", "execution", "cancellations", "stops"}
    assert of_staff <= storefront.order(order["id"]).keys()
    assert not of_staff & shown.keys()
    assert cart["id"] not in json.dumps(shown)
    made = storefront.shop.ask(
        "POST",
        "/admin/products",
        {"title": "Not yet", "variants": [{"sku": new_key()[:8], "prices": {"GBP": 1}}]},
    )
    assert made["status"] == "draft"
    hidden = storefront.shop.call("GET", f"/store/products/{made['id']}")
    refused(hidden, 404, "not_found")


def test_api4_unrestricted_resource_consumption(storefront: Storefront, cloud: Cloud) -> None:
    """Pages, bodies and carts have an end, and whoever asks too often is told to wait."""
    shop = storefront.shop
    for limit in ("101", "0", "-1", "1e9"):
        answer = shop.call("GET", "/store/products", query={"limit": limit})
        assert fields(refused(answer, 422, "invalid_request")) == {"$query.limit"}
    refused(
        shop.call("POST", "/store/carts", {"buyer": {"first_name": "a" * 2**20}}),
        413,
        "request_too_large",
    )
    deep = b'{"line_items": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    refused(shop.post("/store/carts", deep, {}), 400, "malformed_json")
    lines = [{"sku": f"sku-{number}", "quantity": 1} for number in range(2001)]
    answer = shop.call("POST", "/store/carts", {"line_items": lines})
    assert answer.status_code == 422, answer.text

    with one_request_a_second(cloud, "/store/products", "GET"):
        answers = [shop.call("GET", "/store/products") for _ in range(4)]
    slowed = [each for each in answers if each.status_code == 429]
    refused(slowed[0], 429, "too_many_requests")
    assert int(slowed[0].headers["Retry-After"]) >= 1


# What somebody who packs parcels has no business with.
OF_OTHER_ROLES = [
    "PUT /admin/settings",
    "POST /admin/products",
    "DELETE /admin/products/{id}",
    "POST /admin/imports",
    "POST /admin/imports/uploads",
    "POST /admin/stock/{sku}/adjustments",
    "POST /admin/stock-counts",
    "POST /admin/stock-transfers",
    "POST /admin/orders/{id}/cancel",
    "POST /admin/orders/{id}/refund",
    "POST /admin/returns/{id}/refund",
    "POST /admin/accounts/{id}/transfers",
    "POST /admin/webhook-endpoints",
    "GET /admin/customers",
    "GET /admin/audit-entries",
]


def test_api5_broken_function_level_authorization(
    outside: Send, ada: SignedIn, deployed_shop: Workspace, storefront: Storefront
) -> None:
    """Nobody becomes staff by knowing staff's routes, and no role does another's work."""
    packer = bearer(staff.token(deployed_shop, Role.PACKER))
    settings = storefront.shop.ask("GET", "/admin/settings")
    # Of each kind of thing one; test_access_matrix.py walks every route as everybody.
    for route in OF_OTHER_ROLES:
        method, _, path = route.partition(" ")
        path = path.replace("{id}", "x").replace("{sku}", "x")
        for headers in ({}, ada.headers):
            refused(outside(method, path, json={}, headers=headers), 401, "unauthenticated")
        refused(outside(method, path, json={}, headers=packer), 403, "forbidden")

    # Another method on a route, another spelling of it, and another header for it.
    tag = {"If-Match": f'"{settings["version"]}"'}
    for method, path, headers in (
        ("POST", "/admin/settings", packer),
        ("PUT", "/admin/settings/", packer),
        ("PUT", "/ADMIN/settings", packer),
        ("PUT", "//admin/settings", packer),
        ("PUT", "/store/../admin/settings", packer),
        ("GET", "/admin/settings", packer | {"X-HTTP-Method-Override": "PUT"}),
        ("GET", "/store/products", packer | {"X-Original-URL": "/admin/settings"}),
    ):
        answer = outside(method, path, json=settings, headers=headers | tag)
        assert "currencies" not in answer.text, (method, path)
    assert storefront.shop.ask("GET", "/admin/settings")["version"] == settings["version"]


def test_api6_unrestricted_access_to_sensitive_business_flows(storefront: Storefront) -> None:
    """Carts hold nothing back from others, cards are not tried out, and the last unit is one's."""
    (sku,) = storefront.stocked(3)
    for _ in range(5):
        storefront.cart({sku: 3})
    assert storefront.levels(sku) == (3, 0)

    cart = storefront.cart({sku: 1})
    answers = [storefront.complete(cart, "tok_declined") for _ in range(ATTEMPTS_MAX + 1)]
    assert {each.status_code for each in answers[:-1]} == {402}
    refused(answers[-1], 409, "too_many_attempts")
    refused(storefront.complete(cart, "tok_visa"), 409, "too_many_attempts")
    assert storefront.levels(sku) == (3, 0)

    carts = [storefront.cart({sku: 2}) for _ in range(6)]
    bought = at_once(*(lambda cart=cart: storefront.complete(cart) for cart in carts))
    assert sorted(each.status_code for each in bought) == [200, *[409] * 5]
    assert storefront.levels(sku) == (1, 2)


INSIDE = [
    "https://127.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://10.0.0.1/",
    "https://100.100.100.200/",
    "https://user:pass@127.0.0.1/",
    "https://example.com@127.0.0.1/",
    "http://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
]


def test_api7_server_side_request_forgery(storefront: Storefront) -> None:
    """The shop calls nobody inside: not by a name or spelling of it, nor by a redirect."""
    shop = storefront.shop
    for url in INSIDE:
        answer = shop.call("POST", "/admin/webhook-endpoints", {"url": url})
        assert answer.status_code == 422, (url, answer.text)
        assert answer.json()["code"] in {"address_refused", "invalid_request"}, url
    for url in ("http://169.254.169.254/latest", "s3://other-bucket/file.csv", "../../etc/passwd"):
        answer = shop.call("POST", "/admin/imports", {"version_id": url})
        assert answer.status_code in {404, 422}, (url, answer.text)

    (sku,) = storefront.stocked(1)
    with receiving(shop) as inside, receiving(shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["order.placed"]}
        path = _endpoint(shop, wanted)
        receiver.redirect_to = inside.url
        receiver.answers = [307]
        an_order(storefront, sku)
        wait_until(
            lambda: any(
                each["attempts"] for each in shop.ask("GET", f"{path}/deliveries")["items"]
            ),
            "the attempt to be recorded",
        )
        shop.ask("DELETE", path)
        assert len(receiver.received) == 1
        assert inside.received == []


def test_api8_security_misconfiguration(outside: Send, storefront: Storefront) -> None:
    """Every answer has its headers, no error shows the inside, and no method or origin is let
    in by default."""
    probes = [
        ("GET", "/store/products", 200),
        ("GET", "/store/carts/%00", 404),
        ("GET", "/.env", 404),
        ("GET", "/.git/config", 404),
        ("TRACE", "/store/products", 404),
        ("DELETE", "/store/products", 404),
        ("GET", "/admin/settings", 401),
    ]
    for method, path, status in probes:
        answer = outside(method, path, headers={"Origin": "https://evil.example"})
        assert answer.status_code in {status, 405}, (method, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Strict-Transport-Security"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        # Any site may ask, and so none may send along who the browser's user is.
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Cookie",
    }
    preflight = outside("OPTIONS", "/store/carts", headers=asked)
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert "cookie" not in preflight.headers["Access-Control-Allow-Headers"].lower()

    for body in (b"{", b'{"__proto__": {}}', b'{"line_items": {"$gt": ""}}', b"\x00" * 100):
        answer = storefront.shop.post("/store/carts", body, {})
        assert 400 <= answer.status_code < 500
        for inside in ("Traceback", "/layers", "/tmp", "botocore", "pydantic", "arn:aws", "python"):
            assert inside not in answer.text, inside


def test_api9_improper_inventory_management(outside: Send, cloud: Cloud) -> None:
    """What is deployed is what is published, once: no forgotten version, stage or route."""
    api = cloud.stack_outputs()["ApiId"]
    pages = cloud.apis.get_paginator("get_resources").paginate(restApiId=api)
    deployed = {
        f"{method} {item['path']}"
        for page in pages
        for item in page["items"]
        for method in item.get("resourceMethods", {})
        if method != "OPTIONS"
    }
    pages_of_the_site = {"GET /docs", "GET /docs/{asset}", "GET /openapi.json"}
    assert deployed == {*_published(), *pages_of_the_site}
    assert outside("GET", "/openapi.json").json()["paths"].keys() == {
        route.partition(" ")[2] for route in _published()
    }
    assert [each["stageName"] for each in cloud.apis.get_stages(restApiId=api)["item"]] == ["live"]
    ours = [each for each in cloud.apis.get_rest_apis()["items"] if each["id"] == api]
    assert len(ours) == 1
    for old in ("/v1", "/v2", "/beta", "/test", "/internal", "/debug"):
        for path in ("/store/products", "/admin/orders"):
            refused(outside("GET", f"{old}{path}"), 404, "not_found")
    refused(outside("GET", "/admin"), 404, "not_found")


def test_api10_unsafe_consumption_of_apis(storefront: Storefront, cloud: Cloud) -> None:
    """What a provider or a receiver says is checked: asked for again, cut off, never believed."""
    (sku,) = storefront.stocked(5)
    order = an_order(storefront, sku)

    def tells(secret: bytes, type_: str, **more: Any) -> httpx.Response:
        now = datetime.now(UTC)
        said = {"type": type_, "data": {"reference": order["id"], **more}}
        body = json.dumps(said).encode()
        headers = signed_headers(new_id("msg", now), body.decode(), [secret], now)
        return storefront.shop.post(payment_messages.PATH, body, headers)

    refused(tells(b"guessed", "payment.captured"), 401, "invalid_signature")
    # Signed well, and not true: the shop asks the provider itself, and books what that has.
    key = payment_messages.key(cloud)
    for lie in ("payment.captured", "payment.refunded", "payment.voided", "payment.declined"):
        told = tells(key, lie, amount=10**9, currency="XXX", status="captured")
        assert told.json()["result"] == "settled", told.text
    payment = storefront.order(order["id"])["payment"]
    assert (payment["status"], payment["captured"], payment["refunded"]) == ("authorized", 0, 0)
    assert payment["amount"] == order["total"]
    assert storefront.held(order["id"]) == order["total"]
    assert storefront.order(order["id"])["status"] == "confirmed"
    refused(tells(key, "payment.captured", note="x" * 70_000), 413, "request_too_large")

    with receiving(storefront.shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["order.placed"]}
        path = _endpoint(storefront.shop, wanted)
        receiver.says = "<script>" + "x" * 1_000_000
        an_order(storefront, sku)

        def attempts() -> list[Json]:
            deliveries = storefront.shop.ask("GET", f"{path}/deliveries")["items"]
            return [attempt for each in deliveries for attempt in each["attempts"]]

        wait_until(lambda: bool(attempts()), "the attempt to be recorded")
        (attempt,) = attempts()
        storefront.shop.ask("DELETE", path)
    assert attempt["answer"] == receiver.says[:500]


def _endpoint(shop: Shop, wanted: Json) -> str:
    made = shop.ask("POST", "/admin/webhook-endpoints", wanted)
    return f"/admin/webhook-endpoints/{made['id']}"


def _published() -> list[str]:
    paths = json.loads((ROOT / "functions/site/openapi.json").read_text())["paths"]
    return [f"{method.upper()} {path}" for path, item in paths.items() for method in item]
