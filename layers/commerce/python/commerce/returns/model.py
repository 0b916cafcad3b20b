"""The rules of returns: what may come back until when, and what is refunded for it.

Each takes an order's record and gives a decision, or raises why it is none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter

from commerce.clock import from_text, to_text
from commerce.errors import (
    AmountTooLarge,
    IllegalTransition,
    ReturnWindowClosed,
    TooManyUnits,
)
from commerce.fulfillment.model import Acting
from commerce.lifecycle import (
    APPROVED,
    DELIVERED,
    RECEIVED,
    REFUNDED,
    REFUNDING,
    REJECTED,
    REQUESTED,
    RETURN,
    SHIPPED,
)
from commerce.orders.model import Change, part_number
from commerce.orders.record import (
    Decision,
    Fulfillment,
    OrderRecord,
    Return,
    Units,
    added,
    decided,
    part_id,
    without,
)

# What changes an order's owner changes all its returns, in one transaction.
RETURNS_MAX = 90

# After any time as it is stored.
_NOT_YET = "not yet"


@dataclass(frozen=True)
class Refund:
    """What staff decide to give back for a return.

    `amount` is in minor units; what the goods cost, less the fee, where None.
    `with_fulfillment` adds what the delivery cost.
    """

    amount: int | None = None
    restocking_fee: int = 0
    with_fulfillment: bool = False


def request(
    record: OrderRecord, wanted: Units, note: str, window_days: int, acting: Acting
) -> tuple[Decision, str]:
    """Ask to send units back; gives the return's id too.

    Raises
    ------
    TooManyUnits
        Not so many were sent that no other return has asked for; `lines` lists them.
    ReturnWindowClosed
        They arrived too long ago; `until` tells when the window closed.
    IllegalTransition
        The order has too many returns.
    """
    if len(record.returns) >= RETURNS_MAX:
        raise IllegalTransition("the order has too many returns", status=record.order.status)
    open_to_it = _open_to_return(record, timedelta(days=window_days), acting.at)
    sent = without(record.shipped, record.returning)
    short = [
        {"id": line_id, "requested": count, "available": sent.get(line_id, 0)}
        for line_id, count in wanted.items()
        if count > sent.get(line_id, 0)
    ]
    if short:
        raise TooManyUnits("not so many units were sent that may come back", lines=short)
    if any(count > open_to_it.get(line_id, 0) for line_id, count in wanted.items()):
        raise ReturnWindowClosed(
            f"goods may be returned for {window_days} days",
            until=_window_end(record, window_days),
        )
    identifier = part_id("return", record.order.order_id, len(record.returns) + 1)
    wish = Return(
        identifier,
        REQUESTED,
        dict(wanted),
        acting.reason,
        {REQUESTED: acting.time},
        note,
        number=part_number(record.order.number, "R", identifier),
    )
    return decided(record, [_change(wish, acting)], returns=[wish]), identifier


def approve(record: OrderRecord, return_id: str, acting: Acting) -> Decision | None:
    """Let the buyer send the units; None where that was said before."""
    wish = record.sent_back(return_id)
    return None if wish.status == APPROVED else _to(record, wish, APPROVED, acting)


def reject(record: OrderRecord, return_id: str, acting: Acting) -> Decision | None:
    """Refuse a return that has not come in; None where that was said before."""
    wish = record.sent_back(return_id)
    return None if wish.status == REJECTED else _to(record, wish, REJECTED, acting)


def receive(
    record: OrderRecord,
    return_id: str,
    restocked: Units,
    discarded: Units,
    location: str,
    acting: Acting,
) -> Decision:
    """Record what came in, and what of it can be sold again.

    Units that did not come may be asked for by another return.

    Raises
    ------
    TooManyUnits
        More came in than were approved; `lines` lists them.
    """
    wish = record.sent_back(return_id)
    received = added([restocked, discarded])
    short = [
        {"id": line_id, "requested": count, "available": wish.units.get(line_id, 0)}
        for line_id, count in received.items()
        if count > wish.units.get(line_id, 0)
    ]
    if short:
        raise TooManyUnits("more units than the return was approved for", lines=short)
    came = replace(wish, restocked=dict(restocked), discarded=dict(discarded), location=location)
    return _to(record, came, RECEIVED, acting)


def refund(record: OrderRecord, return_id: str, wanted: Refund, acting: Acting) -> Decision:
    """Decide what is given back for what came in; an execution then gives it.

    Raises
    ------
    AmountTooLarge
        It is more than the goods cost, or the fee is; `available` is what they cost.
    """
    wish = record.sent_back(return_id)
    _require(wish, REFUNDING)
    amounts = record.paid_for(wish.received)
    worth = sum(amounts.values())
    if wanted.with_fulfillment and not any(each.with_fulfillment for each in record.returns):
        worth += record.delivery_charge
    amount = worth - wanted.restocking_fee if wanted.amount is None else wanted.amount
    if not 0 <= amount <= worth - wanted.restocking_fee:
        raise AmountTooLarge(
            f"what came in cost {worth}", available=max(0, worth - wanted.restocking_fee)
        )
    with_delivery = worth > sum(amounts.values())
    settled = replace(
        wish,
        amounts=amounts,
        worth=worth,
        tax=record.tax_in(amounts) + (record.delivery_tax if with_delivery else 0),
        amount=amount,
        restocking_fee=wanted.restocking_fee,
        with_fulfillment=wanted.with_fulfillment,
    )
    return _to(record, settled, REFUNDING, acting)


def paid(record: OrderRecord, return_id: str, amount: int) -> Decision | None:
    """Record that less was given back than decided; None where it is what was decided.

    Other refunds had taken the rest of what the buyer paid.
    """
    wish = record.sent_back(return_id)
    if wish.amount == amount:
        return None
    return decided(record, [], returns=[replace(wish, amount=amount)])


def close(record: OrderRecord, return_id: str, acting: Acting) -> Decision | None:
    """Record that the money was given back; None where it was before, or was rejected."""
    paid = record.sent_back(return_id)
    if paid.status in (REFUNDED, REJECTED):
        return None
    return _to(record, paid, REFUNDED, acting)


def _to(record: OrderRecord, wish: Return, status: str, acting: Acting) -> Decision:
    _require(wish, status)
    after = replace(wish, status=status, times={**wish.times, status: acting.time})
    return decided(record, [_change(after, acting, wish.status)], returns=[after])


def _require(wish: Return, status: str) -> None:
    if status not in RETURN[wish.status]:
        raise IllegalTransition(f"the return is {wish.status}", status=wish.status)


def _change(wish: Return, acting: Acting, was: str = "") -> Change:
    return Change(acting.time, wish.status, acting.by, acting.reason, wish.id, was)


def _open_to_return(record: OrderRecord, window: timedelta, now: datetime) -> Units:
    """Give the units on their way, or arrived not too long ago, that nobody asked to return.

    Units of a line are alike, so what was asked for before is of what had to come back first.
    """
    sent = [each for each in record.live if each.status in (SHIPPED, DELIVERED)]
    parcels = sorted(
        ((_closes(each, window), Counter(each.units)) for each in sent), key=itemgetter(0)
    )
    for earlier in record.returns:
        left = Counter(earlier.claimed)
        for closes, units in parcels:
            if closes >= earlier.times[REQUESTED]:
                taken = left & units
                units.subtract(taken)
                left.subtract(taken)
    return added(units for closes, units in parcels if closes >= to_text(now))


def _closes(parcel: Fulfillment, window: timedelta) -> str:
    if parcel.status != DELIVERED:
        return _NOT_YET
    return to_text(from_text(parcel.times[DELIVERED]) + window)


def _window_end(record: OrderRecord, window_days: int) -> str | None:
    arrived = [each.times[DELIVERED] for each in record.live if each.status == DELIVERED]
    if not arrived:
        return None
    return to_text(from_text(max(arrived)) + timedelta(days=window_days))
