"""The payments table.

==================================  ==================================  ==================
what                                pk                                  sk
==================================  ==================================  ==================
an order's payment                  `<order id>`                        `payment`
each capture                        `<order id>`                        `capture#<call id>`
each refund                         `<order id>`                        `refund#<call id>`
a provider's message, for 30 days   `message#<provider>#<message id>`   `message`
what support gave back of an order  `<order id>#support`                `allowance`
==================================  ==================================  ==================

A scan, a page at a time, gives all payments; only reconciliation needs them.
One query by order id gives a payment and its calls. Room for a call's amount is taken
from the payment in the transaction that records the call, and given back in the one that
records its refusal, so what is asked for at once never exceeds what there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from commerce.clock import from_text, to_text
from commerce.dynamo.table import (
    Check,
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
    Write,
)
from commerce.errors import (
    Forbidden,
    IllegalTransition,
    NotFound,
    PaymentOutcomeUnknown,
    TransactionConflict,
)
from commerce.ids import is_id, new_id
from commerce.lifecycle import (
    AUTHORIZED,
    AUTHORIZING,
    CAPTURED,
    FAILED,
    PAYMENT,
    REFUNDED,
    VOIDED,
    VOIDING,
    follow,
)
from commerce.orders.machines import CANCEL_LINES
from commerce.payments.model import (
    CAPTURE,
    DONE,
    REFUSED,
    RELEASED,
    REQUESTED,
    Claim,
    Payment,
    PaymentCall,
    PaymentEvent,
    adds_up,
    amount_to_move,
    attempt_at,
    claimed,
    follow_published,
    moved,
    tax_of_claim,
)
from commerce.taxes import share_of_tax

# Providers deliver again for days, not for weeks.
MESSAGES_KEPT = timedelta(days=30)
_READS = 6
# Each leaves its name in one item; nobody gives back of one order so often without a reason.
ALLOWANCES_MAX = 100

NONE_YET = "attribute_not_exists(#pk)"
STILL_THERE = "#status = :from"
MAY_BE_ATTEMPTED = "#status IN (:authorizing, :failed)"
# What is true of one attempt is true of the payment where no other attempt is under way.
NO_OTHER_UNDER_WAY = (
    "#status = :from AND size(#under_way) = :one AND contains(#under_way, :attempt)"
)
OTHERS_DECIDE = (
    "contains(#under_way, :attempt) AND (#status <> :authorizing OR size(#under_way) > :one)"
)
# `claimed` is what captures took or ask for; a payment is made without it.
ROOM_TO_CAPTURE = (
    "#status IN (:authorized, :captured) AND #amount >= :amount "
    "AND (attribute_not_exists(#claimed) OR #claimed <= :room) "
    "AND attribute_not_exists(#released)"
)
# A capture that has no answer yet may still be taken, so what is left is not known.
NO_CAPTURE_UNDER_WAY = (
    "#status = :from AND #captured = :captured AND #claimed = :captured "
    "AND attribute_not_exists(#released)"
)
NOTHING_CLAIMED = "#status = :from AND (attribute_not_exists(#claimed) OR #claimed = :zero)"
NOT_RELEASED_YET = "attribute_not_exists(#released_at)"
# Of any status: an undo goes on refunding what its order was charged.
ROOM_TO_REFUND = "#refundable >= :amount"
NO_ANSWER_YET = "#status = :requested"
# What is asked for follows from all that was read of the payment.
AS_IT_WAS_READ = "#version = :version"
# A call's running total follows from those before it, so calls are booked one after another.
NONE_BOOKED_MEANWHILE = "#status = :from AND (attribute_not_exists(#done) OR #done = :before)"
# One refund takes from the allowance once, however often it is asked for.
ROOM_IN_ALLOWANCE = (
    "attribute_not_exists(#pk) OR (#spent <= :room AND size(#taken) < :most "
    "AND NOT contains(#taken, :one_refund))"
)
ALL_GIVEN_BACK = "#status = :from AND #captured = #refunded AND #claimed = #captured"

# With each claim, so that a payment of before these were kept has them from then on.
SUMS_OF_TAX = "#uncharged = :uncharged, #tax_charged = :tax_charged, #tax_refunded = :tax_refunded"
ROOMS = ("claimed", "refundable")

# Each try fails only where another attempt began or ended meanwhile.
_TRIES = 20


def payment_key(order_id: str) -> Key:
    """Where an order's payment stands."""
    return {"pk": order_id, "sk": "payment"}


