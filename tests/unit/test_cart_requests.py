from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from commerce.carts.model import Buyer, Cart, NewLine, open_cart
from commerce.carts.schema import AddLines, ChangeLine, CreateCart, PatchCart
from commerce.pricing import Destination

EMPTY = open_cart("cart_1", "GBP", datetime(2030, 1, 1, tzinfo=UTC))
LONDON = {
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "N1 1AA",
    "address_country": "GB",
}


def patched(cart: Cart, body: dict[str, Any]) -> Cart:
    return PatchCart.model_validate(body).applied_to(cart)


def refused_paths(model: type[Any], body: dict[str, Any]) -> list[tuple[int | str, ...]]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return [error["loc"] for error in refused.value.errors()]


def test_a_patch_leaves_what_it_does_not_name() -> None:
    cart = patched(EMPTY, {"buyer": {"email": "ada@example.com", "first_name": "Ada"}})

    cart = patched(cart, {"buyer": {"last_name": "Lovelace"}})

    assert cart.buyer == Buyer("ada@example.com", "Ada", "Lovelace")


def test_a_patch_clears_what_it_sets_to_null() -> None:
    cart = patched(EMPTY, {"buyer": {"email": "ada@example.com", "first_name": "Ada"}})

    assert patched(cart, {"buyer": {"first_name": None}}).buyer == Buyer("ada@example.com")
    assert patched(cart, {"buyer": None}).buyer == Buyer()


def test_one_field_of_the_address_can_change_alone() -> None:
    cart = patched(EMPTY, {"fulfillment": {"destination": LONDON}})

    cart = patched(cart, {"fulfillment": {"destination": {"postal_code": "N2 2BB"}}})

    assert cart.destination == Destination("1 High Street", "London", None, "N2 2BB", "GB")


def test_a_buyer_may_be_called() -> None:
    buyer = patched(EMPTY, {"buyer": {"phone_number": " +44 20 7946 0000"}}).buyer
    assert buyer == Buyer(phone_number="+44 20 7946 0000")
    assert patched(EMPTY, {"buyer": {"phone_number": ""}}).buyer == Buyer()
    assert refused_paths(PatchCart, {"buyer": {"phone_number": "call me"}}) == [
        ("buyer", "phone_number")
    ]


@pytest.mark.parametrize("tag", ["de", "en", "de-AT", "zh-Hant-TW"])
def test_a_buyer_names_a_language_as_browsers_do(tag: str) -> None:
    assert patched(EMPTY, {"buyer": {"language": tag}}).buyer.language == tag


@pytest.mark.parametrize("tag", ["german", "d", "de_AT", "de-", "de\nBcc: x", "de-" + "a" * 40])
def test_what_is_no_language_is_refused(tag: str) -> None:
    assert refused_paths(PatchCart, {"buyer": {"language": tag}}) == [("buyer", "language")]


def test_a_null_destination_takes_the_address_away_and_keeps_the_buyer() -> None:
    body = {"buyer": {"email": "ada@example.com"}, "fulfillment": {"destination": LONDON}}

    cart = patched(patched(EMPTY, body), {"fulfillment": {"destination": None}})

    assert cart.destination is None
    assert cart.buyer.email == "ada@example.com"


def test_a_null_fulfillment_clears_destination_and_option() -> None:
    chosen = {"fulfillment": {"destination": LONDON, "option_id": "gb-express"}}

    cart = patched(patched(EMPTY, chosen), {"fulfillment": None})

    assert (cart.destination, cart.option_id) == (None, None)


def test_an_option_chosen_with_a_move_is_kept() -> None:
    cart = patched(EMPTY, {"fulfillment": {"destination": LONDON}})

    cart = patched(
        cart,
        {"fulfillment": {"destination": {"address_country": "DE"}, "option_id": "eu-express"}},
    )

    assert cart.option_id == "eu-express"


def test_an_empty_patch_changes_nothing() -> None:
    assert patched(EMPTY, {}) == EMPTY


def test_text_is_trimmed_and_blank_text_is_no_value() -> None:
    cart = patched(EMPTY, {"buyer": {"email": " ada@example.com ", "first_name": "  "}})

    assert cart.buyer == Buyer("ada@example.com")


@pytest.mark.parametrize(
    "email",
    ["ada@example.com", "a.d+x@mail.example.co.uk", "o'neil@example.org", "ü@exämple.de"],
)
def test_an_email_address_is_taken_as_it_is_written(email: str) -> None:
    assert patched(EMPTY, {"buyer": {"email": email}}).buyer.email == email


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        "ada@example..com",
        ".ada@example.com",
        "ada..l@example.com",
        "ada@127.0.0.1",
        "ada@example.com\nbcc:x@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 260 + ".com",
    ],
)
def test_what_is_no_email_address_is_refused(email: str) -> None:
    assert refused_paths(PatchCart, {"buyer": {"email": email}}) == [("buyer", "email")]


@pytest.mark.parametrize("country", ["UK", "gb", "GBR", "ZZ"])
def test_a_country_that_is_not_iso_alpha_2_is_refused(country: str) -> None:
    body = {"fulfillment": {"destination": {"address_country": country}}}

    assert refused_paths(PatchCart, body) == [("fulfillment", "destination", "address_country")]


def test_a_field_the_shop_does_not_know_is_refused() -> None:
    assert refused_paths(PatchCart, {"buyer": {"phone": "1"}}) == [("buyer", "phone")]
    assert refused_paths(CreateCart, {"total": 1}) == [("total",)]


@pytest.mark.parametrize("quantity", [0, -1, 1_000_000, 1.5, "2", True, None])
def test_a_quantity_is_a_whole_number_from_1_to_999_999(quantity: object) -> None:
    body = {"line_items": [{"sku": "MUG", "quantity": quantity}]}

    assert refused_paths(CreateCart, body) == [("line_items", 0, "quantity")]


def test_only_a_change_of_a_line_may_say_zero() -> None:
    assert ChangeLine.model_validate({"quantity": 0}).quantity == 0
    assert refused_paths(ChangeLine, {"quantity": -1}) == [("quantity",)]


def test_lines_come_one_by_one_or_many_at_once() -> None:
    one = AddLines.model_validate({"sku": "MUG", "quantity": 2})
    many = AddLines.model_validate({"line_items": [{"sku": "MUG", "quantity": 2}, {"sku": "PEN"}]})

    assert one.new_lines() == [NewLine("MUG", 2)]
    assert many.new_lines() == [NewLine("MUG", 2), NewLine("PEN", 1)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"quantity": 2},
        {"sku": "MUG", "line_items": [{"sku": "PEN"}]},
        {"quantity": 2, "line_items": [{"sku": "PEN"}]},
    ],
)
def test_lines_in_both_forms_or_none_are_refused(body: dict[str, Any]) -> None:
    assert refused_paths(AddLines, body) == [()]


def test_one_request_adds_at_most_250_lines() -> None:
    lines = [{"sku": f"SKU-{n}"} for n in range(251)]

    assert refused_paths(AddLines, {"line_items": lines}) == [("line_items",)]
    assert len(AddLines.model_validate({"line_items": lines[:250]}).new_lines()) == 250


def test_a_new_cart_takes_at_most_2000_lines() -> None:
    lines = [{"sku": f"SKU-{n}"} for n in range(2001)]

    assert refused_paths(CreateCart, {"line_items": lines}) == [("line_items",)]
    assert len(CreateCart.model_validate({"line_items": lines[:2000]}).line_items) == 2000
