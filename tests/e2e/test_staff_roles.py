"""Every /admin route of the published document, called by every role of staff."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from cloud_in_memory import ROOT
from commerce.access import Role, access_to
from e2e.recovery import wait_until
from e2e.sales import Sale, policies
from e2e.storefront import Storefront, new_key
from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

PUBLISHED = json.loads((ROOT / "functions/site/openapi.json").read_text())["paths"]
ADMIN = [
    f"{method.upper()} {path}"
    for path, item in PUBLISHED.items()
    for method in item
    if path.startswith("/admin/")
]
NONE: frozenset[str] = frozenset()
PASSWORD = "a-Long-passw0rd!"

Ask = Callable[[str, str], httpx.Response]


@pytest.fixture(scope="module")
def tokens(deployed_shop: Workspace) -> Mapping[Role, str]:
    """Sign in one of each role."""
    return {role: staff.token(deployed_shop, role) for role in Role}


@pytest.fixture(scope="module")
def ask(deployed_shop: Workspace) -> Ask:
    """Give what sends a request that would change nothing, whoever may send it."""
    client = httpx.Client(base_url=deployed_shop.base_url, timeout=40, trust_env=False)

    def send(route: str, token: str) -> httpx.Response:
        method, _, path = route.partition(" ")
        # An id that no thing has, and a body of no published shape.
        path = re.sub(r"\{\w+\}", "nobody", path)
        body = None if method == "GET" else {"no such field": 1}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.request(method, path, json=body, headers=headers)

    return send


@pytest.mark.parametrize("role", Role)
def test_a_role_may_call_the_routes_of_its_row_and_no_others(
    ask: Ask, tokens: Mapping[Role, str], role: Role
) -> None:
    answers = {route: ask(route, tokens[role]) for route in ADMIN}
    refused = {route for route, answer in answers.items() if answer.status_code in (401, 403)}

    assert refused == {
        route for route in ADMIN if not access_to(route).admits(frozenset([role]), NONE)
    }
    for route in refused:
        problem = answers[route].json()
        assert (problem["status"], problem["code"]) == (403, "forbidden"), route
        assert access_to(route).roles[0] in problem["detail"]
    assert {answer.status_code for answer in answers.values()} <= {200, 403, 404, 422, 428}


def test_support_gives_back_a_limited_amount_of_one_order_and_a_manager_the_rest(
    storefront: Storefront, deployed_shop: Workspace, tokens: Mapping[Role, str]
) -> None:
    sale = Sale(storefront, 2)
    sale.arrive()
    wish = sale.send_back(1).json()["id"]
    sale.decide(wish, "approve")
    sale.decide(wish, "receive", {"restock": sale.lines(1)})

    def refund(role: Role, path: str, amount: int) -> httpx.Response:
        return httpx.post(
            f"{deployed_shop.base_url}/admin/{path}/refund",
            json={"amount": amount, **({} if path.startswith("returns") else {"reason": "late"})},
            headers={"Authorization": tokens[role], "Idempotency-Key": new_key()},
            timeout=40,
            trust_env=False,
        )

    order, returned = f"orders/{sale.id}", f"returns/{wish}"
    with policies(storefront.shop, support_refund_limit={"GBP": 500}):
        assert refund(Role.SUPPORT, order, 300).status_code == 200
        for path in (order, returned):
            refused = refund(Role.SUPPORT, path, 201)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            assert refused.json()["limit"] == 500
        assert refund(Role.SUPPORT, returned, 200).status_code == 202
        assert refund(Role.SUPPORT, order, 1).status_code == 403
        assert refund(Role.MANAGER, order, 100).status_code == 200
    sale.wait(lambda _: sale.money().refunded == 600, "the refunds")


def test_a_token_of_another_pool_opens_nothing(cloud: Cloud, ask: Ask) -> None:
    """Its owner is an `owner` there, and Cognito knows the token."""
    cognito = cloud.cognito
    pool = cognito.create_user_pool(PoolName="another shop")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="x", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.create_group(UserPoolId=pool, GroupName=Role.OWNER)
    try:
        token = _signed_in(cloud, pool, client, "mallory", Role.OWNER)["AccessToken"]
        for route in ADMIN:
            assert ask(route, token).status_code == 401, route
    finally:
        cognito.delete_user_pool(UserPoolId=pool)


def test_an_id_token_opens_nothing(cloud: Cloud, ask: Ask) -> None:
    signed_in = _of_ours(cloud, Role.OWNER)
    assert ask("GET /admin/orders", signed_in["AccessToken"]).status_code == 200
    assert ask("GET /admin/orders", signed_in["IdToken"]).status_code == 401
    assert ask("GET /admin/orders", signed_in["RefreshToken"]).status_code == 401


def test_who_signs_out_everywhere_is_out_at_once(cloud: Cloud, ask: Ask) -> None:
    token = _of_ours(cloud, Role.AUDITOR)["AccessToken"]
    assert ask("GET /admin/orders", token).status_code == 200
    cloud.cognito.global_sign_out(AccessToken=token)
    assert ask("GET /admin/orders", token).status_code == 401


def test_who_is_disabled_or_deleted_is_out_at_once(cloud: Cloud, ask: Ask) -> None:
    pool, name = cloud.stack_outputs()["UserPoolId"], f"{new_key()}@example.com"
    token = _of_ours(cloud, Role.AUDITOR, name)["AccessToken"]
    for change in (cloud.cognito.admin_disable_user, cloud.cognito.admin_delete_user):
        change(UserPoolId=pool, Username=name)
        answer = ask("GET /admin/orders", token)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_that_has_run_out_opens_nothing(cloud: Cloud, ask: Ask) -> None:
    _let_tokens_last(cloud, 4, "seconds")
    try:
        token = _of_ours(cloud, Role.OWNER)["AccessToken"]
    finally:
        _let_tokens_last(cloud, 1, "hours")
    assert ask("GET /admin/orders", token).status_code == 200
    wait_until(lambda: ask("GET /admin/orders", token).status_code == 401, "the token to run out")


def _let_tokens_last(cloud: Cloud, count: int, unit: Any) -> None:
    outputs = cloud.stack_outputs()
    pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
    made = cloud.cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)
    cloud.cognito.update_user_pool_client(
        UserPoolId=pool,
        ClientId=client,
        ExplicitAuthFlows=made["UserPoolClient"]["ExplicitAuthFlows"],
        PreventUserExistenceErrors="ENABLED",
        AccessTokenValidity=count,
        TokenValidityUnits={"AccessToken": unit},
    )


def _of_ours(cloud: Cloud, role: Role, name: str = "") -> dict[str, Any]:
    outputs = cloud.stack_outputs()
    pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
    return _signed_in(cloud, pool, client, name or f"{new_key()}@example.com", role)


def _signed_in(cloud: Cloud, pool: str, client: str, name: str, role: Role) -> dict[str, Any]:
    cognito: Any = cloud.cognito
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=role.value)
    signed_in: dict[str, Any] = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return signed_in
