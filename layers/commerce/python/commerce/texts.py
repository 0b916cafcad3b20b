"""Texts that people write: which characters the shop takes, and the form it keeps them in.

A character that nobody sees can make two texts look alike, turn one around on the screen
or break a line of a log or an e-mail, so such a text is refused, not mended.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

# Soft hyphen; marks, embeddings, overrides and isolates of direction; zero-width space and word
# joiner; line and paragraph separators; byte order mark; what stands for a byte that was no UTF-8.
_UNSEEN = r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff"
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_CONTROLS_BUT_LINES = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"

# Zero-width joiners stay: Persian, the languages of India and many emoji are written with them.
LINE_PATTERN = rf"^[^{_CONTROLS}{_UNSEEN}]*$"
_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# A line that says something, for one of spaces is empty once it is trimmed.
_FILLED = rf"^[{_SPACES}]*[^{_CONTROLS}{_UNSEEN}{_SPACES}][^{_CONTROLS}{_UNSEEN}]*$"
PROSE_PATTERN = rf"^[^{_CONTROLS_BUT_LINES}{_UNSEEN}]*$"
# What a machine wrote, such as a token: printable ASCII without spaces.
WORD_PATTERN = r"^[!-~]+$"
# The same, with spaces inside.
WORDS_PATTERN = r"^[!-~](?:[ -~]*[!-~])?$"

# A page or picture elsewhere: a host by name or number, with no user before it.
WEB_ADDRESS_PATTERN = (
    r"^https?://[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!-~]*)?$"
)

_TAGS = range(0xE0000, 0xE0080)


@dataclass(frozen=True)
class Line:
    """One line of text, in normal form C and trimmed; `Annotated[str, Line(200)]`.

    Normal form first, lengths after: `e` and an accent are one character. Trimmed last, so
    that what the document refuses is refused, spaces at the ends or not.
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
        return core_schema.no_info_before_validator_function(_composed, trimmed)


def prose(chars_max: int) -> Line:
    """Give the check of a text of several lines."""
    return Line(chars_max, pattern=PROSE_PATTERN)


def password_pattern(chars_min: int, chars_max: int) -> str:
    """Give the pattern of a password: no characters that nobody sees, no space at either end.

    Its length is part of it, so that who makes one up by the pattern need not try.
    """
    inside = rf"[^{_CONTROLS}{_UNSEEN}]"
    end = rf"[^{_CONTROLS}{_UNSEEN}{_SPACES}]"
    return rf"^{end}{inside}{{{chars_min - 2},{chars_max - 2}}}{end}$"


def unseen(text: str) -> bool:
    """Tell whether a text has characters that nobody sees, zero-width joiners too."""
    return any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text)


def composed(text: str) -> str:
    """Give a text in normal form C.

    Raises
    ------
    ValueError
        It has tag characters, which nobody sees and a published pattern cannot name.
    """
    if any(ord(char) in _TAGS for char in text):
        raise ValueError("must not have characters that nobody sees")
    return unicodedata.normalize("NFC", text)


def _composed(value: Any) -> Any:
    return composed(value) if isinstance(value, str) else value  # which is refused as what it is
