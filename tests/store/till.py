"""A payment store, the books and a sandbox provider on test tables, with a clock to turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from builders import NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Table, dynamodb_client, from_wire
from commerce.ledger.model import CASH_AT_PROVIDER, DEBIT, SIDES, TAX, Balance, total
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import AUTHORIZING
from commerce.payments.model import Payment
from commerce.payments.operations import (
    Movement,
    authorize_payment,
    capture_payment,
    refund_payment,
    release_rest,
    settle_payment,
    void_payment,
)
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

SERVICES = ("ledger", "payments", "sandbox")
AMOUNT, TAX_OF_IT = 5400, 901


class Till:
    """Moves one order's money; every call to the database goes through `client`."""

    def __init__(self, client: Any = None, provider: Any = None) -> None:
        self.now = NOW
        self.client = client
        self.payments = PaymentStore(self._table("payments"))
        self.ledger = LedgerStore(self._table("ledger"))
        sandbox = SandboxProvider(self._table("sandbox"), self.clock, lambda _seconds: None)
        self.provider = provider or sandbox

    def clock(self) -> datetime:
        return self.now

    def authorize(
        self, amount: int = AMOUNT, tax: int = TAX_OF_IT, token: str = "tok_visa"
    ) -> Payment:
        wanted = Payment(ORDER_ID, AUTHORIZING, 1, "sandbox", amount, "GBP", tax=tax)
        return authorize_payment(
            wanted, token, self.clock, payments=self.payments, provider=self.provider
        )

    def capture(self, amount: int | None = None, key: str = "c1") -> Payment:
        wanted = Movement(ORDER_ID, amount, key, "ada")
        return capture_payment(wanted, self.clock, **self._books())

    def refund(self, amount: int | None = None, key: str = "f1") -> Payment:
        wanted = Movement(ORDER_ID, amount, key, "ada", "arrived broken")
        return refund_payment(wanted, self.clock, **self._books())

    def void(self) -> Payment:
        return void_payment(ORDER_ID, self.now, **self._books())

    def release(self) -> Payment:
        return release_rest(ORDER_ID, self.now, payments=self.payments, provider=self.provider)

    def settle(self) -> Payment | None:
        return settle_payment(ORDER_ID, self.clock, **self._books())

    def held(self) -> int:
        """Tell what the provider still holds and has not taken."""
        theirs = self.provider.find(ORDER_ID)
        return theirs.held if theirs else 0

    def recorded(self) -> Payment:
        payment = self.payments.get(ORDER_ID)
        assert payment is not None
        return payment

    def balances(self) -> Mapping[str, int]:
        """Give each account's balance on its own side."""
        found: dict[str, list[Balance]] = {account: [] for account in SIDES}
        # One scan: the store asks each account's shards, which is a hundred queries.
        client = self.client or dynamodb_client()
        for wire in client.scan(TableName=table_name("ledger"))["Items"]:
            item = from_wire(wire)
            account = item["pk"].split("#")[1]
            if item["sk"].startswith("balance#") and account in SIDES:
                found[account].append(Balance(item["debits"], item["credits"]))
        return {account: total(parts).on(SIDES[account]) for account, parts in found.items()}

    def assert_books_are_right(self) -> None:
        """Nobody is at work: ours, the ledger's and the provider's amounts are the same."""
        ours, theirs, accounts = self.recorded(), self.provider.find(ORDER_ID), self.balances()
        _, calls = self.payments.get_with_calls(ORDER_ID)
        assert theirs is not None
        assert not [call for call in calls if call.open]
        assert (ours.captured, ours.refunded) == (theirs.captured, theirs.refunded)
        assert (ours.claimed, ours.refundable) == (ours.captured, ours.net)
        assert 0 <= ours.refunded <= ours.captured <= ours.amount
        assert accounts[CASH_AT_PROVIDER] == theirs.net
        if not theirs.net:
            assert accounts[TAX] == 0
        if theirs.net == ours.amount:
            assert accounts[TAX] == ours.tax
        on_debit = {account for account, side in SIDES.items() if side == DEBIT}
        debits = sum(amount for account, amount in accounts.items() if account in on_debit)
        assert debits * 2 == sum(accounts.values())

    def _books(self) -> dict[str, Any]:
        return {"payments": self.payments, "ledger": self.ledger, "provider": self.provider}

    def _table(self, noun: str) -> Table:
        return Table(table_name(noun), self.client, lambda _seconds: None)


class Interrupted:
    """DynamoDB's client, with something done by another before one call of a number."""

    def __init__(self, number: int, meanwhile: Callable[[], None], inner: Any = None) -> None:
        self._number, self._meanwhile = number, meanwhile
        self._inner = inner or dynamodb_client()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def counted(**arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self._number:
                self._meanwhile()
            return call(**arguments)

        return counted
