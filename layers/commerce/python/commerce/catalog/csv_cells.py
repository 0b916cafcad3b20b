"""What one cell of a product file can say; each reader gives a value or a `ValueError`.

The error's text is the reason the caller is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from commerce.catalog import model
from commerce.catalog.model import Category, Status
from commerce.money import minor_digits
from commerce.texts import LINE_PATTERN, WEB_ADDRESS_PATTERN, cleaned

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?")
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_BOOLEANS = {"true": True, "false": False}


def short_text(chars_max: int) -> Callable[[str], str]:
    """Give a reader of texts of at most that many characters."""

    def read(cell: str) -> str:
        text = cleaned(cell)
        if len(text) > chars_max:
            raise ValueError(f"is longer than {chars_max} characters")
        if not re.fullmatch(LINE_PATTERN, text):
            raise ValueError("has a line break or a control character")
        return text

    return read


def description(cell: str) -> str:
    """Read a description."""
    if len(cell.encode()) > model.DESCRIPTION_BYTES_MAX:
        raise ValueError(f"is larger than {model.DESCRIPTION_BYTES_MAX} bytes")
    return cell


def sku(cell: str) -> str:
    """Read a SKU."""
    if len(cell) > model.SKU_CHARS_MAX or not re.fullmatch(model.SKU_PATTERN, cell):
        raise ValueError(f"must be at most {model.SKU_CHARS_MAX} printable ASCII characters")
    return cell


def url(cell: str) -> str:
    """Read the URL of an image."""
    if len(cell) > model.URL_CHARS_MAX or not re.fullmatch(WEB_ADDRESS_PATTERN, cell):
        raise ValueError("must be an http or https URL")
    return cell


def boolean(cell: str) -> bool:
    """Read TRUE or FALSE."""
    if cell.casefold() not in _BOOLEANS:
        raise ValueError("must be TRUE or FALSE")
    return _BOOLEANS[cell.casefold()]


def status(cell: str) -> Status:
    """Read a product's status."""
    for known in model.STATUSES:
        if cell.casefold() == known:
            return known
    raise ValueError(f"must be one of {', '.join(model.STATUSES)}")


def tags(cell: str) -> tuple[str, ...]:
    """Read tags, which commas part."""
    found = dict.fromkeys(tag.strip() for tag in cell.split(",") if tag.strip())
    if len(found) > model.TAGS_MAX:
        raise ValueError(f"has more than {model.TAGS_MAX} tags")
    return tuple(map(short_text(model.TAG_CHARS_MAX), found))


def category_path(cell: str) -> tuple[Category, ...]:
    """Read `A > B > C`: the product is on each of these shelves."""
    titles = [title.strip() for title in cell.split(">") if title.strip()]
    if len(titles) > model.CATEGORIES_MAX:
        raise ValueError(f"has more than {model.CATEGORIES_MAX} levels")
    return tuple({each.slug: each for title in titles for each in single_category(title)}.values())


def single_category(title: str) -> tuple[Category]:
    """Read the title of one category."""
    slug = model.slug(short_text(model.CATEGORY_CHARS_MAX)(title))
    if not slug:
        raise ValueError("has no letter or digit that a URL can carry")
    return (Category(slug, title),)


def amount(currency: str) -> Callable[[str], int]:
    """Give a reader of amounts in a currency's major unit, into minor units."""
    digits = minor_digits(currency)

    def read(cell: str) -> int:
        if not _AMOUNT.fullmatch(cell):
            raise ValueError("must be an amount such as 12.50, without a currency sign")
        minor = Decimal(cell).scaleb(digits)
        if minor != minor.to_integral_value():
            raise ValueError(f"has more than {digits} decimals")
        if minor > model.AMOUNT_MAX:
            raise ValueError("is too large")
        return int(minor)

    return read


def grams(cell: str) -> int:
    """Read a weight, rounded to whole grams."""
    if not _AMOUNT.fullmatch(cell):
        raise ValueError("must be a weight in grams")
    rounded = int(Decimal(cell).quantize(Decimal(1), ROUND_HALF_UP))
    if rounded > model.WEIGHT_GRAMS_MAX:
        raise ValueError("is too large")
    return rounded


def integer(cell: str) -> int:
    """Read a whole number."""
    if not _INTEGER.fullmatch(cell):
        raise ValueError("must be a whole number")
    return int(cell)


def quantity(cell: str) -> int:
    """Read a quantity; a shop that sold more than it had starts with nothing here."""
    return max(0, integer(cell))
