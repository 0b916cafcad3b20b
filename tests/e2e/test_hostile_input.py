"""What attackers send first, and the refusal each gets from the deployed shop.

tests/unit/test_hostile_requests.py sends every operation what can be told from the request
alone; here is what takes API Gateway, Cognito and the tables.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import pytest

from commerce.entry.http import HEADERS
from e2e.refusals import fields, refused
from e2e.storefront import BUYER, DESTINATION, Storefront, new_key
from e2e.throttles import one_request_a_second
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def sku(storefront: Storefront) -> str:
    """Give a SKU with five units at 10.00 GBP."""
    (made,) = storefront.stocked(5)
    return made


# --- carts and money ----------------------------------------------------------


@pytest.mark.parametrize("quantity", [-1, 0, 10**6, 10**30, 1.5, "2", True, None])
def test_a_quantity_that_nobody_can_buy_is_refused(
    storefront: Storefront, sku: str, quantity: object
) -> None:
    body = {"line_items": [{"sku": sku, "quantity": quantity}]}
    problem = refused(storefront.shop.call("POST", "/store/carts", body), 422, "invalid_request")
    assert fields(problem) == {"$.line_items[0].quantity"}


@pytest.mark.parametrize("field", ["price", "unit_price", "total", "tax", "discounts"])
def test_a_price_in_the_body_is_refused(storefront: Storefront, sku: str, field: str) -> None:
    body = {"line_items": [{"sku": sku, "quantity": 1, field: 1}]}
    problem = refused(storefront.shop.call("POST", "/store/carts", body), 422, "invalid_request")
    assert fields(problem) == {f"$.line_items[0].{field}"}


def test_a_cart_keeps_its_currency(storefront: Storefront, sku: str) -> None:
    cart = storefront.cart({sku: 1})
    path = f"/store/carts/{cart['id']}"
    changed = storefront.shop.call("PATCH", path, {"currency": "JPY"})
    assert fields(refused(changed, 422, "invalid_request")) == {"$.currency"}
    assert storefront.shop.ask("GET", path)["currency"] == "GBP"


def test_a_currency_the_shop_does_not_have_is_refused(storefront: Storefront, sku: str) -> None:
    body = {"currency": "USD", "line_items": [{"sku": sku, "quantity": 1}]}
    answer = storefront.shop.call("POST", "/store/carts", body)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("field", ["coupon", "discount_code", "discounts"])
@pytest.mark.parametrize(
    "code", ["FREE", "FR\u0415\u0415", "\uff26\uff32\uff25\uff25", "FREE\u200b", "free\u0000"]
)
def test_a_coupon_in_whatever_letters_takes_nothing_off(
    storefront: Storefront, sku: str, field: str, code: str
) -> None:
    """The shop has no coupons, so a code is a field that it does not know."""
    cart = storefront.cart({sku: 1})
    path = f"/store/carts/{cart['id']}"
    payment = {"payment": {"provider": "sandbox", "token": "tok_visa"}}
    for method, route, body in (("PATCH", path, {}), ("POST", f"{path}/complete", payment)):
        answer = storefront.shop.call(method, route, {**body, field: code}, key=new_key())
        assert fields(refused(answer, 422, "invalid_request")) == {f"$.{field}"}
    assert storefront.shop.ask("GET", path)["totals"] == cart["totals"]


def test_a_total_that_is_not_the_shops_buys_nothing(storefront: Storefront, sku: str) -> None:
    before = storefront.levels(sku)
    answer = storefront.complete(storefront.cart({sku: 1}), expected_total=1)
    refused(answer, 409, "price_changed")
    assert storefront.levels(sku) == before


# --- texts --------------------------------------------------------------------

UNSEEN = {
    "right-to-left override": "Ada\u202ereyub",
    "zero-width space": "A\u200bda",
    "byte order mark": "\ufeffAd\ufeffa",
    "tag": "Ada\U000e0041",
}
CONTROLS = {
    "line break": "Ada\r\nBcc: x@example.com",
    "null": "Ada\u0000",
}


@pytest.mark.parametrize("kind", UNSEEN)
def test_characters_that_nobody_sees_are_taken_off_names_and_are_in_no_code(
    storefront: Storefront, kind: str
) -> None:
    text = UNSEEN[kind]
    body = {
        "buyer": {**BUYER, "email": f"{text}@example.com", "first_name": text},
        "line_items": [{"sku": text}],
    }
    problem = refused(storefront.shop.call("POST", "/store/carts", body), 422, "invalid_request")
    assert fields(problem) == {"$.buyer.email", "$.line_items[0].sku"}
    cart = storefront.shop.ask("POST", "/store/carts", {"buyer": {**BUYER, "first_name": text}})
    assert cart["buyer"]["first_name"] in ("Ada", "Adareyub")


@pytest.mark.parametrize("kind", CONTROLS)
def test_control_characters_are_in_no_name_address_or_sku(
    storefront: Storefront, kind: str
) -> None:
    text = CONTROLS[kind]
    body = {
        "buyer": {**BUYER, "email": f"{text}@example.com", "first_name": text},
        "fulfillment": {"destination": {**DESTINATION, "street_address": text}},
        "line_items": [{"sku": text}],
    }
    problem = refused(storefront.shop.call("POST", "/store/carts", body), 422, "invalid_request")
    assert fields(problem) == {
        "$.buyer.email",
        "$.buyer.first_name",
        "$.fulfillment.destination.street_address",
        "$.line_items[0].sku",
    }


@pytest.mark.parametrize(
    "email",
    [
        "\uff41da@example.com",
        "\ufb01@example.com",
        "a\u200dda@example.com",
        "ada@ex\u200cample.com",
    ],
)
def test_an_address_that_looks_like_another_is_refused(storefront: Storefront, email: str) -> None:
    answer = storefront.shop.call("POST", "/store/carts", {"buyer": {"email": email}})
    assert fields(refused(answer, 422, "invalid_request")) == {"$.buyer.email"}


def test_a_name_has_one_form_however_it_was_typed(storefront: Storefront) -> None:
    typed = {"buyer": {"first_name": "Zoe\u0308", "last_name": "\u0645\u06cc\u200c\u062e\u0648"}}
    cart = storefront.shop.ask("POST", "/store/carts", typed)
    assert cart["buyer"]["first_name"] == "Zo\u00eb"
    assert cart["buyer"]["last_name"] == typed["buyer"]["last_name"]


# --- bodies and headers -------------------------------------------------------


def test_a_body_of_2_mb_is_refused(storefront: Storefront) -> None:
    body = {"buyer": {"first_name": "a" * 2 * MEGABYTE}}
    refused(storefront.shop.call("POST", "/store/carts", body), 413, "request_too_large")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b'{"currency": "GBP", "currency": "EUR"}', 400, "malformed_json"),
        (b'{"buyer": {"first_name": "\xff\xfe"}}', 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b'{"line_items": NaN}', 400, "malformed_json"),
        (b"<xml/>", 400, "malformed_json"),
    ],
)
def test_what_is_no_json_is_refused(
    storefront: Storefront, sent: bytes, status: int, code: str
) -> None:
    refused(storefront.shop.post("/store/carts", sent, {}), status, code)


def test_a_form_from_another_site_is_refused(storefront: Storefront) -> None:
    form = {"Content-Type": "text/plain"}  # what a browser sends without asking first
    answer = storefront.shop.post("/store/carts", b'{"currency": "GBP"}', form)
    refused(answer, 415, "unsupported_media_type")


def test_a_key_cannot_carry_a_header_of_its_own(storefront: Storefront) -> None:
    answer = storefront.shop.call("POST", "/store/carts", {}, headers={"Idempotency-Key": "a\tb"})
    refused(answer, 400, "idempotency_key_required")


@pytest.mark.parametrize("version", ["9" * 400, "-1", "*", '"1", "2"', "latest"])
def test_a_version_that_is_none_changes_nothing(storefront: Storefront, version: str) -> None:
    settings = storefront.shop.ask("GET", "/admin/settings")
    answer = storefront.shop.call("PUT", "/admin/settings", settings, headers={"If-Match": version})
    refused(answer, 428, "precondition_required")


# --- tokens and cursors -------------------------------------------------------


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _decoded(part: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_no_token_but_a_real_one_opens_admin(deployed_shop: Workspace, staff_token: str) -> None:
    head, claims, signature = staff_token.split(".")
    later = {**_decoded(claims), "exp": int(time.time()) + 10**6}
    past = {**_decoded(claims), "exp": int(time.time()) - 1}
    forged = {
        "longer": f"{head}.{_encoded(later)}.{signature}",
        "expired": f"{head}.{_encoded(past)}.{signature}",
        "unsigned": f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "of another's key": f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{claims}.{signature}",
        "no token": "Bearer",
        "words": "let me in",
    }
    for kind, token in forged.items():
        answer = httpx.get(
            f"{deployed_shop.base_url}/admin/orders",
            headers={"Authorization": token},
            timeout=40,
            trust_env=False,
        )
        assert answer.status_code == 401, kind
        refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("path", ["/store/products", "/admin/orders", "/admin/events"])
@pytest.mark.parametrize("cursor", ["AAAA", "a" * 1000, "eyJiZWZvcmUiOiAieCJ9"])
def test_a_cursor_that_was_not_given_out_is_refused(
    storefront: Storefront, path: str, cursor: str
) -> None:
    answer = storefront.shop.call("GET", path, query={"cursor": cursor})
    refused(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["../..", "a" * 1001, "\u202e"])
def test_what_can_be_no_cursor_is_refused(storefront: Storefront, cursor: str) -> None:
    answer = storefront.shop.call("GET", "/store/products", query={"cursor": cursor})
    assert fields(refused(answer, 422, "invalid_request")) == {"$query.cursor"}


# --- headers and throttles ----------------------------------------------------


def test_every_answer_has_the_security_headers(deployed_shop: Workspace) -> None:
    for path in ("/store/categories", "/store/carts/x", "/nowhere", "/admin/orders", "/docs"):
        answer = httpx.get(f"{deployed_shop.base_url}{path}", timeout=40, trust_env=False)
        missing = HEADERS.keys() - {name for name in HEADERS if name.lower() in answer.headers}
        # What API Gateway says by itself has no page policy: it is never a page.
        assert missing <= {"Content-Security-Policy"}, path
        assert answer.headers["X-Request-Id"], path


def test_the_catalogue_may_be_kept_a_moment_and_nothing_else(storefront: Storefront) -> None:
    shelf = storefront.shop.call("GET", "/store/products")
    cart = storefront.shop.call("POST", "/store/carts", {}, key=new_key())
    assert shelf.headers["Cache-Control"] == "public, max-age=30"
    assert cart.headers["Cache-Control"] == "no-store"


def test_checkouts_and_sign_ins_have_limits_of_their_own_in_the_deployed_stage(
    cloud: Cloud,
) -> None:
    stage = cloud.apis.get_stage(restApiId=cloud.stack_outputs()["ApiId"], stageName="live")
    rates = {key: each["throttlingRateLimit"] for key, each in stage["methodSettings"].items()}

    assert rates["*/*"] == 500
    assert rates["/store/carts/{id}/complete/POST"] == 50
    assert rates["/store/customers/sessions/POST"] == 50
    assert rates["/store/customers/password-resets/confirm/POST"] == 10


def test_too_many_requests_at_once_are_told_to_wait(storefront: Storefront, cloud: Cloud) -> None:
    with one_request_a_second(cloud, "/store/categories", "GET"):
        answers = [storefront.shop.call("GET", "/store/categories") for _ in range(4)]
    slowed = [each for each in answers if each.status_code == 429]
    assert slowed
    refused(slowed[0], 429, "too_many_requests")
    assert slowed[0].headers["Retry-After"] == "1"
