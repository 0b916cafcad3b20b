from __future__ import annotations

import re
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from commerce.texts import Line, prose, unseen

NAME = TypeAdapter[str](Annotated[str, Line(5, 1)])
NOTE = TypeAdapter[str](Annotated[str, prose(20)])


def test_a_line_is_composed_before_it_is_measured_and_trimmed_after() -> None:
    assert NAME.validate_python(" Zoe\u0308e\u0301") == "Zo\u00eb\u00e9"


@pytest.mark.parametrize("text", ["", "   ", "abcdef", "  abcd", "ab\t", 7, None])
def test_what_has_not_the_length_or_is_no_text_is_no_line(text: object) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(text)


@pytest.mark.parametrize(
    "char", "\u0000\u001b\u0085\u00ad\u061c\u200b\u200e\u202e\u2028\u2066\ufeff\ufffd\U000e0041"
)
def test_a_character_that_nobody_sees_is_in_no_text(char: str) -> None:
    for texts in (NAME, NOTE):
        with pytest.raises(ValidationError):
            texts.validate_python(f"a{char}b")


def test_prose_has_lines_and_a_line_has_not() -> None:
    assert NOTE.validate_python("a\r\n\tb") == "a\r\n\tb"
    with pytest.raises(ValidationError):
        NAME.validate_python("a\nb")


@pytest.mark.parametrize("text", ["\u0645\u06cc\u200c\u062e", "\u0915\u094d\u200d", "👩\u200d🚀"])
def test_joiners_of_letters_that_need_them_stay(text: str) -> None:
    assert NAME.validate_python(text) == text
    assert unseen(text)


def test_the_limits_are_published() -> None:
    schema = NAME.json_schema()
    assert (schema["minLength"], schema["maxLength"]) == (1, 5)
    assert re.fullmatch(schema["pattern"], "a b")
    assert not re.fullmatch(schema["pattern"], " \u3000")
