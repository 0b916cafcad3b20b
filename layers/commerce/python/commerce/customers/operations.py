"""What customers do with their accounts.

Cognito has the password and says who somebody is; the customers table has the rest. The table
is written after Cognito, and what a death in between left out is made up for by the next read,
see `read_own`. A deletion goes the other way round, see `delete_own`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from commerce.clock import to_text
from commerce.customers import model
from commerce.customers.attempts import CODES_SENT, CODES_TRIED, SIGN_INS, AttemptStore, Limit
from commerce.customers.model import (
    ACTIVE,
    ADDRESS_ID_PREFIX,
    DELETED,
    UNCONFIRMED,
    Address,
    Customer,
    customer_id_of,
)
from commerce.customers.pace import Pace
from commerce.customers.schema import (
    AddressChanges,
    Confirmation,
    CustomerChanges,
    NewAddress,
    PasswordChange,
    PasswordReset,
    Registration,
    SignIn,
)
from commerce.customers.store import CustomerStore
from commerce.errors import (
    InvalidRequest,
    SessionEnded,
    StaleVersion,
    TooManyRequests,
    TransactionConflict,
    WrongCredentials,
)
from commerce.ids import derived_id, new_id
from commerce.mailboxes import mailbox
from commerce.user_pool import Tokens, UserPool

_TRIES = 5


@dataclass(frozen=True)
class Door:
    """What stands between strangers and the accounts: limits, even answers, and the pool."""

    pool: UserPool
    attempts: AttemptStore
    pace: Pace

    def may(self, limit: Limit, email: str, now: datetime) -> bool:
        """Count an attempt and tell whether it may be made."""
        return not self.attempts.wait_seconds(limit, email, now)

    def check(self, limit: Limit, email: str, now: datetime) -> None:
        """Count an attempt.

        Raises
        ------
        TooManyRequests
            There were too many.
        """
        wait = self.attempts.wait_seconds(limit, email, now)
        if wait:
            raise TooManyRequests("too many attempts with this address; try again later", wait)


# --- accounts and sessions ----------------------------------------------------


def register(wanted: Registration, now: datetime, *, door: Door, customers: CustomerStore) -> None:
    """Make an account that its address has still to confirm; nothing is told of the outcome.

    An address that is taken gets nothing new, and no mail where it is confirmed. Where it is
    not, another code is mailed, so a repeat after a lost answer does no harm.

    Raises
    ------
    InvalidRequest
        The password or the address is none that an account may have.
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows; the same call may be made again.
    """
    with door.pace.even():
        if not door.may(CODES_SENT, wanted.account, now):
            return
        subject = door.pool.sign_up(wanted.account, wanted.password)
        if subject is None:
            _send_code(wanted.account, door.pool, customers)
            return
        at = to_text(now)
        customers.register(
            Customer(
                customer_id_of(subject),
                wanted.account,
                UNCONFIRMED,
                at,
                at,
                first_name=wanted.first_name,
                last_name=wanted.last_name,
                phone=wanted.phone,
            )
        )


def send_code_again(email: str, now: datetime, *, door: Door, customers: CustomerStore) -> None:
    """Mail another code to whoever registered and has not confirmed; nothing is told of it.

    Raises
    ------
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows.
    """
    with door.pace.even():
        if door.may(CODES_SENT, mailbox(email), now):
            _send_code(mailbox(email), door.pool, customers)


def confirm(given: Confirmation, now: datetime, *, door: Door, customers: CustomerStore) -> None:
    """Confirm an address with the code that was mailed to it.

    Raises
    ------
    InvalidCode
        It is not this one, or nobody waits for one; so also where it is confirmed already.
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows.
    """
    with door.pace.even():
        door.check(CODES_TRIED, given.account, now)
        door.pool.confirm(given.account, given.code)
        waiting = _of_email(given.account, customers, UNCONFIRMED)
        if waiting is not None:
            change(waiting.customer_id, lambda customer: model.confirm(customer, now), customers)


def sign_in(given: SignIn, now: datetime, *, door: Door) -> Tokens:
    """Give tokens for an address and its password.

    Raises
    ------
    WrongCredentials
        The password is wrong, nobody has the address, or it is not confirmed.
    TooManyRequests
        Too many wrong passwords.
    AccountsUnavailable
        The same call may be made again.
    """
    with door.pace.even():
        door.check(SIGN_INS, given.account, now)
        return door.pool.sign_in(given.account, given.password)


def send_reset_code(email: str, now: datetime, *, door: Door) -> None:
    """Mail a code that a new password can be set with; nothing is told of it.

    Raises
    ------
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows.
    """
    with door.pace.even():
        if door.may(CODES_SENT, mailbox(email), now):
            door.pool.send_reset_code(mailbox(email))


def reset_password(given: PasswordReset, now: datetime, *, door: Door) -> None:
    """Set a new password with the code that was mailed, and end all sessions.

    Whoever knew the old password may have signed in with it. A death between the two leaves
    sessions open; to sign in and out again ends them.

    Raises
    ------
    InvalidCode, InvalidRequest
        Nothing was changed.
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows.
    """
    pool = door.pool
    with door.pace.even():
        door.check(CODES_TRIED, given.account, now)
        pool.reset_password(given.account, given.code, given.password)
        pool.sign_out_everywhere(pool.sign_in(given.account, given.password).access_token)


def change_password(access_token: str, given: PasswordChange, *, pool: UserPool) -> Tokens:
    """Set a new password, end all sessions and give a new one.

    Raises
    ------
    SessionEnded
        The token does not hold any more.
    InvalidRequest
        The old password is wrong, or the new one is none that an account may have.
    TooManyRequests, AccountsUnavailable
        It was not done, or nobody knows.
    """
    user = pool.user_of(access_token)
    try:
        pool.change_password(access_token, given.password, given.new_password)
    except WrongCredentials:
        raise InvalidRequest(
            "the old password is wrong",
            errors=[
                {"path": "$.password", "code": "wrong_password", "detail": "it is another one"}
            ],
        ) from None
    pool.sign_out_everywhere(access_token)
    return pool.sign_in(user.email, given.new_password)


def _send_code(email: str, pool: UserPool, customers: CustomerStore) -> None:
    # Whoever has confirmed has no use for a code, and is not to be mailed by strangers.
    if _of_email(email, customers, ACTIVE) is None:
        pool.send_code_again(email)


def _of_email(email: str, customers: CustomerStore, status: str) -> Customer | None:
    """Find the newest customer of an address who is of this status."""
    newest, _ = customers.newest(email, limit=20)
    return next((each for each in newest if each.status == status), None)


# --- the customer and the address book ------------------------------------------


def read_own(
    customer_id: str,
    access_token: str,
    now: datetime,
    *,
    pool: UserPool,
    customers: CustomerStore,
) -> Customer:
    """Read the customer who calls; what registering or confirming left out is written now.

    Raises
    ------
    SessionEnded
        The account is deleted.
    TooManyRequests, AccountsUnavailable
        The record was incomplete, and Cognito gave no answer about the address.
    """
    customer = customers.find(customer_id)
    if customer is None:
        # Who has a token has confirmed the address that Cognito names.
        user = pool.user_of(access_token)
        customers.register(model.confirmed(customer_id, user.email, now))
        customer = customers.get(customer_id)
    if customer.status == UNCONFIRMED:
        return change(customer_id, lambda found: _confirmed_once(found, now), customers)
    return there(customer)


def own(customer_id: str, *, customers: CustomerStore) -> Customer:
    """Read the customer who calls, as the last `read_own` left it.

    Raises
    ------
    NotFound
        There is no record yet.
    SessionEnded
        The account is deleted.
    """
    return there(customers.get(customer_id))


def change_own(
    customer_id: str,
    changes: CustomerChanges,
    seen_version: int,
    now: datetime,
    *,
    customers: CustomerStore,
) -> Customer:
    """Change what the shop knows of a customer.

    Raises
    ------
    StaleVersion
        It is not of `seen_version` any more.
    NotFound
        There is no record yet, or the default is to be none of the addresses.
    SessionEnded
        The account is deleted.
    """
    old = there(customers.get(customer_id))
    if old.version != seen_version:
        raise StaleVersion("the account was changed since you read it", version=old.version)
    new = model.changed(changes.applied_to(old), now)
    customers.change(new, seen_version)
    return new


def address_id_for(customer_id: str, call: str, now: datetime) -> str:
    """Give the id of the address that a call adds: for all its repeats the same."""
    if not call:
        return new_id(ADDRESS_ID_PREFIX, now)
    return derived_id(ADDRESS_ID_PREFIX, customer_id, call)


def add_address(
    customer_id: str,
    wanted: NewAddress,
    address_id: str,
    now: datetime,
    *,
    customers: CustomerStore,
) -> tuple[Customer, Address]:
    """Put an address into the book; one with this id that is there already stays.

    Raises
    ------
    InvalidRequest
        It lacks what every address of its country has in the book.
    TooManyAddresses
        There are 50 already.
    NotFound, SessionEnded
        There is no record yet, or the account is deleted.
    """
    address = _usable(Address(address_id, wanted.to_destination()))

    def with_it(customer: Customer) -> Customer:
        return model.add_address(customer, address, default=wanted.default, now=now)

    customer = change(customer_id, with_it, customers)
    return customer, customer.address(address_id)


def change_address(
    customer_id: str,
    address_id: str,
    changes: AddressChanges,
    now: datetime,
    *,
    customers: CustomerStore,
) -> tuple[Customer, Address]:
    """Change an address of the book.

    Raises
    ------
    InvalidRequest
        It would lack what every address of its country has in the book.
    NotFound
        There is no such address in this customer's book.
    SessionEnded
        The account is deleted.
    """

    def with_changes(customer: Customer) -> Customer:
        address = _usable(changes.applied_to(customer.address(address_id)))
        return model.change_address(customer, address, default=bool(changes.default), now=now)

    customer = change(customer_id, with_changes, customers)
    return customer, customer.address(address_id)


def remove_address(
    customer_id: str, address_id: str, now: datetime, *, customers: CustomerStore
) -> Customer:
    """Take an address out of the book, and give what is left.

    Raises
    ------
    NotFound
        There is no such address in this customer's book.
    SessionEnded
        The account is deleted.
    """

    def without_it(customer: Customer) -> Customer:
        return model.remove_address(customer, address_id, now)

    return change(customer_id, without_it, customers)


def _usable(address: Address) -> Address:
    faults = model.book_faults(address.destination)
    if faults:
        raise InvalidRequest(
            "this is no address of its country",
            errors=[
                {"path": f"$.{fault.field}", "code": fault.code, "detail": fault.detail}
                for fault in faults
            ],
        )
    return address


def there(customer: Customer) -> Customer:
    """Give a customer who is not deleted.

    Raises
    ------
    SessionEnded
        The account is deleted; its last access token holds until it expires.
    """
    if customer.status == DELETED:
        raise SessionEnded("the account is deleted")
    return customer


def change(
    customer_id: str, step: Callable[[Customer], Customer], customers: CustomerStore
) -> Customer:
    """Take a step on a customer as of now, again where another call came in between.

    Raises
    ------
    NotFound, SessionEnded
        There is no record, or the account is deleted.
    TransactionConflict
        Other calls kept coming in between.
    """
    for _ in range(_TRIES):
        old = there(customers.get(customer_id))
        new = step(old)
        if new == old:
            return old
        try:
            customers.change(new, old.version)
        except StaleVersion:
            continue
        return new
    raise TransactionConflict("others keep changing this account")


def _confirmed_once(customer: Customer, now: datetime) -> Customer:
    return model.confirm(customer, now) if customer.status == UNCONFIRMED else customer
