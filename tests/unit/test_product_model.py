from dataclasses import replace
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


ENTRY = Entry(
    product_id=PRODUCT_ID,
    title="Enamel Mug",
    vendor="Tin Lane",
    tags=frozenset({"Kitchen"}),
    currencies=frozenset({"GBP"}),
    skus=("MUG-BLU", "PAN-1/2"),
    bytes=1,
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), True),
        (Filter(words="MEL m"), True),
        (Filter(words="cup"), False),
        (Filter(vendor="tin lane"), True),
        (Filter(vendor="tin"), False),
        (Filter(tag="kitchen"), True),
        (Filter(tag="kit"), False),
        (Filter(tag="KÍTCHEN "), True),
        (Filter(vendor="tín-lane"), True),
        (Filter(words="mug-blu"), True),
        (Filter(words="MUG BLU"), True),
        (Filter(words="pan-1/2"), True),
        (Filter(words="blupan"), False),
        (Filter(currency="GBP"), True),
        (Filter(currency="EUR"), False),
        (Filter(words="mug", vendor="Tin Lane", tag="kitchen", currency="EUR"), False),
    ],
)
def test_a_filter_passes_what_meets_all_its_conditions(wanted: Filter, found: bool) -> None:
    assert wanted.wants(ENTRY) is found


SAME = [
    (
        "Café Crème",
        "cafe creme",
        "CAFÉ CRÈME",
        "cafe\u0301 cre\u0300me",
        "cafecreme",
        "Café\u00a0 Crème",
    ),
    (
        "Men's T-Shirt",
        "mens t-shirt",
        "MEN\u2019S T SHIRT",
        "mens tshirt",
        "men\u02bcs t\u2011shirt",
    ),
    ("Straße", "strasse", "STRASSE", "stra\u00dfe"),
    ("Smørrebrød", "smorrebrod", "SMØRREBRØD"),
    ("Łódź", "lodz", "łódź"),
    ("Œuvre", "oeuvre"),
    ("Ærø", "aero"),
    ("Ψάρι", "ψαρι", "ΨΆΡΙ"),
    ("Ёлка", "елка", "ЁЛКА"),
    ("\uff2d\uff35\uff27", "mug"),
    ("日本茶", "日本茶"),
    ("ﬁne", "fine"),
    ("İstanbul", "istanbul"),
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[0])
def test_a_search_finds_a_title_in_whatever_way_it_is_written(spellings: tuple[str, ...]) -> None:
    for title in spellings:
        for words in spellings:
            entry = replace(ENTRY, title=f"Our {title}, new")
            assert Filter(words=words).wants(entry), (title, words)
    assert not Filter(words="cafe noir").wants(replace(ENTRY, title=spellings[0]))
