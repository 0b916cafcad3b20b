"""The rules of double entry: what is debited is credited, in every entry.

An entry debits some accounts and credits others by the same sum, so the sum over all
accounts is zero at any moment. Amounts are positive integers in minor units.

`store_credit` is the sum of the accounts `store_credit:<customer or order id>`, each of
which may not go below zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from commerce.clock import to_text
from commerce.ids import derived_id
from commerce.money import divide_half_up
from commerce.payments.model import CAPTURE, Payment, PaymentCall

RECEIVABLE = "receivable"
CASH_AT_PROVIDER = "cash_at_provider"
REVENUE = "revenue"
TAX = "tax"
REFUNDS = "refunds"
STORE_CREDIT = "store_credit"

DEBIT, CREDIT = "debit", "credit"

# On which side each account grows: what the shop has or gives away, and what it owes or earns.
SIDES: Mapping[str, str] = {
    RECEIVABLE: DEBIT,
    CASH_AT_PROVIDER: DEBIT,
    REFUNDS: DEBIT,
    REVENUE: CREDIT,
    TAX: CREDIT,
    STORE_CREDIT: CREDIT,
}
_CREDIT_OF = re.compile(r"store_credit:[A-Za-z0-9_@.+-]{1,80}")
ACCOUNT_PATTERN = rf"^(?:{'|'.join(SIDES)}|{_CREDIT_OF.pattern})$"


class Unbalanced(ValueError):
    """An entry that is no entry: its debits are not its credits."""


@dataclass(frozen=True)
class Line:
    """One account's part of an entry; one of the two amounts is 0."""

    account: str
    debit: int = 0
    credit: int = 0


@dataclass(frozen=True)
class Entry:
    """One movement of money. There is none that is not balanced.

    Raises
    ------
    Unbalanced
        Debits and credits differ, or a line is empty, two-sided, negative or doubled.
    """

    entry_id: str
    at: datetime
    what: str
    currency: str
    lines: tuple[Line, ...]
    order_id: str | None = None
    by: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        one_sided = all(
            min(line.debit, line.credit) == 0 < max(line.debit, line.credit) for line in self.lines
        )
        debits = sum(line.debit for line in self.lines)
        credited = sum(line.credit for line in self.lines)
        accounts = {line.account for line in self.lines}
        if not one_sided or not debits or debits != credited or len(accounts) != len(self.lines):
            raise Unbalanced(f"{self.entry_id} debits {debits} and credits {credited}")


@dataclass(frozen=True)
class Balance:
    """What was ever debited and credited to one account in one currency."""

    debits: int = 0
    credits: int = 0

    def on(self, side: str) -> int:
        """Give the balance on the side the account grows on."""
        return (self.debits - self.credits) * (1 if side == DEBIT else -1)


@dataclass(frozen=True)
class Posting:
    """What one entry did to one account."""

    account: str
    entry_id: str
    at: str
    what: str
    currency: str
    debit: int = 0
    credit: int = 0
    order_id: str | None = None
    by: str = ""
    reason: str = ""


def is_account(account: str) -> bool:
    """Tell whether the shop has, or may have, such an account."""
    return account in SIDES or may_not_go_below_zero(account)


def may_not_go_below_zero(account: str) -> bool:
    """Tell whether it is one customer's or one order's store credit."""
    return _CREDIT_OF.fullmatch(account) is not None


def side_of(account: str) -> str:
    """Tell on which side an account grows."""
    return SIDES[account.partition(":")[0]]


def tax_within(amount: int, payment: Payment) -> int:
    """Give what of the first `amount` of a payment is tax, rounded half up.

    A part's tax is the difference of two of these, so that the parts of a payment,
    however it is cut, have together exactly its tax.
    """
    return divide_half_up(amount * payment.tax, payment.amount)


def entry_id_of(call_id: str) -> str:
    """Name the entry of a capture or refund."""
    return derived_id("entry", call_id)


def entry_of(payment: Payment, call: PaymentCall, now: datetime) -> Entry:
    """Write up a capture or refund that is done.

    Parameters
    ----------
    payment
        As it stood before. The tax of a call that does not have its own depends on the parts
        before it.
    """
    capture = call.kind == CAPTURE
    tax = call.tax
    if tax is None:
        before = payment.captured if capture else payment.refunded
        tax = tax_within(before + call.amount, payment) - tax_within(before, payment)
    sign = 1 if capture else -1
    lines = (
        _line(CASH_AT_PROVIDER, debit=sign * call.amount),
        _line(REVENUE if capture else REFUNDS, debit=sign * (tax - call.amount)),
        _line(TAX, debit=-sign * tax),
    )
    return Entry(
        entry_id_of(call.call_id),
        now,
        call.kind,
        payment.currency,
        tuple(line for line in lines if line.debit or line.credit),
        payment.order_id,
        call.by,
        call.reason,
    )


def tax_entry_of(payment: Payment, tax: int, by: str, now: datetime) -> Entry:
    """Write up that more or less of what a payment is charged is tax, with no money moved.

    Parameters
    ----------
    payment
        As it stood before; each of its versions is corrected once.
    tax
        How much of what it is charged is tax from now on.
    """
    more = tax - payment.tax_charged
    return Entry(
        derived_id("entry", payment.order_id, TAX, payment.version),
        now,
        TAX,
        payment.currency,
        (_line(REVENUE, debit=more), _line(TAX, debit=-more)),
        payment.order_id,
        by,
    )


def _line(account: str, debit: int) -> Line:
    """Debit an account, or credit it where the amount is negative."""
    return Line(account, debit=debit) if debit > 0 else Line(account, credit=-debit)


def postings(entry: Entry) -> tuple[Posting, ...]:
    """Tell what an entry does to each account, the sum of all store credit among them."""
    sums: dict[str, tuple[int, int]] = {}
    for line in entry.lines:
        accounts = {line.account, line.account.partition(":")[0]}
        for account in accounts:
            debit, credit = sums.get(account, (0, 0))
            sums[account] = (debit + line.debit, credit + line.credit)
    return tuple(
        Posting(
            account,
            entry.entry_id,
            to_text(entry.at),
            entry.what,
            entry.currency,
            debit,
            credit,
            entry.order_id,
            entry.by,
            entry.reason,
        )
        for account, (debit, credit) in sorted(sums.items())
    )


def total(balances: Iterable[Balance]) -> Balance:
    """Add balances up."""
    found = list(balances)
    return Balance(sum(one.debits for one in found), sum(one.credits for one in found))
