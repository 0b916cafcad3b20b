"""Accounts in Cognito and in the table: made, cut off, made up for, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, table
from commerce.carts.store import CartStore
from commerce.customers import operations
from commerce.customers.attempts import CODES_SENT, SIGN_INS, AttemptStore
from commerce.customers.belongings import Holders
from commerce.customers.model import (
    ACTIVE,
    DELETED,
    UNCONFIRMED,
    Customer,
    confirmed,
    customer_id_of,
)
from commerce.customers.operations import Door
from commerce.customers.pace import Pace
from commerce.customers.personal_data import delete_own
from commerce.customers.schema import Confirmation, CustomerChanges, NewAddress, Registration
from commerce.customers.store import CustomerStore, customer_key
from commerce.emails.store import EmailStore
from commerce.errors import (
    InvalidCode,
    NotFound,
    SessionEnded,
    StaleVersion,
    TooManyRequests,
    TransactionConflict,
)
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.user_pool import PoolUser, UserPool

SUBJECT = "11111111-2222-4333-8444-555555555555"
ADA = customer_id_of(SUBJECT)
EMAIL, PASSWORD, CODE, TOKEN = "ada@example.com", "correct horse battery", "123456", "token"
HOME = NewAddress(street_address="1 High Street", address_locality="London", address_country="GB")


class Pool(UserPool):
    """A pool of one user, who may be anybody."""

    def __init__(self) -> None:
        self.users: dict[str, bool] = {}
        self.codes_sent = 0

    def sign_up(self, email: str, password: str) -> str | None:  # noqa: ARG002 - as the port
        if email in self.users:
            return None
        self.users[email] = False
        self.codes_sent += 1
        return SUBJECT

    def send_code_again(self, email: str) -> None:  # noqa: ARG002 - as the port
        self.codes_sent += 1

    def confirm(self, email: str, code: str) -> None:
        if code != CODE or self.users.get(email) is not False:
            raise InvalidCode("wrong")
        self.users[email] = True

    def user_of(self, access_token: str) -> PoolUser:  # noqa: ARG002 - as the port
        if not self.users:
            raise SessionEnded("gone")
        return PoolUser(SUBJECT, next(iter(self.users)))

    def delete(self, access_token: str) -> None:  # noqa: ARG002 - as the port
        self.users.clear()


class Cut(Exception):
    """The process died."""


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def customers(tables: None) -> CustomerStore:  # noqa: ARG001 - where they are kept
    return CustomerStore(table("customers"))


@pytest.fixture
def door(pool: Pool, customers: CustomerStore) -> Door:  # noqa: ARG001 - after the tables
    return Door(pool, AttemptStore(table("customers")), Pace(lambda: 0.0, lambda _seconds: None))


@pytest.fixture
def held(customers: CustomerStore) -> Holders:  # noqa: ARG001 - after the tables
    orders = table("orders")
    return Holders(
        OrderStore(orders),
        RecordStore(orders),
        CartStore(table("carts")),
        EmailStore(table("emails")),
    )


def register(door: Door, customers: CustomerStore, email: str = EMAIL) -> None:
    wanted = Registration(email=email, password=PASSWORD, first_name="Ada")
    operations.register(wanted, NOW, door=door, customers=customers)


def confirm(door: Door, customers: CustomerStore) -> None:
    given = Confirmation(email=EMAIL, code=CODE)
    operations.confirm(given, NOW, door=door, customers=customers)


def read_own(pool: Pool, customers: CustomerStore) -> Customer:
    return operations.read_own(ADA, TOKEN, NOW, pool=pool, customers=customers)


# --- sign-up --------------------------------------------------------------------


def test_a_registration_waits_for_its_code(door: Door, customers: CustomerStore) -> None:
    register(door, customers)
    assert customers.get(ADA).status == UNCONFIRMED
    wrong = Confirmation(email=EMAIL, code="000000")
    with pytest.raises(InvalidCode):
        operations.confirm(wrong, NOW, door=door, customers=customers)
    confirm(door, customers)

    known = customers.get(ADA)
    assert (known.status, known.first_name, known.version) == (ACTIVE, "Ada", 2)


def test_a_registration_that_nobody_confirms_is_forgotten_and_an_account_is_not(
    door: Door, customers: CustomerStore
) -> None:
    register(door, customers)
    waiting = table("customers").get(customer_key(ADA)) or {}
    assert waiting["expires_at"] == int((NOW + timedelta(days=7)).timestamp())
    confirm(door, customers)
    assert "expires_at" not in (table("customers").get(customer_key(ADA)) or {})


def test_an_account_without_a_record_is_found_by_its_first_read(
    pool: Pool, customers: CustomerStore
) -> None:
    pool.users[EMAIL] = True  # the record was never written

    known = read_own(pool, customers)

    assert (known.customer_id, known.email, known.status) == (ADA, EMAIL, ACTIVE)
    assert read_own(pool, customers) == known == customers.get(ADA)


def test_a_confirmation_that_was_not_recorded_is_by_the_first_read(
    pool: Pool, door: Door, customers: CustomerStore
) -> None:
    register(door, customers)
    pool.confirm(EMAIL, CODE)  # and nothing was written

    known = read_own(pool, customers)

    assert (known.status, known.first_name, known.version) == (ACTIVE, "Ada", 2)
    assert read_own(pool, customers).version == 2


def test_a_code_is_sent_again_to_who_waits_for_one_and_to_nobody_else(
    pool: Pool, door: Door, customers: CustomerStore
) -> None:
    register(door, customers)
    operations.send_code_again(EMAIL, NOW, door=door, customers=customers)
    register(door, customers)
    assert pool.codes_sent == 3
    confirm(door, customers)
    operations.send_code_again(EMAIL.upper(), NOW, door=door, customers=customers)
    register(door, customers)
    assert pool.codes_sent == 3


def test_no_address_is_sent_more_codes_than_a_person_needs(
    pool: Pool, door: Door, customers: CustomerStore
) -> None:
    for _ in range(CODES_SENT.most + 3):
        register(door, customers)
    assert pool.codes_sent == CODES_SENT.most


# --- attempts -------------------------------------------------------------------


@pytest.mark.usefixtures("customers")
def test_attempts_are_counted_by_address_and_window() -> None:
    attempts = AttemptStore(table("customers"))
    start = NOW.replace(minute=0, second=0, microsecond=0)
    for _ in range(SIGN_INS.most):
        assert attempts.wait_seconds(SIGN_INS, EMAIL, start) == 0

    late = start + timedelta(minutes=14)
    assert attempts.wait_seconds(SIGN_INS, EMAIL, late) == 60
    assert attempts.wait_seconds(SIGN_INS, "eve@example.com", late) == 0
    assert attempts.wait_seconds(CODES_SENT, EMAIL, late) == 0
    assert attempts.wait_seconds(SIGN_INS, EMAIL, start + timedelta(minutes=15)) == 0


@pytest.mark.usefixtures("customers")
def test_no_attempt_keeps_an_address() -> None:
    AttemptStore(table("customers")).wait_seconds(SIGN_INS, EMAIL, NOW)
    items, _ = table("customers").scan_page(limit=10)
    assert items
    assert EMAIL not in str(items)


def test_a_refused_attempt_says_how_long_to_wait(door: Door) -> None:
    for _ in range(SIGN_INS.most):
        door.check(SIGN_INS, EMAIL, NOW)
    with pytest.raises(TooManyRequests) as refused:
        door.check(SIGN_INS, EMAIL, NOW)
    assert 0 < refused.value.retry_after_seconds <= SIGN_INS.seconds


# --- changes --------------------------------------------------------------------


class Disturbed(CustomerStore):
    """Others change the account right before each of the first writes."""

    def __init__(self, times: int) -> None:
        super().__init__(table("customers"))
        self._times = times

    def change(self, customer: Customer, seen_version: int) -> None:
        if self._times:
            self._times -= 1
            now = self.get(customer.customer_id)
            super().change(replace(now, phone="+441", version=now.version + 1), now.version)
        super().change(customer, seen_version)


def test_an_address_that_meets_another_change_is_added_to_what_that_left(
    customers: CustomerStore,
) -> None:
    customers.register(confirmed(ADA, EMAIL, NOW))
    operations.add_address(ADA, HOME, "address_1", NOW, customers=Disturbed(2))
    known = customers.get(ADA)
    assert (known.phone, [each.address_id for each in known.addresses]) == ("+441", ["address_1"])
    with pytest.raises(TransactionConflict):
        operations.add_address(ADA, HOME, "address_2", NOW, customers=Disturbed(99))


def test_a_change_of_what_was_changed_since_is_refused(customers: CustomerStore) -> None:
    customers.register(confirmed(ADA, EMAIL, NOW))
    changes = CustomerChanges(first_name="Ada")
    operations.change_own(ADA, changes, 1, NOW, customers=customers)
    with pytest.raises(StaleVersion):
        operations.change_own(ADA, changes, 1, NOW, customers=customers)
    with pytest.raises(StaleVersion):
        operations.change_own(ADA, changes, 2, NOW, customers=Disturbed(1))


def test_customers_are_listed_newest_first_and_by_address(customers: CustomerStore) -> None:
    ids = [customer_id_of(f"{number:032x}") for number in range(5)]
    for number, customer_id in enumerate(ids):
        at = NOW + timedelta(minutes=number)
        customers.register(confirmed(customer_id, f"{number}@example.com", at))

    first, further = customers.newest(None, limit=3)
    rest, end = customers.newest(None, limit=3, before=further)
    assert [each.customer_id for each in first + rest] == ids[::-1]
    assert end is None
    (found,), _ = customers.newest("2@example.com", limit=20)
    assert found == customers.get(ids[2])


def test_a_text_that_is_no_id_is_nobodys(customers: CustomerStore) -> None:
    for text in ("customer_", "customer_" + "g" * 32, f"attempts#{'0' * 64}"):
        with pytest.raises(NotFound):
            customers.get(text)


# --- deletion -------------------------------------------------------------------


class DiesAtDelete(Pool):
    """A pool before whose deletion the process dies once."""

    died = False

    def delete(self, access_token: str) -> None:
        if not self.died:
            self.died = True
            raise Cut
        super().delete(access_token)


def test_a_deletion_that_was_cut_off_is_finished_by_the_same_call(
    customers: CustomerStore, held: Holders
) -> None:
    pool = DiesAtDelete()
    pool.users[EMAIL] = True
    read_own(pool, customers)
    with pytest.raises(Cut):
        delete_own(ADA, TOKEN, NOW, pool=pool, customers=customers, held=held)
    left = customers.get(ADA)
    assert (left.status, left.email) == (DELETED, None)
    with pytest.raises(SessionEnded):
        read_own(pool, customers)

    delete_own(ADA, TOKEN, NOW, pool=pool, customers=customers, held=held)

    assert pool.users == {}
    assert customers.get(ADA) == left
    with pytest.raises(SessionEnded):
        operations.add_address(ADA, HOME, "address_1", NOW, customers=customers)


class DiesAtCarts(CartStore):
    """Carts at which the process dies once."""

    died = False

    def ids_of(self, customer_id: str) -> Iterator[str]:
        if not self.died:
            self.died = True
            raise Cut
        return super().ids_of(customer_id)


def test_whoever_is_not_forgotten_yet_can_sign_in_to_be(
    pool: Pool, customers: CustomerStore, held: Holders
) -> None:
    pool.users[EMAIL] = True
    held = replace(held, carts=DiesAtCarts(table("carts")))
    for users in ({EMAIL: True}, {}):
        with suppress(Cut):
            delete_own(ADA, TOKEN, NOW, pool=pool, customers=customers, held=held)
        assert pool.users == users
