"""What every caller meets at the API's edge: sign-in, versions and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME, Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

ADMIN = [
    ("GET", "/admin/products"),
    ("POST", "/admin/products"),
    ("GET", "/admin/products/prod_x"),
    ("PATCH", "/admin/products/prod_x"),
    ("DELETE", "/admin/products/prod_x"),
    ("POST", "/admin/imports"),
    ("POST", "/admin/imports/uploads"),
    ("GET", "/admin/stock/SKU"),
    ("POST", "/admin/stock/SKU/adjustments"),
    ("POST", "/admin/stock-counts"),
    ("POST", "/admin/stock-transfers"),
    ("GET", "/admin/orders"),
    ("GET", "/admin/orders/order_x"),
    ("GET", "/admin/settings"),
    ("PUT", "/admin/settings"),
]


def _send(
    workspace: Workspace, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    return httpx.request(
        method,
        f"{workspace.base_url}{path}",
        json=body if body is not None or method == "GET" else {},
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        timeout=40,
        trust_env=False,
    )


@pytest.fixture(scope="module")
def outsiders_token(cloud: Cloud) -> str:
    """Sign in somebody who is in the user pool and has no role."""
    outputs = cloud.stack_outputs()
    pool, user, password = outputs["UserPoolId"], "guest@example.com", "a-Long-passw0rd!"
    cloud.cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
    cloud.cognito.admin_set_user_password(
        UserPoolId=pool, Username=user, Password=password, Permanent=True
    )
    signed_in = cloud.cognito.initiate_auth(
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )
    return signed_in["AuthenticationResult"]["AccessToken"]


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_no_admin_route_answers_without_a_token(
    deployed_shop: Workspace, method: str, path: str
) -> None:
    assert _send(deployed_shop, method, path).status_code == 401


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_no_admin_route_answers_a_user_without_a_role(
    deployed_shop: Workspace, outsiders_token: str, method: str, path: str
) -> None:
    answer = _send(deployed_shop, method, path, Authorization=outsiders_token)

    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


def test_a_token_that_was_altered_is_refused(deployed_shop: Workspace, staff_token: str) -> None:
    head, claims, signature = staff_token.split(".")
    other = "A" if signature[10] != "A" else "B"
    altered = f"{head}.{claims}.{signature[:10]}{other}{signature[11:]}"

    assert _send(deployed_shop, "GET", "/admin/orders", Authorization=altered).status_code == 401


def _product(storefront: Storefront) -> dict[str, Any]:
    name = new_key()[:8]
    variant = {"sku": f"ETAG-{name}", "prices": {"GBP": 1000}}
    return storefront.shop.ask(
        "POST", "/admin/products", {"title": f"Product {name}", "variants": [variant]}
    )


def test_an_update_needs_the_version_it_was_made_from(
    deployed_shop: Workspace, storefront: Storefront, staff_token: str
) -> None:
    path = f"/admin/products/{_product(storefront)['id']}"

    def update(title: str, **headers: str) -> httpx.Response:
        return _send(
            deployed_shop, "PATCH", path, {"title": title}, Authorization=staff_token, **headers
        )

    read = _send(deployed_shop, "GET", path, Authorization=staff_token)
    first = update("Mine", If_Match=read.headers["etag"])
    late = update("Theirs", If_Match=read.headers["etag"])
    blind = update("Anybody's")

    assert first.status_code == 200
    assert first.headers["etag"] != read.headers["etag"]
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    assert (blind.status_code, blind.json()["code"]) == (428, "precondition_required")
    assert storefront.shop.ask("GET", path)["title"] == "Mine"


def test_a_cart_is_opened_once_per_key(deployed_shop: Workspace, storefront: Storefront) -> None:
    (sku,) = storefront.stocked(5)
    key = new_key()

    def open_cart(quantity: int) -> httpx.Response:
        body = {"currency": "GBP", "line_items": [{"sku": sku, "quantity": quantity}]}
        return _send(deployed_shop, "POST", "/store/carts", body, Idempotency_Key=key)

    first, again, other = open_cart(1), open_cart(1), open_cart(2)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


LONG, ODD = "a" * 3000, "%00%F0%9F%9B%92%2E%2E"


@pytest.mark.parametrize("nonsense", [LONG, ODD, "order_1", "%20"])
def test_an_id_that_cannot_be_is_not_found(storefront: Storefront, nonsense: str) -> None:
    for path in (
        "/store/products/{}",
        "/store/carts/{}",
        "/store/carts/{}/fulfillment-options",
        "/store/orders/{}",
        "/admin/products/{}",
        "/admin/orders/{}",
        "/admin/stock/{}",
    ):
        answer = storefront.shop.call("GET", path.format(nonsense))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    checkout = {"payment": {"provider": "sandbox", "token": "tok_visa"}}
    answer = storefront.shop.call("POST", f"/store/carts/{nonsense}/complete", checkout, key="k")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@contextmanager
def _no_room(cloud: Cloud, logical_id: str) -> Iterator[None]:
    """Have Lambda throttle each call of a function, as where the account has no room left."""
    resource = cloud.cloudformation.describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId=logical_id
    )
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    cloud.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        cloud.functions.delete_function_concurrency(FunctionName=name)


@pytest.mark.parametrize(
    ("function", "path", "code"),
    [
        ("ListCategoriesFunction", "/store/categories", "unavailable"),
        ("AuthorizeFunction", "/admin/settings", "sign_in_unavailable"),
    ],
)
def test_what_lambda_has_no_room_for_is_told_when_to_come_back(
    deployed_shop: Workspace, cloud: Cloud, staff_token: str, function: str, path: str, code: str
) -> None:
    with _no_room(cloud, function):
        answer = _send(deployed_shop, "GET", path, Authorization=staff_token)

    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"
    assert _send(deployed_shop, "GET", path, Authorization=staff_token).status_code == 200
