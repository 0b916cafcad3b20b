"""What the shop does with orders: the saga's steps, each beside its undo, and recovery."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from commerce import errors
from commerce.carts.model import Cart
from commerce.clock import to_text
from commerce.errors import (
    DomainError,
    IllegalTransition,
    InvalidRequest,
    PaymentRequired,
    PriceChanged,
)
from commerce.lifecycle import CANCELED, CANCELING, COMPLETED, CONFIRMED, PENDING
from commerce.orders.model import (
    RECOVERIES_MAX,
    Change,
    Details,
    Order,
    OrderLine,
    Stop,
    next_attempt,
    order_id_for,
    recovery_due,
)
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.orders.watchdog import interrupt, resume
from commerce.pricing.model import PricedCart
from commerce.settings.model import ShopSettings
from commerce.sweeps import one_by_one
from commerce.workflows import STILL_RUNNING, SUCCEEDED, StateMachine, error_details

logger = logging.getLogger(__name__)

SAGA = "place_order"
RECOVERY = "recover_order"

# What a checkout may be refused with.
REFUSALS = (
    errors.NotFound,
    errors.IdempotencyKeyRequired,
    errors.IdempotencyKeyReused,
    errors.RequestInProgress,
    errors.CheckoutInProgress,
    errors.CheckoutUnderWay,
    errors.CartCompleted,
    errors.CartIncomplete,
    errors.CartChanged,
    errors.TooManyAttempts,
    errors.CurrencyNotSold,
    errors.UnknownSku,
    errors.PriceMissing,
    errors.DestinationNotServed,
    errors.FulfillmentOptionUnavailable,
    errors.PriceChanged,
    errors.PaymentRequired,
    errors.OutOfStock,
    errors.PaymentDeclined,
    errors.ProviderUnavailable,
    errors.ProviderTimeout,
    errors.CheckoutFailed,
)

Priced = tuple[Cart, PricedCart, ShopSettings]


@dataclass(frozen=True)
class PlaceOrder:
    """The order saga's input; `idempotency_key` and `fingerprint` are digests.

    `pays` tells whether a way to pay was given.
    """

    order_id: str
    cart_id: str
    attempt: int
    expected_total: int | None
    idempotency_key: str
    fingerprint: str
    pays: bool = True


# --- the call that starts the saga --------------------------------------------


def complete_cart(
    cart_id: str,
    idempotency_key: str,
    fingerprint: str,
    expected_total: int | None,
    payment: Mapping[str, str] | None,
    *,
    orders: OrderStore,
    records: RecordStore,
    saga: StateMachine,
) -> OrderRecord:
    """Make an order of a cart, and wait for the saga's end as long as a caller may wait.

    Repeated with the same key, it gives the first call's order, or raises the first
    call's refusal.

    Returns
    -------
    OrderRecord
        The order, confirmed, or pending where the saga is still at work.

    Raises
    ------
    CheckoutUnderWay
        The saga may still be at work, and has not come to the order; nobody knows yet whether
        there will be one.
    Throttled
        Nothing was begun.
    DomainError
        The named refusal that ended the saga, such as `OutOfStock`.
    """
    attempt = next_attempt(orders.attempts(cart_id), idempotency_key, fingerprint)
    if isinstance(attempt, Order):
        return _settled(attempt.order_id, records)
    order_id = order_id_for(cart_id, attempt)
    outcome = saga.run(
        {
            "order_id": order_id,
            "cart_id": cart_id,
            "attempt": attempt,
            "expected_total": expected_total,
            "idempotency_key": idempotency_key,
            "fingerprint": fingerprint,
            "payment": dict(payment) if payment else None,
        }
    )
    if outcome.status == STILL_RUNNING:
        try:
            return _settled(order_id, records)
        except errors.NotFound:
            raise errors.CheckoutUnderWay(
                "the order is still being placed; repeat the call with the same key in a moment",
                order_id=order_id,
            ) from None
    if outcome.status == SUCCEEDED:
        return _settled(order_id, records)
    refusal = named_error(outcome.error, outcome.details)
    if isinstance(refusal, errors.PlacedByAnother):
        # Two calls at once and the other won: answer as if we had come after it.
        settled = next_attempt(orders.attempts(cart_id), idempotency_key, fingerprint)
        if isinstance(settled, Order):
            return _settled(settled.order_id, records)
        raise errors.CheckoutInProgress(
            "another checkout of this cart ended this moment; try again", order_id=order_id
        )
    try:
        return _settled(order_id, records)
    except errors.NotFound:
        raise refusal from None


def named_error(name: str, details: Mapping[str, Any]) -> DomainError:
    """Make the named error a state machine failed with; one without a name here is ours."""
    kind = getattr(errors, name, None)
    facts = {key: value for key, value in details.items() if key != "sentence"}
    if isinstance(kind, type) and issubclass(kind, DomainError):
        return kind(details.get("sentence", "the order was refused"), **facts)
    return errors.CheckoutFailed("the order could not be placed; nothing was charged")


def _settled(order_id: str, records: RecordStore) -> OrderRecord:
    record = records.get(order_id)
    order = record.order
    # An order that was confirmed and cancelled later was no refusal.
    if order.status == CANCELED and order.refusal:
        refusal = dict(order.refusal)
        raise named_error(refusal.pop("error", ""), refusal)
    return record


# --- the saga's steps ---------------------------------------------------------


def place_order(
    wanted: PlaceOrder,
    execution: str,
    now: datetime,
    *,
    orders: OrderStore,
    price: Callable[[str], Priced],
) -> Order:
    """Record a cart, priced now, as a pending order; repeated by one execution, once.

    Parameters
    ----------
    wanted
        Which order, of which cart.
    execution
        The name of the execution that places it, and that may undo it.
    price
        Reads and prices the cart; raises what keeps it from being ordered.

    Raises
    ------
    PriceChanged
        The total is not the one the buyer was shown.
    PaymentRequired
        It costs something, and no way to pay was given.
    PlacedByAnother
        Another execution placed this order.
    """
    if wanted.order_id != order_id_for(wanted.cart_id, wanted.attempt):
        raise InvalidRequest("order_id does not follow from cart_id and attempt")
    cart, priced, settings = price(wanted.cart_id)
    order = _pending(wanted, cart, priced, settings, execution, now)
    if wanted.expected_total not in (None, order.total):
        raise PriceChanged(
            "the total is not what was shown; look at the cart again",
            expected_total=wanted.expected_total,
            total=order.total,
        )
    if order.total and not wanted.pays:
        sentence = "say how the order is paid: only one that costs nothing needs no payment"
        faults = [{"path": "$.payment", "code": "missing", "detail": sentence}]
        raise PaymentRequired(sentence, errors=faults, total=order.total)
    orders.place_once(order, _details(cart, priced))
    return order


def begin_cancel(
    order_id: str,
    execution: str,
    failure: Mapping[str, str],
    by: str,
    now: datetime,
    *,
    orders: OrderStore,
) -> str:
    """Decide on the undo of an order, where this execution placed it.

    Returns
    -------
    str
        `undo`, to go on with; `stands`, for the order was confirmed before; `nothing`,
        for this execution has no order to undo, or it is undone already.
    """
    order = orders.begin_cancel(order_id, execution, by, _refusal(failure), now)
    if order is None or order.status == CANCELED:
        return "nothing"
    return "stands" if order.status == CONFIRMED else "undo"


def confirm_order(order_id: str, now: datetime, *, orders: OrderStore) -> Order:
    """Decide that the order stands; see `OrderStore.confirm`."""
    return orders.confirm(order_id, SAGA, now)


def close_order(order_id: str, by: str, now: datetime, *, orders: OrderStore) -> Order:
    """Record that everything of the order is undone; see `OrderStore.close`."""
    return orders.close(order_id, by, now)


# --- after the saga ---------------------------------------------------------------


def redrive_order(
    order_id: str,
    by: str,
    now: datetime,
    *,
    orders: OrderStore,
    records: RecordStore,
    recovery: StateMachine,
) -> OrderRecord:
    """Let an order go on that a person has looked at; repeated, once.

    Where an undo failed it is taken up. Where executions stopped, the event of this
    decision starts them again, and they go on from the step that failed.

    Raises
    ------
    IllegalTransition
        The order does not require action.
    """
    order = orders.get(order_id)
    if order.resumes_to is None and order.status not in (CONFIRMED, COMPLETED):
        records.shorten_history(order_id)
        return undo(orders.redrive(order_id, by, now), records, recovery)
    return records.decide(order_id, lambda record: resume(record, by, now))


def undo(order: Order, records: RecordStore, recovery: StateMachine) -> OrderRecord:
    """Start the undo of an order that is to be cancelled; the sweep starts what does not start."""
    if order.status == CANCELING:
        _start_undo(order, recovery)
    return records.get(order.order_id)


def interrupt_order(order_id: str, stop: Stop, now: datetime, *, records: RecordStore) -> str:
    """Hand an order whose execution stopped to a person; gives the order's status then."""
    return records.decide(order_id, lambda record: interrupt(record, stop, now)).order.status


