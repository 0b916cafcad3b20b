from dataclasses import replace

from commerce.pricing import Destination, PricedOption, fulfillment_options
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import FulfillmentOption, Zone


def options_to(country: str, subtotal: int = 1000, currency: str = "GBP") -> list[PricedOption]:
    return list(
        fulfillment_options(
            Destination(address_country=country), currency, subtotal, DEFAULT_SETTINGS
        )
    )


def ids(options: list[PricedOption]) -> list[str]:
    return [option.id for option in options]


def test_a_country_is_served_by_its_own_zone() -> None:
    assert ids(options_to("GB")) == ["gb-standard", "gb-express"]


def test_a_country_no_zone_names_is_served_by_the_rest_of_the_world() -> None:
    assert ids(options_to("AU")) == ["world-standard"]


def test_a_country_is_not_served_where_no_zone_takes_the_rest() -> None:
    settings = replace(DEFAULT_SETTINGS, zones=DEFAULT_SETTINGS.zones[:2])

    assert fulfillment_options(Destination(address_country="AU"), "GBP", 0, settings) == ()


def test_a_zone_that_names_the_country_wins_over_the_rest_of_the_world_wherever_it_stands() -> None:
    settings = replace(DEFAULT_SETTINGS, zones=DEFAULT_SETTINGS.zones[::-1])

    options = fulfillment_options(Destination(address_country="GB"), "GBP", 0, settings)

    assert options[0].id == "gb-standard"


def test_without_a_country_nothing_can_be_offered() -> None:
    assert fulfillment_options(None, "GBP", 0, DEFAULT_SETTINGS) == ()
    assert fulfillment_options(Destination(postal_code="N1"), "GBP", 0, DEFAULT_SETTINGS) == ()


def test_goods_at_the_threshold_are_delivered_free() -> None:
    assert options_to("GB", subtotal=5000)[0].amount == 0


def test_goods_a_penny_below_the_threshold_are_not() -> None:
    assert options_to("GB", subtotal=4999)[0].amount == 399


def test_the_threshold_and_the_price_are_those_of_the_carts_currency() -> None:
    assert options_to("GB", subtotal=5000, currency="EUR")[0].amount == 499
    assert options_to("GB", subtotal=6000, currency="EUR")[0].amount == 0


def test_an_option_without_a_price_in_the_currency_is_not_offered() -> None:
    assert options_to("GB", currency="SEK") == []


def test_delivery_is_taxed_at_the_destinations_rate() -> None:
    assert options_to("GB")[0].tax == 67  # 20 % within 3.99
    assert options_to("AU")[0].tax == 0


def test_options_come_cheapest_first_and_equals_as_staff_put_them() -> None:
    zone = Zone("gb", "GB", ("GB",), tuple(option(i, p) for i, p in [("c", 9), ("b", 5), ("a", 5)]))
    settings = replace(DEFAULT_SETTINGS, zones=(zone,))

    found = fulfillment_options(Destination(address_country="GB"), "GBP", 0, settings)

    assert ids(list(found)) == ["b", "a", "c"]


def option(option_id: str, price: int) -> FulfillmentOption:
    return FulfillmentOption(option_id, option_id, {"GBP": price}, {}, "standard")
