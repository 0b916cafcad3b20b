"""What the shop does with its books: transfers between accounts."""

from __future__ import annotations

from datetime import datetime

from commerce.errors import InvalidRequest, NotFound, TransferNotAllowed
from commerce.ids import derived_id
from commerce.ledger.model import (
    CASH_AT_PROVIDER,
    STORE_CREDIT,
    Balance,
    Entry,
    Line,
    is_account,
    may_not_go_below_zero,
)
from commerce.ledger.schema import MakeTransfer
from commerce.ledger.store import LedgerStore
from commerce.settings.store import SettingsStore

TRANSFER = "transfer"


def make_transfer(
    account: str,
    wanted: MakeTransfer,
    key: str,
    by: str,
    now: datetime,
    *,
    ledger: LedgerStore,
    settings: SettingsStore,
) -> Entry:
    """Debit an account and credit another; repeated with the same key, once.

    Parameters
    ----------
    key
        The same for all repeats of one call, and another for each other call.

    Raises
    ------
    NotFound
        There is no such account.
    InvalidRequest
        There is no account `to`, it is the same one, or the shop has no such currency.
    TransferNotAllowed
        One of them is moved by captures and refunds alone, or is a sum of others.
    InsufficientBalance
        The account may not go below zero, and would.
    """
    if not is_account(account):
        raise NotFound("there is no such account")
    if not is_account(wanted.to) or wanted.to == account:
        raise _invalid("to", "name another account of the shop")
    if wanted.currency not in settings.current().currencies:
        raise _invalid("currency", "the settings name no such currency")
    if CASH_AT_PROVIDER in (account, wanted.to):
        raise TransferNotAllowed(
            "cash_at_provider is what the provider's books say: captured, less refunded"
        )
    if STORE_CREDIT in (account, wanted.to):
        raise TransferNotAllowed(
            "store_credit is a sum; name whose it is, such as store_credit:CUSTOMER"
        )
    entry = Entry(
        derived_id("entry", "", account, key),
        now,
        TRANSFER,
        wanted.currency,
        (Line(account, debit=wanted.amount), Line(wanted.to, credit=wanted.amount)),
        by=by,
        reason=wanted.reason,
    )
    ledger.post(entry)
    return entry


def read_account(account: str, *, ledger: LedgerStore) -> dict[str, Balance]:
    """Read an account's balances, by currency.

    Raises
    ------
    NotFound
        There is no such account, or nobody ever had this store credit.
    """
    balances = ledger.balances(account) if is_account(account) else {}
    if not balances and (not is_account(account) or may_not_go_below_zero(account)):
        raise NotFound("there is no such account")
    return balances


def _invalid(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        detail, errors=[{"path": f"$.{field}", "code": "invalid", "detail": detail}]
    )
