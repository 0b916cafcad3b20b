"""What an address has in each country, and which region it is in.

The rules are a generated table, see `pushcart world-tables`: Google's data on addresses for
what is needed and how postal codes look, ISO 3166-2 for regions. Fields have the names of
schema.org's `PostalAddress`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("addresses.jsonl")

# What a country's `requires` stands for, in the order people fill it in.
_FIELDS = {
    "A": "street_address",
    "C": "address_locality",
    "S": "address_region",
    "Z": "postal_code",
}
_DASHES = re.compile(r"\s*[-\u2010-\u2015\u2212\u30fc]\s*")
_SEPARATORS = re.compile(r"[ -]")
# ISO 3166-2 writes other names of a place in brackets, or its kind after a comma.
_BRACKETS = re.compile(r"[\[(](.*?)[\])]")


@dataclass(frozen=True)
class Region:
    """A subdivision of ISO 3166-2, by its code without the country's, which is within another."""

    code: str
    names: tuple[str, ...]
    begins: str
    within: str


@dataclass(frozen=True)
class AddressRules:
    """What addresses of one country have; `postal_code` is a pattern, empty where there is none."""

    country: str
    requires: tuple[str, ...]
    postal_code: str
    example: str
    prefix: str
    regions: Mapping[str, Region]


@dataclass(frozen=True)
class AddressFault:
    """A field that an address lacks (`missing`), or that cannot be so (`invalid`)."""

    field: str
    code: str
    detail: str


@cache
def rules_of(country: str) -> AddressRules:
    """Give the rules of a country's addresses; raises `KeyError` where there is no such country."""
    line = json.loads(_lines()[country])
    return AddressRules(
        country,
        tuple(name for letter, name in _FIELDS.items() if letter in line["requires"]),
        line.get("postal_code", ""),
        line.get("example", ""),
        line.get("prefix", ""),
        {
            code: Region(code, tuple(each["names"]), each["begins"], each["within"])
            for code, each in line["regions"].items()
        },
    )


def faults_in(address: Mapping[str, str | None]) -> list[AddressFault]:
    """List what keeps a parcel from reaching an address, by its own country's rules.

    A region is needed only where neither postal code nor town tells it.
    """
    country = address.get("address_country")
    if not country:
        needed = ("street_address", "address_locality", "address_country")
        return [_missing(name) for name in needed if not address.get(name)]
    rules = rules_of(country)
    faults = [
        _missing(name)
        for name in rules.requires
        if not address.get(name) and not (name == "address_region" and _region_told(address))
    ]
    code = address.get("postal_code")
    if code and rules.postal_code and _fitting(rules, code) is None:
        detail = f"this is no postal code of {country}, such as {rules.example}"
        faults.append(AddressFault("postal_code", "invalid", detail))
    return faults


def postal_code_as_written(country: str, code: str) -> str:
    """Give a postal code as its country writes it; as it is, where it is none of the country's."""
    return _fitting(rules_of(country), code) or code


def regions_of(country: str, region: str | None, postal_code: str | None = None) -> tuple[str, ...]:
    """Tell which subdivisions an address is in, the smallest first: `("GC", "CN")` for Las Palmas.

    By its region, code or name in any case and with or without accents, else by its postal
    code; none where neither tells.
    """
    rules = rules_of(country)
    code = _region_named(country, region) if region else None
    if code is None and postal_code:
        code = _region_by_code(rules, postal_code)
    found: list[str] = []
    while code and code in rules.regions and code not in found:
        found.append(code)
        code = rules.regions[code].within
    return tuple(found)


def is_region(country: str, code: str) -> bool:
    """Tell whether a country has a subdivision of this code."""
    return code in rules_of(country).regions


@cache
def _lines() -> Mapping[str, str]:
    """Give each country's line, unread: a process needs but a few of them."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()[1:]
    return {line[len('{"country":"') :][:2]: line for line in lines}


def _missing(name: str) -> AddressFault:
    return AddressFault(name, "missing", f"{name} is needed")


def _region_told(address: Mapping[str, str | None]) -> bool:
    country, town = address["address_country"] or "", address.get("address_locality")
    by_code = regions_of(country, None, address.get("postal_code"))
    return bool(by_code) or (town is not None and _region_named(country, town) is not None)


# --- postal codes ---------------------------------------------------------------


def _fitting(rules: AddressRules, code: str) -> str | None:
    """Give a postal code as it fits the country's pattern; None where it cannot be made to."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", code)).strip(" -\u3012").upper()
    text = " ".join(text.split())
    for candidate in _candidates(rules, text):
        if re.fullmatch(rules.postal_code, candidate, re.ASCII):
            return candidate
    return None


def _candidates(rules: AddressRules, text: str) -> Iterator[str]:
    """Give the ways in which a code may have been meant, those that its country writes first."""
    compact = _SEPARATORS.sub("", text)
    bare = compact.removeprefix(_SEPARATORS.sub("", rules.prefix or rules.country))
    # A country's letter before it is how it was once written from abroad: D-10115, CH-8001.
    bare = re.sub(r"^[A-Z]{1,3}(?=[0-9]+$)", "", bare) if "-" in text else bare
    # What all codes of the country begin with, such as LV- or CP.
    opening = re.match(r"[A-Z]+[ -]?", rules.example)
    written = opening[0] if opening and rules.postal_code.startswith(opening[0]) else ""
    mark = re.search(r"[ -]", rules.example.removeprefix(written))
    for digits in dict.fromkeys((compact, bare)):
        if mark:
            yield from _parted(digits, mark[0])
        yield digits
        yield f"{written}{digits}"
        yield from (each for sign in "- " for each in _parted(digits, sign))


def _parted(digits: str, mark: str) -> Iterator[str]:
    return (f"{digits[:cut]}{mark}{digits[cut:]}" for cut in range(1, len(digits)))


# --- regions ----------------------------------------------------------------------


def _region_by_code(rules: AddressRules, postal_code: str) -> str | None:
    code = _fitting(rules, postal_code) or postal_code
    return _smallest(
        rules,
        {
            region.code
            for region in rules.regions.values()
            if region.begins and re.match(region.begins, code, re.ASCII)
        },
    )


def _smallest(rules: AddressRules, codes: Set[str]) -> str | None:
    """Give the one of some regions that is within all the others; None where there is none."""
    around = {rules.regions[code].within for code in codes}
    inner = [code for code in codes if code not in around]
    return inner[0] if len(inner) == 1 else None


def _region_named(country: str, text: str) -> str | None:
    rules = rules_of(country)
    code = text.strip().upper().removeprefix(f"{country}-")
    return code if code in rules.regions else _names(country).get(_folded(text))


@cache
def _names(country: str) -> Mapping[str, str]:
    """Give the regions of a country by their names; not by one that two strangers have."""
    rules = rules_of(country)
    found: dict[str, set[str]] = {}
    for region in rules.regions.values():
        for name in region.names:
            inner = _BRACKETS.findall(name)
            outer = _BRACKETS.sub("", name)
            for each in (name, outer, outer.partition(",")[0], *inner):
                if _folded(each):
                    found.setdefault(_folded(each), set()).add(region.code)
    smallest = ((name, _smallest(rules, codes)) for name, codes in found.items())
    return {name: code for name, code in smallest if code}


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in letters if char.isalnum())
