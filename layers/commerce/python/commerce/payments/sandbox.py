"""The sandbox payment provider: a provider with books of its own, and no money.

Its table holds a payment per reference and every call's idempotency key:

=============================  ==============  ==============================
what                           pk              sk
=============================  ==============  ==============================
a payment                      `<reference>`   `payment`
a call, done or refused        `<reference>`   `call#<idempotency key>`
=============================  ==============  ==============================

The token decides how it behaves:

========================  ====================================================
token                     behaviour
========================  ====================================================
`tok_visa`                approves
`tok_declined`            declines
`tok_insufficient_funds`  declines for want of funds
`tok_unavailable`         takes no call, each time
`tok_timeout`             approves, and never answers
`tok_slow`                approves after a few seconds
========================  ====================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from commerce.clock import Clock, Pause, system_clock, system_pause, to_text
from commerce.dynamo.table import (
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
    Write,
)
from commerce.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from commerce.ids import new_id
from commerce.payments.provider import ProviderPayment

CALL_TIMEOUT_SECONDS = 2.0
SLOW_SECONDS = 4.0

_DECLINES = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
}
_APPROVES = {"tok_visa", "tok_timeout", "tok_slow"}

UNKNOWN = "attribute_not_exists(#pk)"
# What is let go of is what was not taken when it was looked at.
STILL_HELD = (
    "#status IN (:authorized, :captured_status) AND #captured = :seen "
    "AND #amount > :seen AND attribute_not_exists(#released)"
)
ENOUGH_HELD = (
    "#status IN (:authorized, :captured_status) AND #captured <= :room "
    "AND attribute_not_exists(#released)"
)
# `net` is what was taken and not given back: one number, for two refunds at once.
ENOUGH_TAKEN = "#net >= :amount"


def payment_key(reference: str) -> Key:
    """Where a payment stands in the provider's books."""
    return {"pk": reference, "sk": "payment"}


def call_key(reference: str, idempotency_key: str) -> Key:
    """Where a call that was done or refused stands."""
    return {"pk": reference, "sk": f"call#{idempotency_key}"}


