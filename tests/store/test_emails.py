"""An e-mail is sent once, whatever comes twice, dies or is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from builders import NOW, ORDER_ID, details, line, order, table
from cloud_in_memory import table_name
from commerce.clock import to_text
from commerce.dynamo.table import Table, dynamodb_client
from commerce.emails.model import FAILED, SENDING, SENT, STATUSES, Email
from commerce.emails.operations import tell_buyer
from commerce.emails.store import KEPT, LEASE, EmailStore, email_key
from commerce.errors import (
    DomainError,
    EmailInProgress,
    MailOutcomeUnknown,
    MailRefused,
    NotFound,
    Throttled,
)
from commerce.events.model import Aggregate, Change, DomainEvent, event_id, event_of
from commerce.fulfillment import model as fulfilling
from commerce.fulfillment.model import Acting, cancel
from commerce.mailer import Mailer
from commerce.orders.record import part_id
from commerce.orders.records import Decide, RecordStore, part_key
from commerce.orders.store import OrderStore
from commerce.payments.operations import Movement, refund_payment
from commerce.payments.store import PaymentStore
from commerce.returns import model as returning
from store.till import Till

pytestmark = pytest.mark.usefixtures("tables")

LATER = NOW + LEASE


@dataclass
class PostOffice:
    """Takes e-mails, after it has failed as it is told to."""

    failures: list[BaseException] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, to: str, *, subject: str, text: str, html: str) -> str:
        assert text
        assert html
        if self.failures:
            raise self.failures.pop()
        self.sent.append((to, subject))
        return f"message-{len(self.sent)}"


def event(type_: str = "order.placed", id_: str = ORDER_ID, version: int = 2) -> DomainEvent:
    aggregate = Aggregate("order", id_, version)
    return DomainEvent(event_id(type_, aggregate), type_, 1, to_text(NOW), aggregate, {})


def told(office: PostOffice, of: DomainEvent | None = None, now: datetime = NOW) -> bool:
    records, emails = RecordStore(table("orders")), EmailStore(table("emails"))
    payments = PaymentStore(table("payments"))
    return tell_buyer(
        of or event(),
        lambda: now,
        records=records,
        payments=payments,
        emails=emails,
        mailer=office,
    )


def an_order(language: str = "en") -> OrderStore:
    orders = OrderStore(table("orders"))
    buyer = {"email": "ada@example.com", "language": language}
    orders.place_once(order(), replace(details(), buyer=buyer))
    orders.confirm(ORDER_ID, "test", NOW)
    return orders


def listed(*statuses: str) -> list[Email]:
    return EmailStore(table("emails")).newest(statuses or STATUSES, limit=10)[0]


def test_a_buyer_who_was_forgotten_is_sent_nothing() -> None:
    an_order()
    RecordStore(table("orders")).erase_buyer(ORDER_ID)
    office = PostOffice()
    assert not told(office)
    assert (office.sent, listed()) == ([], [])


def test_an_event_that_comes_again_sends_once() -> None:
    an_order("de-AT")
    office = PostOffice()

    assert told(office) is True
    assert told(office) is False
    assert told(office, now=NOW + timedelta(days=1)) is False

    subject = "Ihre Bestellung ist bestätigt: 10,00 £"
    assert office.sent == [("ada@example.com", subject)]
    (email,) = listed()
    assert (email.status, email.message_id, email.language) == (SENT, "message-1", "de")
    assert email.sent_at == to_text(NOW)


def test_an_order_that_was_refused_at_checkout_is_not_told_by_email() -> None:
    orders, office = OrderStore(table("orders")), PostOffice()
    orders.place_once(order(), details())
    orders.begin_cancel(ORDER_ID, "execution-1", "test", {"error": "OutOfStock"}, NOW)
    orders.close(ORDER_ID, "test", NOW)

    assert told(office, event("order.canceled")) is False
    assert office.sent == []
    assert listed() == []


def test_an_order_that_stood_is_told_as_placed_and_as_cancelled() -> None:
    orders, office = an_order(), PostOffice()
    RecordStore(table("orders")).decide(
        ORDER_ID, lambda record: cancel(record, Acting("test", NOW))
    )
    orders.close(ORDER_ID, "test", NOW)

    assert told(office, event("order.canceled", version=4))
    assert told(office, event())

    assert [subject for _, subject in office.sent] == [
        "Your order is cancelled: £10.00",
        "Your order is confirmed: £10.00",
    ]


def by(kind: str, number: int, was: str = "") -> DomainEvent:
    """Give the event that the last change of an order's part is published as."""
    key = part_key(part_id(kind, ORDER_ID, number))
    new = table("orders").get(key)
    assert new
    old = {**new, "status": was, "version": new["version"] - 1} if was else None
    made = event_of(Change(key, old, new, to_text(NOW)), 5)
    assert made
    return made


