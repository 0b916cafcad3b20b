from hypothesis import given
from hypothesis import strategies as st

from commerce.pricing.tax import tax_of
from commerce.settings.model import TaxRules

AMOUNTS = st.integers(0, 10**12)
RATES = st.integers(0, 10_000)
RULES = TaxRules(origin="GB", rates={"GB": {"standard": 2000, "zero": 0}, "DE": {"standard": 1900}})


def test_twenty_percent_within_a_price_of_120_is_20() -> None:
    taxed = tax_of(12000, 2000, included=True)

    assert (taxed.tax, taxed.total) == (2000, 12000)


def test_twenty_percent_on_top_of_100_makes_120() -> None:
    taxed = tax_of(10000, 2000, included=False)

    assert (taxed.tax, taxed.total) == (2000, 12000)


def test_half_a_penny_of_tax_is_rounded_up() -> None:
    assert tax_of(50, 100, included=False).tax == 1  # 0.5
    assert tax_of(49, 100, included=False).tax == 0  # 0.49


def test_half_a_penny_of_included_tax_is_rounded_up() -> None:
    assert tax_of(3, 2000, included=True).tax == 1  # 0.5


@given(AMOUNTS, RATES)
def test_included_tax_never_exceeds_the_price_and_leaves_it_alone(amount: int, rate: int) -> None:
    taxed = tax_of(amount, rate, included=True)

    assert 0 <= taxed.tax <= amount
    assert taxed.total == amount


@given(AMOUNTS, RATES)
def test_tax_taken_out_of_a_taxed_price_is_the_tax_that_was_put_on(amount: int, rate: int) -> None:
    added = tax_of(amount, rate, included=False)

    assert tax_of(added.total, rate, included=True).tax == added.tax


@given(AMOUNTS, AMOUNTS, RATES, st.booleans())
def test_a_higher_amount_never_has_less_tax(a: int, b: int, rate: int, included: bool) -> None:
    low, high = sorted((a, b))

    assert tax_of(low, rate, included=included).tax <= tax_of(high, rate, included=included).tax


def test_a_country_without_rates_is_an_export_without_tax() -> None:
    assert RULES.rate("US", "standard") == 0


def test_a_class_a_country_does_not_name_is_taxed_as_standard() -> None:
    assert RULES.rate("DE", "zero") == 1900


def test_the_shops_own_rates_stand_in_until_a_country_is_known() -> None:
    assert RULES.rate(None, "standard") == 2000
