"""Every currency of ISO 4217 with its own digits, and no other."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import iso4217
import pytest
from pydantic import BaseModel, ValidationError

from catalog_builders import csv_row, csv_text
from commerce import money
from commerce.carts.schema import CreateCart
from commerce.catalog.schema import ImportRequest, NewProduct, ProductChanges, StoreProductsQuery
from commerce.catalog.shopify_csv import parse
from commerce.currencies import MINOR_DIGITS
from commerce.emails.rendering import amount_text
from commerce.ledger.schema import MakeTransfer
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import faults_of
from commerce.settings.schema import SettingsBody
from pushcart import world_tables

ROOT = Path(__file__).parents[2]
ISO = {each.code: each.exponent for each in iso4217.Currency if each.exponent is not None}
SPENT = sorted(ISO)
# Metals, funds, tests, nothing at all: ISO 4217 gives them no minor unit. And what is no code.
NOT_SPENT = [
    *sorted(each.code for each in iso4217.Currency if each.exponent is None),
    *("ABC", "ZZZ", "UKP"),
]


@pytest.mark.parametrize("path", world_tables.TABLES)
def test_a_committed_table_is_what_its_package_says(path: str) -> None:
    assert (ROOT / path).read_text() == world_tables.TABLES[path]()


def test_the_table_has_each_currency_that_has_minor_units() -> None:
    assert ISO == MINOR_DIGITS


@pytest.mark.parametrize("currency", SPENT)
def test_an_amount_of_a_file_and_of_a_mail_has_the_currencys_digits(currency: str) -> None:
    digits = ISO[currency]
    written = f"12350.{'9' * digits}" if digits else "12350"
    text = csv_text(csv_row(Variant_Price="1.00", **{f"Price / {currency}": written}))
    found = parse(text, "GBP" if currency != "GBP" else "EUR", {})
    assert found.errors == ()
    amount = found.products[0].variants[0].prices[currency]
    assert amount == int(Decimal(written).scaleb(digits))

    shown = f"12,350.{'9' * digits}" if digits else "12,350"
    assert money.to_text(amount, currency) == f"{shown} {currency}"
    assert shown in amount_text(amount, currency, "en")
    too_fine = csv_text(csv_row(Variant_Price=f"1.{'0' * digits}1"))
    assert [error.column for error in parse(too_fine, currency, {}).errors] == ["Variant Price"]


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("250000", "VND", 250_000),
        ("250000.00", "VND", 250_000),
        ("1.250", "OMR", 1_250),
        ("9.5", "GBP", 950),
    ],
)
def test_a_files_price_is_in_its_currencys_major_unit(
    written: str, currency: str, amount: int
) -> None:
    found = parse(csv_text(csv_row(Variant_Price=written)), currency, {})
    assert found.products[0].variants[0].prices == {currency: amount}


def _product(currency: str) -> Any:
    return {"title": "Mug", "variants": [{"sku": "MUG", "prices": {currency: 1}}]}


def _earlier_price(currency: str) -> Any:
    variant = {"sku": "MUG", "prices": {"GBP": 1}, "compare_at_prices": {currency: 1}}
    return {"variants": [variant]}


@pytest.mark.parametrize("currency", NOT_SPENT)
def test_a_code_that_nothing_can_be_paid_in_is_refused_everywhere(currency: str) -> None:
    asked: list[tuple[type[BaseModel], Any]] = [
        (NewProduct, _product(currency)),
        (ProductChanges, _earlier_price(currency)),
        (StoreProductsQuery, {"currency": currency}),
        (ImportRequest, {"csv": "Title", "currency": currency}),
        (ImportRequest, {"csv": "Title", "markets": {"Atlantis": currency}}),
        (CreateCart, {"currency": currency}),
        (MakeTransfer, {"to": "revenue", "amount": 1, "currency": currency, "reason": "trial"}),
    ]
    for model, body in asked:
        with pytest.raises(ValidationError) as refused:
            model.model_validate(body)
        (error,) = refused.value.errors()
        assert error["type"] == "unknown_currency", body

    found = parse(csv_text(csv_row(**{f"Price / {currency}": "1"})), "GBP", {})
    assert [(error.line, error.column) for error in found.errors] == [(1, f"Price / {currency}")]
    assert found.products[0].variants[0].prices == {"GBP": 950}
    with pytest.raises(ValueError, match=currency):
        money.minor_digits(currency)


@pytest.mark.parametrize("currency", NOT_SPENT)
def test_settings_name_no_currency_that_nothing_can_be_paid_in(currency: str) -> None:
    changed = SettingsBody.of(DEFAULT_SETTINGS).model_dump()
    changed["currencies"].append(currency)
    for zone in changed["fulfillment_zones"]:
        for option in zone["options"]:
            option["prices"][currency] = 1
    faults = faults_of(SettingsBody.model_validate(changed).to_settings(1))
    assert [(fault.path, fault.code) for fault in faults] == [
        ("$.currencies[2]", "unknown_currency")
    ]


def test_the_right_codes_pass_and_are_published() -> None:
    published = CreateCart.model_json_schema()["properties"]["currency"]["anyOf"][0]["pattern"]
    prices = NewProduct.model_json_schema()["$defs"]["NewVariant"]["properties"]["prices"]
    assert list(prices["patternProperties"]) == [published]
    for currency in NOT_SPENT:
        assert not re.fullmatch(published, currency)
    for currency in SPENT:
        assert re.fullmatch(published, currency)
        NewProduct.model_validate(_product(currency))
        CreateCart.model_validate({"currency": currency})


def test_an_amount_kept_in_a_code_that_is_gone_since_is_still_shown() -> None:
    assert money.to_text(1234, "BGN") == "12.34 BGN"
