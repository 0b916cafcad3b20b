from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from commerce.catalog.model import SKU_PATTERN
from commerce.texts import WEB_ADDRESS_PATTERN, Line, prose, unseen

NAME = TypeAdapter[str](Annotated[str, Line(5, 1)])
NOTE = TypeAdapter[str](Annotated[str, prose(20)])
CODE = TypeAdapter[str](Annotated[str, Line(9, 1, pattern=SKU_PATTERN)])
ADDRESS = TypeAdapter[str](Annotated[str, Field(pattern=WEB_ADDRESS_PATTERN)])


def test_a_line_is_composed_before_it_is_measured_and_trimmed_after() -> None:
    assert NAME.validate_python(" Zoe\u0308e\u0301") == "Zo\u00eb\u00e9"


@pytest.mark.parametrize("text", ["", "   ", "abcdef", "  abcd", "ab\t", 7, None])
def test_what_has_not_the_length_or_is_no_text_is_no_line(text: object) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(text)


@pytest.mark.parametrize(
    "char", "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\U000e0041"
)
def test_a_character_that_nobody_sees_is_taken_off_a_text_and_refused_in_a_code(char: str) -> None:
    for texts in (NAME, NOTE):
        assert texts.validate_python(f"{char}a{char}b{char}") == "ab"
    with pytest.raises(ValidationError):
        NAME.validate_python(char)
    with pytest.raises(ValidationError):
        CODE.validate_python(f"A{char}B")


def test_a_text_is_measured_by_what_is_left_of_it() -> None:
    assert NAME.validate_python("\u200e" * 9 + "abcde") == "abcde"
    # A mark between a letter and its accent keeps them from no composition.
    assert NAME.validate_python("Zoe\u200b\u0308") == "Zo\u00eb"


@pytest.mark.parametrize("char", "\u0000\u001b\u0085\u2028\u2029\ufffd\uffff")
def test_a_control_character_or_a_lost_one_is_in_no_text(char: str) -> None:
    for texts in (NAME, NOTE, CODE):
        with pytest.raises(ValidationError):
            texts.validate_python(f"a{char}b")


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example",
        "http://127.0.0.1:8080/a.jpg",
        "https://my_shop.s3.example/a%20b.jpg?x=[1]#top",
        "https://x.example?a=1",
    ],
)
def test_an_address_of_the_web_is_read_by_programs(address: str) -> None:
    assert urlsplit(ADDRESS.validate_python(address)).hostname


@pytest.mark.parametrize(
    "address",
    [
        "https://",
        "https://[",
        "https://[::1",
        "https:///a.jpg",
        "https://shop.example@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://x.example:port/",
        "https://-x.example/",
        "https://x.example/a b",
        "https://x.example/\n",
        "//x.example/",
        "ftp://x.example/",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        ADDRESS.validate_python(address)
    assert re.fullmatch(WEB_ADDRESS_PATTERN, address) is None


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