# --- recovery -----------------------------------------------------------------


def recover_orders(
    as_of: datetime, now: datetime, *, orders: OrderStore, recovery: StateMachine
) -> dict[str, int]:
    """Have every order that was left in flight undone, once per sweep and order.

    An order whose undo failed sweep after sweep is handed to a person; one that was never
    decided on is swept for ever, for only the decision to undo it can end it.

    Parameters
    ----------
    as_of
        Orders whose recovery is due by then are taken.

    Returns
    -------
    dict[str, int]
        `started` recoveries, orders that now `require_action`, and orders with which
        neither was possible: they `failed`, and the next sweep takes them again.
    """
    done = Counter[str]()

    def recover(overdue: Order) -> None:
        order = orders.defer_recovery(overdue, now)
        if order is None:
            return
        if order.recoveries > RECOVERIES_MAX and order.status != PENDING:
            done["require_action"] += _hand_over(order, now, orders)
        else:
            _start_undo(order, recovery)
            done["started"] += 1

    failed = one_by_one(orders.overdue(as_of), recover, attrgetter("order_id"))
    return {"started": done["started"], "require_action": done["require_action"], "failed": failed}


def _start_undo(order: Order, recovery: StateMachine) -> None:
    """Start an order's undo under a name that no other run of it has, or ever had.

    Whoever takes an order for recovery raises its version, and a name that was used once
    starts nothing for 90 days.
    """
    recovery.start(
        f"{order.order_id}-v{order.version}",
        {"order_id": order.order_id, "execution": order.execution},
    )


