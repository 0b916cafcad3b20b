"""An e-mail is sent once, whatever comes twice, dies or is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from builders import NOW, ORDER_ID, details, order, table
from commerce.clock import to_text
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
from commerce.events.model import Aggregate, DomainEvent, event_id
from commerce.fulfillment.model import Acting, cancel
from commerce.mailer import Mailer
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore

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
    return tell_buyer(of or event(), lambda: now, records=records, emails=emails, mailer=office)


def an_order(language: str = "en") -> OrderStore:
    orders = OrderStore(table("orders"))
    buyer = {"email": "ada@example.com", "language": language}
    orders.place_once(order(), replace(details(), buyer=buyer))
    orders.confirm(ORDER_ID, "test", NOW)
    return orders


def listed(*statuses: str) -> list[Email]:
    return EmailStore(table("emails")).newest(statuses or STATUSES, limit=10)[0]


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


def test_a_domain_goes_out_in_ascii() -> None:
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
        "Destination": {"ToAddresses": ["ada@xn--mller-kva.example"]},
        "Content": content,
    }
    with Stubber(client) as stubbed:
        stubbed.add_response("send_email", {"MessageId": "m"}, wanted)
        mailer = Mailer("shop@example.com", client)
        assert mailer.send("ada@müller.example", subject="s", text="t", html="h") == "m"
