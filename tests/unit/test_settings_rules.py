from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import OrderNumbers, faults_of
from commerce.settings.schema import SettingsBody

Document = dict[str, Any]


def document() -> Document:
    return SettingsBody.of(DEFAULT_SETTINGS).model_dump()


def faults(change: Callable[[Document], object]) -> list[tuple[str, str]]:
    changed = document()
    change(changed)
    settings = SettingsBody.model_validate(changed).to_settings(1)
    return [(fault.path, fault.code) for fault in faults_of(settings)]


def test_the_built_in_settings_are_without_fault() -> None:
    assert faults_of(DEFAULT_SETTINGS) == []


def test_what_is_shown_can_be_sent_back_as_it_is() -> None:
    assert SettingsBody.model_validate(document()).to_settings(1) == DEFAULT_SETTINGS


def test_every_country_the_shop_delivers_to_by_name_has_tax_rates() -> None:
    named = {c for zone in DEFAULT_SETTINGS.zones for c in zone.countries} - {"*"}

    assert named == set(DEFAULT_SETTINGS.tax.rates)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda d: d["currencies"].append("GBP"),
            [("$.currencies[2]", "duplicate")],
        ),
        (
            lambda d: d.update(base_currency="USD"),
            [("$.base_currency", "unknown_currency")],
        ),
        (
            lambda d: d["tax"].update(origin="US"),
            [
                ("$.tax.origin", "missing"),
                *(
                    (f"$.fulfillment_zones[{z}].options[{o}].tax_class", "unknown_tax_class")
                    for z, o in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
                ),
            ],
        ),
        (
            lambda d: d["tax"]["rates"].update(UK={"standard": 2000}),
            [("$.tax.rates.UK", "unknown_country")],
        ),
        (
            lambda d: d["tax"]["rates"]["DE"].pop("standard"),
            [("$.tax.rates.DE", "missing")],
        ),
        (
            lambda d: d["fulfillment_zones"][1].update(id="gb"),
            [("$.fulfillment_zones[1].id", "duplicate")],
        ),
        (
            lambda d: d["fulfillment_zones"][2]["countries"].append("GB"),
            [("$.fulfillment_zones[2].countries[1]", "duplicate")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["countries"].append("*"),
            [("$.fulfillment_zones[2].countries[0]", "duplicate")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["countries"].append("UK"),
            [("$.fulfillment_zones[0].countries[1]", "unknown_country")],
        ),
        (
            lambda d: d["fulfillment_zones"][1]["options"][0].update(id="gb-standard"),
            [("$.fulfillment_zones[1].options[0].id", "duplicate")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["options"][1]["prices"].pop("EUR"),
            [("$.fulfillment_zones[0].options[1].prices.EUR", "missing")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["options"][0]["free_above"].update(USD=1),
            [("$.fulfillment_zones[0].options[0].free_above.USD", "unknown_currency")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["options"][0]["prices"].update(USD=1),
            [("$.fulfillment_zones[0].options[0].prices.USD", "unknown_currency")],
        ),
        (
            lambda d: d["fulfillment_zones"][0]["options"][0].update(tax_class="luxury"),
            [("$.fulfillment_zones[0].options[0].tax_class", "unknown_tax_class")],
        ),
        (
            lambda d: d["stock_locations"].append({"id": "main", "title": "Again"}),
            [("$.stock_locations[1].id", "duplicate")],
        ),
    ],
)
def test_what_would_break_pricing_is_named_by_its_path(
    change: Callable[[Document], object], expected: list[tuple[str, str]]
) -> None:
    assert faults(change) == expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("prices_include_tax",), "yes"),
        (("base_currency",), "pounds"),
        (("tax", "rates", "GB", "standard"), 20.5),
        (("tax", "rates", "GB", "standard"), 10_001),
        (("fulfillment_zones", 0, "options", 0, "prices", "GBP"), -1),
        (("fulfillment_zones", 0, "options", 0, "prices", "GBP"), "3.99"),
        (("stock_locations",), []),
    ],
)
def test_a_value_of_another_kind_is_refused(path: tuple[Any, ...], value: object) -> None:
    changed: Any = document()
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value

    with pytest.raises(ValidationError) as refused:
        SettingsBody.model_validate(changed)
    assert refused.value.errors()[0]["loc"] == path


@pytest.mark.parametrize("zone", ["Europe/London", "America/Argentina/Ushuaia", "UTC"])
def test_the_shop_has_a_time_zone_of_ianas(zone: str) -> None:
    body = SettingsBody.model_validate(document() | {"time_zone": zone})
    assert faults_of(body.to_settings(1)) == []
    assert SettingsBody.of(body.to_settings(1)).time_zone == zone


@pytest.mark.parametrize("zone", ["Europe/Londn", "GMT+25", "europe/london", "posixrules"])
def test_a_zone_that_is_none_is_refused_by_its_path(zone: str) -> None:
    body = SettingsBody.model_validate(document() | {"time_zone": zone})
    assert [(each.path, each.code) for each in faults_of(body.to_settings(1))] == [
        ("$.time_zone", "unknown_time_zone")
    ]


def test_settings_of_before_have_days_of_utc_and_plain_numbers() -> None:
    old = {
        name: value
        for name, value in document().items()
        if name not in ("time_zone", "order_numbers")
    }
    settings = SettingsBody.model_validate(old).to_settings(1)
    assert (settings.time_zone, settings.order_numbers) == ("UTC", OrderNumbers())


@pytest.mark.parametrize(
    "numbers", [{"prefix": "a"}, {"prefix": "1-2-"}, {"start": 0}, {"start": "7"}, {"digits": 4}]
)
def test_numbers_that_nobody_could_say_are_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SettingsBody.model_validate(document() | {"order_numbers": numbers})