def refunded(amount: int, in_all: int) -> DomainEvent:
    """Give the event of a refund, and what all refunds come to with it."""
    aggregate = Aggregate("payment", ORDER_ID, in_all)
    data = {"order_id": ORDER_ID, "amount": amount, "refunded": in_all}
    return DomainEvent(f"evt_{in_all}", "payment.refunded", 1, to_text(NOW), aggregate, data)


def test_what_becomes_of_an_orders_parts_is_told_once_each() -> None:
    records, office = RecordStore(table("orders")), PostOffice()
    acting = Acting("ada", NOW, "It is worn")
    parcel = part_id("fulfillment", ORDER_ID, 1)
    first, second = (part_id("return", ORDER_ID, number) for number in (1, 2))
    OrderStore(table("orders")).place_once(
        order(totals={"subtotal": 4000, "total": 4000}), details(line(quantity=4))
    )
    OrderStore(table("orders")).confirm(ORDER_ID, "test", NOW)
    one = {"line_1": 1}
    steps: list[tuple[Decide, tuple[str, int, str] | None]] = [
        (lambda r: fulfilling.allocate(r, {"main": {"MUG": 4}}, "on_shipment", acting), None),
        (lambda r: fulfilling.cancel_units(r, one, acting), ("cancellation", 1, "")),
        (lambda r: fulfilling.pack(r, parcel, acting), None),
        (
            lambda r: fulfilling.ship(r, parcel, {"carrier": "Royal Mail"}, acting),
            ("fulfillment", 1, "packed"),
        ),
        (lambda r: fulfilling.deliver(r, parcel, acting), None),
        (lambda r: returning.request(r, one, "", 30, acting)[0], None),
        (lambda r: returning.request(r, one, "", 30, acting)[0], None),
        (lambda r: returning.approve(r, first, acting), ("return", 1, "requested")),
        (lambda r: returning.reject(r, second, acting), ("return", 2, "requested")),
        (lambda r: returning.receive(r, first, one, {}, "main", acting), None),
        (lambda r: returning.refund(r, first, returning.Refund(), acting), None),
        (lambda r: returning.close(r, first, acting), ("return", 1, "refunding")),
    ]

    for decide, change in steps:
        records.decide(ORDER_ID, decide)
        if change:
            made = by(*change)
            assert [told(office, made) for _ in range(2)] == [True, False]

    assert [subject for _, subject in office.sent] == [
        "Part of your order is cancelled: £10.00",
        "Your parcel is on its way",
        "You may send your goods back",
        "We cannot take your goods back",
        "Your return is done: £10.00",
    ]


def test_a_refund_is_told_where_no_cancellation_or_return_tells_it() -> None:
    an_order()
    till, office = Till(), PostOffice()
    till.authorize()
    till.capture()
    for amount, who in ((100, "ada"), (200, "return_order"), (300, "cancel_lines"), (400, "ada")):
        wanted = Movement(ORDER_ID, amount, f"{who} {amount}", who)
        refund_payment(
            wanted,
            till.clock,
            payments=till.payments,
            ledger=till.ledger,
            provider=till.provider,
        )
    till.void()

    # The last one is what the undo gave back.
    moves = ((100, 100), (200, 300), (300, 600), (400, 1000), (4400, 5400))
    outcomes = [told(office, refunded(*move)) for move in moves]

    assert outcomes == [True, False, False, True, False]
    assert [subject for _, subject in office.sent] == [
        "We have given you money back: £1.00",
        "We have given you money back: £4.00",
    ]
    with pytest.raises(NotFound):
        told(office, refunded(1, 999))


def test_an_event_without_an_email_is_passed_over() -> None:
    assert told(PostOffice(), event("order.requires_action")) is False


def test_an_event_of_no_order_is_refused() -> None:
    with pytest.raises(NotFound):
        told(PostOffice())


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (MailRefused("no", reason="MessageRejected"), "MessageRejected"),
        (Throttled("slower"), "throttled"),
        (MailOutcomeUnknown("who knows"), "mail_outcome_unknown"),
    ],
)
def test_a_failure_is_told_to_staff_and_the_next_try_sends(
    failure: DomainError, reason: str
) -> None:
    an_order()
    office = PostOffice([failure])

    with pytest.raises(type(failure)):
        told(office)
    assert [(email.status, email.reason) for email in listed()] == [(FAILED, reason)]

    assert told(office) is True  # at once: the claim went with the failure
    assert [(email.status, email.reason) for email in listed()] == [(SENT, None)]
    assert len(office.sent) == 1


