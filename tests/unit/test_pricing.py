from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from commerce.catalog.model import Variant
from commerce.pricing import Destination, LineRequest, PricedCart, price
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import ShopSettings

GB = Destination(address_country="GB")
TAX_ON_TOP = replace(DEFAULT_SETTINGS, prices_include_tax=False)


def variant(
    sku: str = "MUG",
    pence: int = 1000,
    tax_class: str = "standard",
    shipped: bool = True,
    status: str = "active",
) -> Variant:
    return Variant(
        sku=sku,
        product_id=f"prod_{sku}",
        title=sku.title(),
        variant_title="Blue",
        prices={"GBP": pence},
        tax_class=tax_class,
        weight_grams=300,
        requires_shipping=shipped,
        status=status,
        version=1,
    )


def priced(
    *goods: tuple[Variant, int],
    destination: Destination | None = GB,
    option_id: str | None = None,
    currency: str = "GBP",
    settings: ShopSettings = DEFAULT_SETTINGS,
) -> PricedCart:
    lines = [LineRequest(f"line_{n}", v.sku, units) for n, (v, units) in enumerate(goods, 1)]
    return price(
        lines,
        {v.sku: v for v, _ in goods},
        currency,
        destination=destination,
        option_id=option_id,
        settings=settings,
    )


def bill(cart: PricedCart) -> list[tuple[str, int]]:
    return [(total.type, total.amount) for total in cart.totals]


def codes(cart: PricedCart) -> list[tuple[str, str, str]]:
    return [(message.type, message.code, message.path) for message in cart.messages]


def test_a_price_with_tax_shows_tax_and_does_not_add_it() -> None:
    cart = priced((variant(pence=1200), 2))

    assert bill(cart) == [
        ("subtotal", 2400),
        ("fulfillment", 399),
        ("tax", 400 + 67),
        ("total", 2799),
    ]


def test_a_price_without_tax_has_it_added() -> None:
    cart = priced((variant(pence=1000), 2), settings=TAX_ON_TOP)

    assert bill(cart) == [
        ("subtotal", 2000),
        ("fulfillment", 399),
        ("tax", 400 + 80),
        ("total", 2879),
    ]


def test_a_price_with_tax_stays_the_same_abroad_and_only_its_tax_part_differs() -> None:
    goods = (variant(pence=11900), 1)

    home, germany, export = (
        priced(goods, destination=Destination(address_country=country)).lines[0]
        for country in ("GB", "DE", "US")
    )

    assert {home.total, germany.total, export.total} == {11900}
    assert (home.tax, germany.tax, export.tax) == (1983, 1900, 0)


def test_tax_is_rounded_once_a_line() -> None:
    # 0.5 p of tax each: three units on one line are 1.5 p, on three lines 3 x 0.5 p.
    one_line = priced((variant("A", pence=3), 3))
    three_lines = priced(*((variant(sku, pence=3), 1) for sku in "ABC"))

    assert sum(line.tax for line in one_line.lines) == 2
    assert sum(line.tax for line in three_lines.lines) == 3


def test_each_line_is_taxed_by_its_own_class() -> None:
    cart = priced((variant("MUG", 1200), 1), (variant("BOOK", 1000, "zero"), 1))

    assert [line.tax for line in cart.lines] == [200, 0]


def test_the_cheapest_option_is_chosen_for_the_buyer() -> None:
    cart = priced((variant(), 1))

    assert cart.fulfillment_option == cart.options[0]
    assert cart.options[0].id == "gb-standard"


def test_the_buyers_choice_of_option_is_charged() -> None:
    assert priced((variant(), 1), option_id="gb-express").amount("fulfillment") == 699


def test_an_option_that_does_not_serve_the_destination_is_never_replaced_silently() -> None:
    cart = priced((variant(), 1), option_id="eu-standard")

    assert cart.fulfillment_option is None
    assert codes(cart) == [("error", "fulfillment_option_unavailable", "$.fulfillment.option_id")]


def test_free_delivery_stands_on_the_bill_as_zero() -> None:
    assert ("fulfillment", 0) in bill(priced((variant(pence=2500), 2)))


