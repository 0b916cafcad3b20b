"""HTTP shapes of e-mails, as staff see them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, Field

from commerce.emails.model import Email
from commerce.pages import Page, PageQuery
from commerce.texts import WORD_PATTERN

EmailStatus = Literal["sending", "sent", "failed"]


class EmailView(BaseModel):
    """An e-mail to a buyer, without its content."""

    id: str = Field(examples=["email_01j0000000q3n8v5r1c7k2m9x4t6w0a8y5"])
    order_id: str
    event_id: str
    event_type: str = Field(examples=["order.placed"])
    occurred_at: str = Field(description="When the event happened.")
    to: str
    language: str = Field(examples=["en"])
    subject: str
    status: EmailStatus
    message_id: str | None = Field(None, description="What the mail service knows it by.")
    reason: str | None = Field(None, description="Why the last try failed.")
    sent_at: str | None = None


class EmailList(Page):
    """A page of e-mails, those of the newest events first."""

    items: list[EmailView]


class EmailsQuery(PageQuery):
    """Which e-mails to list."""

    order_id: str | None = Field(default=None, min_length=1, max_length=64, pattern=WORD_PATTERN)
    status: EmailStatus | None = None


def email_view(email: Email) -> EmailView:
    """Show an e-mail."""
    facts = asdict(email)
    return EmailView.model_validate({"id": facts.pop("email_id"), **facts})