def test_a_run_that_died_is_followed_by_another_after_its_claim_is_over() -> None:
    an_order()
    office = PostOffice([KeyboardInterrupt()])  # as a process that ends there
    with pytest.raises(KeyboardInterrupt):
        told(office)

    with pytest.raises(EmailInProgress):
        told(office, now=LATER - timedelta(milliseconds=1))
    assert office.sent == []

    assert told(office, now=LATER) is True
    assert len(office.sent) == 1


# --- the store's conditions ---------------------------------------------------


def email(version: int = 2, **other: str) -> Email:
    return Email(
        email_id=f"email_{version}",
        order_id=other.get("order_id", ORDER_ID),
        event_id=f"evt_{version}",
        event_type="order.placed",
        occurred_at=to_text(NOW + timedelta(seconds=version // 2)),
        to="ada@example.com",
        language="en",
        subject="Hello",
    )


def test_a_late_failure_does_not_undo_what_another_run_did() -> None:
    store = EmailStore(table("emails"))
    first = store.claim(email(), NOW)
    second = store.claim(email(), LATER)
    assert first
    assert second

    store.record_failure(email(), first, "Late")
    assert [each.status for each in listed()] == [SENDING]
    store.record_sent(email(), "message-1", LATER)
    store.record_failure(email(), second, "Later")

    assert [(each.status, each.message_id) for each in listed()] == [(SENT, "message-1")]
    assert store.claim(email(), LATER + LEASE) is None


def test_an_email_is_kept_for_ninety_days() -> None:
    EmailStore(table("emails")).claim(email(), NOW)

    item = table("emails").get(email_key(email()))
    assert item is not None
    assert item["expires_at"] == int((NOW + KEPT).timestamp())
    assert timedelta(days=90) == KEPT


@pytest.mark.parametrize("about", [None, ORDER_ID])
def test_pages_hold_each_email_once_newest_first(about: str | None) -> None:
    store = EmailStore(table("emails"))
    for version in range(1, 8):
        store.claim(email(version), NOW)
        if version % 2:
            store.record_sent(email(version), "message", NOW)
    if about:
        store.claim(email(9, order_id="order_another"), NOW)

    found, place = store.newest(STATUSES, about, limit=3)
    while place:
        page, place = store.newest(STATUSES, about, limit=3, before=place)
        found += page

    assert [each.email_id for each in found] == [f"email_{n}" for n in range(7, 0, -1)]
    sent, _ = store.newest((SENT,), about, limit=10)
    assert [each.email_id for each in sent] == [f"email_{n}" for n in (7, 5, 3, 1)]


# --- the port -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "named"),
    [
        ("TooManyRequestsException", 429, Throttled),
        ("MessageRejected", 400, MailRefused),
        ("InternalFailure", 500, MailOutcomeUnknown),
    ],
)
def test_what_ses_refuses_is_named_and_names_no_address(
    code: str, status: int, named: type[DomainError]
) -> None:
    client = boto3.client("sesv2", region_name="us-east-1")
    with Stubber(client) as stubbed:
        stubbed.add_client_error("send_email", code, "ada@example.com is not verified", status)
        with pytest.raises(named) as refused:
            Mailer("shop@example.com", client).send(
                "ada@example.com", subject="s", text="t", html="h"
            )

    assert "@" not in str(refused.value) + refused.value.to_cause()
    # Nor does what a log would show below it.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("domain", "ascii"),
    [
        ("müller.example", "xn--mller-kva.example"),
        # By the older IDNA it would be somebody else's, fass.example.
        ("faß.example", "xn--fa-hia.example"),
    ],
)
def test_a_domain_goes_out_in_ascii(domain: str, ascii: str) -> None:  # noqa: A002
    client = boto3.client("sesv2", region_name="us-east-1")
    content = {
        "Simple": {
            "Subject": {"Data": "s", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "t", "Charset": "UTF-8"},
                "Html": {"Data": "h", "Charset": "UTF-8"},
            },
        }
    }
    wanted = {
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": [f"ada@{ascii}"]},
        "Content": content,
    }
    with Stubber(client) as stubbed:
        stubbed.add_response("send_email", {"MessageId": "m"}, wanted)
        mailer = Mailer("shop@example.com", client)
        assert mailer.send(f"ada@{domain}", subject="s", text="t", html="h") == "m"


class Behind:
    """DynamoDB, of which a read that may be a moment behind sees nothing of the last minute."""

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        return getattr(dynamodb_client(), name)

    def query(self, **call: Any) -> Any:
        if call["ConsistentRead"]:
            return dynamodb_client().query(**call)
        return {"Items": [], "Count": 0}


def test_an_email_of_this_moment_is_forgotten_with_the_others_about_its_order() -> None:
    client: Any = Behind()
    store = EmailStore(Table(table_name("emails"), client))
    store.claim(email(), NOW)
    store.forget_about(ORDER_ID)
    assert EmailStore(table("emails")).newest(STATUSES, ORDER_ID, limit=10) == ([], None)
