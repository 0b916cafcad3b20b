"""What buyers read: the same in every language and part, and nothing a stranger wrote as HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import commerce.emails
from builders import details, line, order
from commerce.emails.model import (
    LANGUAGES,
    LINES_SHOWN_MAX,
    MAILS,
    email_id_for,
    language_for,
    letter,
    was_confirmed,
)
from commerce.emails.rendering import Rendered, amount_text, render
from commerce.events.model import Aggregate, DomainEvent, event_id
from commerce.orders.model import Change, Details, Order

TEMPLATES = Path(str(commerce.emails.__file__)).parent / "templates"
FAMILIES = sorted({path.name.split(".")[0] for path in TEMPLATES.glob("*.en.j2")})
PLACED = order(
    status="confirmed",
    currency="EUR",
    totals={"subtotal": 123450, "discount": -1000, "fulfillment": 500, "tax": 1, "total": 122951},
)


def event(of: Order = PLACED, type_: str = "order.placed", version: int = 2) -> DomainEvent:
    aggregate = Aggregate("order", of.order_id, version)
    return DomainEvent(event_id(type_, aggregate), type_, 1, of.placed_at, aggregate, {})


def written(
    language: str = "en", of: Order = PLACED, about: Details | None = None, mail: str = ""
) -> Rendered:
    template = mail or MAILS["order.placed"].template
    return render(template, language, letter(of, about or details(), event(of)))


def buyer(**facts: str) -> Details:
    return replace(details(), buyer={"email": "ada@example.com", **facts})


def destined(**facts: str) -> Details:
    return replace(buyer(last_name="Lovelace"), fulfillment={"destination": facts})


# --- templates ----------------------------------------------------------------


def parts(template: str) -> list[str]:
    """Give what a template takes and offers: placeholders, blocks and macros, in any order."""
    return sorted(re.findall(r"{{.*?}}|{%-? *(?:block|set|macro) +\w+", template))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_template_has_the_same_placeholders_in_every_language(family: str) -> None:
    found = [(TEMPLATES / f"{family}.{language}.j2").read_text() for language in LANGUAGES]

    assert parts(found[0])
    assert all(parts(each) == parts(found[0]) for each in found)
    assert len(set(found)) == len(LANGUAGES)


def test_every_email_has_its_templates_and_every_template_its_email() -> None:
    assert {mail.template for mail in MAILS.values()} | {"words"} == set(FAMILIES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mail", sorted({mail.template for mail in MAILS.values()}))
def test_both_parts_say_the_same(mail: str, language: str) -> None:
    done = written(language, about=buyer(first_name="Ada"), mail=mail)

    rows = re.sub(r"<style.*?</style>|<title.*?</title>|<[^>]+>", " ", done.html)
    for amount in re.findall(r"-?[€]?[\d.,]+\d(?:\N{NO-BREAK SPACE}€)?", done.text):
        assert amount in rows
    assert re.sub(r"\W+", "", rows.replace("&times;", "x")) == re.sub(r"\W+", "", done.text)


def test_a_bill_is_in_the_buyers_language() -> None:
    german = written("de").text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    english = written("en").text.splitlines()

    assert "1 x Enamel mug, Blue: 10,00 €" in german
    assert "Gesamtbetrag: 1.229,51 €" in german
    assert "Rabatt: -10,00 €" in german
    assert "1 x Enamel mug, Blue: €10.00" in english
    assert "Total: €1,229.51" in english
    assert "Discount: -€10.00" in english


def test_a_product_without_variants_has_one_title() -> None:
    about = details(line(title="Pan", variant_title="Default"))

    assert "1 x Pan: €10.00" in written(about=about).text.splitlines()


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de", "de"), ("DE-at", "de"), ("en-US", "en"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_who_reads_neither_language_is_written_to_in_english(
    tag: str | None, language: str
) -> None:
    assert language_for(tag) == language


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (123450, "GBP", "£1,234.50", "1.234,50 £"),
        (-5, "EUR", "-€0.05", "-0,05 €"),
        (1200, "JPY", "JPY 1,200", "1.200 JPY"),
        (1234567, "KWD", "KWD 1,234.567", "1.234,567 KWD"),
    ],
)
def test_an_amount_is_written_as_the_language_does(
    amount: int, currency: str, english: str, german: str
) -> None:
    found = [amount_text(amount, currency, language) for language in ("en", "de")]

    assert [each.replace("\N{NO-BREAK SPACE}", " ") for each in found] == [english, german]


def test_tax_that_is_in_the_prices_is_told_below_the_total() -> None:
    included = replace(PLACED, totals={"subtotal": 1200, "tax": 200, "total": 1200})
    added = replace(PLACED, totals={"subtotal": 1000, "tax": 200, "total": 1200})

    assert "Total: €12.00\nIncluding tax of: €2.00" in written(of=included).text
    assert "Tax: €2.00\nTotal: €12.00" in written(of=added).text


# --- what strangers write -----------------------------------------------------

SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "about",
    [
        details(line(title=SCRIPT)),
        details(line(variant_title=SCRIPT)),
        buyer(first_name=SCRIPT),
        destined(street_address=SCRIPT),
        destined(address_locality=SCRIPT),
    ],
)
def test_html_that_somebody_wrote_is_text(about: Details) -> None:
    done = written(about=about)

    assert SCRIPT not in done.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in done.html
    assert SCRIPT in done.text


@pytest.mark.parametrize("template", ["{{ total }}", "{{7*7}}", "{% raw %}"])
def test_a_template_that_somebody_wrote_is_text(template: str) -> None:
    assert template in written(about=buyer(first_name=template)).text


@pytest.mark.parametrize("break_", ["\r\n", "\n\n", "\u2028", "\x00", "\u202e"])
def test_a_name_can_forge_no_line(break_: str) -> None:
    done = written(about=buyer(first_name=f"Ada{break_}Bcc: eve@example.com"))

    assert "Hello Ada Bcc: eve@example.com," in done.text.splitlines()
    assert "\n" not in done.subject


def test_a_big_orders_lines_are_cut_off() -> None:
    many = details(*[line(sku=f"S{number}", title=f"T{number}") for number in range(1110)])
    english, german = written("en", about=many), written("de", about=many)

    assert english.text.count(" x T") == german.html.count(" &times; T") == LINES_SHOWN_MAX
    assert "and 1,060 more" in english.text
    assert "und 1.060 weitere" in german.html
    assert "more" not in written(about=details()).text


# --- who is told --------------------------------------------------------------


def after(*statuses: str) -> Order:
    return replace(PLACED, timeline=tuple(Change("", status, "test") for status in statuses))


def test_only_an_order_that_stood_is_told_as_cancelled() -> None:
    assert was_confirmed(after("pending", "confirmed", "canceling", "canceled"))
    assert not was_confirmed(after("pending", "canceling", "canceled"))
    assert MAILS["order.canceled"].wanted is was_confirmed


def test_an_email_is_one_per_event_and_address() -> None:
    ids: list[Any] = [
        email_id_for(event(), "a@example.com"),
        email_id_for(event(), "b@example.com"),
        email_id_for(event(version=3), "a@example.com"),
    ]

    assert len(set(ids)) == 3
    assert ids[0] == email_id_for(event(), "a@example.com")
