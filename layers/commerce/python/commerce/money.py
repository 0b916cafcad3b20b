"""Money is an integer in the currency's minor unit; this is the one place that rounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from commerce.currencies import MINOR_DIGITS

CURRENCY_PATTERN = "^[A-Z]{3}$"


def is_currency(code: str) -> bool:
    """Tell whether something can be paid in it: ISO 4217 knows it and its minor unit."""
    return code in MINOR_DIGITS


def minor_digits(currency: str) -> int:
    """Tell how many decimals a currency's amounts are written with.

    Raises
    ------
    ValueError
        ISO 4217 has no such currency, or gives it no minor unit.
    """
    if not is_currency(currency):
        raise ValueError(f"{currency} is no currency that is paid in")
    return MINOR_DIGITS[currency]


def _known(code: str) -> str:
    if not is_currency(code):
        raise PydanticCustomError(
            "unknown_currency", "use the ISO 4217 code of a currency, such as GBP"
        )
    return code


# For what is asked. What is kept may name a currency that was abolished since.
# The document has every code, and the refusal of another says what is meant.
Currency = Annotated[
    str,
    StringConstraints(pattern=CURRENCY_PATTERN),
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(sorted(MINOR_DIGITS))})$"}),
]


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide amounts and round half up, away from zero; `denominator` is positive."""
    quotient, rest = divmod(abs(numerator), denominator)
    rounded = quotient + (1 if 2 * rest >= denominator else 0)
    return rounded if numerator >= 0 else -rounded


def in_major_unit(amount: int, currency: str) -> str:
    """Write an amount as files have it: 123456 GBP is `1234.56`."""
    return to_text(amount, currency).partition(" ")[0].replace(",", "")


def to_text(amount: int, currency: str) -> str:
    """Write an amount for a person: 1234 GBP is `12.34 GBP`."""
    # An order may be in a currency that was abolished since; those had hundredths.
    digits = MINOR_DIGITS.get(currency, 2)
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**digits)
    return f"{sign}{whole:,}{f'.{part:0{digits}d}' if digits else ''} {currency}"