def _hand_over(order: Order, now: datetime, orders: OrderStore) -> bool:
    try:
        orders.require_action(order.order_id, RECOVERY, "RecoveryExhausted", now)
    except IllegalTransition:
        return False  # an undo that took long ended this moment
    logger.error("order %s requires action: its undo keeps failing", order.order_id)
    return True


def _pending(
    wanted: PlaceOrder,
    cart: Cart,
    priced: PricedCart,
    settings: ShopSettings,
    execution: str,
    now: datetime,
) -> Order:
    return Order(
        order_id=wanted.order_id,
        cart_id=wanted.cart_id,
        attempt=wanted.attempt,
        status=PENDING,
        version=1,
        currency=priced.currency,
        totals={total.type: total.amount for total in priced.totals},
        line_count=len(priced.lines),
        placed_at=to_text(now),
        execution=execution,
        idempotency_key=wanted.idempotency_key,
        fingerprint=wanted.fingerprint,
        cart_version=cart.version,
        settings_version=settings.version,
        numbering=settings.order_numbers,
        timeline=(Change(to_text(now), PENDING, SAGA),),
        recovery_due_at=to_text(recovery_due(now, 0)),
    )


def _details(cart: Cart, priced: PricedCart) -> Details:
    destination = cart.destination
    option = priced.fulfillment_option
    fulfillment: dict[str, Any] = {}
    if destination:
        fulfillment["destination"] = {
            name: value for name, value in vars(destination).items() if value
        }
    if option:
        fulfillment["option"] = {"id": option.id, "title": option.title, "amount": option.amount}
    return Details(
        lines=tuple(
            OrderLine(
                line.line_id,
                line.sku,
                line.product_id,
                line.title,
                line.variant_title,
                line.quantity,
                line.unit_price,
                line.tax,
                line.total,
                line.manage_inventory,
                line.allow_backorder,
            )
            for line in priced.lines
        ),
        buyer={name: value for name, value in vars(cart.buyer).items() if value},
        fulfillment=fulfillment,
        customer_id=cart.customer_id,
        storefront=cart.storefront,
    )


def _refusal(failure: Mapping[str, str]) -> dict[str, Any]:
    """Keep what the buyer is told, so that a repeat of the call is told the same."""
    return {"error": failure.get("Error", ""), **error_details(failure.get("Cause", ""))}
