"""People with accounts, on the deployed shop."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.customers import PASSWORD, SignedIn, mailed_codes, new_email, signed_in
from e2e.storefront import Storefront
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


@pytest.fixture(scope="module")
def shop(storefront: Storefront) -> Shop:
    """Give the deployed shop."""
    return storefront.shop


def ask(shop: Shop, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = shop.call("POST", f"/store/customers{path}", body)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_somebody_registers_confirms_and_signs_in(shop: Shop, deployed_shop: Workspace) -> None:
    email = new_email("Ada")
    ask(shop, "", {"email": email, "password": PASSWORD, "first_name": "Ada"}, 202)
    (code,) = mailed_codes(deployed_shop, email.lower())
    ask(shop, "/confirm", {"email": email, "code": code})
    session = ask(shop, "/sessions", {"email": email.upper(), "password": PASSWORD})

    me = shop.call(
        "GET",
        "/store/customers/me",
        headers={"Authorization": f"Bearer {session['access_token']}"},
    )

    assert session["expires_in"] == 900
    assert me.status_code == 200, me.text
    known = me.json()
    assert (known["email"], known["first_name"]) == (email.lower(), "Ada")
    assert known["status"] == "active"
    assert me.headers["ETag"] == f'"{known["version"]}"'


@pytest.fixture(scope="module")
def ada(shop: Shop, cloud: Cloud) -> SignedIn:
    """Give a customer who is signed in."""
    return signed_in(shop, cloud)


def test_a_record_that_was_not_written_is_made_by_the_first_read(ada: SignedIn) -> None:
    me = ada.ask("GET", "")

    assert (me["id"], me["email"], me["status"]) == (ada.id, ada.email, "active")
