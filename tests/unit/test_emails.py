"""What buyers read: the same in every language and part, and nothing a stranger wrote as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
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
from commerce.orders.owners import order_token_for
from commerce.orders.record import Cancellation, OrderRecord, Return, part_id

TEMPLATES = Path(str(commerce.emails.__file__)).parent / "templates"
FAMILIES = sorted({path.name.split(".")[0] for path in TEMPLATES.glob("*.en.j2")})
PLACED = order(
    status="confirmed",
    currency="EUR",
    totals={"subtotal": 123450, "discount": -1000, "fulfillment": 500, "tax": 1, "total": 122951},
)


FULFILLMENT, CANCELLATION, RETURN = (
    part_id(kind, PLACED.order_id, 1) for kind in ("fulfillment", "cancellation", "return")
)
MUG = [{"id": "line_1", "quantity": 1}]
TRACKING = {
    "carrier": "Royal Mail",
    "tracking_number": "RM123",
    "tracking_url": "https://track.example/?a=1&b=2",
}
DATA: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "order.placed": (PLACED.order_id, {}),
    "order.canceled": (PLACED.order_id, {}),
    "order.lines_canceled": (CANCELLATION, {}),
    "fulfillment.shipped": (FULFILLMENT, {"line_items": MUG, **TRACKING}),
    "return.approved": (RETURN, {"line_items": MUG}),
    "return.rejected": (RETURN, {"line_items": MUG}),
    "return.refunded": (RETURN, {"line_items": MUG}),
    "payment.refunded": (PLACED.order_id, {"amount": 300, "refunded": 300}),
}


def event(type_: str = "order.placed", version: int = 2, **other: Any) -> DomainEvent:
    about, data = DATA[type_]
    aggregate = Aggregate(about.partition("_")[0], about, version)
    facts = {"order_id": PLACED.order_id, **data, **other}
    return DomainEvent(event_id(type_, aggregate), type_, 1, PLACED.placed_at, aggregate, facts)


def with_parts(of: Order, about: Details, **returned: Any) -> OrderRecord:
    """Give an order of which a unit of the first line was cancelled, and one came back."""
    units = {"line_1": 1}
    wish = Return(RETURN, "refunded", units, "buyer", {}, restocked=units, amount=800)
    return OrderRecord(
        replace(of, timeline=(*of.timeline, Change("", "rejected", "ada", "It is worn", RETURN))),
        about,
        cancellations=(
            Cancellation(CANCELLATION, {"main": {"line_1": 1}}, {"line_1": 950}, "", "ada", ""),
        ),
        returns=(replace(wish, **returned),),
    )


def written(
    language: str = "en",
    of: Order = PLACED,
    about: Details | None = None,
    at: DomainEvent | None = None,
    **returned: Any,
) -> Rendered:
    at = at or event()
    record = with_parts(of, about or details(), **returned)
    return render(MAILS[at.type].template, language, letter(record, at))


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
@pytest.mark.parametrize("type_", MAILS)
def test_both_parts_say_the_same(type_: str, language: str) -> None:
    done = written(language, about=buyer(first_name="Ada"), at=event(type_))

    rows = unescape(re.sub(r"<style.*?</style>|<title.*?</title>|<[^>]+>", " ", done.html))
    rows = rows.replace("\N{MULTIPLICATION SIGN}", "x")
    for amount in re.findall(r"-?[€]?[\d.,]+\d(?:\N{NO-BREAK SPACE}€)?", done.text):
        assert amount in rows
    assert re.sub(r"\W+", "", rows) == re.sub(r"\W+", "", done.text)


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


# --- what became of parts of it -----------------------------------------------


def lines_of(done: Rendered) -> list[str]:
    return done.text.replace("\N{NO-BREAK SPACE}", " ").splitlines()


def test_cancelled_units_are_told_with_what_they_would_have_cost() -> None:
    english = written(at=event("order.lines_canceled"))

    assert english.subject == "Part of your order is cancelled: €9.50"
    assert {"1 x Enamel mug, Blue: €9.50", "Not charged, or paid back: €9.50"} <= {
        *lines_of(english)
    }
    german = written("de", at=event("order.lines_canceled"))
    assert "1 x Enamel mug, Blue: 9,50 €" in lines_of(german)


def test_a_parcel_is_told_with_its_lines_where_it_goes_and_how_to_follow_it() -> None:
    done = written(about=destined(street_address="1 Mill Lane"), at=event("fulfillment.shipped"))

    assert {
        "1 x Enamel mug, Blue",
        "Carrier: Royal Mail",
        "Tracking number: RM123",
        "Follow it here: https://track.example/?a=1&b=2",
        "1 Mill Lane",
    } <= {*lines_of(done)}
    assert '<a href="https://track.example/?a=1&amp;b=2">' in done.html
    assert "€" not in done.text


def test_a_parcel_without_tracking_says_nothing_of_it() -> None:
    nothing: dict[str, Any] = dict.fromkeys(TRACKING)  # as a published event has it
    done = written(at=event("fulfillment.shipped", **nothing))

    assert "Carrier" not in done.text
    assert "None" not in done.text
    assert "<a " not in done.html


@pytest.mark.parametrize(
    "url",
    ['https://x.example/"onclick="alert(1)', "https://x.example/<script>", "javascript:alert(1)"],
)
def test_a_tracking_link_leads_to_a_page_and_nowhere_else(url: str) -> None:
    html = written(at=event("fulfillment.shipped", tracking_url=url)).html

    assert "<script" not in html
    assert '"onclick' not in html
    assert "javascript:" not in html


def test_a_return_is_told_as_approved_with_its_number_and_as_rejected_with_the_reason() -> None:
    approved, rejected = (
        lines_of(written(at=event(type_))) for type_ in ("return.approved", "return.rejected")
    )

    assert f"Return: {RETURN}" in approved
    assert "1 x Enamel mug, Blue" in approved
    assert "Reason: It is worn" in rejected
    assert not any(each.startswith("Reason") for each in approved)


def test_the_money_of_a_return_is_told_with_the_fee_that_was_kept() -> None:
    done = written("de", at=event("return.refunded"), restocking_fee=150)

    assert done.subject.startswith("Ihre Rücksendung ist erledigt: 8,00")
    assert {
        "1 x Enamel mug, Blue",
        "Einbehaltene Rücknahmegebühr: 1,50 €",
        "Erstattung: 8,00 €",
    } <= {*lines_of(done)}
    assert "nichts" not in done.text


def test_a_return_that_is_worth_nothing_promises_no_money() -> None:
    done = written(at=event("return.refunded"), amount=0)

    assert "Nothing is given back for it." in done.text
    assert "your bank" not in done.text


def test_a_refund_names_its_amount_and_no_line() -> None:
    done = written(at=event("payment.refunded"))

    assert done.subject == "We have given you money back: €3.00"
    assert "Refund: €3.00" in lines_of(done)
    assert " x " not in done.text


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


def test_a_guest_is_told_the_orders_token_and_a_customer_none() -> None:
    guests = written()
    customers = written(about=replace(details(), customer_id="customer_" + "a" * 32))
    token = order_token_for(PLACED.cart_id, 1)
    assert token in guests.text
    assert token in guests.html
    assert "ordertoken_" not in customers.text + customers.html


@pytest.mark.parametrize("template", ["{{ total }}", "{{7*7}}", "{% raw %}"])
def test_a_template_that_somebody_wrote_is_text(template: str) -> None:
    assert template in written(about=buyer(first_name=template)).text


@pytest.mark.parametrize("break_", ["\r\n", "\n\n", "\u2028", "\x00", "\u202e"])
def test_a_name_can_forge_no_line(break_: str) -> None:
    done = written(about=buyer(first_name=f"Ada{break_}Bcc: eve@example.com"))

    assert "Hello Ada Bcc: eve@example.com," in done.text.splitlines()
    assert "\n" not in done.subject


@pytest.mark.parametrize(
    "at",
    [
        event("fulfillment.shipped", carrier=f"{SCRIPT}\r\nBcc: eve@example.com"),
        event("fulfillment.shipped", tracking_number=SCRIPT),
    ],
)
def test_what_staff_wrote_is_text_and_one_line(at: DomainEvent) -> None:
    done = written(at=at)

    assert SCRIPT not in done.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in done.html
    assert not any(each.startswith("Bcc") for each in done.text.splitlines())


def test_a_big_orders_lines_are_cut_off() -> None:
    many = details(*[line(line_id=f"line_{n}", title=f"T{n}") for n in range(1, 1111)])
    english, german = written("en", about=many), written("de", about=many)

    assert english.text.count(" x T") == german.html.count(" &times; T") == LINES_SHOWN_MAX
    assert "and 1,060 more" in english.text
    assert "und 1.060 weitere" in german.html
    assert "more" not in written(about=details()).text


def test_a_big_parcels_lines_are_cut_off() -> None:
    many = details(*[line(line_id=f"line_{n}", title=f"T{n}") for n in range(1, 61)])
    parcel = [{"id": f"line_{n}", "quantity": 1} for n in range(1, 56)]

    done = written(about=many, at=event("fulfillment.shipped", line_items=parcel))

    assert done.text.count(" x T") == LINES_SHOWN_MAX
    assert "and 5 more" in done.text


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
