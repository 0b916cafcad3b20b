from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.carts.model import (
    LINES_MAX,
    QUANTITY_MAX,
    Buyer,
    Cart,
    NewLine,
    add_lines,
    change_line,
    choose_destination,
    missing_for_checkout,
    open_cart,
    remove_line,
    touched,
)
from commerce.errors import CartTooLarge, NotFound
from commerce.pricing import Destination

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LONDON = Destination("1 High Street", "London", None, "N1 1AA", "GB")


def cart_of(*lines: tuple[str, int]) -> Cart:
    empty = open_cart("cart_1", "GBP", NOW)
    return add_lines(empty, [NewLine(sku, quantity) for sku, quantity in lines])


def content(cart: Cart) -> list[tuple[str, str, int]]:
    return [(line.line_id, line.sku, line.quantity) for line in cart.lines]


def missing(cart: Cart, *, requires_shipping: bool = True) -> list[str]:
    return [field.path for field in missing_for_checkout(cart, requires_shipping=requires_shipping)]


def test_lines_are_numbered_as_they_come() -> None:
    assert content(cart_of(("MUG", 2), ("PEN", 1))) == [("line_1", "MUG", 2), ("line_2", "PEN", 1)]


def test_a_sku_that_is_in_the_cart_gets_more_units_on_its_line() -> None:
    cart = add_lines(cart_of(("MUG", 2), ("PEN", 1)), [NewLine("MUG", 3)])

    assert content(cart) == [("line_1", "MUG", 5), ("line_2", "PEN", 1)]


def test_a_sku_that_comes_twice_in_one_request_is_one_line() -> None:
    assert content(cart_of(("MUG", 2), ("MUG", 1))) == [("line_1", "MUG", 3)]


def test_the_id_of_a_removed_line_never_comes_back() -> None:
    cart = remove_line(cart_of(("MUG", 1), ("PEN", 1)), "line_2")

    assert content(add_lines(cart, [NewLine("CUP", 1)])) == [
        ("line_1", "MUG", 1),
        ("line_3", "CUP", 1),
    ]


def test_changing_a_line_sets_its_quantity_and_no_other() -> None:
    cart = change_line(cart_of(("MUG", 2), ("PEN", 1)), "line_1", 7)

    assert content(cart) == [("line_1", "MUG", 7), ("line_2", "PEN", 1)]


def test_a_quantity_of_zero_removes_the_line() -> None:
    assert content(change_line(cart_of(("MUG", 2), ("PEN", 1)), "line_1", 0)) == [
        ("line_2", "PEN", 1)
    ]


def test_a_line_the_cart_does_not_have_is_not_found() -> None:
    with pytest.raises(NotFound):
        change_line(cart_of(("MUG", 2)), "line_9", 1)
    with pytest.raises(NotFound):
        remove_line(cart_of(("MUG", 2)), "line_9")


def test_a_cart_takes_two_thousand_lines_and_not_one_more() -> None:
    full = cart_of(*((f"SKU-{n}", 1) for n in range(LINES_MAX)))

    assert len(full.lines) == 2000
    with pytest.raises(CartTooLarge):
        add_lines(full, [NewLine("ONE-MORE", 1)])


def test_a_full_cart_still_takes_more_units() -> None:
    full = cart_of(*((f"SKU-{n}", 1) for n in range(LINES_MAX)))

    assert add_lines(full, [NewLine("SKU-7", 1)]).lines[7].quantity == 2


def test_a_line_takes_999_999_units_and_not_one_more() -> None:
    full = cart_of(("MUG", QUANTITY_MAX))

    with pytest.raises(CartTooLarge) as refused:
        add_lines(full, [NewLine("MUG", 1)])
    assert refused.value.details["sku"] == "MUG"
    with pytest.raises(CartTooLarge):
        change_line(full, "line_1", QUANTITY_MAX + 1)


def test_a_change_raises_the_version_and_keeps_the_cart_for_thirty_more_days() -> None:
    later = NOW + timedelta(days=10)

    cart = touched(cart_of(("MUG", 1)), later)

    assert cart.version == 2
    assert cart.created_at == "2030-01-01T00:00:00.000Z"
    assert cart.updated_at == "2030-01-11T00:00:00.000Z"
    assert cart.expires_at == int((later + timedelta(days=30)).timestamp())


def test_moving_to_another_country_drops_the_chosen_option() -> None:
    cart = replace(cart_of(("MUG", 1)), destination=LONDON, option_id="gb-express")

    moved = choose_destination(cart, replace(LONDON, address_country="DE"))

    assert moved.option_id is None


def test_moving_within_a_country_keeps_the_chosen_option() -> None:
    cart = replace(cart_of(("MUG", 1)), destination=LONDON, option_id="gb-express")

    moved = choose_destination(cart, replace(LONDON, address_locality="Leeds"))

    assert moved.option_id == "gb-express"


def test_an_option_chosen_before_the_first_destination_is_kept() -> None:
    cart = replace(cart_of(("MUG", 1)), option_id="gb-express")

    assert choose_destination(cart, LONDON).option_id == "gb-express"


def test_an_address_without_any_field_is_no_destination() -> None:
    cart = replace(cart_of(("MUG", 1)), destination=LONDON)

    assert choose_destination(cart, Destination()).destination is None


def test_a_checkout_needs_goods_an_email_and_a_destination() -> None:
    assert missing(cart_of()) == ["$.line_items", "$.buyer.email", "$.fulfillment.destination"]


def test_a_checkout_needs_an_address_a_parcel_can_be_sent_to() -> None:
    cart = replace(
        cart_of(("MUG", 1)),
        buyer=Buyer("ada@example.com"),
        destination=Destination(address_country="GB"),
    )

    assert missing(cart) == [
        "$.fulfillment.destination.street_address",
        "$.fulfillment.destination.address_locality",
        "$.fulfillment.destination.postal_code",
    ]


def test_a_country_without_postal_codes_needs_none() -> None:
    dubai = Destination("Street 1", "Dubai", None, None, "AE")
    cart = replace(cart_of(("MUG", 1)), buyer=Buyer("ada@example.com"), destination=dubai)

    assert missing(cart) == []


def test_goods_that_are_not_shipped_need_no_address() -> None:
    cart = replace(cart_of(("PDF", 1)), buyer=Buyer("ada@example.com"))

    assert missing(cart, requires_shipping=False) == []


STEPS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 5)),
    max_size=30,
)


@given(STEPS)
def test_whatever_is_done_each_sku_has_one_line_and_each_line_its_own_id(
    steps: list[tuple[str, int]],
) -> None:
    cart = cart_of()
    wanted: dict[str, int] = {}
    ids_seen: dict[str, str] = {}
    for sku, quantity in steps:
        line_id = next((line.line_id for line in cart.lines if line.sku == sku), None)
        if quantity == 0 and line_id:
            cart = remove_line(cart, line_id)
            del wanted[sku]
        elif quantity:
            cart = add_lines(cart, [NewLine(sku, quantity)])
            wanted[sku] = wanted.get(sku, 0) + quantity
        for line in cart.lines:
            assert ids_seen.setdefault(line.line_id, line.sku) == line.sku

    assert {line.sku: line.quantity for line in cart.lines} == wanted
    assert len(cart.lines) == len(wanted)