def test_without_a_destination_the_buyer_is_told_and_the_own_countrys_tax_stands_in() -> None:
    cart = priced((variant(pence=1200), 1), destination=None)

    assert bill(cart) == [("subtotal", 1200), ("tax", 200), ("total", 1200)]
    assert codes(cart) == [("info", "destination_missing", "$.fulfillment.destination")]


def test_a_destination_nobody_delivers_to_is_an_error() -> None:
    home_only = replace(DEFAULT_SETTINGS, zones=DEFAULT_SETTINGS.zones[:1])

    cart = priced((variant(), 1), destination=Destination(address_country="US"), settings=home_only)

    path = "$.fulfillment.destination.address_country"
    assert codes(cart) == [("error", "destination_not_served", path)]


def test_goods_that_are_not_shipped_need_no_destination_and_no_delivery() -> None:
    cart = priced((variant(shipped=False), 1), destination=None)

    assert not cart.requires_shipping
    assert cart.messages == ()
    assert cart.options == ()
    assert cart.total == 1000


def test_one_shipped_line_makes_delivery_necessary() -> None:
    cart = priced((variant("PDF", shipped=False), 1), (variant("MUG"), 1))

    assert cart.amount("fulfillment") == 399


def test_what_cannot_be_bought_is_not_charged_and_named() -> None:
    archived = variant("OLD", status="archived")
    abroad = replace(variant("EURO"), prices={"EUR": 5})

    cart = priced((archived, 1), (variant("MUG"), 1), (abroad, 1))

    assert [line.sku for line in cart.lines] == ["MUG"]
    assert codes(cart) == [
        ("error", "unknown_sku", "$.line_items[0].sku"),
        ("error", "price_missing", "$.line_items[2].sku"),
    ]


def test_a_sku_nobody_has_cannot_be_bought() -> None:
    cart = price(
        [LineRequest("line_1", "GONE", 1)],
        {},
        "GBP",
        destination=None,
        option_id=None,
        settings=DEFAULT_SETTINGS,
    )

    assert codes(cart) == [("error", "unknown_sku", "$.line_items[0].sku")]


def test_an_empty_cart_costs_nothing() -> None:
    assert bill(priced()) == [("subtotal", 0), ("tax", 0), ("total", 0)]


GOODS = st.lists(
    st.tuples(
        st.integers(0, 10**7), st.integers(1, 999_999), st.sampled_from(["standard", "zero"])
    ),
    max_size=8,
).map(
    lambda rows: [
        (variant(f"SKU-{n}", pence, tax_class), units)
        for n, (pence, units, tax_class) in enumerate(rows)
    ]
)
COUNTRIES = st.sampled_from([None, "GB", "DE", "US"])
SETTINGS = st.sampled_from([DEFAULT_SETTINGS, TAX_ON_TOP])


@given(GOODS, COUNTRIES, SETTINGS)
def test_the_bill_adds_up(
    goods: list[tuple[Variant, int]], country: str | None, settings: ShopSettings
) -> None:
    cart = priced(*goods, destination=Destination(address_country=country), settings=settings)

    on_top = 0 if settings.prices_include_tax else cart.amount("tax")
    assert cart.total == cart.amount("subtotal") + cart.amount("fulfillment") + on_top
    assert cart.amount("subtotal") == sum(v.prices["GBP"] * units for v, units in goods)
    assert cart.amount("subtotal") == sum(line.subtotal for line in cart.lines)
    option_tax = cart.fulfillment_option.tax if cart.fulfillment_option else 0
    assert cart.amount("tax") == sum(line.tax for line in cart.lines) + option_tax
    assert all(0 <= line.tax <= line.total for line in cart.lines)


@given(st.integers(0, 10**7), st.integers(1, 999_998), COUNTRIES, SETTINGS)
def test_one_unit_more_never_costs_less(
    pence: int, units: int, country: str | None, settings: ShopSettings
) -> None:
    def line_total(quantity: int) -> int:
        destination = Destination(address_country=country)
        cart = priced((variant(pence=pence), quantity), destination=destination, settings=settings)
        return cart.lines[0].total

    assert line_total(units + 1) >= line_total(units)
