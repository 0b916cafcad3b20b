"""The books: what is debited is credited, and nobody spends credit there is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, ORDER_ID, table
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import (
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidRequest,
    NotFound,
    TransferNotAllowed,
)
from commerce.ledger.model import Balance, Entry, Line, Unbalanced, entry_of
from commerce.ledger.operations import make_transfer, read_account
from commerce.ledger.schema import MakeTransfer
from commerce.ledger.store import LedgerStore
from commerce.payments.model import CAPTURE, REFUND, Payment, PaymentCall
from commerce.settings.store import SettingsStore
from store.till import Interrupted

CREDIT = "store_credit:customer-7"


def transfer(
    account: str,
    to: str,
    amount: int,
    key: str = "k1",
    *,
    currency: str = "GBP",
    ledger: LedgerStore | None = None,
) -> Entry:
    return make_transfer(
        account,
        MakeTransfer(to=to, amount=amount, currency=currency, reason="goodwill"),
        key,
        "ada",
        NOW,
        ledger=ledger or LedgerStore(table("ledger")),
        settings=SettingsStore(table("settings")),
    )


def balance(account: str) -> Balance:
    return LedgerStore(table("ledger")).balances(account).get("GBP", Balance())


# --- entries ------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (Line("refunds", debit=5),),
        (Line("refunds", debit=5), Line("revenue", credit=4)),
        (Line("refunds", debit=-5), Line("revenue", credit=-5)),
        (Line("refunds", debit=5, credit=5), Line("revenue", debit=5, credit=5)),
        (Line("refunds", debit=5), Line("revenue", credit=5), Line("tax")),
        (Line("refunds", debit=5), Line("refunds", credit=5)),
    ],
)
def test_there_is_no_entry_that_is_not_balanced(lines: tuple[Line, ...]) -> None:
    with pytest.raises(Unbalanced):
        Entry("entry_1", NOW, "transfer", "GBP", lines)


@given(
    amount=st.integers(1, 10_000),
    tax=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 9_999), max_size=6),
    kind=st.sampled_from([CAPTURE, REFUND]),
)
def test_the_tax_of_all_parts_is_the_tax_of_the_whole(
    amount: int, tax: int, cuts: list[int], kind: str
) -> None:
    tax = min(tax, amount)
    bounds = [0, *sorted({cut for cut in cuts if cut < amount}), amount]
    booked = 0
    for before, after in pairwise(bounds):
        payment = Payment(
            ORDER_ID, "captured", 1, "", amount, "GBP", tax=tax, captured=before, refunded=before
        )
        call = PaymentCall("capture_1", kind, ORDER_ID, after - before, "ada", NOW)
        lines = entry_of(payment, call, NOW).lines
        booked += sum(line.debit + line.credit for line in lines if line.account == "tax")
    assert booked == tax


# --- transfers ----------------------------------------------------------------


@pytest.mark.usefixtures("tables")
def test_credit_that_is_given_can_be_spent_and_no_more_of_it() -> None:
    transfer("refunds", CREDIT, 500)
    with pytest.raises(InsufficientBalance) as refused:
        transfer(CREDIT, "revenue", 501, "k2")
    assert refused.value.details["balance"] == 500
    transfer(CREDIT, "revenue", 500, "k3")
    assert balance(CREDIT) == balance("store_credit") == Balance(500, 500)
    with pytest.raises(InsufficientBalance):
        transfer(CREDIT, "revenue", 1, "k4")
    with pytest.raises(InsufficientBalance):
        transfer("store_credit:nobody", "revenue", 1, "k5")


@pytest.mark.usefixtures("tables")
def test_credit_of_one_currency_does_not_pay_in_another() -> None:
    transfer("refunds", CREDIT, 500)
    with pytest.raises(InsufficientBalance):
        transfer(CREDIT, "revenue", 1, "k2", currency="EUR")


@pytest.mark.usefixtures("tables")
def test_a_transfer_sent_again_is_one_and_with_another_content_refused() -> None:
    first, again = transfer("refunds", CREDIT, 500), transfer("refunds", CREDIT, 500)
    assert first == again
    assert balance(CREDIT) == Balance(0, 500)
    with pytest.raises(IdempotencyKeyReused):
        transfer("refunds", CREDIT, 501)


@pytest.mark.usefixtures("tables")
def test_a_transfer_sent_again_after_the_credit_is_spent_is_still_the_first_one() -> None:
    transfer("refunds", CREDIT, 500)
    first = transfer(CREDIT, "revenue", 500, "k2")
    assert transfer(CREDIT, "revenue", 500, "k2") == first


@pytest.mark.usefixtures("tables")
def test_credit_moves_from_one_customer_to_another_and_its_sum_stays() -> None:
    transfer("refunds", CREDIT, 500)
    transfer(CREDIT, "store_credit:customer-8", 200, "k2")
    assert balance(CREDIT).on("credit") == 300
    assert balance("store_credit:customer-8").on("credit") == 200
    assert balance("store_credit").on("credit") == 500


@pytest.mark.usefixtures("tables")
def test_of_two_who_spend_the_same_credit_at_once_one_does() -> None:
    transfer("refunds", CREDIT, 500)

    def meanwhile() -> None:
        transfer(CREDIT, "revenue", 300, "k2")

    client: Any = Interrupted(1, meanwhile)
    ledger = LedgerStore(Table(table_name("ledger"), client))
    with pytest.raises(InsufficientBalance) as refused:
        transfer(CREDIT, "revenue", 300, "k3", ledger=ledger)
    assert refused.value.details["balance"] == 200
    assert balance(CREDIT).on("credit") == 200


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("account", "to", "error"),
    [
        ("nothing", "revenue", NotFound),
        ("store_credit:", "revenue", NotFound),
        ("revenue:1", "revenue", NotFound),
        ("revenue", "nothing", InvalidRequest),
        ("revenue", "revenue", InvalidRequest),
        ("revenue", "cash_at_provider", TransferNotAllowed),
        ("cash_at_provider", "revenue", TransferNotAllowed),
        ("store_credit", "revenue", TransferNotAllowed),
    ],
)
def test_a_transfer_is_between_two_accounts_that_staff_may_move(
    account: str, to: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        transfer(account, to, 1)
    assert balance("revenue") == Balance()


@pytest.mark.usefixtures("tables")
def test_a_currency_the_shop_has_not_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        transfer("refunds", CREDIT, 1, currency="USD")


# --- reading ------------------------------------------------------------------


@pytest.mark.usefixtures("tables")
def test_an_account_is_read_page_by_page_newest_first_and_its_shards_add_up() -> None:
    ledger = LedgerStore(table("ledger"))
    for number in range(23):
        transfer("receivable", "revenue", number + 1, f"k{number}")
    found: list[str] = []
    before = None
    while True:
        page, before = ledger.postings("revenue", limit=5, before=before)
        assert len(page) == 5 or before is None
        found += [posting.entry_id for posting in page]
        if before is None:
            break
    assert len(found) == len(set(found)) == 23
    assert found == sorted(found, reverse=True)
    assert balance("revenue") == Balance(0, 23 * 24 // 2)
    assert ledger.trial_balance() == {"GBP": Balance(276, 276)}


@pytest.mark.usefixtures("tables")
def test_the_shops_own_accounts_are_there_from_the_first_day_and_a_customers_is_not() -> None:
    ledger = LedgerStore(table("ledger"))
    assert read_account("revenue", ledger=ledger) == {}
    for account in (CREDIT, "nothing"):
        with pytest.raises(NotFound):
            read_account(account, ledger=ledger)
