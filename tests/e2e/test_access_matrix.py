"""Who may do what, cell by cell: every published operation, called by everybody there is.

A row is an operation of the published document, a column somebody who calls it. Which cells
are allowed follows from whom the document says an operation is for, and from the table of
roles; each of the others must be refused as the document says, and change nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest

from cloud_in_memory import ROOT
from commerce.access import ACCESS, GRANTABLE_SCOPES, Role, access_to
from e2e.customers import SignedIn, signed_in
from e2e.receiver import receiving
from e2e.sales import Sale
from e2e.storefront import Storefront, new_key
from e2e.tokens import another_pools_token, expired_token, forged_token
from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]

# What the owner, another customer and a guest are called here.
OWNER, ANOTHER, GUEST, ANOTHER_GUEST = "its customer", "another customer", "its guest", "a guest"
STRANGERS = (
    "expired token of staff",
    "expired token of its customer",
    "forged token of staff",
    "forged token of its customer",
    "token of another pool",
)
KEY, WRONG_KEY = "API key with the scope", "API key without the scope"
COLUMNS = (OWNER, ANOTHER, GUEST, ANOTHER_GUEST, *Role, KEY, WRONG_KEY, *STRANGERS)

ALLOWED, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND = 200, 401, 403, 404
# No operation has it, so who may call an operation is told so and nothing else happens.
HARMLESS = {"no_such_parameter": "1"}
UNITS = [{"id": "line_1", "quantity": 1}]
# What would be done to somebody else's things if it were not refused.
BODIES: Mapping[str, Json] = {
    "POST /hooks/payments/{provider}": {
        "type": "payment.captured",
        "data": {"reference": "order_1"},
    },
    "PATCH /store/customers/me/addresses/{id}": {"postal_code": "N1"},
    "POST /store/customers/me/orders/{id}/cancel": {"line_items": UNITS},
    "POST /store/customers/me/orders/{id}/returns": {"reason": "damaged", "line_items": UNITS},
    "POST /store/orders/{id}/cancel": {"line_items": UNITS},
    "POST /store/returns": {"reason": "damaged", "line_items": UNITS},
}


@dataclass(frozen=True)
class Row:
    """One published operation; `audience` is the scheme that it is secured by, if any."""

    route: str
    audience: str
    responses: frozenset[str]

    def expected(self, column: str) -> int:
        """Tell how a call of somebody's must end."""
        if self.route.startswith("POST /hooks/"):
            return UNAUTHENTICATED  # for whoever has not the provider's secret to sign with
        if self.audience == "staff":
            return self._of_staff(column)
        if self.audience == "customer":
            if column == ANOTHER and "{" in self.route:
                return NOT_FOUND
            return ALLOWED if column in (OWNER, ANOTHER) else UNAUTHENTICATED
        if self.audience == "order_token":
            return ALLOWED if column == GUEST else NOT_FOUND
        return ALLOWED

    def _of_staff(self, column: str) -> int:
        access = access_to(self.route)
        if column in list(Role):
            return ALLOWED if access.admits(frozenset([column]), frozenset()) else FORBIDDEN
        if column == KEY:
            return ALLOWED if access.scope in GRANTABLE_SCOPES else FORBIDDEN
        return FORBIDDEN if column == WRONG_KEY else UNAUTHENTICATED


