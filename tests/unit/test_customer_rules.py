"""How an account changes, and how late its answers come."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from builders import NOW
from commerce.customers import model
from commerce.customers.model import ADDRESSES_MAX, Address, Customer, confirmed
from commerce.customers.pace import STEP_SECONDS, Pace
from commerce.customers.schema import AddressChanges, CustomerChanges, Registration
from commerce.errors import NotFound, TooManyAddresses, WrongCredentials
from commerce.pricing import Destination

ADA = confirmed("customer_" + "0" * 32, "Ada@Example.com", NOW)


def place(number: int) -> Address:
    return Address(f"address_{number}", Destination(street_address=f"{number} High Street"))


def with_addresses(*numbers: int) -> Customer:
    customer = ADA
    for number in numbers:
        customer = model.add_address(customer, place(number), default=False, now=NOW)
    return customer


# --- the address book -------------------------------------------------------------


def test_the_first_address_is_the_default_and_stays_it() -> None:
    assert with_addresses(1, 2).default_address_id == "address_1"


def test_there_is_one_default_whichever_is_taken_away() -> None:
    book = with_addresses(1, 2, 3)
    assert model.remove_address(book, "address_2", NOW).default_address_id == "address_1"
    assert model.remove_address(book, "address_1", NOW).default_address_id == "address_2"
    assert model.remove_address(with_addresses(1), "address_1", NOW).default_address_id is None


def test_a_book_has_fifty_addresses_at_most() -> None:
    full = with_addresses(*range(ADDRESSES_MAX))
    with pytest.raises(TooManyAddresses):
        model.add_address(full, place(ADDRESSES_MAX), default=False, now=NOW)


def test_what_is_not_in_the_book_can_be_neither_changed_nor_made_the_default() -> None:
    book = with_addresses(1)
    with pytest.raises(NotFound):
        model.change_address(book, place(2), default=True, now=NOW)
    with pytest.raises(NotFound):
        model.remove_address(book, "address_2", NOW)
    with pytest.raises(NotFound):
        CustomerChanges(default_address_id="address_2").applied_to(book)


def test_what_every_address_has_cannot_be_cleared() -> None:
    before = Address("address_1", Destination("1 High Street", "London", "Kent", "N1", "GB"))
    changes = AddressChanges(street_address=None, postal_code=None, address_region="Essex")
    assert changes.applied_to(before).destination == Destination(
        "1 High Street", "London", "Essex", None, "GB"
    )


def test_a_tombstone_has_the_id_and_times_and_nothing_else() -> None:
    left = model.tombstone(with_addresses(1), NOW)
    assert (left.customer_id, left.status) == (ADA.customer_id, "deleted")
    assert (left.email, left.first_name, left.phone, left.addresses) == (None, None, None, ())


# --- requests -----------------------------------------------------------------------


def test_an_account_is_found_by_its_address_in_any_case() -> None:
    wanted = Registration(email="Ada@EXAMPLE.com", password="correct horse battery")
    assert wanted.account == ADA.email == "ada@example.com"


@pytest.mark.parametrize(
    "password",
    ["eleven char", "x" * 257, " padded password", "zero\u200bwidth", "line\nbreak and all"],
)
def test_a_password_is_long_enough_and_can_be_typed_again(password: str) -> None:
    with pytest.raises(ValidationError):
        Registration(email="ada@example.com", password=password)


def test_a_number_that_a_phone_copied_is_taken_without_what_nobody_sees() -> None:
    copied = CustomerChanges(phone="\u202a+442079460000\u202c", first_name="\u2066Ada\u2069")
    assert (copied.phone, copied.first_name) == ("+442079460000", "Ada")


def test_what_is_secret_is_not_in_the_words_of_a_request() -> None:
    assert "correct horse" not in repr(
        Registration(email="ada@example.com", password="correct horse battery")
    )


# --- pace ---------------------------------------------------------------------------


class Time:
    """A clock that goes on only while something is done or waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def stopwatch(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("took", "steps"), [(0.0, 0), (0.001, 1), (0.4, 1), (0.6, 2), (1.2, 3)])
def test_an_answer_comes_at_a_whole_step(took: float, steps: int) -> None:
    time = Time()
    with Pace(time.stopwatch, time.spend).even():
        time.spend(took)
    assert time.now == pytest.approx(steps * STEP_SECONDS)


def test_a_refusal_comes_as_late_as_any_answer() -> None:
    time = Time()

    def refuse() -> None:
        with Pace(time.stopwatch, time.spend).even():
            time.spend(0.1)
            raise WrongCredentials("no")

    with pytest.raises(WrongCredentials):
        refuse()
    assert time.now == pytest.approx(STEP_SECONDS)
