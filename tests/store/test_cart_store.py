from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from builders import CART_ID, table
from commerce.carts.model import LINES_MAX, Buyer, Cart, NewLine, add_lines, open_cart, touched
from commerce.carts.store import CartStore
from commerce.dynamo.table import Item, Key, Table
from commerce.errors import CartChanged, NotFound
from commerce.pricing import Destination

pytestmark = pytest.mark.usefixtures("tables")

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SKU_START = "S" * 58


def store() -> CartStore:
    return CartStore(table("carts"))


def full_cart() -> Cart:
    cart = add_lines(open_cart(CART_ID, "GBP", NOW), [NewLine("MUG", 2), NewLine("PEN", 1)])
    return replace(
        cart,
        buyer=Buyer("ada@example.com", "Ada", None),
        destination=Destination("1 High Street", "London", None, "N1 1AA", "GB"),
        option_id="gb-express",
    )


def test_a_cart_is_read_as_it_was_kept() -> None:
    store().open(full_cart())

    assert store().read(CART_ID, NOW) == full_cart()


def test_an_empty_cart_is_read_as_it_was_kept() -> None:
    empty = open_cart(CART_ID, "GBP", NOW)
    store().open(empty)

    assert store().read(CART_ID, NOW) == empty


class UnreadableTable(Table):
    """A table that must not be asked."""

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        raise AssertionError((key, consistent))


def test_a_cart_nobody_opened_is_not_found() -> None:
    with pytest.raises(NotFound):
        store().read(CART_ID, NOW)


@pytest.mark.parametrize("cart_id", ["", "cart_", "order_1", "cart_" + "0" * 5000])
def test_what_is_no_cart_id_is_not_found_without_asking_the_database(cart_id: str) -> None:
    with pytest.raises(NotFound):
        CartStore(UnreadableTable("carts")).read(cart_id, NOW)


def test_a_cart_is_gone_when_it_expires_even_before_the_database_removes_it() -> None:
    store().open(full_cart())

    assert store().read(CART_ID, NOW + timedelta(days=30, seconds=-1)) == full_cart()
    with pytest.raises(NotFound):
        store().read(CART_ID, NOW + timedelta(days=30))


def test_a_second_cart_under_the_same_id_is_refused() -> None:
    store().open(full_cart())

    with pytest.raises(CartChanged):
        store().open(open_cart(CART_ID, "EUR", NOW))
    assert store().read(CART_ID, NOW).currency == "GBP"


def test_a_changed_cart_replaces_the_one_it_is_based_on() -> None:
    store().open(full_cart())
    changed = touched(replace(full_cart(), destination=None, option_id=None), NOW)

    store().change(changed, expected_version=1)

    assert store().read(CART_ID, NOW) == changed


def test_a_change_based_on_an_older_cart_is_refused() -> None:
    store().open(full_cart())
    first = touched(add_lines(full_cart(), [NewLine("CUP", 1)]), NOW)
    store().change(first, expected_version=1)

    with pytest.raises(CartChanged):
        store().change(touched(full_cart(), NOW), expected_version=1)
    assert store().read(CART_ID, NOW) == first


def test_a_change_cannot_bring_back_a_cart_that_is_gone() -> None:
    with pytest.raises(CartChanged):
        store().change(touched(full_cart(), NOW), expected_version=1)
    with pytest.raises(NotFound):
        store().read(CART_ID, NOW)


def test_the_largest_cart_fits_one_item() -> None:
    lines = [NewLine(f"{SKU_START}{n:06d}", 999_999) for n in range(LINES_MAX)]
    largest = add_lines(full_cart(), lines[2:])

    store().open(largest)

    assert store().read(CART_ID, NOW) == largest
