"""Identifiers: a prefix that tells the kind, 48 bits of time, 128 bits nobody can guess.

Ids of one kind sort by time of making. The 36 characters after the prefix are
Crockford's base 32 in lower case.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 128
_TIME_CHARS = 10
_RANDOM_CHARS = 26
_EPOCH = datetime.fromtimestamp(0, UTC)

RandomBits = Callable[[int], int]


def new_id(prefix: str, now: datetime, random_bits: RandomBits = secrets.randbits) -> str:
    """Make an id such as `cart_01j…`.

    Parameters
    ----------
    prefix
        The kind, without the underscore.
    now
        The time the id sorts under.
    random_bits
        Gives that many random bits as an integer; a simulator passes its own.
    """
    time_part = _encode(int(now.timestamp() * 1000), _TIME_CHARS)
    return f"{prefix}_{time_part}{_encode(random_bits(_RANDOM_BITS), _RANDOM_CHARS)}"


def derived_id(prefix: str, source_id: str, *parts: str | int) -> str:
    """Make the one id that follows from another id, such as a cart's second order.

    The time part is the source's; the rest is a hash of everything given, so who
    does not know the source cannot guess the result, and who sees the result
    cannot tell the source.
    """
    text = "|".join([source_id, *map(str, parts)])
    digest = hashlib.sha256(text.encode()).digest()[: _RANDOM_BITS // 8]
    time_part = source_id.partition("_")[2][:_TIME_CHARS]
    return f"{prefix}_{time_part}{_encode(int.from_bytes(digest, 'big'), _RANDOM_CHARS)}"


def time_of(identifier: str) -> datetime:
    """Tell when an id was made, to the millisecond."""
    milliseconds = 0
    for char in identifier.partition("_")[2][:_TIME_CHARS]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(char)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of an id of this kind."""
    head, _, tail = text.partition("_")
    return (
        head == prefix
        and len(tail) == _TIME_CHARS + _RANDOM_CHARS
        and all(char in _ALPHABET for char in tail)
    )


def id_pattern(prefix: str, *, parts: bool = False) -> str:
    """Give the pattern of ids of a kind; with `parts`, of a thing's numbered parts."""
    number = "_[0-9]{1,4}" if parts else ""
    return f"^{prefix}_[{_ALPHABET}]{{{_TIME_CHARS + _RANDOM_CHARS}}}{number}$"


def _encode(number: int, length: int) -> str:
    chars = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        chars.append(_ALPHABET[digit])
    return "".join(reversed(chars))