class SandboxProvider:
    """Implements `PaymentProvider` on a table."""

    def __init__(
        self, table: Table, clock: Clock = system_clock, pause: Pause = system_pause
    ) -> None:
        self._table = table
        self._clock = clock
        self._pause = pause

    def authorize(
        self, *, reference: str, amount: int, currency: str, token: str, idempotency_key: str
    ) -> ProviderPayment:
        """See `PaymentProvider.authorize`."""
        if token == "tok_unavailable":  # noqa: S105 - a test token's name
            raise ProviderUnavailable("the payment provider is not available")
        if token == "tok_slow":  # noqa: S105 - a test token's name
            self._pause(SLOW_SECONDS)
        now = self._clock()
        reason = None if token in _APPROVES else _DECLINES.get(token, "invalid_token")
        payment = {
            **payment_key(reference),
            "reference": reference,
            "provider_reference": new_id("sandbox", now),
            "status": "declined" if reason else "authorized",
            "amount": amount,
            "currency": currency,
            "captured": 0,
            "refunded": 0,
        }
        if reason:
            payment["decline_reason"] = reason
        request = {"amount": amount, "currency": currency, "token": token}
        answer = self._once(
            reference, idempotency_key, "authorize", request, Put(payment, UNKNOWN), now
        )
        if token == "tok_timeout":  # noqa: S105 - a test token's name
            self._pause(CALL_TIMEOUT_SECONDS)
            raise ProviderTimeout("the payment provider did not answer in time")
        return answer

    def capture(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        """See `PaymentProvider.capture`."""
        held = self._known(reference)
        change = Update(
            payment_key(reference),
            "SET #status = :captured_status, #captured = #captured + :amount ADD #net :amount",
            ENOUGH_HELD,
            {
                "captured_status": "captured",
                "authorized": "authorized",
                "amount": amount,
                "room": held.amount - amount,
            },
        )
        return self._once(reference, idempotency_key, "capture", {"amount": amount}, change)

    def void(self, *, reference: str, idempotency_key: str) -> ProviderPayment:
        """See `PaymentProvider.void`."""
        record = self._record(reference, idempotency_key, "void", {})
        held = self._known(reference)
        while not self._applied([_let_go(held), Put(record, UNKNOWN)]):
            seen, held = held, self._known(reference)
            if seen == held:
                break
        # By now the call is known under its key, or refused: nothing is held.
        return self._once(reference, idempotency_key, "void", {}, _let_go(held))

    def refund(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        """See `PaymentProvider.refund`."""
        self._known(reference)
        change = Update(
            payment_key(reference),
            "SET #refunded = #refunded + :amount, #net = #net - :amount",
            ENOUGH_TAKEN,
            {"amount": amount},
        )
        return self._once(reference, idempotency_key, "refund", {"amount": amount}, change)

    def find(self, reference: str) -> ProviderPayment | None:
        """See `PaymentProvider.find`."""
        item = self._table.get(payment_key(reference))
        return _payment(item) if item else None

    def _once(
        self,
        reference: str,
        idempotency_key: str,
        call: str,
        request: Mapping[str, Any],
        change: Put | Update,
        now: datetime | None = None,
    ) -> ProviderPayment:
        """Apply a call with its idempotency key in one transaction, or give its first answer."""
        record = self._record(reference, idempotency_key, call, request, now)
        writes: list[Write] = [change, Put(record, UNKNOWN)]
        try:
            self._table.transact(writes)
        except TransactionRefused as refused:
            if 1 in refused.failures:
                record = refused.failures[1] or {}
            else:
                record = self._refuse_for_good(record)
        if (record["call"], record["request"]) != (call, dict(request)):
            raise ProviderRejected(
                "the idempotency key came with another call", reference=reference
            ) from None
        if record.get("refused"):
            raise ProviderRejected(f"the provider refused to {call}", reference=reference) from None
        return replace(self._known(reference), call_reference=record["call_reference"])

    def _record(
        self,
        reference: str,
        idempotency_key: str,
        call: str,
        request: Mapping[str, Any],
        now: datetime | None = None,
    ) -> Item:
        at = now or self._clock()
        return {
            **call_key(reference, idempotency_key),
            "call": call,
            "request": dict(request),
            "at": to_text(at),
            "call_reference": new_id(f"sandbox_{call}", at),
        }

    def _applied(self, writes: list[Write]) -> bool:
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def _refuse_for_good(self, record: Item) -> Item:
        """Keep a refusal under its key, and give what is kept there.

        That is the success of another call with this key, where one came in between.
        """
        refusal = {**record, "refused": True}
        try:
            self._table.put(Put(refusal, UNKNOWN))
        except ConditionFailed as failed:
            return failed.item or {}
        return refusal

    def _known(self, reference: str) -> ProviderPayment:
        payment = self.find(reference)
        if payment is None:
            raise ProviderRejected("the provider has no such payment", reference=reference)
        return payment


def _let_go(held: ProviderPayment) -> Update:
    """Let go of all that is held."""
    values = {"authorized": "authorized", "captured_status": "captured", "seen": held.captured}
    if not held.captured:
        return Update(
            payment_key(held.reference),
            "SET #status = :voided",
            STILL_HELD,
            {**values, "voided": "voided"},
        )
    return Update(
        payment_key(held.reference),
        "SET #released = :rest",
        STILL_HELD,
        {**values, "rest": held.amount - held.captured},
    )


def _payment(item: Item) -> ProviderPayment:
    return ProviderPayment(
        item["reference"],
        item["provider_reference"],
        item["status"],
        item["amount"],
        item["currency"],
        item["captured"],
        item["refunded"],
        item.get("decline_reason"),
        released=item.get("released", 0),
    )