def message_key(provider: str, message_id: str) -> Key:
    """Where a provider's message stands, so that a repeat is known."""
    return {"pk": f"message#{provider}#{message_id}", "sk": "message"}


def allowance_key(order_id: str) -> Key:
    """Where it stands what support gave back of an order; apart from its calls."""
    return {"pk": f"{order_id}#support", "sk": "allowance"}


def call_key(call: PaymentCall) -> Key:
    """Where a capture or refund stands."""
    return {"pk": call.order_id, "sk": f"{call.kind}#{call.call_id}"}


@dataclass(frozen=True)
class Attempt:
    """One run's attempt to authorize a payment, and the payment with it.

    `name` is empty where none may be made, for the payment has come further. `first` tells
    that nobody else has called the provider for it.
    """

    name: str
    payment: Payment
    first: bool = False


class PaymentStore:
    """Our record of what was asked of a payment provider, and what it answered."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, order_id: str) -> Payment | None:
        """Read an order's payment as it is now; None where nothing was ever tried."""
        item = self._table.get(payment_key(order_id))
        return _payment(item) if item else None

    def get_many(self, order_ids: Sequence[str]) -> dict[str, Payment]:
        """Read many orders' payments; an order that has none is left out."""
        items = self._table.get_many([payment_key(order_id) for order_id in order_ids])
        return {item["pk"]: _payment(item) for item in items}

    def find_with_calls(self, order_id: str) -> tuple[Payment | None, tuple[PaymentCall, ...]]:
        """Read a payment with its captures and refunds as they are now, in order of time.

        A query shows a transaction's items one by one, so it is asked again until the calls
        add up to the payment's sums. Where they never do, they are given as they are, for
        who only looks.
        """
        for tries in range(_READS):
            payment, calls = self._read(order_id)
            if payment is None or adds_up(payment, calls):
                break
            self._table.back_off(tries)
        return payment, calls

    def _read(self, order_id: str) -> tuple[Payment | None, tuple[PaymentCall, ...]]:
        items = list(self._table.query("#pk = :id", {"id": order_id}, consistent=True))
        item = next((item for item in items if item["sk"] == "payment"), None)
        payment = _payment(item) if item else None
        calls = [_call(item) for item in items if item["sk"] != "payment"]
        if payment and item and "uncharged" not in item:
            # Nothing was asked of it since that is kept with it.
            before = sum(call.amount for call in calls if call.uncharges and not call.refused)
            payment = replace(payment, uncharged=before)
        calls.sort(key=lambda call: (call.requested_at, call.call_id))
        return payment, tuple(calls)

    def get_with_calls(self, order_id: str) -> tuple[Payment, tuple[PaymentCall, ...]]:
        """Read as `find_with_calls` does, for who decides on it.

        Raises
        ------
        NotFound
            Nothing was ever tried.
        TransactionConflict
            Captures and refunds kept being asked for while it was read.
        """
        # DynamoDB refuses some texts as keys, and none of them is an id.
        known = is_id(order_id, "order")
        payment, calls = self.find_with_calls(order_id) if known else (None, ())
        if payment is None:
            raise NotFound("the order has no payment")
        if not adds_up(payment, calls):
            raise TransactionConflict("the payment kept changing while it was read")
        return payment, calls

    def page(
        self, after: Mapping[str, Any] | None, limit: int
    ) -> tuple[list[str], dict[str, Any] | None]:
        """Read a page of the ids of all orders with a payment, in no order."""
        items, last = self._table.scan_page(
            limit=limit, start=after, filter_by="#sk = :payment", values={"payment": "payment"}
        )
        return [item["pk"] for item in items], last

    def message_was_taken(self, provider: str, message_id: str) -> bool:
        """Tell whether a provider's message was recorded."""
        return self._table.get(message_key(provider, message_id)) is not None

    def record_message(
        self, provider: str, message_id: str, type_: str, reference: str, now: datetime
    ) -> None:
        """Record that a provider's message is done with."""
        item = {
            **message_key(provider, message_id),
            "type": type_,
            "reference": reference,
            "taken_at": to_text(now),
            "expires_at": int((now + MESSAGES_KEPT).timestamp()),
        }
        self._table.put(Put(item))

    def record_attempt(self, payment: Payment, now: datetime) -> Attempt:
        """Record that a run is about to call the provider, before it does.

        Nothing is recorded where the payment has come further than that.
        """
        attempt = attempt_at(now, new_id("attempt", now))
        item = {
            **payment_key(payment.order_id),
            "status": payment.status,
            "version": payment.version,
            "provider": payment.provider,
            "amount": payment.amount,
            "currency": payment.currency,
            "tax": payment.tax,
            "attempted_at": to_text(now),
            "attempts": 1,
            "under_way": {attempt},
            "events": [_event(payment.status, now)],
        }
        follow_published(None, payment)
        try:
            self._table.put(Put(item, NONE_YET))
        except ConditionFailed as failed:
            return self._record_another_attempt(_payment(failed.item or {}), attempt, now)
        return Attempt(attempt, _payment(item), first=True)

    def _record_another_attempt(self, known: Payment, attempt: str, now: datetime) -> Attempt:
        # The SDK's own repeat of the write finds what it wrote.
        if attempt in known.under_way:
            return Attempt(attempt, known, first=True)
        for _ in range(_TRIES):
            if known.status not in (AUTHORIZING, FAILED):
                break
            resumed = known.status == FAILED
            if resumed:
                follow(PAYMENT, FAILED, AUTHORIZING)
                follow_published(known, replace(known, status=AUTHORIZING))
            try:
                item = self._table.update(
                    Update(
                        payment_key(known.order_id),
                        "SET #status = :authorizing, #attempted_at = :at, "
                        "#version = #version + :one, #events = list_append(#events, :events) "
                        "ADD #under_way :under_way, #attempts :one",
                        STILL_THERE if resumed else MAY_BE_ATTEMPTED,
                        {
                            "authorizing": AUTHORIZING,
                            "failed": FAILED,
                            "from": FAILED,
                            "at": to_text(now),
                            "one": 1,
                            "events": [_event(AUTHORIZING, now)] if resumed else [],
                            # Of a record that names no attempts: the one it was made with.
                            "under_way": {attempt, *known.under_way},
                        },
                    )
                )
            except ConditionFailed as failed:
                known = _payment(failed.item or {})
                if attempt in known.under_way:
                    return Attempt(attempt, known)
            else:
                return Attempt(attempt, _payment(item))
        return Attempt("", known)

    def record_paid(self, payment: Payment, now: datetime) -> Payment:
        """Record that there is nothing to pay, so that it is paid; or give what was recorded."""
        paid = replace(payment, status=CAPTURED)
        item = {
            **payment_key(paid.order_id),
            "status": paid.status,
            "version": paid.version,
            "amount": paid.amount,
            "currency": paid.currency,
            "events": [_event(paid.status, now)],
        }
        follow_published(None, paid)
        try:
            self._table.put(Put(item, NONE_YET))
        except ConditionFailed as failed:
            known = _payment(failed.item or {})
            # Begun by a release of the shop that recorded an attempt at nothing, too.
            begun = known.status == AUTHORIZING and not known.amount
            return self.record_answer(known, AUTHORIZED, now) if begun else known
        return _payment(item)

    def record_no_effect(self, payment: Payment, attempt: str, now: datetime) -> None:
        """Record that an attempt surely had no effect; the payment `failed` where all had none."""
        key, one = payment_key(payment.order_id), {"attempt": attempt, "one": 1}
        follow(PAYMENT, AUTHORIZING, FAILED)
        follow_published(payment, replace(payment, status=FAILED))
        for _ in range(_TRIES):
            with suppress(ConditionFailed):
                self._table.update(
                    Update(
                        key,
                        "SET #status = :to, #version = #version + :one, "
                        "#events = list_append(#events, :event) REMOVE #under_way",
                        NO_OTHER_UNDER_WAY,
                        {**one, "from": AUTHORIZING, "to": FAILED, "event": [_event(FAILED, now)]},
                    )
                )
                return
            try:
                self._table.update(
                    Update(
                        key,
                        "SET #version = #version + :one DELETE #under_way :ended",
                        OTHERS_DECIDE,
                        {**one, "authorizing": AUTHORIZING, "ended": {attempt}},
                    )
                )
            except ConditionFailed as failed:
                if attempt not in _payment(failed.item or {}).under_way:
                    return
            else:
                return

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
        follow_published(None, _payment(item))
        try:
            self._table.put(Put(item, NONE_YET))
        except ConditionFailed as failed:
            return _payment(failed.item or {})
        return _payment(item)

    def take_allowance(self, order_id: str, refund: str, amount: int, limit: int) -> None:
        """Let support give back an amount of an order; the same refund is let once.

        Parameters
        ----------
        refund
            Names the refund. It may be repeated with its amount, and asks anew with another.
        amount, limit
            In minor units; all that support gives back of the order is at most `limit`.
            What is let and then not given back stays taken.

        Raises
        ------
        Forbidden
            It would be more than `limit`, or one refund too many.
        """
        too_much = Forbidden(
            f"support may give back {limit} of one order in all; more takes a manager", limit=limit
        )
        if amount > limit:
            raise too_much
        one_refund = f"{refund}#{amount}"
        update = Update(
            allowance_key(order_id),
            "ADD #spent :amount, #taken :taken",
            ROOM_IN_ALLOWANCE,
            {
                "amount": amount,
                "room": limit - amount,
                "taken": {one_refund},
                "one_refund": one_refund,
                "most": ALLOWANCES_MAX,
            },
        )
        try:
            self._table.update(update)
        except ConditionFailed as failed:
            if failed.item is None or one_refund not in failed.item["taken"]:
                raise too_much from None

    def unchanged(self, payment: Payment) -> Check:
        """Check, in another service's transaction, that a payment is as it was read."""
        values = {"version": payment.version}
        return self._table.own(Check(payment_key(payment.order_id), AS_IT_WAS_READ, values))

    def record_call(
        self, payment: Payment, call: PaymentCall, rests_on: Sequence[Write] = ()
    ) -> PaymentCall | None:
        """Take room for a capture or refund and record it, before the provider is called.

        Parameters
        ----------
        payment
            As it was read; what is asked for follows from that.
        rests_on
            Checks of what else it follows from.

        Returns
        -------
        PaymentCall | None
            The call, or the earlier one of its id, which says how far that came; None where
            what it follows from changed meanwhile, so that it must be thought over again.

        Raises
        ------
        AmountTooLarge
            Others took the room meanwhile.
        IllegalTransition
            The payment went elsewhere meanwhile.
        """
        if call.tax is None:
            call = replace(call, tax=tax_of_claim(payment, call.kind, Claim(call.amount)))
        try:
            self._table.transact(
                [_claim(payment, call), Put(_call_item(call), NONE_YET), *rests_on]
            )
        except TransactionRefused as refused:
            if 1 in refused.failures:
                return _call(refused.failures[1] or {})
            if 0 in refused.failures:
                amount_to_move(_payment(refused.failures[0] or {}), call.kind, call.amount)
            return None
        return call

    def record_tax(self, payment: Payment, tax: int, booked: Sequence[Write]) -> bool:
        """Record how much of what a payment is charged is tax, and book it, in one transaction.

        Returns
        -------
        bool
            False where the payment changed meanwhile.
        """
        corrected = replace(payment, tax_charged=tax)
        update = Update(
            payment_key(payment.order_id),
            f"SET #version = #version + :one, {SUMS_OF_TAX}",
            AS_IT_WAS_READ,
            {"one": 1, "version": payment.version, **_sums_of_tax(corrected)},
        )
        try:
            self._table.transact([update, *booked])
        except TransactionRefused:
            return False
        return True

    def record_done(
        self,
        payment: Payment,
        call: PaymentCall,
        reference: str,
        now: datetime,
        booked: Sequence[Write],
    ) -> PaymentCall | None:
        """Record that the provider did a capture or refund, and book it, in one transaction.

        Parameters
        ----------
        payment
            As it is before.
        reference
            What the provider knows the capture or refund by.
        booked
            The writes of the ledger's entry, which follows from `payment`.

        Returns
        -------
        PaymentCall | None
            The call as it ended, here or in another run; None where another part was
            booked meanwhile, so that the entry must be made again.
        """
        after = moved(payment, call)
        try:
            follow_published(payment, after)
        except IllegalTransition:
            # Another run ended this very call, and the payment was read with it in its sums.
            now_known = _call(self._table.get(call_key(call)) or _call_item(call))
            if now_known.open:
                raise
            return now_known
        ended: dict[str, str | int] = {
            "status": DONE,
            "ended_at": to_text(now),
            "provider_reference": reference,
            "running_total": after.captured if call.kind == CAPTURE else after.refunded,
        }
        try:
            self._table.transact([_done(payment, call), _end(call, ended), *booked])
        except TransactionRefused as refused:
            return self._ended_by_another(refused)
        return _call({**_call_item(call), **ended})

    def record_refused(self, call: PaymentCall, refusal: str, now: datetime) -> PaymentCall:
        """Record that the provider refused a capture or refund for good; give its room back.

        Returns
        -------
        PaymentCall
            The call as it ended, here or in another run.
        """
        ended = {"status": REFUSED, "ended_at": to_text(now), "refusal": refusal}
        try:
            self._table.transact([_give_back(call), _end(call, ended)])
        except TransactionRefused as refused:
            other = self._ended_by_another(refused)
            if other is None:
                raise
            return other
        return _call({**_call_item(call), **ended})

    def record_release(self, payment: Payment, now: datetime) -> Payment:
        """Record that the rest of a payment is about to be let go of; nothing is captured then.

        Of a payment of which nothing was captured that is all, and it is `voiding`.

        Returns
        -------
        Payment
            The payment as it is, let go of here or by another.

        Raises
        ------
        PaymentOutcomeUnknown
            A capture is under way, so it is not known what the rest is.
        """
        try:
            if payment.status == AUTHORIZED:
                return self._write_status(payment, VOIDING, {}, now, NOTHING_CLAIMED)
            rest = payment.amount - payment.captured
            follow_published(payment, replace(payment, released=rest))
            return self._release(payment, "released", rest, NO_CAPTURE_UNDER_WAY)
        except ConditionFailed as failed:
            current = _payment(failed.item or {})
            if current.released or current.status in (VOIDING, VOIDED, REFUNDED):
                return current
            raise PaymentOutcomeUnknown("a capture of this payment is under way") from None

    def record_released(self, payment: Payment, reference: str, now: datetime) -> Payment:
        """Record that the provider let go of the rest; repeated, once."""
        event = [_event(RELEASED, now, reference)]
        try:
            return self._release(payment, "released_at", to_text(now), NOT_RELEASED_YET, event)
        except ConditionFailed as failed:
            return _payment(failed.item or {})

    def _release(
        self,
        payment: Payment,
        name: str,
        value: int | str,
        condition: str,
        events: Sequence[Mapping[str, str]] = (),
    ) -> Payment:
        item = self._table.update(
            Update(
                payment_key(payment.order_id),
                "SET #name = :value, #version = #version + :one, "
                "#events = list_append(#events, :events)",
                condition,
                {
                    "value": value,
                    "one": 1,
                    "events": list(events),
                    "from": CAPTURED,
                    "captured": payment.captured,
                },
                {"name": name},
            )
        )
        return _payment(item)

    def begin_undo(self, payment: Payment, now: datetime) -> Payment:
        """Record that a payment is undone from now on, or give it as another left it."""
        try:
            return self._write_status(payment, VOIDING, {}, now, STILL_THERE)
        except ConditionFailed as failed:
            return _payment(failed.item or {})

    def close(self, payment: Payment, status: str, now: datetime) -> Payment:
        """Record that an undone payment is closed; repeated, once.

        Parameters
        ----------
        status
            `voided`, or `refunded` where something was captured, which must be given back.

        Raises
        ------
        PaymentOutcomeUnknown
            A capture or refund is still under way.
        IllegalTransition
            The payment went elsewhere meanwhile; `status` is where it is.
        """
        if payment.status == status:
            return payment
        condition = ALL_GIVEN_BACK if status == REFUNDED else NOTHING_CLAIMED
        try:
            return self._write_status(payment, status, {}, now, condition)
        except ConditionFailed as failed:
            current = _payment(failed.item or {})
            if current.status == VOIDING:
                raise PaymentOutcomeUnknown(
                    "a capture or refund of this payment is still under way"
                ) from None
            if current.status != status:
                raise _elsewhere(payment, failed) from None
            return current

    def _ended_by_another(self, refused: TransactionRefused) -> PaymentCall | None:
        if 1 in refused.failures:
            return _call(refused.failures[1] or {})
        if 0 in refused.failures:
            return None
        raise refused

    def _move(
        self,
        payment: Payment,
        target: str,
        facts: Mapping[str, str],
        now: datetime,
    ) -> Payment:
        try:
            return self._write_status(payment, target, facts, now, STILL_THERE)
        except ConditionFailed as failed:
            raise _elsewhere(payment, failed) from None

    def _write_status(
        self,
        payment: Payment,
        target: str,
        facts: Mapping[str, str],
        now: datetime,
        condition: str,
    ) -> Payment:
        follow(PAYMENT, payment.status, target)
        follow_published(payment, replace(payment, status=target))
        sets = "".join(f", #{name} = :{name}" for name in facts)
        item = self._table.update(
            Update(
                payment_key(payment.order_id),
                f"SET #status = :to, #version = #version + :one, "
                f"#events = list_append(#events, :event){sets}",
                condition,
                {
                    "to": target,
                    "from": payment.status,
                    "one": 1,
                    "zero": 0,
                    "event": [_event(target, now, facts.get("provider_reference", ""))],
                    **facts,
                },
            )
        )
        return _payment(item)


