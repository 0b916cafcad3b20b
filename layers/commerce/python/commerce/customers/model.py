"""A customer and the rules by which one changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commerce.addresses import AddressFault, faults_in, rules_of
from commerce.clock import to_text
from commerce.errors import NotFound, TooManyAddresses
from commerce.mailboxes import mailbox
from commerce.pricing import Destination

CUSTOMER_ID_PATTERN = "^customer_[0-9a-f]{32}$"
ADDRESS_ID_PREFIX = "address"
ADDRESSES_MAX = 50

# The address is not confirmed: anybody may have registered it.
UNCONFIRMED = "unconfirmed"
ACTIVE = "active"
# Only the id, and when it was: whoever it was is forgotten.
DELETED = "deleted"

# A registration that nobody confirmed is forgotten after this.
UNCONFIRMED_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Address:
    """One place of a customer's address book."""

    address_id: str
    destination: Destination


@dataclass(frozen=True)
class Customer:
    """Somebody with an account; the password is Cognito's alone.

    `email` is written as its mailbox is known by, for an account is found by it; None once
    deleted.
    """

    customer_id: str
    email: str | None
    status: str
    created_at: str
    updated_at: str
    version: int = 1
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    addresses: tuple[Address, ...] = ()
    default_address_id: str | None = None
    confirmed_at: str | None = None
    deleted_at: str | None = None

    def address(self, address_id: str) -> Address:
        """Give one address.

        Raises
        ------
        NotFound
            There is no such address in this book.
        """
        for each in self.addresses:
            if each.address_id == address_id:
                return each
        raise NotFound("there is no such address")


def needed_in_book(country: str | None) -> set[str]:
    """Name what every address of the book has; what else a parcel needs, a checkout asks for."""
    always = {"street_address", "address_country"}
    town = "address_locality"
    return always | ({town} if country is None or town in rules_of(country).requires else set())


def book_faults(destination: Destination) -> list[AddressFault]:
    """List what keeps an address out of the book."""
    needed = needed_in_book(destination.address_country)
    return [fault for fault in faults_in(vars(destination)) if fault.field in needed]


def customer_id_of(subject: str) -> str:
    """Give the customer's id of a user of the customers' pool, from its `sub`."""
    return f"customer_{subject.replace('-', '')}"


def confirmed(customer_id: str, email: str, now: datetime) -> Customer:
    """Make the record of somebody whose address is known to be confirmed."""
    at = to_text(now)
    return Customer(customer_id, mailbox(email), ACTIVE, at, at, confirmed_at=at)


def confirm(customer: Customer, now: datetime) -> Customer:
    """Give a customer whose address is confirmed now."""
    return replace(changed(customer, now), status=ACTIVE, confirmed_at=to_text(now))


def add_address(customer: Customer, address: Address, *, default: bool, now: datetime) -> Customer:
    """Give a customer with one more address; the first one is the default.

    One of the same id is the same, however it was changed since.

    Raises
    ------
    TooManyAddresses
        There are 50 already.
    """
    if any(each.address_id == address.address_id for each in customer.addresses):
        return customer
    if len(customer.addresses) >= ADDRESSES_MAX:
        raise TooManyAddresses(f"a customer has {ADDRESSES_MAX} addresses at most; delete one")
    customer = replace(changed(customer, now), addresses=(*customer.addresses, address))
    if default or customer.default_address_id is None:
        return replace(customer, default_address_id=address.address_id)
    return customer


def change_address(
    customer: Customer, address: Address, *, default: bool, now: datetime
) -> Customer:
    """Give a customer with an address as it is now; another may become the default by its own.

    Raises
    ------
    NotFound
        There is no such address.
    """
    customer.address(address.address_id)
    addresses = tuple(
        address if each.address_id == address.address_id else each for each in customer.addresses
    )
    customer = replace(changed(customer, now), addresses=addresses)
    return replace(customer, default_address_id=address.address_id) if default else customer


def remove_address(customer: Customer, address_id: str, now: datetime) -> Customer:
    """Give a customer without an address; of what is left, the oldest becomes the default.

    Raises
    ------
    NotFound
        There is no such address.
    """
    customer.address(address_id)
    left = tuple(each for each in customer.addresses if each.address_id != address_id)
    default = customer.default_address_id
    if default == address_id:
        default = left[0].address_id if left else None
    return replace(changed(customer, now), addresses=left, default_address_id=default)


def tombstone(customer: Customer, now: datetime) -> Customer:
    """Give what is kept of a customer who is deleted: the id that orders have, and times."""
    return Customer(
        customer.customer_id,
        None,
        DELETED,
        customer.created_at,
        to_text(now),
        customer.version + 1,
        confirmed_at=customer.confirmed_at,
        deleted_at=to_text(now),
    )


def changed(customer: Customer, now: datetime) -> Customer:
    """Give the customer's next version."""
    return replace(customer, version=customer.version + 1, updated_at=to_text(now))
