"""Texts that people write: which characters the shop takes, and the form it keeps them in.

A character that nobody sees can make two texts look alike or turn one around on the screen.
Phones and copied texts add them to names that people then cannot mend, so they are taken off.
Where a character breaks a line of a log or an e-mail, or stands for one that was lost, the text
is refused, and so is a code (an address, a SKU) that has any.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

# Soft hyphen; marks, embeddings, overrides and isolates of direction; zero-width space and word
# joiner; byte order mark. Zero-width joiners are none of them: Persian, the languages of India and
# many emoji are written with them.
_UNSEEN = r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
# Line and paragraph separators; what stands for a byte that was no UTF-8.
_BROKEN = r"\u2028\u2029\ufff0-\uffff"
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_CONTROLS_BUT_LINES = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"

LINE_PATTERN = rf"^[^{_CONTROLS}{_BROKEN}]*$"
_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_NOTHING = rf"{_SPACES}{_UNSEEN}"
# A line that says something, for one of spaces is empty once it is trimmed.
_FILLED = rf"^[{_NOTHING}]*[^{_CONTROLS}{_BROKEN}{_NOTHING}][^{_CONTROLS}{_BROKEN}]*$"
PROSE_PATTERN = rf"^[^{_CONTROLS_BUT_LINES}{_BROKEN}]*$"
_BROKEN_PROSE = re.compile(rf"[{_CONTROLS_BUT_LINES}{_BROKEN}]")
# What a machine wrote, such as a token: printable ASCII without spaces.
WORD_PATTERN = r"^[!-~]+$"
# The same, with spaces inside.
WORDS_PATTERN = r"^[!-~](?:[ -~]*[!-~])?$"

# A page or picture elsewhere: a host by name or number, with no user before it.
WEB_ADDRESS_PATTERN = (
    r"^https?://[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!-~]*)?$"
)

# Apostrophes and what is typed for them, hyphens, and spaces of every kind.
_IGNORED = dict.fromkeys(
    map(
        ord,
        "'`\u00b4\u02b9\u02bb\u02bc\u2018\u2019\u201b\u2032\uff07"
        "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"
        " \t\n\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u200b\u202f\u205f\u3000",
    )
)
_TYPED = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
        "ħ": "h",
        "æ": "ae",
        "œ": "oe",
    }
)

# With tags, which nobody sees either and no published pattern can name.
_TAKEN_OFF = re.compile(f"[{_UNSEEN}\U000e0000-\U000e007f]")


@dataclass(frozen=True)
class Line:
    """One line of text, cleaned and trimmed; `Annotated[str, Line(200)]`.

    Cleaned first, lengths after: `e` and an accent are one character. Trimmed last, so
    that what the document refuses is refused, spaces at the ends or not. With a `pattern` of
    its own it is a code, such as a SKU: nothing is taken off it.
    """

    chars_max: int
    chars_min: int = 0
    pattern: str | None = None

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Give the check, whose part about lengths and characters is published."""
        checked = core_schema.str_schema(
            min_length=self.chars_min,
            max_length=self.chars_max,
            pattern=self.pattern or (_FILLED if self.chars_min else LINE_PATTERN),
        )
        trimmed = core_schema.no_info_after_validator_function(str.strip, checked)
        cleaner = _cleaned if self.pattern in (None, PROSE_PATTERN) else _composed
        return core_schema.no_info_before_validator_function(cleaner, trimmed)


def prose(chars_max: int) -> Line:
    """Give the check of a text of several lines."""
    return Line(chars_max, pattern=PROSE_PATTERN)


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Give a text as a search compares it: how somebody types who is in a hurry.

    Without accents, letter case, apostrophes, spaces and hyphens, and with the letters that
    keyboards have not as those that people type for them: `Men's Café-Crème` is
    `menscafecreme`.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_IGNORED)).casefold()
    bare = unicodedata.normalize("NFKD", plain).translate(_TYPED)
    return "".join(char for char in bare if not ("\u0300" <= char <= "\u036f"))


def without_broken(text: str) -> str:
    """Give a text of several lines without the characters that `prose` refuses.

    For a text of a file, which was written long ago and nobody can be asked about.
    """
    return _BROKEN_PROSE.sub("", re.sub("[\u2028\u2029]", "\n", text))


def password_pattern(chars_min: int, chars_max: int) -> str:
    """Give the pattern of a password: no characters that nobody sees, no space at either end.

    Its length is part of it, so that who makes one up by the pattern need not try.
    """
    inside = rf"[^{_CONTROLS}{_BROKEN}{_UNSEEN}]"
    end = rf"[^{_CONTROLS}{_BROKEN}{_NOTHING}]"
    return rf"^{end}{inside}{{{chars_min - 2},{chars_max - 2}}}{end}$"


def unseen(text: str) -> bool:
    """Tell whether a text has characters that nobody sees, zero-width joiners too."""
    return any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text)


def cleaned(text: str) -> str:
    """Give a text as it is kept: without what nobody sees, in normal form C."""
    return unicodedata.normalize("NFC", _TAKEN_OFF.sub("", text))


def _cleaned(value: Any) -> Any:
    return cleaned(value) if isinstance(value, str) else value  # which is refused as what it is


def _composed(value: Any) -> Any:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value