def _elsewhere(payment: Payment, failed: ConditionFailed) -> IllegalTransition:
    status = failed.item["status"] if failed.item else "missing"
    return IllegalTransition(f"the payment is {status}, not {payment.status}", status=status)


def _claim(payment: Payment, call: PaymentCall) -> Update:
    """Take room for a call, and the tax in it."""
    after = claimed(payment, call)
    values = {"one": 1, "version": payment.version, **_sums_of_tax(after)}
    if call.kind == CAPTURE:
        return Update(
            payment_key(call.order_id),
            f"SET #version = #version + :one, {SUMS_OF_TAX} ADD #claimed :amount",
            f"{ROOM_TO_CAPTURE} AND {AS_IT_WAS_READ}",
            {
                **values,
                "authorized": AUTHORIZED,
                "captured": CAPTURED,
                "amount": call.amount,
                "room": payment.amount - call.amount,
            },
        )
    return Update(
        payment_key(call.order_id),
        f"SET #refundable = #refundable - :amount, #version = #version + :one, {SUMS_OF_TAX}",
        f"{ROOM_TO_REFUND} AND {AS_IT_WAS_READ}",
        {**values, "amount": call.amount},
    )


def _sums_of_tax(payment: Payment) -> dict[str, int]:
    return {
        "uncharged": payment.uncharged,
        "tax_charged": payment.tax_charged,
        "tax_refunded": payment.tax_refunded,
    }


