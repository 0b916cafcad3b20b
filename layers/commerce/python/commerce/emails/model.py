"""Which events a buyer is told of by e-mail, and what such an e-mail may say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from commerce.catalog.model import ONLY_VARIANT_TITLE
from commerce.events.model import (
    FULFILLMENT_SHIPPED,
    ORDER_CANCELED,
    ORDER_LINES_CANCELED,
    ORDER_PLACED,
    PAYMENT_REFUNDED,
    RETURN_APPROVED,
    RETURN_REFUNDED,
    RETURN_REJECTED,
    DomainEvent,
)
from commerce.ids import derived_id
from commerce.lifecycle import CONFIRMED, REJECTED
from commerce.orders.model import Order, OrderLine
from commerce.orders.owners import order_token_of
from commerce.orders.record import OrderRecord, Units, added

SENDING = "sending"
SENT = "sent"
FAILED = "failed"
STATUSES = (SENDING, SENT, FAILED)

LANGUAGES = ("en", "de")
# Real orders have over 1,000 lines; nobody reads them in an e-mail.
LINES_SHOWN_MAX = 50

_TRACKING = ("carrier", "tracking_number", "tracking_url")
_ROWS = ("subtotal", "discount", "fulfillment", "tax", "total")


def always(_order: Order) -> bool:
    """Tell every buyer."""
    return True


def was_confirmed(order: Order) -> bool:
    """Tell only the buyer of an order that stood; a refusal was told at checkout."""
    return any(change.status == CONFIRMED for change in order.timeline)


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
    """So many units of one of the order's lines; `amount` in minor units, where one is told."""

    quantity: int
    title: str
    amount: int | None = None


@dataclass(frozen=True)
class Contents:
    """What an e-mail tells of: of which lines, what they come to, and what else is known.

    `total` is what its subject names and `rows` are those of a bill, in minor units.
    `facts` are texts by the word that goes before each. `delivered` says that it names the
    address of the delivery.
    """

    lines: Iterable[LetterLine] = ()
    rows: tuple[tuple[str, int], ...] = ()
    total: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    delivered: bool = False


@dataclass(frozen=True)
class Letter:
    """Everything a template may name; see `Contents`.

    Texts are one line each, and not escaped: that is the renderer's work. `lines_left` is
    how many lines are not listed. `order_number` is empty where an order has none, and
    `order_token`, which opens a guest's order, for a customer's.
    """

    order_id: str
    order_number: str
    order_token: str
    name: str
    currency: str
    total: int
    lines: tuple[LetterLine, ...]
    lines_left: int
    rows: tuple[tuple[str, int], ...]
    facts: tuple[tuple[str, str], ...]
    address: tuple[str, ...]


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


def letter(record: OrderRecord, event: DomainEvent) -> Letter:
    """Take from an event and its order what its e-mail may say."""
    contents = MAILS[event.type].contents(record, event)
    order, details = record.order, record.details
    lines = tuple(contents.lines)
    destination = details.fulfillment.get("destination", {}) if contents.delivered else {}
    return Letter(
        order_id=order.order_id,
        order_number=order.number or "",
        order_token=order_token_of(record) or "",
        name=one_line(details.buyer.get("first_name", "")),
        currency=order.currency,
        total=contents.total,
        lines=lines[:LINES_SHOWN_MAX],
        lines_left=len(lines[LINES_SHOWN_MAX:]),
        rows=contents.rows,
        facts=tuple((word, one_line(text)) for word, text in contents.facts),
        address=_address(details.buyer, destination),
    )


