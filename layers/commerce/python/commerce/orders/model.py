"""The rules of an order: its content, its statuses and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from commerce.errors import (
    CartCompleted,
    CheckoutInProgress,
    IdempotencyKeyReused,
    RequestInProgress,
    TooManyAttempts,
)
from commerce.ids import derived_id
from commerce.lifecycle import (
    CANCELED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    ORDER,
    PENDING,
    REQUIRES_ACTION,
    UNFULFILLED,
)
from commerce.settings.model import PLAIN_NUMBERS, OrderNumbers

STATUSES = tuple(ORDER)
IN_FLIGHT = (PENDING, CANCELING)
STANDING = (CONFIRMED, COMPLETED)

# An API call ends within 29 seconds; what is in flight longer than this was left behind.
RECOVERY_GRACE = timedelta(seconds=45)
# What a step after the confirmation and all its tries take; who waits longer was forgotten.
STEP_GRACE = timedelta(minutes=5)
# After so many sweeps in vain, a person has to look.
RECOVERIES_MAX = 6
ATTEMPTS_MAX = 25


def order_id_for(cart_id: str, attempt: int) -> str:
    """Give the id of a cart's n-th order, counted from 1."""
    return derived_id("order", cart_id, attempt)


def recovery_due(now: datetime, recoveries: int, status: str = PENDING) -> datetime:
    """Tell when an order of a status that is owed a step is looked after next, later each time."""
    grace = STEP_GRACE if status in STANDING else RECOVERY_GRACE
    return now + grace * int(2 ** min(recoveries, 4))


@dataclass(frozen=True)
class OrderLine:
    """A line as it was sold; amounts in minor units.

    `manage_inventory` and `allow_backorder` are the variant's when the order was placed.
    """

    line_id: str
    sku: str
    product_id: str
    title: str
    variant_title: str
    quantity: int
    unit_price: int
    tax: int
    total: int
    manage_inventory: bool = True
    allow_backorder: bool = False


@dataclass(frozen=True)
class Change:
    """One entry of an order's history: to which status, when, by what, why.

    `part` is the id of the fulfillment, cancellation or return it happened to; the order
    itself where empty. `was` is the status before; the entry before tells an order's. `key`
    is what a repeat of the request comes with, and `content` what the request asked for.
    """

    at: str
    status: str
    by: str
    reason: str = ""
    part: str = ""
    was: str = ""
    key: str = ""
    content: str = ""


@dataclass(frozen=True)
class Stop:
    """An execution that ended before its work was done, and what starts it again."""

    machine: str
    execution: str
    input: Mapping[str, Any]
    error: str
    cause: str = ""


def part_number(order_number: str | None, letter: str, part_id: str) -> str | None:
    """Give a part's number for people, such as `1001-F1`; None where its order has none."""
    return f"{order_number}-{letter}{part_id.rpartition('_')[2]}" if order_number else None


@dataclass(frozen=True)
class Order:
    """The decision record of one checkout: small, so that each decision is one cheap write.

    `charged` is what is captured at once, where the settings say so when the order is
    allocated, and None until then. `stops` are executions that ended too early, which a
    redrive starts again; the order then goes back to `resumes_to`, and they are `resumed`.
    `number` is what people call it, given once it is confirmed, as `numbering` says.
    `recovery_due_at` is when the sweep looks whether somebody is at work on what the order is
    owed, after `recoveries` looks in vain; None where it is owed nothing but by people.
    """

    order_id: str
    cart_id: str
    attempt: int
    status: str
    version: int
    currency: str
    totals: Mapping[str, int]
    line_count: int
    placed_at: str
    execution: str
    idempotency_key: str
    fingerprint: str
    cart_version: int
    settings_version: int
    timeline: tuple[Change, ...]
    recovery_due_at: str | None = None
    recoveries: int = 0
    refusal: Mapping[str, Any] | None = None
    fulfillment_status: str = UNFULFILLED
    allocated_at: str | None = None
    charged: int | None = None
    stops: tuple[Stop, ...] = ()
    resumes_to: str | None = None
    resumed: tuple[str, ...] = ()
    number: str | None = None
    numbering: OrderNumbers = PLAIN_NUMBERS

    @property
    def standing(self) -> str:
        """Its status, or the one it goes back to once a person has acted."""
        return self.resumes_to or self.status

    @property
    def total(self) -> int:
        """What the buyer pays."""
        return self.totals["total"]


@dataclass(frozen=True)
class Details:
    """What no decision changes: who buys what, and where it goes; `customer_id` is no guest's.

    `storefront` is the publishable key the cart was opened with: the channel it was sold by.
    """

    lines: tuple[OrderLine, ...]
    buyer: Mapping[str, str] = field(default_factory=dict)
    fulfillment: Mapping[str, Any] = field(default_factory=dict)
    customer_id: str | None = None
    storefront: str | None = None


@dataclass(frozen=True)
class Checkout:
    """A cart's latest attempt to become an order; no order yet where `order_id` is None."""

    attempt: int
    order_id: str | None = None
    status: str | None = None


def next_attempt(earlier: list[Order], idempotency_key: str, fingerprint: str) -> int | Order:
    """Decide what a checkout call does, from all earlier attempts of its cart.

    Returns
    -------
    int | Order
        The number of the attempt to make, or the settled order this call is a repeat of.

    Raises
    ------
    IdempotencyKeyReused
        The key came with another request before.
    RequestInProgress
        The first call with this key is still at work.
    CheckoutInProgress, CartCompleted
        Another call's order is in flight, or stands.
    TooManyAttempts
        The cart was refused too often.
    """
    for order in earlier:
        if order.idempotency_key != idempotency_key:
            continue
        if order.fingerprint != fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key came with another request")
        if order.status in IN_FLIGHT:
            raise RequestInProgress(
                "the first request with this key is still at work", order_id=order.order_id
            )
        return order
    latest = earlier[-1] if earlier else None
    if latest and latest.standing in (*IN_FLIGHT, REQUIRES_ACTION):
        raise CheckoutInProgress(
            "another checkout of this cart is still at work", order_id=latest.order_id
        )
    if latest and latest.standing != CANCELED:
        raise CartCompleted("this cart is an order already", order_id=latest.order_id)
    if len(earlier) >= ATTEMPTS_MAX:
        raise TooManyAttempts("this cart was refused too often; start a new one")
    return len(earlier) + 1
