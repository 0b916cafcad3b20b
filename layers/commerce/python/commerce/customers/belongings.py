"""What the shop holds of a customer beside the account: orders, carts and e-mails.

Orders placed as a guest count as a customer's where they were placed with the address that the
customer has confirmed. `email` is that address throughout, never one that a request names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field

from commerce.carts.operations import claim_cart
from commerce.carts.ports import Ports
from commerce.carts.schema import BuyerView, CartView, DestinationView
from commerce.carts.store import CartStore
from commerce.customers.model import ACTIVE
from commerce.customers.operations import own
from commerce.customers.store import CustomerStore
from commerce.emails.model import STATUSES
from commerce.emails.schema import EmailView, email_view
from commerce.emails.store import EmailStore
from commerce.errors import NotFound
from commerce.lifecycle import CANCELED, COMPLETED, REFUNDED, REJECTED
from commerce.orders.owners import guest_listings, guest_owner, of_customer, owner_of
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrderView, order_view
from commerce.orders.store import OrderStore
from commerce.payments.store import PaymentStore

# Each is a transaction; so many are done well within one call.
CLAIMED_AT_ONCE_MAX = 200
_EMAILS_OF_AN_ORDER_MAX = 1000


@dataclass(frozen=True)
class Holders:
    """The stores that hold something of a customer."""

    orders: OrderStore
    records: RecordStore
    carts: CartStore
    emails: EmailStore


class ClaimedOrders(BaseModel):
    """How many orders became the customer's by this call."""

    claimed: int
    more: bool = Field(description="Whether there are more, for the same call again.")


class HeldLine(BaseModel):
    """Units of a SKU in a cart."""

    sku: str
    quantity: int


class HeldCart(BaseModel):
    """A cart as it is kept."""

    id: str
    line_items: list[HeldLine]
    buyer: BuyerView
    destination: DestinationView | None = None
    updated_at: str


class Belongings(BaseModel):
    """Everything that is held of a customer beside the account."""

    orders: list[OrderView] = Field(description="With their parcels and returns.")
    carts: list[HeldCart]
    emails: list[EmailView]


def claim_own_cart(
    cart_id: str, customer_id: str, *, ports: Ports, customers: CustomerStore
) -> CartView:
    """Make a cart the customer's who calls; see `carts.operations.claim_cart`.

    Raises
    ------
    SessionEnded
        The account is deleted: nothing is to become its owner's any more.
    """
    customer = own(customer_id, customers=customers)
    return claim_cart(cart_id, customer.customer_id, ports)


def claim_own_orders(
    customer_id: str, *, customers: CustomerStore, orders: OrderStore, records: RecordStore
) -> ClaimedOrders:
    """Make guests' orders of the caller's confirmed address the caller's; see `claim_orders`.

    Raises
    ------
    NotFound
        The shop's record does not say yet that the address is confirmed; reading the account
        has it say so.
    SessionEnded
        The account is deleted.
    """
    customer = own(customer_id, customers=customers)
    if customer.status != ACTIVE or customer.email is None:
        raise NotFound("read the account first: its address is not known to be confirmed")
    return claim_orders(customer_id, customer.email, orders=orders, records=records)


def claim_orders(
    customer_id: str,
    email: str,
    *,
    orders: OrderStore,
    records: RecordStore,
    at_once: int = CLAIMED_AT_ONCE_MAX,
) -> ClaimedOrders:
    """Make guests' orders of the customer's address the customer's; each once.

    Their tokens open them no more. Repeated until there are no `more`, it ends; an order that
    is just being placed is left for a later call.
    """
    claimed = 0
    for order_id in (each for name in guest_listings(email) for each in orders.ids_of(name)):
        if claimed == at_once:
            return ClaimedOrders(claimed=claimed, more=True)
        # One that only stands there, of another mailbox, is not handed over, and not counted.
        claimed += records.hand_over(order_id, email, customer_id)
    return ClaimedOrders(claimed=claimed, more=False)


def open_orders(customer_id: str, email: str, held: Holders) -> list[str]:
    """Give the ids of the orders of which something is still to be done."""
    records = _records(customer_id, email, held)
    return [record.order.order_id for record in records if _open(record)]


def export(
    customer_id: str, email: str, now: datetime, *, held: Holders, payments: PaymentStore
) -> Belongings:
    """Give everything that is held, oldest orders first."""
    orders = [
        order_view(record, payments.get(record.order.order_id))
        for record in _records(customer_id, email, held)
    ]
    return Belongings(
        orders=orders,
        carts=list(_carts(customer_id, now, held)),
        emails=[
            email_view(each)
            for order in orders
            for each in held.emails.newest(STATUSES, order.id, limit=_EMAILS_OF_AN_ORDER_MAX)[0]
        ],
    )


def erase(customer_id: str, email: str, held: Holders) -> None:
    """Forget the customer in orders, carts and e-mails; the books keep what they need.

    Repeated, once: what a death in between left is found again, for the orders stay the
    customer's by id. To be called while no order is open.

    Raises
    ------
    TransactionConflict
        Others kept deciding about one of the orders; the same call goes on.
    """
    theirs = held.records.seen_by(of_customer(customer_id))
    for record in _records(customer_id, email, held):
        order_id = record.order.order_id
        held.records.hand_over(order_id, email, customer_id)
        held.carts.forget(record.order.cart_id)
        held.emails.forget_about(order_id)
        theirs.erase_buyer(order_id)
    for cart_id in held.carts.ids_of(customer_id):
        held.carts.forget(cart_id)


def _records(customer_id: str, email: str, held: Holders) -> Iterator[OrderRecord]:
    owners = customer_id, guest_owner(email)
    # One that was claimed a moment ago may be listed under both, and one of another under one.
    listings = customer_id, *guest_listings(email)
    order_ids = {order_id: None for name in listings for order_id in held.orders.ids_of(name)}
    for order_id in order_ids:
        record = held.records.get(order_id)
        if owner_of(record.details) in owners:
            yield record


def _open(record: OrderRecord) -> bool:
    ended = record.order.standing in (COMPLETED, CANCELED)
    return not ended or any(each.status not in (REFUNDED, REJECTED) for each in record.returns)


def _carts(customer_id: str, now: datetime, held: Holders) -> Iterator[HeldCart]:
    for cart_id in held.carts.ids_of(customer_id):
        try:
            cart = held.carts.read(cart_id, now)
        except NotFound:
            continue  # it has expired
        yield HeldCart(
            id=cart.cart_id,
            line_items=[HeldLine(sku=line.sku, quantity=line.quantity) for line in cart.lines],
            buyer=BuyerView(**vars(cart.buyer)),
            destination=DestinationView(**vars(cart.destination)) if cart.destination else None,
            updated_at=cart.updated_at,
        )
