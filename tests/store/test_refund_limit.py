"""Support gives back a limited amount of an order, however it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders import ORDER_ID
from cloud_in_memory import empty_tables
from commerce.errors import AmountTooLarge, Forbidden
from commerce.payments.model import Payment
from commerce.payments.operations import Movement, refund_within
from store.till import AMOUNT, SERVICES, Interrupted, Till

LIMITS = {"GBP": 1000, "EUR": 5000}


@pytest.fixture
def till() -> Iterator[Till]:
    """Give the till of an order that was paid and captured."""
    with empty_tables(*SERVICES):
        till = Till()
        till.authorize()
        till.capture()
        yield till


def give_back(till: Till, amount: int | None, key: str, limits: dict[str, int] = LIMITS) -> Payment:
    wanted = Movement(ORDER_ID, amount, key, "support@example.com", "arrived broken")
    return refund_within(
        limits,
        wanted,
        till.clock,
        payments=till.payments,
        ledger=till.ledger,
        provider=till.provider,
    )


def test_the_limit_is_for_all_refunds_of_an_order_together(till: Till) -> None:
    assert give_back(till, 600, "a").refunded == 600
    with pytest.raises(Forbidden) as refused:
        give_back(till, 401, "b")
    assert refused.value.details == {"limit": 1000}
    assert give_back(till, 400, "c").refunded == 1000
    with pytest.raises(Forbidden):
        give_back(till, 1, "d")
    till.assert_books_are_right()


def test_a_repeat_takes_from_the_limit_once_also_after_it_was_lowered(till: Till) -> None:
    for limits in (LIMITS, LIMITS, {}):
        assert give_back(till, 900, "a", limits).refunded == 900
    assert give_back(till, 100, "b").refunded == 1000


def test_a_run_that_died_before_its_refund_is_taken_up_within_the_limit(till: Till) -> None:
    def die() -> None:
        raise RuntimeError("the function's process ended")

    # One query, the allowance, another query: then the call is recorded.
    dying = Till(Interrupted(4, die))
    with pytest.raises(RuntimeError):
        give_back(dying, 900, "a")
    assert till.recorded().refunded == 0
    assert give_back(till, 900, "a").refunded == 900
    with pytest.raises(Forbidden):
        give_back(till, 101, "b")


def test_two_at_once_do_not_give_back_more_together(till: Till) -> None:
    def first() -> None:
        give_back(till, 600, "b")

    second = Till(Interrupted(2, first))
    with pytest.raises(Forbidden):
        give_back(second, 600, "a")
    assert till.recorded().refunded == 600


def test_all_that_is_left_is_more_than_the_limit_where_it_is(till: Till) -> None:
    with pytest.raises(Forbidden):
        give_back(till, None, "a")
    assert give_back(till, None, "b", {"GBP": AMOUNT}).refunded == AMOUNT
    with pytest.raises(AmountTooLarge):
        give_back(till, None, "c", {"GBP": 10 * AMOUNT})


def test_nothing_is_given_back_in_a_currency_without_a_limit(till: Till) -> None:
    with pytest.raises(Forbidden):
        give_back(till, 1, "a", {"EUR": 5000})


def test_a_return_and_a_refund_share_the_limit_of_their_order(till: Till) -> None:
    till.payments.take_allowance(ORDER_ID, "return_1", 700, 1000)
    with pytest.raises(Forbidden):
        give_back(till, 301, "a")
    assert give_back(till, 300, "b").refunded == 300
    till.payments.take_allowance("order_another", "return_1", 1000, 1000)