def one_line(text: str) -> str:
    """Give a text as one line without control characters, so that it can forge no other."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


# --- what each e-mail tells -------------------------------------------------------


def _whole_order(record: OrderRecord, _event: DomainEvent) -> Contents:
    order = record.order
    # As the subtotal adds them up.
    amounts = {line.line_id: line.unit_price * line.quantity for line in record.details.lines}
    units = {line.line_id: line.quantity for line in record.details.lines}
    lines = _lines(record, units, amounts)
    return Contents(lines, _rows(order.totals), order.total, delivered=True)


def _cancellation(record: OrderRecord, event: DomainEvent) -> Contents:
    canceled = record.cancellation(event.aggregate.id)
    lines = _lines(record, canceled.units, canceled.amounts)
    return Contents(lines, (("not_paid", canceled.amount),), canceled.amount)


def _parcel(record: OrderRecord, event: DomainEvent) -> Contents:
    known = [(word, event.data.get(word) or "") for word in _TRACKING]
    # Nothing but a page of the web may become a link.
    facts = [
        (word, text)
        for word, text in known
        if text and (word != "tracking_url" or text.startswith(("https://", "http://")))
    ]
    lines = _lines(record, _units(event, "line_items"))
    return Contents(lines, facts=tuple(facts), delivered=True)


def _return(record: OrderRecord, event: DomainEvent) -> Contents:
    lines = _lines(record, _units(event, "line_items"))
    wish = record.sent_back(event.aggregate.id)
    return Contents(lines, facts=(("return", wish.number or wish.id),))


def _refused_return(record: OrderRecord, event: DomainEvent) -> Contents:
    contents = _return(record, event)
    reasons = tuple(
        ("reason", change.reason)
        for change in record.order.timeline
        if (change.part, change.status) == (event.aggregate.id, REJECTED) and change.reason
    )
    return replace(contents, facts=contents.facts + reasons)


def _refund_of_return(record: OrderRecord, event: DomainEvent) -> Contents:
    paid = record.sent_back(event.aggregate.id)
    fee = (("restocking_fee", paid.restocking_fee),) if paid.restocking_fee else ()
    return Contents(
        _lines(record, paid.received),
        (*fee, ("refund", paid.amount)),
        paid.amount,
        (("return", paid.number or paid.id),),
    )


def _refund(_record: OrderRecord, event: DomainEvent) -> Contents:
    amount = event.data["amount"]
    return Contents(rows=(("refund", amount),), total=amount)


@dataclass(frozen=True)
class Mail:
    """What is sent at an event: `template` names `<template>.<language>.j2`."""

    template: str
    contents: Callable[[OrderRecord, DomainEvent], Contents]
    wanted: Callable[[Order], bool] = always


# One row an e-mail; template.yaml names the same types in its rule, and a test says so.
MAILS: Mapping[str, Mail] = {
    ORDER_PLACED: Mail("order_placed", _whole_order),
    ORDER_CANCELED: Mail("order_canceled", _whole_order, was_confirmed),
    ORDER_LINES_CANCELED: Mail("order_lines_canceled", _cancellation),
    FULFILLMENT_SHIPPED: Mail("fulfillment_shipped", _parcel),
    RETURN_APPROVED: Mail("return_approved", _return),
    RETURN_REJECTED: Mail("return_rejected", _refused_return),
    RETURN_REFUNDED: Mail("return_refunded", _refund_of_return),
    PAYMENT_REFUNDED: Mail("payment_refunded", _refund),
}


def _lines(
    record: OrderRecord, units: Units, amounts: Mapping[str, int] | None = None
) -> Iterable[LetterLine]:
    ordered = record.lines
    for line_id, count in units.items():
        yield LetterLine(count, _title(ordered[line_id]), (amounts or {}).get(line_id))


def _units(event: DomainEvent, name: str) -> Units:
    return added({each["id"]: each["quantity"]} for each in event.data[name])


def _title(line: OrderLine) -> str:
    variant = line.variant_title
    if variant in (line.title, ONLY_VARIANT_TITLE):
        variant = ""
    return ", ".join(filter(None, map(one_line, (line.title, variant))))


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
    names = "first_name", "last_name"
    recipient = destination if any(map(destination.get, names)) else buyer
    name = " ".join(recipient.get(part, "") for part in names)
    town = " ".join(destination.get(part, "") for part in ("postal_code", "address_locality"))
    lines = (
        name,
        destination.get("organization", ""),
        destination.get("street_address", ""),
        destination.get("extended_address", ""),
        town,
        destination.get("address_region", ""),
        destination.get("address_country", ""),
    )
    return tuple(filter(None, map(one_line, lines)))
