"""Whose an order is: a customer's, or a guest's, who has nothing but the order's token."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable

from commerce.ids import derived_id
from commerce.mailboxes import mailbox
from commerce.orders.model import Details
from commerce.orders.record import OrderRecord

# Tells whether somebody may know of an order.
Sees = Callable[[OrderRecord], bool]


def everybody(_record: OrderRecord) -> bool:
    """Show every order; for staff, and for the shop itself."""
    return True


def with_token(token: str) -> Sees:
    """Show a guest the one order that the token was given for."""

    def sees(record: OrderRecord) -> bool:
        ours = order_token_of(record)
        return ours is not None and hmac.compare_digest(ours.encode(), token.encode())

    return sees


def of_customer(customer_id: str) -> Sees:
    """Show a customer what is theirs."""
    return lambda record: record.details.customer_id == customer_id


def order_token_for(cart_id: str, attempt: int) -> str:
    """Give the token of a guest's order, which only buyer and shop can tell: it is not stored.

    Who knows the order's id cannot tell it, for both follow from the cart's id.
    """
    # The last part keeps its hash another one than the order id's.
    return derived_id("ordertoken", cart_id, attempt, "token")


def order_token_of(record: OrderRecord) -> str | None:
    """Give an order's token; None where it is a customer's, whom no token stands for."""
    if record.details.customer_id is not None:
        return None
    return order_token_for(record.order.cart_id, record.order.attempt)


def owner_of(details: Details) -> str:
    """Name whom an order is listed under: its customer, or a guest by the e-mail address."""
    return details.customer_id or guest_owner(details.buyer.get("email", ""))


def customer_in(owner: str) -> str | None:
    """Give the customer that an owner's name is; None where it is a guest's."""
    return owner if owner.startswith("customer_") else None


def guest_owner(email: str) -> str:
    """Name whom guests' orders of a mailbox are listed under, however its address is written."""
    return _guest(mailbox(email))


def guest_listings(email: str) -> tuple[str, ...]:
    """Name all that orders of a mailbox may be listed under; `owner_of` tells whose one is.

    Orders were once listed under an address that was folded further than mail systems do,
    so that those of another mailbox may stand there, too. An ASCII address's has one name.
    """
    folded = _guest(unicodedata.normalize("NFKC", email.strip()).casefold())
    return tuple(dict.fromkeys((guest_owner(email), folded)))


def mailbox_listing(email: str) -> str:
    """Name what customers' orders of a mailbox are found under; guests' are by their owner."""
    return f"mailbox#{_digest(mailbox(email))}"


def _guest(written: str) -> str:
    return f"guest#{_digest(written)}"


def _digest(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def returns_owner(customer_id: str) -> str:
    """Name what a customer's returns are listed under."""
    return f"return#{customer_id}"
