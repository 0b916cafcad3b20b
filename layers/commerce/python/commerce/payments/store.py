"""The payments table: one item an order, pk `<order id>`, sk `payment`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commerce.clock import from_text, to_text
from commerce.dynamo.table import ConditionFailed, Key, Put, Table, Update
from commerce.errors import IllegalTransition
from commerce.payments.model import AUTHORIZING, EDGES, VOIDED, Payment, PaymentEvent

NONE_YET = "attribute_not_exists(#pk)"
STILL_THERE = "#status = :from"


def payment_key(order_id: str) -> Key:
    """Where an order's payment stands."""
    return {"pk": order_id, "sk": "payment"}


class PaymentStore:
    """Our record of what was asked of a payment provider, and what it answered."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, order_id: str) -> Payment | None:
        """Read an order's payment as it is now; None where nothing was ever tried."""
        item = self._table.get(payment_key(order_id))
        return _payment(item) if item else None

    def record_attempt(self, payment: Payment, now: datetime) -> Payment | None:
        """Record that the provider is about to be called, before it is.

        Returns
        -------
        Payment | None
            The record of an earlier attempt, which says how far that came; None where
            this is the first.
        """
        item = {
            **payment_key(payment.order_id),
            "status": payment.status,
            "version": payment.version,
            "provider": payment.provider,
            "amount": payment.amount,
            "currency": payment.currency,
            "attempted_at": to_text(now),
            "events": [_event(payment.status, now)],
        }
        try:
            self._table.put(Put(item, NONE_YET))
        except ConditionFailed as failed:
            return _payment(failed.item or {})
        return None

    def record_another_attempt(self, payment: Payment, now: datetime) -> Payment:
        """Record that the provider is called again, after a call without effect."""
        return self._move(payment, AUTHORIZING, {"attempted_at": to_text(now)}, now)

    def record_answer(self, payment: Payment, status: str, now: datetime, **facts: str) -> Payment:
        """Record how a call ended.

        Parameters
        ----------
        payment
            The record as it was when the call was made.
        status
            The status the call led to.
        facts
            What the provider told: `provider_reference`, `decline_reason`.

        Raises
        ------
        IllegalTransition
            The payment went elsewhere meanwhile; `status` is where it is.
        """
        return self._move(payment, status, facts, now)

    def leave_tombstone(self, order_id: str, now: datetime) -> Payment:
        """Refuse any later attempt for an order that has no payment, or give the one it has."""
        item = {
            **payment_key(order_id),
            "status": VOIDED,
            "version": 1,
            "events": [_event(VOIDED, now)],
        }
        try:
            self._table.put(Put(item, NONE_YET))
        except ConditionFailed as failed:
            return _payment(failed.item or {})
        return _payment(item)

    def _move(
        self, payment: Payment, target: str, facts: Mapping[str, str], now: datetime
    ) -> Payment:
        if target not in EDGES[payment.status]:
            raise IllegalTransition(
                f"no payment goes from {payment.status} to {target}", status=payment.status
            )
        sets = "".join(f", #{name} = :{name}" for name in facts)
        try:
            item = self._table.update(
                Update(
                    payment_key(payment.order_id),
                    f"SET #status = :to, #version = #version + :one, "
                    f"#events = list_append(#events, :event){sets}",
                    STILL_THERE,
                    {
                        "to": target,
                        "from": payment.status,
                        "one": 1,
                        "event": [_event(target, now, facts.get("provider_reference", ""))],
                        **facts,
                    },
                )
            )
        except ConditionFailed as failed:
            status = failed.item["status"] if failed.item else "missing"
            raise IllegalTransition(
                f"the payment is {status}, not {payment.status}", status=status
            ) from None
        return _payment(item)


def _event(status: str, now: datetime, reference: str = "") -> dict[str, str]:
    event = {"at": to_text(now), "status": status}
    return {**event, "reference": reference} if reference else event


def _payment(item: Mapping[str, Any]) -> Payment:
    attempted_at = item.get("attempted_at")
    return Payment(
        order_id=item["pk"],
        status=item["status"],
        version=item["version"],
        provider=item.get("provider", ""),
        amount=item.get("amount", 0),
        currency=item.get("currency", ""),
        provider_reference=item.get("provider_reference"),
        decline_reason=item.get("decline_reason"),
        attempted_at=from_text(attempted_at) if attempted_at else None,
        events=tuple(PaymentEvent(**event) for event in item["events"]),
    )
