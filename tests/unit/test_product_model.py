from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW
from catalog_builders import PRODUCT_ID, product, variant
from commerce.catalog.items import product_item, sku_item, to_product
from commerce.catalog.model import (
    HANDLE_CHARS_MAX,
    Entry,
    Filter,
    Option,
    derived_handle,
    distinct_handle,
    slug,
)

LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Café Mug, 2 l", "cafe-mug-2-l"),
        ("  --A--B ", "a-b"),
        ("Weiße Straße", "weisse-strasse"),
        ("Łódź, Smørrebrød", "lodz-smorrebrod"),
        ("日本茶", "ribencha"),
        ("чай", "chay"),
        ("!?", ""),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_slug_has_only_small_letters_digits_and_single_hyphens(text: str, written: str) -> None:
    assert slug(text) == written


@given(st.text(max_size=300))
def test_a_slug_of_a_slug_is_itself_and_short_enough(text: str) -> None:
    assert slug(slug(text)) == slug(text)
    assert len(slug(text)) <= HANDLE_CHARS_MAX


def test_a_title_without_letters_still_gets_a_handle() -> None:
    assert derived_handle("!?", PRODUCT_ID) == "product-yz0123"


def test_a_distinct_handle_keeps_within_the_limit() -> None:
    assert distinct_handle("a" * 120, PRODUCT_ID) == "a" * 113 + "-yz0123"


def test_changing_nothing_keeps_the_version_and_the_time() -> None:
    mug = product()
    assert mug.changed(LATER, title=mug.title) is mug


def test_a_change_raises_the_version_by_one_and_moves_the_time() -> None:
    changed = product().changed(LATER, title="Tin Mug")
    assert (changed.title, changed.version, changed.updated_at) == ("Tin Mug", 2, LATER)
    assert changed.created_at == NOW


def test_options_list_each_value_once_in_order_of_appearance() -> None:
    sizes = ("L", "S", "L")
    variants = [variant(str(n), option_values={"Size": size}) for n, size in enumerate(sizes)]
    assert product(variants=tuple(variants)).options == (Option("Size", ("L", "S")),)


def test_a_currency_hides_other_prices_and_variants_without_it() -> None:
    mug = product(variants=(variant("BOTH"), variant("POUNDS", prices={"GBP": 900})))
    shown = mug.with_prices_in("EUR")
    assert [(each.sku, each.prices) for each in shown.variants] == [("BOTH", {"EUR": 1100})]


def test_a_product_is_read_from_its_item_as_it_was_written() -> None:
    mug = product("B", "A", unsettled=("A",))
    assert to_product(product_item(mug)) == mug


def test_the_item_read_for_each_cart_line_is_under_1_kb() -> None:
    long = product(title="T" * 120, variants=(variant("S" * 64, title="V" * 120),))
    assert len(str(sku_item(long, long.variants[0])).encode()) < 1024


ENTRY = Entry(PRODUCT_ID, "Enamel Mug", "Tin Lane", frozenset({"Kitchen"}), frozenset({"GBP"}), 1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), True),
        (Filter(title_contains="MEL m"), True),
        (Filter(title_contains="cup"), False),
        (Filter(vendor="tin lane"), True),
        (Filter(vendor="tin"), False),
        (Filter(tag="kitchen"), True),
        (Filter(tag="kit"), False),
        (Filter(currency="GBP"), True),
        (Filter(currency="EUR"), False),
        (Filter(title_contains="mug", vendor="Tin Lane", tag="kitchen", currency="EUR"), False),
    ],
)
def test_a_filter_passes_what_meets_all_its_conditions(wanted: Filter, found: bool) -> None:
    assert wanted.wants(ENTRY) is found
