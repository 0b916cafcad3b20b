"""What the functions wrote while all these tests ran; it is collected last, see conftest.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from commerce.entry.task import WORKED_ON
from e2e.customers import PASSWORD, SignedIn, signed_in
from e2e.storefront import BUYER, DESTINATION, Storefront, new_key
from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = [pytest.mark.xdist_group("deployed_shop"), pytest.mark.afterwards]

# Planted by a test of its own, so that they are in the run however few tests are chosen.
CANARY = {"email": "canary.bird@example.org", "first_name": "Kanarienvogel", "last_name": "Piep"}
STREET = "7 Coal Mine Lane"
WRONG_PASSWORD = "a canary's wrong password"
CODE = "720163"


def _lines(cloud: Cloud) -> Iterator[str]:
    """Give every line of every function's log."""
    groups = cloud.logs.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in groups for group in page["logGroups"]]
    for name in names:
        streams = cloud.logs.get_paginator("describe_log_streams").paginate(logGroupName=name)
        for stream in (one["logStreamName"] for page in streams for one in page["logStreams"]):
            yield from _written(cloud, name, stream)


def _written(cloud: Cloud, group: str, stream: str) -> Iterator[str]:
    """Give every line of a stream, however many."""
    read = partial(cloud.logs.get_log_events, logGroupName=group, logStreamName=stream)
    page = read(startFromHead=True)
    while page["events"]:
        yield from (event["message"] for event in page["events"])
        page = read(startFromHead=True, nextToken=page["nextForwardToken"])


@pytest.fixture(scope="module")
def account(storefront: Storefront, cloud: Cloud) -> SignedIn:
    """Give an account that was refused a password and a code, and let in."""
    customer = signed_in(storefront.shop, cloud)
    said = {"email": customer.email, "password": PASSWORD}
    for path, body in (
        ("", said),
        ("/sessions", said),
        ("/sessions", {**said, "password": WRONG_PASSWORD}),
        ("/confirm", {"email": customer.email, "code": CODE}),
        ("/sessions/refresh", {"refresh_token": customer.refresh_token}),
    ):
        storefront.shop.call("POST", f"/store/customers{path}", body)
    customer.ask("POST", "/addresses", {**DESTINATION, "street_address": STREET})
    return customer


@pytest.fixture(scope="module")
def api_key(storefront: Storefront, deployed_shop: Workspace) -> str:
    """Give the secret of a key that opened something, was misspelt, and was revoked."""
    wanted = {"name": "Canary", "scopes": ["stock:read"]}
    made = storefront.shop.ask("POST", "/admin/api-keys", wanted, key=new_key())
    secret: str = made["secret"]
    url = f"{deployed_shop.base_url}/admin/stock/canary"
    answers = [
        httpx.get(url, headers={"Authorization": text}, timeout=40, trust_env=False)
        for text in (f"Bearer {secret}", f"Bearer {secret[:-1]}", f"Basic {secret}")
    ]
    assert [each.status_code for each in answers] == [404, 401, 401]
    storefront.shop.ask("DELETE", f"/admin/api-keys/{made['id']}")
    return secret


@pytest.fixture(scope="module")
def logged(
    storefront: Storefront,
    cloud: Cloud,
    account: SignedIn,  # noqa: ARG001 - it is logged
    api_key: str,  # noqa: ARG001 - and so is this
) -> list[str]:
    """Buy once, be declined once and be refused once as the canary, and read all logs."""
    (sku,) = storefront.stocked(5)
    street = {**DESTINATION, "street_address": STREET}
    for token in ("tok_visa", "tok_declined"):
        cart = storefront.cart({sku: 1}, **CANARY)
        path = f"/store/carts/{cart['id']}"
        storefront.shop.ask("PATCH", path, {"fulfillment": {"destination": street}})
        storefront.complete(storefront.shop.ask("GET", path), token)
        refused = {"buyer": CANARY, "card": CANARY["email"]}
        assert storefront.shop.call("PATCH", path, refused).status_code == 422
    return list(_lines(cloud))


def test_no_log_has_a_buyers_data_a_token_or_a_password(
    logged: list[str],
    account: SignedIn,
    api_key: str,
    staff_token: str,
    deployed_shop: Workspace,
) -> None:
    secrets = {
        api_key.rpartition("_")[2][:-1],
        *(account.email, account.access_token, account.refresh_token),
        *(PASSWORD, WRONG_PASSWORD, CODE),
        *(CANARY["email"], CANARY["first_name"], STREET),
        # An order's token, and the cart's id that it can be told from.
        *("ordertoken_", "cart_0"),
        *(BUYER["email"], DESTINATION["street_address"]),
        *("tok_visa", "tok_declined", "a-Long-passw0rd!", staff.password(deployed_shop)),
        *(staff_token, staff_token.rpartition(".")[2]),
        *("Authorization", "whsec_"),
    }
    text = "\n".join(logged)
    assert {secret for secret in secrets if secret in text} == set()


def test_a_line_of_an_operation_names_its_request_and_of_a_step_its_order(
    logged: list[str],
) -> None:
    told = [_fields(line) for line in logged if line.startswith('{"level"')]
    refusals = [each for each in told if each.get("message") == "refused"]
    assert refusals
    assert not [each for each in refusals if not each["request_id"] or not each["route"]]
    # What is not understood may be about nothing.
    steps = [
        each
        for each in told
        if each.get("message") == "task refused" and each["code"] != "invalid_request"
    ]
    assert steps
    named = {*WORKED_ON, "about"}
    assert [each["detail"] for each in steps if not each.keys() & named] == []


def _fields(line: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(line)
    return fields
