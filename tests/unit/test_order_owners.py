from dataclasses import replace

import pytest

from builders import CART_ID, details, order
from commerce.ids import is_id
from commerce.orders.model import order_id_for
from commerce.orders.owners import (
    guest_owner,
    of_customer,
    order_token_for,
    order_token_of,
    owner_of,
    with_token,
)
from commerce.orders.record import OrderRecord

CUSTOMER, OTHER = "customer_" + "a" * 32, "customer_" + "b" * 32
GUESTS = OrderRecord(order(), details())
CUSTOMERS = OrderRecord(order(), replace(details(), customer_id=CUSTOMER))
TOKEN = order_token_for(CART_ID, 1)


def test_the_token_cannot_be_told_from_the_orders_id() -> None:
    assert is_id(TOKEN, "ordertoken")
    assert TOKEN.rpartition("_")[2] != order_id_for(CART_ID, 1).rpartition("_")[2]


@pytest.mark.parametrize("token", ["", "é", TOKEN[:-1], TOKEN.upper(), order_token_for(CART_ID, 2)])
def test_a_guests_order_is_there_for_its_own_token_alone(token: str) -> None:
    assert with_token(TOKEN)(GUESTS)
    assert not with_token(token)(GUESTS)
    assert not of_customer(CUSTOMER)(GUESTS)


def test_a_customers_order_is_there_for_the_customer_and_for_no_token() -> None:
    assert of_customer(CUSTOMER)(CUSTOMERS)
    assert not of_customer(OTHER)(CUSTOMERS)
    assert order_token_of(CUSTOMERS) is None
    assert not with_token(TOKEN)(CUSTOMERS)


def test_an_order_is_listed_under_its_customer_or_under_the_guests_address() -> None:
    assert owner_of(CUSTOMERS.details) == CUSTOMER
    assert owner_of(GUESTS.details) == guest_owner(" Ada@EXAMPLE.com ")
    assert guest_owner("ada@example.com") != guest_owner("ada@example.org")
    assert "ada" not in owner_of(GUESTS.details)


# Pairs that fold together somewhere, and are two mailboxes: of two people.
TWO_PEOPLE = [
    ("kunde@faß.example", "kunde@fass.example"),
    ("kunde@FAẞ.example", "kunde@fass.example"),
    ("anna@πόλις.example", "anna@πόλισ.example"),
    ("ß@mail.example", "ss@mail.example"),
    ("νίκος@mail.example", "νίκοσ@mail.example"),
    ("\u212aevin@mail.example", "kevin@mail.example"),
    ("\u0131da@mail.example", "ida@mail.example"),
    ("\u0130da@mail.example", "ida@mail.example"),
    ("\u017fam@mail.example", "sam@mail.example"),
    ("ÄRA@mail.example", "ära@mail.example"),
    ("\uff41da@mail.example", "ada@mail.example"),
    ("ada\uff20home@mail.example", "ada@home@mail.example"),
    ("anna@b\u0131g.example", "anna@big.example"),
    ("o.neill@mail.example", "oneill@mail.example"),
    ("ada+shop@mail.example", "ada@mail.example"),
    ("ada@ab--cd.example", "ada@abcd.example"),
]
# Ways to write one mailbox.
ONE_PERSON = [
    ("Ada@EXAMPLE.com", " ada@example.com "),
    ("kunde@FAß.example", "kunde@xn--fa-hia.example"),
    ("kunde@fa\u00df.example", "KUNDE@XN--FA-HIA.EXAMPLE"),
    ("anna@b\u00fccher.example", "anna@BU\u0308CHER.example"),
    ("zo\u00eb@mail.example", "zoe\u0308@MAIL.example"),
]


@pytest.mark.parametrize(("one", "other"), TWO_PEOPLE)
def test_orders_of_two_mailboxes_are_nobody_elses(one: str, other: str) -> None:
    assert guest_owner(one) != guest_owner(other)


@pytest.mark.parametrize(("one", "other"), ONE_PERSON)
def test_orders_of_one_mailbox_are_listed_together_however_it_is_written(
    one: str, other: str
) -> None:
    assert guest_owner(one) == guest_owner(other)


def test_orders_of_ascii_addresses_stay_listed_where_they_were() -> None:
    assert guest_owner("Ada@Example.com") == "guest#b5fc85e55755f9e0d030a10ab4429b6b"
