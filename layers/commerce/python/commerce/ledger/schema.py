"""HTTP shapes of the books."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from commerce.clock import to_text
from commerce.ledger.model import Balance, Entry, Posting, side_of
from commerce.money import Currency
from commerce.pages import Page, PageQuery
from commerce.texts import WORDS_PATTERN, Line

AMOUNT_MAX = 1_000_000_000_000


class MakeTransfer(BaseModel):
    """A movement from this account to another: this one is debited, the other credited."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    to: str = Field(
        pattern=WORDS_PATTERN,
        max_length=100,
        description="The account that is credited.",
        examples=["store_credit:customer-7"],
    )
    amount: int = Field(ge=1, le=AMOUNT_MAX, description="In minor units.", examples=[500])
    currency: Currency = Field(examples=["GBP"])
    reason: Annotated[str, Line(200, 1)] = Field(examples=["goodwill"])


class AccountQuery(PageQuery):
    """How much of the account's entries to give."""


class BalanceView(BaseModel):
    """What an account has in one currency, in minor units."""

    currency: str
    debits: int = Field(description="All that was ever debited.")
    credits: int = Field(description="All that was ever credited.")
    balance: int = Field(description="The difference, on the side the account grows on.")


class PostingView(BaseModel):
    """What one entry did to the account, in minor units."""

    entry_id: str
    at: str
    what: str = Field(description="`capture`, `refund` or `transfer`.")
    currency: str
    debit: int
    credit: int
    order_id: str | None = None
    by: str | None = None
    reason: str | None = None


class AccountView(Page):
    """An account's balances, and a page of its entries, newest first."""

    id: str
    side: str = Field(description="`debit` or `credit`: where the account grows.")
    balances: list[BalanceView]
    items: list[PostingView]


class LineView(BaseModel):
    """One account's part of an entry; one of the two amounts is 0."""

    account_id: str
    debit: int
    credit: int


class EntryView(BaseModel):
    """One movement of money; its debits are its credits."""

    id: str
    at: str
    what: str
    currency: str
    lines: list[LineView]
    by: str
    reason: str


def account_view(
    account: str,
    balances: dict[str, Balance],
    postings: list[Posting],
    next_cursor: str | None,
) -> AccountView:
    """Show an account with a page of its entries."""
    side = side_of(account)
    return AccountView(
        id=account,
        side=side,
        balances=[
            BalanceView(
                currency=currency,
                debits=balance.debits,
                credits=balance.credits,
                balance=balance.on(side),
            )
            for currency, balance in balances.items()
        ],
        items=[
            PostingView(
                entry_id=one.entry_id,
                at=one.at,
                what=one.what,
                currency=one.currency,
                debit=one.debit,
                credit=one.credit,
                order_id=one.order_id,
                by=one.by or None,
                reason=one.reason or None,
            )
            for one in postings
        ],
        next_cursor=next_cursor,
    )


def entry_view(entry: Entry) -> EntryView:
    """Show an entry."""
    return EntryView(
        id=entry.entry_id,
        at=to_text(entry.at),
        what=entry.what,
        currency=entry.currency,
        lines=[
            LineView(account_id=line.account, debit=line.debit, credit=line.credit)
            for line in entry.lines
        ],
        by=entry.by,
        reason=entry.reason,
    )
