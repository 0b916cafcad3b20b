"""Which events a buyer is told of by e-mail, and what such an e-mail may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from commerce.catalog.model import ONLY_VARIANT_TITLE
from commerce.events.model import ORDER_CANCELED, ORDER_PLACED, DomainEvent
from commerce.ids import derived_id
from commerce.lifecycle import CONFIRMED
from commerce.orders.model import Details, Order

SENDING = "sending"
SENT = "sent"
FAILED = "failed"
STATUSES = (SENDING, SENT, FAILED)

LANGUAGES = ("en", "de")
# Real orders have over 1,000 lines; nobody reads them in an e-mail.
LINES_SHOWN_MAX = 50

_ROWS = ("subtotal", "discount", "fulfillment", "tax", "total")


def always(_order: Order) -> bool:
    """Tell every buyer."""
    return True


def was_confirmed(order: Order) -> bool:
    """Tell only the buyer of an order that stood; a refusal was told at checkout."""
    return any(change.status == CONFIRMED for change in order.timeline)


@dataclass(frozen=True)
class Mail:
    """What is sent at an event: `template` names `<template>.<language>.j2`."""

    template: str
    wanted: Callable[[Order], bool] = always


# One row an e-mail; template.yaml names the same types in its rule, and a test says so.
MAILS: Mapping[str, Mail] = {
    ORDER_PLACED: Mail("order_placed"),
    ORDER_CANCELED: Mail("order_canceled", was_confirmed),
}


@dataclass(frozen=True)
class Email:
    """An e-mail, and how far its sending has come.

    One event makes one e-mail to one address: `email_id` follows from both. `reason`
    says why it failed, `message_id` is what the mail service knows it by.
    """

    email_id: str
    order_id: str
    event_id: str
    event_type: str
    occurred_at: str
    to: str
    language: str
    subject: str
    status: str = SENDING
    message_id: str | None = None
    reason: str | None = None
    sent_at: str | None = None


@dataclass(frozen=True)
class LetterLine:
    """A line of the order; `amount` in minor units, as the subtotal adds it up."""

    quantity: int
    title: str
    amount: int


@dataclass(frozen=True)
class Letter:
    """Everything a template may name.

    Texts are one line each, and not escaped: that is the renderer's work. Amounts are in
    minor units, `rows` in the order of a bill; `event` has the data of the event.
    """

    order_id: str
    name: str
    currency: str
    total: int
    lines: tuple[LetterLine, ...]
    lines_left: int
    rows: tuple[tuple[str, int], ...]
    address: tuple[str, ...]
    event: Mapping[str, Any]


def order_id_of(event: DomainEvent) -> str:
    """Name the order an event is about; one of another aggregate says so in its data."""
    return str(event.data.get("order_id", event.aggregate.id))


def email_id_for(event: DomainEvent, to: str) -> str:
    """Give the one id of the e-mail that an event makes to an address."""
    return derived_id("email", order_id_of(event), event.event_id, to)


def language_for(tag: str | None) -> str:
    """Choose the language to write in for a buyer's BCP 47 tag; English where unknown."""
    primary = (tag or "").partition("-")[0].lower()
    return primary if primary in LANGUAGES else LANGUAGES[0]


def letter(order: Order, details: Details, event: DomainEvent) -> Letter:
    """Take from an order what its e-mail may say."""
    shown = details.lines[:LINES_SHOWN_MAX]
    destination = details.fulfillment.get("destination", {})
    return Letter(
        order_id=order.order_id,
        name=one_line(details.buyer.get("first_name", "")),
        currency=order.currency,
        total=order.total,
        lines=tuple(
            LetterLine(
                line.quantity,
                _title(line.title, line.variant_title),
                line.unit_price * line.quantity,
            )
            for line in shown
        ),
        lines_left=len(details.lines) - len(shown),
        rows=_rows(order.totals),
        address=_address(details.buyer, destination),
        event=event.data,
    )


def one_line(text: str) -> str:
    """Give a text as one line without control characters, so that it can forge no other."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _title(title: str, variant_title: str) -> str:
    variant = "" if variant_title in (title, ONLY_VARIANT_TITLE) else variant_title
    return ", ".join(filter(None, map(one_line, (title, variant))))


def _rows(totals: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    rows = [(kind, totals[kind]) for kind in _ROWS if totals.get(kind) or kind == "total"]
    tax = totals.get("tax", 0)
    without_tax = sum(amount for kind, amount in rows if kind not in ("tax", "total"))
    if tax and without_tax == totals["total"]:
        # Prices include tax: as a row of the sum, it would be added twice.
        rows = [row for row in rows if row[0] != "tax"] + [("tax_included", tax)]
    return tuple(rows)


def _address(buyer: Mapping[str, str], destination: Mapping[str, str]) -> tuple[str, ...]:
    if not destination:
        return ()
    name = " ".join(buyer.get(part, "") for part in ("first_name", "last_name"))
    town = " ".join(destination.get(part, "") for part in ("postal_code", "address_locality"))
    lines = (
        name,
        destination.get("street_address", ""),
        town,
        destination.get("address_region", ""),
        destination.get("address_country", ""),
    )
    return tuple(filter(None, map(one_line, lines)))
