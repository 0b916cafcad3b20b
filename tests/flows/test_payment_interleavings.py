"""Runs of the payment's steps that come late, twice and in between: money is where the order says.

Step Functions gives up on a run that is slow, and begins another while the first goes on; a
run dies anywhere; the provider takes no call, or takes it and does not answer. Each seed is
one such story, told to its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from builders import NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import (
    ProviderTimeout,
    ProviderUnavailable,
    TransientError,
)
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import AUTHORIZING, DECLINED, VOIDED
from commerce.payments.model import CALL_LIFE, Payment
from commerce.payments.operations import authorize_payment, void_payment
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from store.emulated_dynamodb import EmulatedDynamoDb
from store.interleaved import Run, TakingTurns

SERVICES = ("ledger", "payments", "sandbox")
AMOUNT = 5400
SEEDS = 400
# As long as a function of the template runs, and as often as the saga's file tries.
FUNCTION_TIMEOUT = timedelta(seconds=10)
TRIES = 4
VOIDS = 60


class MoodyProvider(SandboxProvider):
    """Now and then it takes no call, or takes it and does not answer."""

    def __init__(self, table: Table, clock: Any, dice: Random) -> None:
        super().__init__(table, clock, lambda _seconds: None)
        self.dice = dice

    def authorize(
        self, *, reference: str, amount: int, currency: str, token: str, idempotency_key: str
    ) -> ProviderPayment:
        if self.dice.random() < 0.35:
            raise ProviderUnavailable("not now")
        answer = super().authorize(
            reference=reference,
            amount=amount,
            currency=currency,
            token=token,
            idempotency_key=idempotency_key,
        )
        if self.dice.random() < 0.2:
            raise ProviderTimeout("no answer")
        return answer


@dataclass
class Story:
    """One order's payment, from its first authorization to its end."""

    seed: int
    database: EmulatedDynamoDb
    now: datetime = NOW
    runs: list[tuple[Run, datetime]] = field(default_factory=list)
    slow: set[Run] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        client: Any = TakingTurns(self.database)
        self.payments = PaymentStore(Table(table_name("payments"), client, self._pause))
        self.ledger = LedgerStore(Table(table_name("ledger"), client, self._pause))
        sandbox = Table(table_name("sandbox"), client, self._pause)
        self.provider = MoodyProvider(sandbox, self.clock, self.dice)

    def clock(self) -> datetime:
        return self.now

    def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def authorize(self) -> None:
        token = "tok_declined" if self.seed % 7 == 0 else "tok_visa"
        wanted = Payment(ORDER_ID, AUTHORIZING, 1, "sandbox", AMOUNT, "GBP")
        authorize_payment(wanted, token, self.clock, payments=self.payments, provider=self.provider)

    def void(self) -> None:
        void_payment(
            ORDER_ID,
            self.clock(),
            payments=self.payments,
            ledger=self.ledger,
            provider=self.provider,
        )

    def tell(self) -> bool:
        """Tell it as the saga's file has it; whether the order was confirmed."""
        for _ in range(TRIES):
            error = self._heard(Run(self.authorize))
            if error is None:
                # A buyer, or staff, may cancel what was confirmed.
                if self.dice.random() < 0.7:
                    return True
                break
            if not isinstance(error, TransientError | TimeoutError):
                break
            self.now += timedelta(seconds=self.dice.uniform(0, 2))
        for _ in range(VOIDS):
            if self._heard(Run(self.void)) is None:
                return False
            self.now += timedelta(seconds=self.dice.uniform(0, 2))
        raise AssertionError(f"seed {self.seed}: the void has no end")

    def _heard(self, run: Run) -> BaseException | None:
        """Let all runs go on, until this one is heard of or given up; give its error."""
        begun = self.now
        self.runs.append((run, begun))
        if self.dice.random() < 0.4:
            self.slow.add(run)
        patience = timedelta(seconds=self.dice.choice((0.2, 1, 3, 15)))
        while not run.ended and self.now - begun < patience:
            self.go_on()
        return run.error if run.ended else TimeoutError()

    def go_on(self) -> None:
        """Let one run make one call, a slow one seldom; a moment passes, or some."""
        self.now += timedelta(seconds=self.dice.choice((0.01, 0.05, 0.2)))
        for run, begun in self.runs:
            if not run.ended and self.now - begun > FUNCTION_TIMEOUT:
                run.lose()
        at_work = [run for run, _ in self.runs if not run.ended]
        if at_work:
            run = self.dice.choice(at_work)
            if self.dice.random() < 0.005:
                run.lose()
            elif run not in self.slow or self.dice.random() < 0.15:
                run.step()

    def come_to_rest(self) -> None:
        while any(not run.ended for run, _ in self.runs):
            self.go_on()


@pytest.mark.parametrize("part", range(4))
def test_whatever_runs_come_late_and_in_between_the_money_is_where_the_order_says(
    part: int,
) -> None:
    assert FUNCTION_TIMEOUT < CALL_LIFE
    database = EmulatedDynamoDb(*SERVICES)
    ends = set()
    for seed in range(part, SEEDS, 4):
        database.empty()
        story = Story(seed, database)
        confirmed = story.tell()
        story.come_to_rest()
        theirs, ours = story.provider.find(ORDER_ID), story.payments.get(ORDER_ID)
        assert ours is not None, seed
        held = theirs.held if theirs else 0
        assert held == (AMOUNT if confirmed else 0), (seed, ours.status, theirs)
        assert ours.status in ({"authorized"} if confirmed else {VOIDED, DECLINED}), seed
        ends.add(ours.status)
    assert ends == {"authorized", VOIDED, DECLINED}
