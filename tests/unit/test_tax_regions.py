"""Tax by country, region and postal code: cases worked by hand, and what the settings take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from commerce.orders.erasure import without_buyer
from commerce.pricing import Destination
from commerce.pricing.tax import tax_of
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import TaxRegion, TaxRules, faults_of
from commerce.settings.schema import SettingsBody, TaxBody
from unit.test_order_owners import GUESTS
from unit.test_pricing import priced, variant

# A shop in the United States, with nexus in three states and the city of New York's own rate, and
# one in Canada. Rates are sums: 4 + 4.5 + 0.375 % in New York City, GST and PST in Manitoba.
AMERICA = TaxBody.model_validate(
    {
        "origin": "US",
        "rates": {"US": {"standard": 0}, "CA": {"standard": 500}},
        "regions": [
            {"country": "US", "region": "US-NY", "rates": {"standard": 400, "clothing": 0}},
            {
                "country": "US",
                "region": "NY",
                "postal_prefixes": ["100", "101", "102", "103", "104", "11201"],
                "rates": {"standard": "8.875", "clothing": 0},
            },
            {"country": "US", "region": "CA", "rates": {"standard": "7.25"}},
            {"country": "US", "postal_prefixes": ["94103"], "rates": {"standard": "8.625"}},
            {"country": "US", "postal_prefixes": ["941"], "rates": {"standard": "8.5"}},
            {"country": "US", "region": "TX", "rates": {"standard": 625}},
            {"country": "CA", "region": "ON", "rates": {"standard": 1300}},
            {"country": "CA", "region": "BC", "rates": {"standard": 1200}},
            {"country": "CA", "region": "QC", "rates": {"standard": "14.975"}},
            {"country": "CA", "region": "NS", "rates": {"standard": 1400}},
            {"country": "CA", "region": "SK", "rates": {"standard": 1100}},
            {"country": "CA", "region": "MB", "rates": {"standard": 1200}},
            {"country": "CA", "postal_prefixes": ["H3Z 2"], "rates": {"standard": "15.5"}},
        ],
    }
).to_rules()

# Country, region, postal code, class; the rate in percent, and the tax added to 100.00 in cents.
WORKED = [
    ("US", "NY", "10001", "standard", "8.875", 888),  # 8.875 is half way: up
    ("US", "New York", "10001-1234", "standard", "8.875", 888),
    ("US", "new york", "12207", "standard", "4", 400),  # Albany, the state's alone
    ("US", None, "11201", "standard", "8.875", 888),  # Brooklyn, by its postal code
    ("US", None, "11202", "standard", "4", 400),  # the prefix is longer than this one's
    ("US", "NY", "10001", "clothing", "0", 0),
    ("US", "NY", "10001", "luxury", "8.875", 888),  # a class the region does not name
    ("US", "California", "90001", "standard", "7.25", 725),
    ("US", "CA", "94103", "standard", "8.625", 863),  # the longest prefix
    ("US", "CA", "94110", "standard", "8.5", 850),
    ("US", "CA", None, "standard", "7.25", 725),
    ("US", "TX", "75001", "standard", "6.25", 625),
    ("US", "Oregon", "97201", "standard", "0", 0),  # no rule: the country's
    ("US", None, None, "standard", "0", 0),
    ("US", "US-TX", None, "standard", "6.25", 625),
    ("CA", "Ontario", "K1A 0B1", "standard", "13", 1300),
    ("CA", "ON", None, "standard", "13", 1300),
    ("CA", "British Columbia", "V8X 3X4", "standard", "12", 1200),
    ("CA", None, "v8x3x4", "standard", "12", 1200),
    ("CA", "Qu\u00e9bec", "G1A 1A1", "standard", "14.975", 1498),
    ("CA", "quebec", "H3Z 2Y7", "standard", "15.5", 1550),
    ("CA", "Nova Scotia", None, "standard", "14", 1400),
    ("CA", "Alberta", "T0L 1K0", "standard", "5", 500),
    ("CA", "Manitoba", None, "standard", "12", 1200),
    ("CA", "SK", None, "standard", "11", 1100),
    ("CA", "Yukon", None, "standard", "5", 500),
    ("GB", None, "N1 1AA", "standard", "0", 0),  # an export
    ("IM", None, "IM1 1AA", "standard", "0", 0),  # of a country that is one itself
]

# The built-in settings: what belongs to a VAT and what does not.
EUROPE = [
    ("GB", None, "SW1Y 4JH", "standard", "20", 2000),
    ("GB", "Northern Ireland", "BT1 1AA", "standard", "20", 2000),
    ("IM", None, "IM1 1AA", "standard", "20", 2000),
    ("IM", None, "IM1 1AA", "reduced", "5", 500),
    ("GB", None, "IM1 1AA", "standard", "20", 2000),
    ("JE", None, "JE2 3AB", "standard", "0", 0),
    ("GG", None, "GY1 1AA", "standard", "0", 0),
    ("GB", None, "je23ab", "standard", "0", 0),
    ("GB", None, "GY1 1AA", "standard", "0", 0),
    ("GI", None, "GX11 1AA", "standard", "0", 0),
    ("FR", None, "75001", "standard", "20", 2000),
    ("FR", "Corse", "20000", "standard", "20", 2000),
    ("MC", None, "98000", "standard", "20", 2000),
    ("FR", None, "98000", "standard", "20", 2000),
    ("MC", None, "98000", "reduced", "5.5", 550),
    ("FR", None, "97100", "standard", "0", 0),
    ("RE", None, "97400", "standard", "0", 0),
    ("ES", None, "28039", "standard", "21", 2100),
    ("ES", None, "07001", "standard", "21", 2100),
    ("ES", "Las Palmas", "35001", "standard", "0", 0),
    ("ES", None, "38001", "standard", "0", 0),
    ("ES", "Ceuta", "51001", "standard", "0", 0),
    ("ES", "Melilla", "52001", "reduced", "0", 0),
    ("IT", None, "00144", "standard", "22", 2200),
    ("IT", "SO", "23041", "standard", "0", 0),
    ("IT", "Como", "22061", "standard", "0", 0),
    ("IT", "Como", "22100", "standard", "22", 2200),
    ("SM", None, "47890", "standard", "0", 0),
    ("VA", None, "00120", "standard", "0", 0),
    ("DE", None, "10115", "standard", "19", 1900),
    ("DE", None, "D-27498", "standard", "0", 0),
    ("DE", "BW", "78266", "standard", "0", 0),
    ("DE", None, "78267", "standard", "19", 1900),
    ("FI", None, "00550", "standard", "25.5", 2550),
    ("FI", None, "22100", "standard", "0", 0),
    ("AX", None, "22100", "standard", "0", 0),
    ("AT", None, "1010", "standard", "20", 2000),
    ("AT", None, "6691", "standard", "19", 1900),
    ("PT", None, "1000-205", "standard", "23", 2300),
    ("PT", None, "9000-001", "standard", "22", 2200),
    ("PT", None, "9500123", "standard", "16", 1600),
    ("GR", None, "63086", "standard", "0", 0),
    ("LV", None, "1010", "standard", "21", 2100),
    ("XK", None, "10000", "standard", "0", 0),
    ("CH", None, "8001", "standard", "0", 0),
]


@pytest.mark.parametrize(
    ("rules", "country", "region", "code", "tax_class", "percent", "cents"),
    [
        *((AMERICA, *case) for case in WORKED),
        *((DEFAULT_SETTINGS.tax, *case) for case in EUROPE),
    ],
)
def test_a_case_worked_by_hand(
    rules: TaxRules,
    country: str,
    region: str | None,
    code: str | None,
    tax_class: str,
    percent: str,
    cents: int,
) -> None:
    rate = rules.rate(country, tax_class, region, code)
    assert Decimal(rate) / 100 == Decimal(percent)
    assert tax_of(100_00, rate, included=False).tax == cents
    # The cart's lines and its delivery are taxed alike.
    settings = replace(
        DEFAULT_SETTINGS,
        prices_include_tax=False,
        tax=rules,
        zones=(replace(DEFAULT_SETTINGS.zones[2], countries=("*",)),),
    )
    goods = variant(pence=100_00, tax_class=tax_class)
    place = Destination(address_region=region, postal_code=code, address_country=country)
    cart = priced((goods, 1), destination=place, settings=settings)
    delivery = rules.rate(country, "standard", region, code)
    assert cart.lines[0].tax == cents
    assert cart.amount("tax") == cents + tax_of(14_99, delivery, included=False).tax


@given(
    st.integers(0, 10**10),
    st.decimals(0, 100, places=6, allow_nan=False, allow_infinity=False),
    st.booleans(),
)
def test_tax_at_any_rate_is_rounded_once_and_half_up(
    amount: int, percent: Decimal, included: bool
) -> None:
    body = TaxBody.model_validate({"origin": "US", "rates": {"US": {"standard": f"{percent:f}"}}})
    tax = tax_of(amount, body.to_rules().rate("US", "standard"), included=included).tax
    exact = amount * percent / ((100 + percent) if included else 100)
    assert tax == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


# --- what the settings take -------------------------------------------------------


def test_rules_that_are_read_can_be_sent_back_as_they_are() -> None:
    settings = replace(DEFAULT_SETTINGS, tax=AMERICA)
    body = SettingsBody.of(settings)
    assert body.to_settings(1).tax == AMERICA
    shown = body.model_dump()["tax"]
    assert shown["regions"][1]["rates"]["standard"] == "8.875"
    assert shown["regions"][3]["rates"]["standard"] == "8.625"
    assert shown["regions"][2]["rates"]["standard"] == 725
    assert shown["rates"]["CA"]["standard"] == 500
    assert shown["regions"][-1]["postal_prefixes"] == ["H3Z2"]


def test_settings_that_say_nothing_of_regions_are_those_of_before() -> None:
    old = {"origin": "GB", "rates": {"GB": {"standard": 2000}}}
    rules = TaxBody.model_validate(old).to_rules()
    assert rules == TaxRules("GB", {"GB": {"standard": 2000}})
    assert rules.rate("IM", "standard") == 2000
    assert rules.rate("MC", "standard") == 0  # France has no row
    assert TaxBody.model_validate({**old, "same_as": {}}).to_rules().rate("IM", "standard") == 0


def test_a_country_with_a_row_of_its_own_is_taxed_by_it() -> None:
    rules = TaxRules("GB", {"GB": {"standard": 2000}, "IM": {"standard": 100}})
    assert rules.rate("IM", "standard") == 100


@pytest.mark.parametrize(
    "rate", [20.5, "-1", "100.1", "8.8755555", "1e1", "", " 8", "8,5", "٨", True, 10_001, None]
)
def test_what_is_no_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ValidationError):
        TaxBody.model_validate({"origin": "GB", "rates": {"GB": {"standard": rate}}})


ONE = {"standard": 1}


def put(place: TaxRegion) -> Callable[[TaxRules], TaxRules]:
    return lambda rules: replace(rules, regions=(*rules.regions[:1], place))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            put(TaxRegion("US", {"standard": 1}, "ZZ")),
            ("$.tax.regions[1].region", "unknown_region"),
        ),
        (
            put(TaxRegion("UK", {"standard": 1}, "NIR")),
            ("$.tax.regions[1].country", "unknown_country"),
        ),
        (put(TaxRegion("US", {"reduced": 1}, "NV")), ("$.tax.regions[1].rates", "missing")),
        (put(TaxRegion("US", {"standard": 1})), ("$.tax.regions[1]", "missing")),
        (put(TaxRegion("US", {"standard": 1}, "NY")), ("$.tax.regions[1]", "duplicate")),
        (
            put(TaxRegion("US", {"standard": 1}, None, ("1", "1"))),
            ("$.tax.regions[1].postal_prefixes", "duplicate"),
        ),
        (
            lambda rules: replace(rules, same_as={"IM": "UK"}),
            ("$.tax.same_as.IM", "unknown_country"),
        ),
    ],
)
def test_rules_that_would_tax_wrongly_are_refused_by_their_path(
    change: Callable[[TaxRules], TaxRules], expected: tuple[str, str]
) -> None:
    options = replace(DEFAULT_SETTINGS, tax=change(AMERICA))
    assert [(fault.path, fault.code) for fault in faults_of(options)] == [expected]


def test_every_subdivision_of_iso_3166_2_may_have_rates() -> None:
    regions = tuple(
        TaxRegion(each.country_code, {"standard": 1}, each.code.partition("-")[2])
        for each in pycountry.subdivisions
    )
    assert len(regions) > 5_000
    tax = replace(DEFAULT_SETTINGS.tax, regions=regions)
    assert faults_of(replace(DEFAULT_SETTINGS, tax=tax)) == []


# --- addresses that do not say enough --------------------------------------------


@pytest.mark.parametrize(
    ("region", "code", "undecided"),
    [
        ("NY", None, False),
        (None, "10001", False),
        ("Atlantis", "10001", False),
        ("Atlantis", None, True),
        (None, None, True),
        (None, "00000", True),
    ],
)
def test_an_address_must_tell_its_region_where_tax_depends_on_it(
    region: str | None, code: str | None, undecided: bool
) -> None:
    assert AMERICA.undecided("US", region, code) is undecided
    assert not DEFAULT_SETTINGS.tax.undecided("US", region, code)


def test_an_erased_order_keeps_the_region_that_its_tax_was_told_from_and_no_words() -> None:
    home = {
        "street_address": "1 High Street",
        "address_region": "quebec, at my aunt's",
        "postal_code": "G1A 1A1",
        "address_country": "CA",
        "phone_number": "+1 212 555 0100",
        "organization": "Engines Ltd",
        "extended_address": "Flat 2",
        "first_name": "Ada",
    }
    details = replace(GUESTS.details, fulfillment={"destination": home})
    erased = without_buyer(replace(GUESTS, details=details))
    left = {"address_country": "CA", "address_region": "QC"}
    assert erased.details.fulfillment == {"destination": left}
    assert without_buyer(erased).details.fulfillment == {"destination": left}
