"""Every status of an order's life, and the edges between them: the one published table.

An order has three statuses that do not depend on each other:

`status`
    what was decided about the order, kept in its record;
`payment_status`
    how its money stands, told from the payment;
`fulfillment_status`
    how far its goods have come, told from its fulfillments and returns.

Its parts, fulfillments and returns, have a status each, and so has its payment. Whatever
changes a status asks `follow` first.
"""

from __future__ import annotations

from collections.abc import Mapping

from commerce.errors import IllegalTransition

# --- an order's `status` ----------------------------------------------------------

PENDING = "pending"
CONFIRMED = "confirmed"
COMPLETED = "completed"
CANCELING = "canceling"
CANCELED = "canceled"
REQUIRES_ACTION = "requires_action"

ORDER: Mapping[str, frozenset[str]] = {
    PENDING: frozenset({CONFIRMED, CANCELING}),
    CONFIRMED: frozenset({COMPLETED, CANCELING, REQUIRES_ACTION}),
    COMPLETED: frozenset({REQUIRES_ACTION}),
    CANCELING: frozenset({CANCELED, REQUIRES_ACTION}),
    REQUIRES_ACTION: frozenset({CONFIRMED, COMPLETED, CANCELING}),
    CANCELED: frozenset(),
}

# --- a fulfillment's status -------------------------------------------------------

OPEN = "open"
PACKED = "packed"
SHIPPED = "shipped"
DELIVERED = "delivered"

FULFILLMENT: Mapping[str, frozenset[str]] = {
    OPEN: frozenset({PACKED, CANCELED}),
    PACKED: frozenset({SHIPPED, CANCELED}),
    SHIPPED: frozenset({DELIVERED}),
    DELIVERED: frozenset(),
    CANCELED: frozenset(),
}

# --- a return's status ------------------------------------------------------------

REQUESTED = "requested"
APPROVED = "approved"
REJECTED = "rejected"
RECEIVED = "received"
REFUNDING = "refunding"
REFUNDED = "refunded"

RETURN: Mapping[str, frozenset[str]] = {
    REQUESTED: frozenset({APPROVED, REJECTED}),
    APPROVED: frozenset({RECEIVED, REJECTED}),
    RECEIVED: frozenset({REFUNDING}),
    REFUNDING: frozenset({REFUNDED}),
    REFUNDED: frozenset(),
    REJECTED: frozenset(),
}

# --- a payment's status -----------------------------------------------------------

AUTHORIZING = "authorizing"
AUTHORIZED = "authorized"
CAPTURED = "captured"
DECLINED = "declined"
FAILED = "failed"
VOIDING = "voiding"
VOIDED = "voided"

# `failed` says that every call so far surely had no effect, so the step may try again; `voided`
# is also the tombstone of a payment that never was. `captured` says that something was taken, and
# `refunded` that the undo gave all of it back.
PAYMENT: Mapping[str, frozenset[str]] = {
    AUTHORIZING: frozenset({AUTHORIZED, DECLINED, FAILED, VOIDING}),
    FAILED: frozenset({AUTHORIZING, VOIDING}),
    AUTHORIZED: frozenset({CAPTURED, VOIDING}),
    CAPTURED: frozenset({VOIDING}),
    VOIDING: frozenset({VOIDED, REFUNDED}),
    DECLINED: frozenset(),
    VOIDED: frozenset(),
    REFUNDED: frozenset(),
}

# --- an order's `payment_status` --------------------------------------------------

PARTIALLY_CAPTURED = "partially_captured"
PARTIALLY_REFUNDED = "partially_refunded"

_GIVEN_BACK = frozenset({PARTIALLY_REFUNDED, REFUNDED})

# Told, not decided: the payment's status, and how much was captured and refunded. What costs
# nothing is `captured` from the start. What was
# captured is `refunded` until more is captured of what is still held.
ORDER_PAYMENT: Mapping[str, frozenset[str]] = {
    PENDING: frozenset({AUTHORIZING, CAPTURED, VOIDED}),
    AUTHORIZING: PAYMENT[AUTHORIZING],
    FAILED: PAYMENT[FAILED],
    AUTHORIZED: frozenset({PARTIALLY_CAPTURED, CAPTURED, VOIDING}),
    PARTIALLY_CAPTURED: frozenset({CAPTURED, VOIDING}) | _GIVEN_BACK,
    CAPTURED: frozenset({VOIDING}) | _GIVEN_BACK,
    PARTIALLY_REFUNDED: frozenset({REFUNDED, VOIDING}),
    REFUNDED: frozenset({PARTIALLY_REFUNDED, VOIDING}),
    VOIDING: PAYMENT[VOIDING],
    DECLINED: frozenset(),
    VOIDED: frozenset(),
}

# --- an order's `fulfillment_status` ----------------------------------------------

UNFULFILLED = "unfulfilled"
PARTIALLY_PACKED = "partially_packed"
PARTIALLY_SHIPPED = "partially_shipped"
PARTIALLY_DELIVERED = "partially_delivered"
PARTIALLY_RETURNED = "partially_returned"
RETURNED = "returned"

# Told, not decided: what its parts allow. Units that are cancelled, and fulfillments that
# are split or begun again, move it on by more than a step, or back by one.
_DELIVERED = frozenset({PARTIALLY_DELIVERED, DELIVERED, PARTIALLY_RETURNED, RETURNED})

ORDER_FULFILLMENT: Mapping[str, frozenset[str]] = {
    UNFULFILLED: frozenset({PARTIALLY_PACKED, PACKED, CANCELED}),
    PARTIALLY_PACKED: frozenset({UNFULFILLED, PACKED, PARTIALLY_SHIPPED, SHIPPED, CANCELED}),
    PACKED: frozenset({UNFULFILLED, PARTIALLY_PACKED, PARTIALLY_SHIPPED, SHIPPED, CANCELED}),
    PARTIALLY_SHIPPED: frozenset({SHIPPED}) | _DELIVERED,
    SHIPPED: _DELIVERED,
    PARTIALLY_DELIVERED: _DELIVERED - {PARTIALLY_DELIVERED},
    DELIVERED: frozenset({PARTIALLY_RETURNED, RETURNED}),
    PARTIALLY_RETURNED: frozenset({RETURNED}),
    RETURNED: frozenset(),
    CANCELED: frozenset(),
}


def follow(edges: Mapping[str, frozenset[str]], source: str, target: str) -> str:
    """Give the target where an edge leads to it.

    Raises
    ------
    IllegalTransition
        None does; `status` is where it stays.
    """
    if target not in edges[source]:
        raise IllegalTransition(f"{source} does not become {target}", status=source)
    return target
