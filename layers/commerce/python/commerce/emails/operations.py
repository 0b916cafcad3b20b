"""What the shop does with e-mails: it tells buyers of events."""

from __future__ import annotations

from typing import Protocol

from commerce.clock import Clock
from commerce.emails.model import MAILS, Email, email_id_for, language_for, letter, order_id_of
from commerce.emails.rendering import render
from commerce.emails.store import EmailStore
from commerce.errors import DomainError, NotFound
from commerce.events.model import PAYMENT_REFUNDED, DomainEvent
from commerce.orders.machines import CANCEL_LINES, RETURN_ORDER
from commerce.orders.records import RecordStore
from commerce.payments.model import REFUND
from commerce.payments.operations import VOID
from commerce.payments.store import PaymentStore

# Whose refunds the e-mail of a cancellation or a return tells of.
_TELL_THEMSELVES = (CANCEL_LINES, RETURN_ORDER, VOID)


class SendsMail(Protocol):
    """The port to the mail service; see `commerce.mailer.Mailer`."""

    def send(self, to: str, *, subject: str, text: str, html: str) -> str:
        """Send one e-mail and give what the service knows it by."""


def tell_buyer(
    event: DomainEvent,
    clock: Clock,
    *,
    records: RecordStore,
    payments: PaymentStore,
    emails: EmailStore,
    mailer: SendsMail,
) -> bool:
    """Send the buyer the e-mail of an event; tell whether one was sent by this very call.

    Repeated, it sends nothing, and nothing at a refund that another e-mail tells of. A run
    that dies between sending and recording leaves its claim behind, and a later try sends a
    second e-mail: SES cannot be asked for the first.

    Raises
    ------
    NotFound
        There is no such order or refund.
    EmailInProgress
        Another run is sending it.
    MailRefused, MailOutcomeUnknown, Throttled
        It was not sent, or nobody knows; the same call tries again.
    """
    mail = MAILS.get(event.type)
    if mail is None:
        return False
    record = records.get(order_id_of(event))
    order, details = record.order, record.details
    if not mail.wanted(order) or _told_otherwise(event, payments):
        return False
    if "email" not in details.buyer:
        return False  # who bought it has had their data erased
    to, language = details.buyer["email"], language_for(details.buyer.get("language"))
    rendered = render(mail.template, language, letter(record, event))
    email = Email(
        email_id=email_id_for(event, to),
        order_id=order.order_id,
        event_id=event.event_id,
        event_type=event.type,
        occurred_at=event.occurred_at,
        to=to,
        language=language,
        subject=rendered.subject,
    )
    claim = emails.claim(email, clock())
    if claim is None:
        return False
    try:
        message_id = mailer.send(
            to, subject=rendered.subject, text=rendered.text, html=rendered.html
        )
    except DomainError as error:
        emails.record_failure(email, claim, str(error.details.get("reason", error.code())))
        raise
    emails.record_sent(email, message_id, clock())
    return True


def _told_otherwise(event: DomainEvent, payments: PaymentStore) -> bool:
    """Tell whether an event is a refund that follows from a cancellation or a return.

    Raises
    ------
    NotFound
        There is no such refund.
    """
    if event.type != PAYMENT_REFUNDED:
        return False
    _, calls = payments.get_with_calls(order_id_of(event))
    place = (REFUND, event.data["refunded"])
    for call in calls:
        if (call.kind, call.running_total) == place:
            return call.by in _TELL_THEMSELVES
    raise NotFound("there is no such refund")