def _rows() -> list[Row]:
    document = json.loads((ROOT / "functions/site/openapi.json").read_text())
    return [
        Row(
            f"{method.upper()} {path}",
            "".join(name for each in operation.get("security", []) for name in each),
            frozenset(operation["responses"]),
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


ROWS = _rows()


@dataclass
class Town:
    """Things that belong to somebody, and everybody who might want them."""

    base_url: str
    owner: SignedIn
    tokens: Mapping[str, str]
    # API keys, each with all scopes but this one.
    keys: Mapping[str, str]
    order_tokens: Mapping[str, str]
    # The id that stands in a path, by the path up to it.
    things: Mapping[str, str]
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.base_url, timeout=60, trust_env=False)

    def call(self, row: Row, column: str) -> httpx.Response:
        """Call an operation as somebody: as it is where that is refused, else harmlessly."""
        method, _, path = row.route.partition(" ")
        body = None
        if method != "GET":
            body = {**BODIES.get(row.route, {})}
            if row.route == "POST /store/returns":
                body["order_id"] = self.things["/store/orders/"]
        safe = method == "GET" or row.expected(column) != ALLOWED
        headers = {"Idempotency-Key": new_key(), **self._credentials(row, column)}
        return self.client.request(
            method,
            re.sub(r"[^{]*\{\w+\}", partial(self._filled, path), path),
            json=body,
            params=None if safe else HARMLESS,
            headers=headers,
        )

    def _filled(self, path: str, found: re.Match[str]) -> str:
        template = path[: found.end()].rpartition("{")[0]
        return re.sub(r"\{\w+\}", self.things[template], found[0])

    def _credentials(self, row: Row, column: str) -> dict[str, str]:
        if column in self.order_tokens:
            return {"X-Order-Token": self.order_tokens[column]}
        token = self.tokens.get(column)
        if token is None:
            scope = access_to(row.route).scope
            token = self.keys[scope if column == WRONG_KEY and scope in self.keys else ""]
        return {"Authorization": f"Bearer {token}"}

    def snapshot(self) -> list[Any]:
        """Read all that the owner has, as the owner, and the guest's order as the guest."""
        orders = self.owner.ask("GET", "/orders")
        guests = self.client.get(
            f"/store/orders/{self.things['/store/orders/']}",
            headers={"X-Order-Token": self.order_tokens[GUEST]},
        ).json()
        parts = ("", "/addresses", "/returns", f"/orders/{orders['items'][0]['id']}")
        return [orders, guests, *(self.owner.ask("GET", part) for part in parts)]


@pytest.fixture(scope="module")
def town(storefront: Storefront, cloud: Cloud, deployed_shop: Workspace) -> Iterator[Town]:
    shop = storefront.shop
    owner, another = signed_in(shop, cloud), signed_in(shop, cloud)
    address = owner.ask(
        "POST",
        "/addresses",
        {"street_address": "1 Main St", "address_locality": "Leeds", "address_country": "GB"},
    )
    sale = Sale(storefront, 2, customer=owner)
    sale.arrive()
    returned = sale.send_back(1).json()["id"]
    guests, others = Sale(storefront, 2), Sale(storefront, 1)
    parcel = guests.allocated()
    cart = storefront.cart({guests.skus[0]: 1}, email=owner.email)
    owner.ask("POST", f"/carts/{cart['id']}/claim")
    product = shop.ask("GET", "/admin/products", query={"limit": 1})["items"][0]["id"]
    with receiving(shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["return.rejected"]}
        hook = shop.ask("POST", "/admin/webhook-endpoints", wanted)["id"]
    run = shop.ask("POST", "/admin/reconciliations", key=new_key())["id"]
    key = shop.ask("POST", "/admin/api-keys", {"name": "matrix", "type": "publishable"})["id"]
    entry = shop.ask("GET", "/admin/audit-entries", query={"limit": 1})["items"][0]["id"]
    things = {
        "/store/customers/me/addresses/": address["id"],
        "/store/customers/me/carts/": cart["id"],
        "/store/customers/me/orders/": sale.id,
        "/store/customers/me/returns/": returned,
        "/store/carts/": cart["id"],
        "/store/carts/{id}/line-items/": cart["line_items"][0]["id"],
        "/store/orders/": guests.id,
        "/store/products/": product,
        "/hooks/payments/": "sandbox",
        "/admin/products/": product,
        "/admin/stock/": guests.skus[0],
        "/admin/orders/": guests.id,
        "/admin/fulfillments/": parcel,
        "/admin/returns/": returned,
        "/admin/accounts/": "revenue",
        "/admin/reconciliations/": run,
        "/admin/webhook-endpoints/": hook,
        "/admin/webhook-endpoints/{id}/deliveries/": f"delivery_{'0' * 36}",
        "/admin/customers/": owner.id,
        "/admin/api-keys/": key,
        "/admin/audit-entries/": entry,
    }

    def scoped(name: str, scopes: list[str]) -> str:
        made = shop.ask("POST", "/admin/api-keys", {"name": name, "scopes": scopes})
        secret: str = made["secret"]
        return secret

    keys = {
        scope: scoped("matrix", [each for each in GRANTABLE_SCOPES if each != scope])
        for scope in ("", *GRANTABLE_SCOPES)
    }
    of_staff = {role.value: staff.token(deployed_shop, role) for role in Role}
    pools = cloud.stack_outputs()
    strangers = (
        expired_token(cloud, pools["UserPoolId"], pools["UserPoolClientId"]),
        expired_token(cloud, pools["CustomerPoolId"], pools["CustomerClientId"]),
        forged_token(of_staff[Role.PACKER], {"cognito:groups": [Role.OWNER]}),
        forged_token(another.access_token, {"sub": _subject(owner), "username": _subject(owner)}),
        another_pools_token(cloud),
    )
    yield Town(
        deployed_shop.base_url,
        owner,
        {
            OWNER: owner.access_token,
            ANOTHER: another.access_token,
            **of_staff,
            **dict(zip(STRANGERS, strangers, strict=True)),
        },
        keys,
        {GUEST: guests.order_token, ANOTHER_GUEST: others.order_token},
        things,
    )
    shop.call("DELETE", f"/admin/webhook-endpoints/{hook}")


def _subject(customer: SignedIn) -> str:
    digits = customer.id.partition("_")[2]
    return "-".join(digits[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


@pytest.mark.parametrize("column", COLUMNS)
def test_of_all_operations_somebody_may_call_only_what_is_theirs(town: Town, column: str) -> None:
    before = town.snapshot()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda row: town.call(row, column), ROWS))

    wrong = [
        (row.route, row.expected(column), answer.status_code, answer.text[:200])
        for row, answer in zip(ROWS, answers, strict=True)
        if _seen(row, column, answer) != row.expected(column)
    ]
    assert wrong == []
    undocumented = [
        (row.route, answer.status_code)
        for row, answer in zip(ROWS, answers, strict=True)
        if str(answer.status_code) not in row.responses
    ]
    assert undocumented == []
    if column not in (OWNER, KEY, *Role):
        told = {
            row.route
            for row, answer in zip(ROWS, answers, strict=True)
            # The cart's id is all it takes to read a cart.
            if town.owner.email in answer.text and not row.route.startswith("GET /store/carts/")
        }
        assert told == set()
    assert town.snapshot() == before


def _seen(row: Row, column: str, answer: httpx.Response) -> int:
    """Tell how a call ended; what was called harmlessly is allowed where that is all it is told."""
    if answer.status_code < 300:
        return ALLOWED
    harmless = row.expected(column) == ALLOWED and not row.route.startswith("GET ")
    if harmless and (answer.status_code, answer.json()["code"]) == (422, "invalid_request"):
        return ALLOWED
    return answer.status_code


def test_no_operation_is_outside_the_matrix() -> None:
    deployed = {row.route for row in ROWS}
    assert {route for route in deployed if " /admin/" in route} == set(ACCESS)
    for row in ROWS:
        path = row.route.partition(" ")[2]
        if path.startswith("/admin/"):
            assert row.audience == "staff", row.route
        elif re.match(r"/store/customers/me(/|$)", path):
            assert row.audience == "customer", row.route
        elif re.match(r"/store/(orders/|returns)", path):
            assert row.audience == "order_token", row.route
        else:
            assert row.audience == "", row.route
    assert {column for row in ROWS for column in COLUMNS if row.expected(column) == ALLOWED} == {
        *COLUMNS
    }