def _give_back(call: PaymentCall) -> Update:
    """Undo of `_claim`."""
    tax = call.tax or 0
    if call.kind == CAPTURE:
        changes = {"claimed": -call.amount, "tax_charged": -tax}
    elif call.uncharges:
        changes = {"refundable": call.amount, "uncharged": -call.amount, "tax_charged": tax}
    else:
        changes = {"refundable": call.amount, "tax_refunded": -tax}
    if call.tax is None:
        # It took no more than its room.
        changes = {name: change for name, change in changes.items() if name in ROOMS}
    adds = ", ".join(f"#{name} :{name}" for name in changes)
    return Update(
        payment_key(call.order_id),
        f"SET #version = #version + :one ADD {adds}",
        values={**changes, "one": 1},
    )


def _done(payment: Payment, call: PaymentCall) -> Update:
    """Count what was captured or refunded; what is captured can be refunded."""
    capture, after = call.kind == CAPTURE, moved(payment, call)
    expression = "SET #status = :to, #done = :after, #version = #version + :one"
    return Update(
        payment_key(call.order_id),
        f"{expression} ADD #refundable :amount" if capture else expression,
        NONE_BOOKED_MEANWHILE,
        {
            "from": payment.status,
            "to": after.status,
            "before": payment.captured if capture else payment.refunded,
            "after": after.captured if capture else after.refunded,
            "amount": call.amount,
            "one": 1,
        },
        {"done": "captured" if capture else "refunded"},
    )


