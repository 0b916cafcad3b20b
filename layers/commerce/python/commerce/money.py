"""Money is an integer in the currency's minor unit; this is the one place that rounds."""

from __future__ import annotations

# ISO 4217: currencies whose minor unit is not a hundredth.
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "BHD": 3, "JOD": 3, "KWD": 3, "TND": 3}


def minor_digits(currency: str) -> int:
    """Tell how many decimals a currency's amounts are written with."""
    return _MINOR_DIGITS.get(currency, 2)


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide amounts and round half up, away from zero; `denominator` is positive."""
    quotient, rest = divmod(abs(numerator), denominator)
    rounded = quotient + (1 if 2 * rest >= denominator else 0)
    return rounded if numerator >= 0 else -rounded


def to_text(amount: int, currency: str) -> str:
    """Write an amount for a person: 1234 GBP is `12.34 GBP`."""
    digits = minor_digits(currency)
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**digits)
    return f"{sign}{whole:,}{f'.{part:0{digits}d}' if digits else ''} {currency}"
