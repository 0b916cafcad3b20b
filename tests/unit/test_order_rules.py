"""What a checkout call does, from all earlier attempts of its cart."""

import pytest

from builders import order
from commerce import errors
from commerce.lifecycle import ORDER
from commerce.orders.model import ATTEMPTS_MAX, IN_FLIGHT, Order, next_attempt

KEY, PRINT = "key-1", "fingerprint-1"


def attempt(status: str, key: str = "another key") -> Order:
    return order(status=status, idempotency_key=key)


def test_a_cart_without_orders_makes_its_first_attempt() -> None:
    assert next_attempt([], KEY, PRINT) == 1


def test_after_refusals_the_cart_makes_a_new_attempt() -> None:
    assert next_attempt([attempt("canceled"), attempt("canceled")], KEY, PRINT) == 3


@pytest.mark.parametrize("status", ["confirmed", "canceled", "requires_action"])
def test_a_repeat_is_answered_with_its_own_order(status: str) -> None:
    first = attempt(status, KEY)
    assert next_attempt([first, attempt("confirmed")], KEY, PRINT) is first


@pytest.mark.parametrize("status", ORDER)
def test_a_key_with_another_request_is_refused_whatever_became_of_the_first(status: str) -> None:
    with pytest.raises(errors.IdempotencyKeyReused):
        next_attempt([attempt(status, KEY)], KEY, "another fingerprint")


@pytest.mark.parametrize("status", IN_FLIGHT)
def test_a_repeat_while_the_first_is_at_work_is_told_so(status: str) -> None:
    with pytest.raises(errors.RequestInProgress):
        next_attempt([attempt(status, KEY)], KEY, PRINT)


@pytest.mark.parametrize("status", [*IN_FLIGHT, "requires_action"])
def test_another_checkout_waits_for_the_one_at_work(status: str) -> None:
    with pytest.raises(errors.CheckoutInProgress):
        next_attempt([attempt("canceled"), attempt(status)], KEY, PRINT)


def test_a_cart_that_is_an_order_is_not_ordered_again() -> None:
    with pytest.raises(errors.CartCompleted) as refused:
        next_attempt([attempt("confirmed")], KEY, PRINT)
    assert refused.value.details["order_id"] == attempt("confirmed").order_id


def test_a_cart_is_refused_only_so_often() -> None:
    with pytest.raises(errors.TooManyAttempts):
        next_attempt([attempt("canceled")] * ATTEMPTS_MAX, KEY, PRINT)
