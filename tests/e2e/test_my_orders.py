"""Whose an order is: who reads, cancels and returns it, before and after it is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import pytest

from e2e.customers import SignedIn, new_email, signed_in
from e2e.recovery import wait_until
from e2e.sales import code_of
from e2e.storefront import Storefront, at_once, new_key
from pushcart import mails
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]
NOT_THERE = (404, "not_found")
ONE = {"line_items": [{"id": "line_1", "quantity": 1}]}


@pytest.fixture(scope="module")
def ada(storefront: Storefront, cloud: Cloud) -> SignedIn:
    return signed_in(storefront.shop, cloud)


@pytest.fixture(scope="module")
def eve(storefront: Storefront, cloud: Cloud) -> SignedIn:
    return signed_in(storefront.shop, cloud)


def guests_order(storefront: Storefront, email: str | None = None, units: int = 2) -> Json:
    (sku,) = storefront.stocked(9)
    cart = storefront.cart({sku: units}, email=email or new_email())
    return placed(storefront, cart)


def customers_order(storefront: Storefront, customer: SignedIn, units: int = 2) -> Json:
    (sku,) = storefront.stocked(9)
    cart = storefront.cart({sku: units}, email=customer.email)
    customer.ask("POST", f"/carts/{cart['id']}/claim")
    return placed(storefront, cart)


def placed(storefront: Storefront, cart: Mapping[str, Any]) -> Json:
    """Complete a cart, and wait for the allocation of its order: then it can be changed."""
    answer = storefront.complete(cart)
    assert answer.status_code == 200, answer.text
    order: Json = answer.json()
    wait_until(lambda: bool(storefront.order(order["id"])["fulfillments"]), "the allocation")
    return {**order, "cart": cart["id"]}


def as_guest(
    storefront: Storefront, order: Mapping[str, Any], token: str | None
) -> list[httpx.Response]:
    """Read, cancel and return an order with a token."""
    headers = {"X-Order-Token": token or ""}
    path = f"/store/orders/{order['id']}"
    wish = {"order_id": order["id"], "reason": "damaged", **ONE}
    call = partial(storefront.shop.call, headers=headers)
    return [
        call("GET", path),
        call("POST", f"{path}/cancel", ONE, key=new_key()),
        call("POST", "/store/returns", wish, key=new_key()),
    ]


def as_customer(customer: SignedIn, order: Mapping[str, Any]) -> list[httpx.Response]:
    """Read, cancel and return an order as a customer."""
    path = f"/orders/{order['id']}"
    return [
        customer.call("GET", path),
        customer.call("POST", f"{path}/cancel", ONE, key=new_key()),
        customer.call("POST", f"{path}/returns", {"reason": "damaged", **ONE}, key=new_key()),
    ]


def untouched(storefront: Storefront, order: Mapping[str, Any]) -> bool:
    seen = storefront.order(order["id"])
    return (seen["cancellations"], seen["returns"], seen["status"]) == ([], [], "confirmed")


def test_a_guests_order_is_there_for_its_token_alone(storefront: Storefront, ada: SignedIn) -> None:
    order, other = guests_order(storefront), guests_order(storefront)
    nobodys = {"id": f"order_{'0' * 36}"}
    absent = storefront.shop.call("GET", f"/store/orders/{nobodys['id']}").json()

    for token in (None, "ordertoken_x", other["order_token"], order["id"], order["cart"]):
        answers = as_guest(storefront, order, token)
        assert [code_of(each) for each in answers] == [NOT_THERE] * 3, token
        assert answers[0].json()["detail"] == absent["detail"]
    assert [code_of(each) for each in as_customer(ada, order)] == [NOT_THERE] * 3
    assert untouched(storefront, order)

    read, canceled, returned = as_guest(storefront, order, order["order_token"])
    assert read.json()["line_items"][0]["quantity"] == 2
    assert canceled.status_code == 202
    assert code_of(returned) == (409, "too_many_units")  # nothing was sent yet


def test_the_token_comes_again_with_every_repeat_and_with_the_cart(storefront: Storefront) -> None:
    (sku,) = storefront.stocked(3)
    cart, key = storefront.cart({sku: 1}), new_key()

    answers = [storefront.complete(cart, key=key).json() for _ in range(2)]

    read = storefront.shop.ask("GET", f"/store/carts/{cart['id']}")
    assert len({each["order_token"] for each in (*answers, read)}) == 1
    assert answers[0]["order_token"].startswith("ordertoken_")


def test_an_answer_kept_for_a_guest_is_not_given_to_who_came_by_its_key(
    storefront: Storefront,
) -> None:
    order, key = guests_order(storefront), new_key()
    path = f"/store/orders/{order['id']}/cancel"
    assert storefront.shop.call("POST", path, ONE, key=key).status_code == 202

    stolen = storefront.shop.call("POST", path, ONE, key=key, headers={"X-Order-Token": "none"})

    assert code_of(stolen) == NOT_THERE


def test_a_customers_order_is_there_for_that_customer_alone(
    storefront: Storefront, ada: SignedIn, eve: SignedIn
) -> None:
    order = customers_order(storefront, ada)
    guests = guests_order(storefront)
    assert "order_token" not in order

    assert [code_of(each) for each in as_customer(eve, order)] == [NOT_THERE] * 3
    for token in (None, guests["order_token"]):
        answers = as_guest(storefront, order, token)
        assert [code_of(each) for each in answers] == [NOT_THERE] * 3
    unsigned = storefront.shop.call("GET", f"/store/customers/me/orders/{order['id']}")
    assert unsigned.status_code == 401
    assert untouched(storefront, order)

    read, canceled, _ = as_customer(ada, order)
    assert read.json()["id"] == order["id"]
    assert canceled.status_code == 202
    assert storefront.order(order["id"])["cancellations"][0]["by"] == "buyer"


def test_of_two_who_claim_one_cart_at_once_one_has_it(
    storefront: Storefront, ada: SignedIn, eve: SignedIn
) -> None:
    (sku,) = storefront.stocked(2)
    cart = storefront.cart({sku: 1})
    path = f"/carts/{cart['id']}/claim"

    answers = at_once(*[partial(each.call, "POST", path) for each in (ada, eve)])

    assert sorted(each.status_code for each in answers) == [200, 404]
    winner = (ada, eve)[[each.status_code for each in answers].index(200)]
    assert winner.call("POST", path).status_code == 200
    completed = storefront.complete(cart)
    where = completed.headers["location"]
    assert where == f"/store/customers/me/orders/{completed.json()['id']}"
    assert winner.call("GET", where).status_code == 200
    assert code_of(winner.call("POST", path)) == (409, "cart_completed")


def test_a_guests_orders_are_claimed_by_the_confirmed_address_alone_and_once(
    storefront: Storefront, cloud: Cloud, eve: SignedIn
) -> None:
    email = new_email("ada")
    orders = [guests_order(storefront, written) for written in (email, email.upper())]
    sent(storefront, orders[0])
    back = storefront.shop.ask(
        "POST", "/store/returns", {"order_id": orders[0]["id"], "reason": "damaged", **ONE}
    )
    ada = signed_in(storefront.shop, cloud, email)
    assert eve.ask("POST", "/orders/claim")["claimed"] == 0

    claimed = at_once(*[partial(ada.ask, "POST", "/orders/claim")] * 2)

    assert sum(each["claimed"] for each in claimed) == 2
    assert not any(each["more"] for each in claimed)
    assert ada.ask("POST", "/orders/claim") == {"claimed": 0, "more": False}
    for order in orders:
        refused = as_guest(storefront, order, order["order_token"])
        assert [code_of(each) for each in refused] == [NOT_THERE] * 3
        assert ada.ask("GET", f"/orders/{order['id']}")["id"] == order["id"]
    assert ada.ask("GET", f"/returns/{back['id']}")["order_id"] == orders[0]["id"]
    assert [each["id"] for each in ada.ask("GET", "/returns")["items"]] == [back["id"]]
    assert code_of(eve.call("GET", f"/returns/{back['id']}")) == NOT_THERE


def sent(storefront: Storefront, order: Mapping[str, Any]) -> None:
    """Send all of an order."""
    parcel = storefront.order(order["id"])["fulfillments"][0]["id"]
    for step, body in (("pack", None), ("ship", {}), ("deliver", None)):
        storefront.shop.ask("POST", f"/admin/fulfillments/{parcel}/{step}", body)


def test_my_orders_are_listed_newest_first_page_by_page_and_a_cursor_is_the_lists_own(
    storefront: Storefront, cloud: Cloud, eve: SignedIn
) -> None:
    ada = signed_in(storefront.shop, cloud)
    made = [customers_order(storefront, ada)["id"] for _ in range(3)]

    first = ada.ask("GET", "/orders", query={"limit": 2})
    rest = ada.ask("GET", "/orders", query={"limit": 2, "cursor": first["next_cursor"]})

    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next_cursor"] is None
    stolen = eve.call("GET", "/orders", query={"cursor": first["next_cursor"]})
    assert code_of(stolen) == (400, "invalid_cursor")


def test_the_token_is_mailed_and_is_in_no_event_and_no_view_of_staff(
    storefront: Storefront, deployed_shop: Workspace
) -> None:
    email = new_email()
    order = guests_order(storefront, email)
    token = order["order_token"]

    def told() -> list[Json]:
        return [each for each in mails.newest(deployed_shop) if email in str(each["To"])]

    wait_until(lambda: bool(told()), "the e-mail")
    (mail,) = told()
    assert token in mail["BodyText"]
    assert token in mail["BodyHtml"]

    about = {"aggregate_id": order["id"]}
    seen = [
        storefront.order(order["id"]),
        storefront.shop.ask("GET", "/admin/emails", query={"order_id": order["id"]}),
        storefront.shop.ask("GET", "/admin/events", query=about),
        storefront.shop.ask("GET", "/admin/orders", query={"limit": 100}),
    ]
    assert order["id"] in str(seen)
    for secret in (token, order["cart"]):
        assert secret not in str(seen)
