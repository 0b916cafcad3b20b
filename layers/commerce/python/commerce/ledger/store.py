"""The ledger table.

============================  ===========================  ===============================
what                          pk                           sk
============================  ===========================  ===============================
an entry of an order          `order#<order id>`           `entry#<entry id>`
an entry of no order          `transfer#<entry id>`        `entry#<entry id>`
a balance, in shards          `account#<id>#<shard>`       `balance#<currency>`
an entry's part in an         `account#<id>#<shard>`       `posting#<time>#<entry id>`
account
============================  ===========================  ===============================

==========================================  ============================================
question                                    answered by
==========================================  ============================================
an account's balances                       a query of each of its shards, added up
an account's postings, newest first         the same shards, merged by time
an order's entries                          a query by order id
whether the books balance                   the balances of the six accounts
==========================================  ============================================

Each capture adds to the same three accounts. On one item a currency, captures of all orders
would meet: DynamoDB refuses a transaction whose item another one is writing, and takes at
most 1,000 writes a second of one partition key. So an account is spread over shards; an
entry's shard follows from its id. A customer's store credit has one, for a balance can
be a condition only where it stands on one item; two who spend the same credit must meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commerce.clock import to_text
from commerce.dynamo.table import Item, Key, Put, Table, TransactionRefused, Update, Write
from commerce.errors import IdempotencyKeyReused, InsufficientBalance
from commerce.ledger.model import (
    CASH_AT_PROVIDER,
    SIDES,
    Balance,
    Entry,
    Posting,
    may_not_go_below_zero,
    postings,
    total,
)

SHARDS = 8

NONE_YET = "attribute_not_exists(#pk)"
# `balance` is credits less debits.
NEVER_BELOW_ZERO = "#balance >= :debit"


def entry_key(entry: Entry) -> Key:
    """Where an entry stands."""
    owner = f"order#{entry.order_id}" if entry.order_id else f"transfer#{entry.entry_id}"
    return {"pk": owner, "sk": f"entry#{entry.entry_id}"}


def account_shard(account: str, shard: int) -> str:
    """Name one of the partitions an account is spread over."""
    return f"account#{account}#{shard}"


def shards_of(account: str) -> int:
    """Tell over how many partitions an account is spread."""
    return 1 if may_not_go_below_zero(account) else SHARDS


def _shard(account: str, entry_id: str) -> str:
    return account_shard(account, sum(entry_id.encode()) % shards_of(account))


class LedgerStore:
    """Entries, which are only ever added, and the balances that follow from them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def writes(self, entry: Entry) -> list[Write]:
        """Give the writes that book an entry, for the transaction of what it records.

        The first is refused where the entry is booked already.
        """
        writes: list[Write] = [self._table.own(Put(_entry_item(entry), NONE_YET))]
        for posting in postings(entry):
            writes.append(self._table.own(Put(_posting_item(posting))))
            writes.append(self._table.own(_balance_update(posting)))
        return writes

    def post(self, entry: Entry) -> None:
        """Book an entry by itself; repeated, it is booked once.

        Raises
        ------
        InsufficientBalance
            An account that may not go below zero would; `balance` tells what it has.
        IdempotencyKeyReused
            Another entry has this id.
        """
        try:
            self._table.transact(self.writes(entry))
        except TransactionRefused as refused:
            if 0 in refused.failures:
                earlier = refused.failures[0] or {}
                if _content(earlier) != _content(_entry_item(entry)):
                    raise IdempotencyKeyReused("this key came with another transfer") from None
                return
            (item,) = refused.failures.values()
            balance = item["balance"] if item else 0
            raise InsufficientBalance(
                f"the account has {balance} and may not go below zero", balance=balance
            ) from None

    def cash_of_order(self, order_id: str) -> dict[str, int]:
        """Tell what each entry of an order did to the cash at the provider, by the entry's id."""
        items = self._table.query(
            "#pk = :order AND begins_with(#sk, :prefix)",
            {"order": f"order#{order_id}", "prefix": "entry#"},
            consistent=True,
        )
        return {
            item["entry_id"]: sum(
                line["debit"] - line["credit"]
                for line in item["lines"]
                if line["account"] == CASH_AT_PROVIDER
            )
            for item in items
        }

    def balances(self, account: str) -> dict[str, Balance]:
        """Add up an account's shards, by currency; nothing where it was never used."""
        found: dict[str, list[Balance]] = {}
        for shard in range(shards_of(account)):
            items = self._table.query(
                "#pk = :shard AND begins_with(#sk, :prefix)",
                {"shard": account_shard(account, shard), "prefix": "balance#"},
                consistent=True,
            )
            for item in items:
                currency = item["sk"].partition("#")[2]
                balance = Balance(item["debits"], item["credits"])
                found.setdefault(currency, []).append(balance)
        return {currency: total(parts) for currency, parts in sorted(found.items())}

    def trial_balance(self) -> dict[str, Balance]:
        """Add up all accounts, by currency: debits are credits, or the books are wrong."""
        found: dict[str, list[Balance]] = {}
        for account in SIDES:
            for currency, balance in self.balances(account).items():
                found.setdefault(currency, []).append(balance)
        return {currency: total(parts) for currency, parts in sorted(found.items())}

    def postings(
        self, account: str, *, limit: int, before: str | None = None
    ) -> tuple[list[Posting], str | None]:
        """Read a page of an account's postings, newest first.

        Parameters
        ----------
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The postings, and the position to go on from, None on the last page.
        """
        found: list[Item] = []
        for shard in range(shards_of(account)):
            # One more than the page tells whether there is another, and `before` itself may come.
            page, _ = self._table.query_page(
                "#pk = :shard AND #sk BETWEEN :first AND :last",
                {
                    "shard": account_shard(account, shard),
                    "first": "posting#",
                    "last": before or "posting#~",
                },
                limit=limit + 2,
                newest_first=True,
            )
            found += [item for item in page if item["sk"] != before]
        found.sort(key=lambda item: str(item["sk"]), reverse=True)
        position = found[limit - 1]["sk"] if len(found) > limit else None
        return [_posting(item) for item in found[:limit]], position


def _balance_update(posting: Posting) -> Update:
    """Add to a balance; take from one that may not go below zero only what is there."""
    bound = may_not_go_below_zero(posting.account) and posting.debit
    return Update(
        {
            "pk": _shard(posting.account, posting.entry_id),
            "sk": f"balance#{posting.currency}",
        },
        "ADD #debits :debit, #credits :credit, #balance :change",
        NEVER_BELOW_ZERO if bound else "",
        {
            "debit": posting.debit,
            "credit": posting.credit,
            "change": posting.credit - posting.debit,
        },
    )


def _entry_item(entry: Entry) -> Item:
    item: Item = {
        **entry_key(entry),
        "entry_id": entry.entry_id,
        "at": to_text(entry.at),
        "what": entry.what,
        "currency": entry.currency,
        "lines": [
            {"account": line.account, "debit": line.debit, "credit": line.credit}
            for line in entry.lines
        ],
    }
    facts = {"order_id": entry.order_id, "by": entry.by, "reason": entry.reason}
    return {**item, **{name: value for name, value in facts.items() if value}}


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "at"}


def _posting_item(posting: Posting) -> Item:
    facts = {name: value for name, value in vars(posting).items() if value}
    return {
        **facts,
        "pk": _shard(posting.account, posting.entry_id),
        "sk": f"posting#{posting.at}#{posting.entry_id}",
    }


def _posting(item: Mapping[str, Any]) -> Posting:
    return Posting(**{name: value for name, value in item.items() if name not in ("pk", "sk")})
