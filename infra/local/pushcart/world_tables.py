"""Tables of the world, made from packages that follow it; the shop itself imports none of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

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


# What makes each file, by its path.
TABLES: Mapping[str, Callable[[], str]] = {
    "layers/commerce/python/commerce/currencies.py": currencies,
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
