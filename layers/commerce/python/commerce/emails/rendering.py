"""From a letter to subject, text and HTML, by the templates beside this module.

A template has the sentences of one e-mail in one language. It extends `layout`, which is
the text's or the HTML's, so both parts say the same. What a buyer or a merchant wrote is
escaped in the HTML, and a template that names what a letter has not fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from commerce import money
from commerce.emails.model import Letter, one_line

# Between a number and its currency; no line ends there.
_SPACE = "\N{NO-BREAK SPACE}"
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_GERMAN = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Rendered:
    """An e-mail's content."""

    subject: str
    text: str
    html: str


def render(template: str, language: str, letter: Letter) -> Rendered:
    """Write a letter.

    Raises
    ------
    jinja2.UndefinedError
        The template names what the letter has not.
    """
    facts = {**vars(letter), "language": language}
    name = f"{template}.{language}.j2"
    plain, rich = _environment(html=False), _environment(html=True)
    return Rendered(
        subject=one_line(_block(plain.get_template(name), "subject", facts)),
        text=plain.get_template(name).render(facts, layout="layout.txt.j2"),
        html=rich.get_template(name).render(facts, layout="layout.html.j2"),
    )


def amount_text(amount: int, currency: str, language: str) -> str:
    """Write an amount as the language does: £1,234.50 and CHF 5.00, or 1.234,50 € in German.

    By hand and not with Babel: for two languages its 30 MB would be on every function.
    """
    sign = "-" if amount < 0 else ""
    number = money.to_text(abs(amount), currency).partition(" ")[0]
    symbol = _SYMBOLS.get(currency)
    if language == "de":
        return f"{sign}{number.translate(_GERMAN)}{_SPACE}{symbol or currency}"
    return f"{sign}{symbol or currency + _SPACE}{number}"


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(  # nosec B701
        loader=PackageLoader("commerce.emails"),
        autoescape=html,  # noqa: S701 - the text part is no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(amount=_amount, number=_number)
    return environment


def _block(template: Template, name: str, facts: Mapping[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(dict(facts))))


@pass_context
def _amount(context: Context, amount: int) -> str:
    return amount_text(amount, context["currency"], context["language"])


@pass_context
def _number(context: Context, number: int) -> str:
    text = f"{number:,}"
    return text.translate(_GERMAN) if context["language"] == "de" else text
