"""What one cell of a product file can say; each reader gives a value or a `ValueError`.

The error's text is the reason the caller is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from commerce.catalog import model
from commerce.catalog.model import CategoryWish, Status
from commerce.money import minor_digits
from commerce.texts import WEB_ADDRESS_PATTERN, Line, prose, without_broken

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?")
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_BOOLEANS = {"true": True, "false": False}
# A spreadsheet takes a cell that begins so for a formula, and some take the wide forms too.
_GUARDED = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def guarded(text: str) -> str:
    """Write a text for a cell so that no spreadsheet runs it: with an apostrophe before it."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(cell: str) -> str:
    """Read what `guarded` wrote, and anything else as it is."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


@cache
def short_text(chars_max: int) -> Callable[[str], str]:
    """Give a reader of one line of at most that many characters, by the rule of the API."""
    return _text(Line(chars_max, 1), "has a line break, a control character or no other")


def description(cell: str) -> str:
    """Read a description, without the characters that the API refuses in it."""
    text = _text(prose(model.DESCRIPTION_BYTES_MAX), "cannot be read")(without_broken(cell))
    if len(text.encode()) > model.DESCRIPTION_BYTES_MAX:
        raise ValueError(f"is larger than {model.DESCRIPTION_BYTES_MAX} bytes")
    return text


def _text(line: Line, otherwise: str) -> Callable[[str], str]:
    adapter = _adapter(line)

    def read(cell: str) -> str:
        try:
            return adapter.validate_python(cell)
        except ValidationError as refused:
            too_long = refused.errors()[0]["type"] == "string_too_long"
            reason = f"is longer than {line.chars_max} characters" if too_long else otherwise
            raise ValueError(reason) from None

    return read


@cache
def _adapter(line: Line) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, line])


def sku(cell: str) -> str:
    """Read a SKU."""
    if len(cell) > model.SKU_CHARS_MAX or not re.fullmatch(model.NEW_SKU_PATTERN, cell):
        raise ValueError(
            f"must be at most {model.SKU_CHARS_MAX} printable ASCII characters without a slash"
        )
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


def tags(cell: str) -> list[str]:
    """Split a cell of tags, which commas part; each is still to be read."""
    return list(dict.fromkeys(tag.strip() for tag in cell.split(",") if tag.strip()))


def category_path(cell: str) -> tuple[str, ...]:
    """Read `A > B > C`: the titles of a category and of those above it, from the top."""
    titles = [title.strip() for title in cell.split(">") if title.strip()]
    if len(titles) > model.CATEGORIES_MAX:
        raise ValueError(f"has more than {model.CATEGORIES_MAX} levels")
    return tuple(map(short_text(model.CATEGORY_CHARS_MAX), titles))


def categories(cell: str) -> tuple[CategoryWish, ...]:
    """Read categories from JSON: objects with a `path` and maybe a `slug`."""
    try:
        found = _CATEGORIES.validate_json(cell)
    except ValidationError:
        raise ValueError('must be JSON such as [{"path": ["Women", "Shoes"]}]') from None
    if len(found) > model.CATEGORIES_MAX:
        raise ValueError(f"has more than {model.CATEGORIES_MAX} categories")
    return tuple(CategoryWish(tuple(each.path), each.slug) for each in found)


class _CategoryCell(BaseModel):
    path: Annotated[
        list[Annotated[str, Line(model.CATEGORY_CHARS_MAX, 1)]],
        Field(min_length=1, max_length=model.CATEGORIES_MAX),
    ]
    slug: Annotated[
        str | None,
        Field(pattern=model.HANDLE_PATTERN, max_length=model.HANDLE_CHARS_MAX),
    ] = None


_CATEGORIES = TypeAdapter(list[_CategoryCell])


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


def sold_beyond_stock(cell: str) -> bool:
    """Read whether goods are sold on when none are left."""
    known = {"continue": True, "deny": False, **_BOOLEANS}
    if cell.casefold() not in known:
        raise ValueError("must be CONTINUE or DENY")
    return known[cell.casefold()]


def integer(cell: str) -> int:
    """Read a whole number."""
    if not _INTEGER.fullmatch(cell):
        raise ValueError("must be a whole number")
    return int(cell)