def _end(call: PaymentCall, ended: Mapping[str, str | int]) -> Update:
    """Record how a call ended, once."""
    return Update(
        call_key(call),
        "SET " + ", ".join(f"#{name} = :{name}" for name in ended),
        NO_ANSWER_YET,
        {**ended, "requested": REQUESTED},
    )


def _call_item(call: PaymentCall) -> Item:
    item = {
        **call_key(call),
        "call_id": call.call_id,
        "amount": call.amount,
        "by": call.by,
        "status": call.status,
        "requested_at": to_text(call.requested_at),
    }
    facts = {"reason": call.reason, "uncharges": call.uncharges}
    item |= {name: value for name, value in facts.items() if value}
    return item if call.tax is None else {**item, "tax": call.tax}


def _call(item: Mapping[str, Any]) -> PaymentCall:
    ended_at = item.get("ended_at")
    return PaymentCall(
        item["call_id"],
        item["sk"].partition("#")[0],
        item["pk"],
        item["amount"],
        item["by"],
        from_text(item["requested_at"]),
        item.get("reason", ""),
        item["status"],
        from_text(ended_at) if ended_at else None,
        item.get("provider_reference", ""),
        item.get("refusal", ""),
        item.get("running_total", 0),
        item.get("tax"),
        # Calls did not always say so themselves.
        item.get("uncharges", item["by"] == CANCEL_LINES),
    )


