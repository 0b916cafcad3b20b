"""How an address is compared and sent to."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from commerce.carts.schema import Email
from commerce.customers.schema import CustomersQuery, SignIn
from commerce.mailboxes import ascii_domain, deliverable, disguised, mailbox

EMAIL = TypeAdapter[str](Email)


@pytest.mark.parametrize(
    ("domain", "ascii"),
    [
        ("Example.COM", "example.com"),
        ("faß.de", "xn--fa-hia.de"),
        ("FAẞ.de", "xn--fa-hia.de"),
        ("fass.de", "fass.de"),
        ("XN--FA-HIA.de", "xn--fa-hia.de"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BU\u0308CHER.example", "xn--bcher-kva.example"),
        ("\u03c3.example", "xn--4xa.example"),
        ("ς.example", "xn--3xa.example"),
        ("Σ.example", "xn--4xa.example"),
        ("\u0131.example", "xn--cfa.example"),
        ("\u0130.example", "xn--i-9bb.example"),
        ("ab--cd.example", "ab--cd.example"),
        ("日本.example", "xn--wgv71a.example"),
    ],
)
def test_a_domain_is_its_a_label(domain: str, ascii: str) -> None:  # noqa: A002
    assert ascii_domain(domain) == ascii == ascii_domain(ascii)


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "example.",
        ".example",
        "a..example",
        "-a.example",
        "a-.example",
        "a_b.example",
        "☃.example",
        "xn--zzzz.example",
        "xn--a.example",
        "xn--fass-.example",
        "a\u200db.example",
        "a" * 64 + ".example",
        "ü" * 60 + ".example",
        ".".join(["a" * 60] * 5),
        "אa.example",
    ],
)
def test_what_is_no_domain_is_none(domain: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)label|codepoint|domain|joiner"):
        ascii_domain(domain)
    with pytest.raises(ValidationError):
        EMAIL.validate_python(f"ada@{domain}")


@pytest.mark.parametrize(
    "email",
    [
        "\uff41da@mail.example",
        "ada\uff20mail.example",
        "ada@\uff4dail.example",
        "\u212aevin@mail.example",
        "ada@\u212aeep.example",
        "ada@mail.example.",
        "ada@mail\u3002example",
        "ada@☃.example",
        "ada@xn--zzzz.example",
        "ada@mail",
    ],
)
def test_an_address_that_could_be_taken_for_anothers_is_none(email: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(email)


def test_mail_goes_to_the_domain_by_idna_2008_and_to_the_name_as_it_is_written() -> None:
    assert deliverable("Kunde@faß.de") == "Kunde@xn--fa-hia.de"
    assert deliverable("Kunde@Fass.de") == "Kunde@fass.de"
    with pytest.raises(ValueError, match="label"):
        deliverable("ada@localhost.")


def test_an_account_is_found_by_its_mailbox_wherever_it_is_named() -> None:
    known = SignIn(email="Kunde@FAẞ.example", password="x")
    assert known.account == "kunde@xn--fa-hia.example"
    assert CustomersQuery(email="KUNDE@faß.example").account == known.account
    assert SignIn(email="kunde@fass.example", password="x").account != known.account
    assert SignIn(email="ÄRA@mail.example", password="x").account == "Ära@mail.example"


NAMES = st.text(max_size=12).filter(lambda text: not disguised(text))


@given(NAMES, NAMES)
def test_a_mailbox_is_itself_and_only_what_mail_systems_fold_is_one(left: str, right: str) -> None:
    one, other = mailbox(f"{left}@mail.example"), mailbox(f"{right}@mail.example")
    assert mailbox(one) == one
    folded = [
        "".join(
            char.lower() if char.isascii() else char
            for char in unicodedata.normalize("NFC", f"{text}@mail.example".strip())
        )
        for text in (left, right)
    ]
    assert (one == other) == (folded[0] == folded[1])


@given(st.text(max_size=12))
def test_a_domain_written_in_ascii_stays_as_it_is(name: str) -> None:
    once = mailbox(f"ada@{name}.example")
    assert mailbox(once) == once
