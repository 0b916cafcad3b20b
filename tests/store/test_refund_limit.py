"""Support gives back a limited amount of an order, however it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from builders import ORDER_ID
from cloud_in_memory import empty_tables
from commerce.errors import AmountTooLarge, Forbidden
from commerce.payments.model import Payment
from commerce.payments.operations import Movement, refund_within
from commerce.payments.store import ALLOWANCES_MAX
from store.emulated_dynamodb import EmulatedDynamoDb
from store.interleaved import Run, TakingTurns
from store.shop_at_work import SERVICES as AT_WORK
from store.shop_at_work import ShopAtWork, lines_of, refusal
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
        give_back(dying, 400, "a")
    assert till.recorded().refunded == 0
    assert give_back(till, 400, "a").refunded == 400
    assert give_back(till, 600, "b").refunded == 1000
    with pytest.raises(Forbidden):
        give_back(till, 1, "c")


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


# --- by cancelling ----------------------------------------------------------------


def a_shop(capture: str = "on_shipment", client: Any = None) -> tuple[ShopAtWork, str]:
    """Give a shop with an order of three lines of 800."""
    shop = ShopAtWork(client or EmulatedDynamoDb(*AT_WORK), capture)
    shop.fill({(f"SKU{number}", "main"): 1 for number in (1, 2, 3)})
    order_id = shop.place(1, lines_of(1, 1, 1, totals=(800, 800, 800)), 0)
    shop.allocate(order_id)
    return shop, order_id


def test_what_was_not_charged_is_cancelled_without_a_limit() -> None:
    shop, order_id = a_shop()
    assert shop.cancel(order_id, limits={}).order.status == "canceling"
    shop, order_id = a_shop()
    shop.capture(order_id, 800, "by hand")
    # Of what is left it costs more than was charged, so nothing goes back.
    shop.cancel(order_id, {"line_1": 1, "line_2": 1}, limits={})


@pytest.mark.parametrize("charged", ["by hand", "at once", "about to be"])
def test_a_charged_order_is_cancelled_within_the_limit(charged: str) -> None:
    shop, order_id = a_shop("on_shipment" if charged == "by hand" else "at_once")
    if charged == "by hand":
        shop.capture(order_id, None, "by hand")
    if charged == "at once":
        shop.charge(order_id)
    with pytest.raises(Forbidden) as refused:
        shop.cancel(order_id, {"line_1": 1}, limits={"GBP": 799})
    assert refused.value.details == {"limit": 799}
    assert shop.record(order_id).cancellations == ()
    shop.key = "first"
    for _ in range(2):
        shop.cancel(order_id, {"line_1": 1}, limits={"GBP": 1000})
    shop.key = "second"
    with pytest.raises(Forbidden):
        shop.cancel(order_id, {"line_2": 1}, limits={"GBP": 1000})
    if charged != "about to be":
        with pytest.raises(Forbidden):
            shop.cancel(order_id, limits={"GBP": 1000})
    assert shop.record(order_id).order.status == "confirmed"
    shop.charge(order_id)
    for each in shop.record(order_id).cancellations:
        shop.refund_canceled(each.id)
    assert shop.payment(order_id).refunded == 800
    # A refund by hand is within what is left of the same limit.
    with pytest.raises(Forbidden):
        refund_within(
            {"GBP": 1000}, Movement(order_id, 201, "f", "sue"), shop.clock, **vars(shop.till)
        )
    # Who has no limit cancels the rest.
    assert shop.cancel(order_id).order.status == "canceling"


def test_a_capture_at_the_same_moment_does_not_make_it_more_than_was_let() -> None:
    for calls in count(1):
        client: Any = TakingTurns(EmulatedDynamoDb(*AT_WORK))
        shop, order_id = a_shop(client=client)
        run = Run(partial(shop.cancel, order_id, None, "sue", {"GBP": 1000}))
        run.step(calls)
        if run.ended:
            break
        captured = refusal(partial(shop.capture, order_id, None, "by hand")) is None
        refused = refusal(run.end)
        canceled = shop.record(order_id).order.status == "canceling"
        assert canceled == (refused is None), calls
        # Either nothing was taken, or it is not for support to give it back.
        assert not (captured and canceled), calls
    assert calls > 4


def test_very_many_small_refunds_end_at_a_manager_before_they_fill_the_record(till: Till) -> None:
    limit = 10**9
    for number in range(ALLOWANCES_MAX):
        till.payments.take_allowance(ORDER_ID, f"{number:-<100}", 1, limit)
    with pytest.raises(Forbidden):
        till.payments.take_allowance(ORDER_ID, "one more", 1, limit)
    # What was let stays let.
    till.payments.take_allowance(ORDER_ID, f"{0:-<100}", 1, limit)