def _event(status: str, now: datetime, reference: str = "") -> dict[str, str]:
    event = {"at": to_text(now), "status": status}
    return {**event, "reference": reference} if reference else event


def _payment(item: Mapping[str, Any]) -> Payment:
    released_at = item.get("released_at")
    payment = Payment(
        order_id=item["pk"],
        status=item["status"],
        version=item["version"],
        provider=item.get("provider", ""),
        amount=item.get("amount", 0),
        currency=item.get("currency", ""),
        provider_reference=item.get("provider_reference"),
        decline_reason=item.get("decline_reason"),
        under_way=_under_way(item),
        events=tuple(PaymentEvent(**event) for event in item["events"]),
        tax=item.get("tax", 0),
        claimed=item.get("claimed", 0),
        captured=item.get("captured", 0),
        refundable=item.get("refundable", 0),
        refunded=item.get("refunded", 0),
        released=item.get("released", 0),
        released_at=from_text(released_at) if released_at else None,
        uncharged=item.get("uncharged", 0),
        tax_charged=item.get("tax_charged", 0),
        tax_refunded=item.get("tax_refunded", 0),
    )
    if "tax_charged" in item or not payment.amount:
        return payment
    # As it was booked before each call had the tax of its own.
    refunded = payment.captured - payment.refundable
    return replace(
        payment,
        tax_charged=share_of_tax(payment.tax, payment.claimed, payment.amount),
        tax_refunded=share_of_tax(payment.tax, refunded, payment.amount),
    )


def _under_way(item: Mapping[str, Any]) -> frozenset[str]:
    """Give the attempts that have no answer; a record without a count tells its last one alone."""
    if "attempts" in item:
        return frozenset(item.get("under_way", ()))
    at = item.get("attempted_at")
    return frozenset({attempt_at(from_text(at), "")} if at else ())
