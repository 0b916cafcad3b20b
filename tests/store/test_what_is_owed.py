"""A buyer is charged what was not cancelled, and the books have the tax of exactly that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest

from builders import line
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import (
    AmountTooLarge,
    PaymentOutcomeUnknown,
    ProviderRejected,
    TransientError,
)
from commerce.ledger.model import CASH_AT_PROVIDER, TAX
from commerce.money import divide_half_up
from commerce.orders.model import OrderLine
from commerce.orders.record import Fulfillment, OrderRecord, Units, added
from commerce.payments.model import REFUSED
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.returns.model import Refund
from store.emulated_dynamodb import EmulatedDynamoDb
from store.interleaved import Run, TakingTurns
from store.shop_at_work import SERVICES, ShopAtWork, refusal

DELIVERY = 400


class Shop(ShopAtWork):
    """A shop with one order, and the books of it."""

    def __init__(self, capture: str = "on_shipment", client: Any = None) -> None:
        super().__init__(client or EmulatedDynamoDb(*SERVICES), capture)
        self.order_id = ""

    def ordered(self, *lines: OrderLine, delivery: int = DELIVERY) -> str:
        """Have these lines ordered, with a fifth of the delivery as tax, and allocated."""
        self.fill({(each.sku, "main"): each.quantity for each in lines})
        self.order_id = self.place(1, lines, delivery, delivery_tax=delivery // 6)
        self.allocate(self.order_id)
        if self.settings.now.policies.capture == "at_once":
            self.charge(self.order_id)
        return self.order_id

    def parcel(self, number: int = 1) -> str:
        return self.record(self.order_id).fulfillments[number - 1].id

    def cancel_a_line(self, number: int, units: int = 1, *, work: bool = True) -> None:
        self.cancel(self.order_id, {f"line_{number}": units})
        if work:
            self.work_off_cancellations()

    def work_off_cancellations(self) -> None:
        for each in self.record(self.order_id).cancellations:
            self.release_canceled(each.id)
            self.refund_canceled(each.id)
        self.complete(self.order_id)

    def send(self, part: str) -> None:
        for step in (self.pack, self.ship, self.consume, self.capture_shipment, self.deliver):
            step(part)
        self.complete(self.order_id)

    def come_back(self, units: dict[str, int], wanted: Refund | None = None) -> None:
        part = self.request(self.order_id, units)
        self.approve(part)
        self.receive(part, units, {})
        self.refund_return(part, wanted)
        for step in (self.restock, self.pay_refund, self.close_return):
            step(part)

    def balance(self, account: str) -> int:
        """Give an account's balance, credits less debits."""
        return sum(
            item["credits"] - item["debits"]
            for item in self.items("ledger")
            if item["pk"].startswith(f"account#{account}#") and item["sk"].startswith("balance#")
        )


def two_rates() -> tuple[OrderLine, OrderLine]:
    """Give two lines: 1,200 with 200 tax, and 1,000 with none."""
    return (
        line("SKU1", 1, 1200, line_id="line_1", total=1200, tax=200),
        line("SKU2", 1, 1000, line_id="line_2", total=1000, tax=0),
    )


# --- what is owed -----------------------------------------------------------------


@pytest.mark.parametrize("capture", ["on_shipment", "at_once"])
def test_a_capture_takes_no_more_than_what_was_not_cancelled(capture: str) -> None:
    shop = Shop(capture)
    shop.ordered(*two_rates())
    shop.cancel_a_line(2)
    refused = refusal(lambda: shop.capture(shop.order_id, 1601, "too much"))
    assert isinstance(refused, AmountTooLarge)
    left = 0 if capture == "at_once" else 1600
    assert refused.details["available"] == left
    refusal(lambda: shop.capture(shop.order_id, None, "all that is left"))
    assert shop.payment(shop.order_id).net == 1600
    shop.send(shop.parcel())
    assert shop.payment(shop.order_id).net == 1600
    assert shop.record(shop.order_id).order.status == "completed"


def races(
    one: Callable[[Shop], object], other: Callable[[Shop], object]
) -> Iterator[tuple[Shop, bool]]:
    """Let one make so many calls to the database, then another do its whole work; then the one.

    Gives the shop after each such race, for every number of calls that the one makes, and
    whether one of the two was told to try again.
    """
    for calls in count(1):
        shop = Shop(client=TakingTurns(EmulatedDynamoDb(*SERVICES)))
        shop.ordered(*two_rates())
        run = Run(partial(one, shop))
        run.step(calls)
        if run.ended:
            return
        refusals = refusal(partial(other, shop)), refusal(run.end)
        yield shop, any(isinstance(each, TransientError) for each in refusals)


def take_all(shop: Shop) -> object:
    return shop.capture(shop.order_id, None, "all")


def cancel_one(shop: Shop) -> None:
    shop.cancel_a_line(2)


@pytest.mark.parametrize("acts", [(take_all, cancel_one), (cancel_one, take_all)])
def test_a_capture_and_a_cancellation_at_once_charge_what_is_left(
    acts: tuple[Callable[[Shop], object], Callable[[Shop], object]],
) -> None:
    for calls, (shop, again) in enumerate(races(*acts)):
        if again:
            # As the machine does; what it has done is not looked at again.
            shop.work_off_cancellations()
        refusal(partial(take_all, shop))
        assert shop.payment(shop.order_id).net == 1600, calls
        assert shop.balance(TAX) == 200 + DELIVERY // 6, calls
        assert -shop.balance(CASH_AT_PROVIDER) == 1600, calls


def test_a_cancellation_waits_for_a_capture_that_has_no_answer() -> None:
    shop = Shop(client=TakingTurns(EmulatedDynamoDb(*SERVICES)))
    shop.ordered(*two_rates())
    capturing = Run(partial(take_all, shop))
    while not shop.payment(shop.order_id).claimed:
        capturing.step()
    with pytest.raises(PaymentOutcomeUnknown):
        shop.cancel_a_line(2)
    capturing.end()
    shop.work_off_cancellations()
    assert shop.payment(shop.order_id).net == 1600


def test_two_cancellations_at_once_give_back_what_is_too_much_once() -> None:
    for calls in range(12):
        shop = Shop(client=TakingTurns(EmulatedDynamoDb(*SERVICES)))
        lines = [
            line(f"SKU{n}", 1, 800, line_id=f"line_{n}", total=800, tax=100) for n in (1, 2, 3)
        ]
        shop.ordered(*lines, delivery=0)
        shop.capture(shop.order_id, 1600, "by hand")
        shop.cancel_a_line(1, work=False)
        shop.cancel_a_line(2, work=False)
        first, second = shop.record(shop.order_id).cancellations
        run = Run(partial(shop.refund_canceled, first.id))
        run.step(calls + 1)
        shop.refund_canceled(second.id)
        refusal(run.end)
        shop.work_off_cancellations()
        assert shop.payment(shop.order_id).net == 800, calls
        assert shop.balance(TAX) == 100, calls


class Refusing(SandboxProvider):
    """Refuses captures as long as it is told to, each for good."""

    refuses = True

    def capture(self, *, reference: str, amount: int, idempotency_key: str) -> ProviderPayment:
        if self.refuses and self.find_call(reference, idempotency_key) is None:
            over = self._known(reference).amount + 1
            super().capture(reference=reference, amount=over, idempotency_key=idempotency_key)
        return super().capture(reference=reference, amount=amount, idempotency_key=idempotency_key)


def test_a_redrive_after_a_refusal_calls_with_another_key() -> None:
    shop = Shop()
    shop.ordered(*two_rates())
    sandbox = Table(table_name("sandbox"), shop.client)
    provider = Refusing(sandbox, shop.clock, lambda _seconds: None)
    shop.till = type(shop.till)(shop.till.payments, shop.till.ledger, provider)
    for step in (shop.pack, shop.ship, shop.consume):
        step(shop.parcel())
    for _ in range(2):
        with pytest.raises(ProviderRejected):
            shop.capture_shipment(shop.parcel())
    provider.refuses = False
    shop.capture_shipment(shop.parcel())
    _, calls = shop.till.payments.get_with_calls(shop.order_id)
    assert sum(call.status == REFUSED for call in calls) == 2
    assert shop.payment(shop.order_id).captured == 2600
    assert shop.balance(TAX) == 200 + DELIVERY // 6


# --- its tax ----------------------------------------------------------------------


@pytest.mark.parametrize("capture", ["on_shipment", "at_once"])
def test_a_line_without_tax_that_comes_back_leaves_the_tax_of_the_other(capture: str) -> None:
    shop = Shop(capture)
    shop.ordered(*two_rates(), delivery=0)
    shop.send(shop.parcel())
    assert shop.balance(TAX) == 200
    shop.come_back({"line_2": 1})
    assert shop.balance(TAX) == 200
    shop.come_back({"line_1": 1})
    assert shop.balance(TAX) == shop.payment(shop.order_id).net == 0


def test_a_parcel_is_booked_with_the_tax_of_its_own_lines() -> None:
    shop = Shop()
    shop.ordered(*two_rates(), delivery=0)
    second = shop.split(shop.order_id, {"line_2": 1})
    shop.send(second)
    assert (shop.payment(shop.order_id).captured, shop.balance(TAX)) == (1000, 0)
    shop.send(shop.parcel())
    assert (shop.payment(shop.order_id).captured, shop.balance(TAX)) == (2200, 200)


def test_what_was_captured_by_hand_has_an_even_share_until_it_is_known_what_for() -> None:
    shop = Shop()
    shop.ordered(*two_rates(), delivery=0)
    shop.capture(shop.order_id, 1000, "by hand")
    assert shop.balance(TAX) == divide_half_up(200 * 1000, 2200)
    # Of the two lines the one with tax is cancelled: what was captured is for the other.
    shop.cancel_a_line(1)
    assert (shop.payment(shop.order_id).net, shop.balance(TAX)) == (1000, 0)
    shop.send(shop.parcel())
    assert (shop.payment(shop.order_id).net, shop.balance(TAX)) == (1000, 0)


def test_the_delivery_has_its_own_tax_and_gives_it_back_once() -> None:
    shop = Shop()
    shop.ordered(*two_rates())
    shop.send(shop.parcel())
    assert shop.balance(TAX) == 200 + DELIVERY // 6
    shop.come_back({"line_2": 1}, Refund(with_fulfillment=True))
    assert (shop.payment(shop.order_id).net, shop.balance(TAX)) == (1200, 200)


def any_line(number: int, dice: Random) -> OrderLine:
    """Give a line of some units, which cost something and have tax at one of some rates."""
    total = dice.randint(0, 3000)
    return line(
        f"SKU{number}",
        dice.randint(1, 4),
        line_id=f"line_{number}",
        total=total,
        tax=total * dice.choice((0, 5, 7, 19, 20)) // 120,
    )


class Cutting:
    """Somebody who cuts an order into parcels, cancellations, returns and captures at random."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.shop = Shop(self.dice.choice(("on_shipment", "at_once")))
        self.keys = count()
        lines = [any_line(number, self.dice) for number in range(1, self.dice.randint(2, 5))]
        self.order_id = self.shop.ordered(*lines, delivery=self.dice.choice((0, 0, 390, 701)))

    def cut(self) -> None:
        verbs = (self._cancel, self._split, self._send, self._take_back, self._capture)
        while_it_stands = ("confirmed", "completed")
        for _ in range(12):
            if self.record.order.status in while_it_stands:
                refusal(self.dice.choice(verbs))
        for each in self._open():
            self.shop.send(each.id)

    @property
    def record(self) -> OrderRecord:
        return self.shop.record(self.order_id)

    def _open(self) -> list[Fulfillment]:
        return [each for each in self.record.live if each.status == "open"]

    def _some(self, units: Units) -> dict[str, int]:
        dice = self.dice
        return {
            line_id: dice.randint(1, left) for line_id, left in units.items() if dice.random() < 0.6
        }

    def _unsent(self) -> dict[str, int]:
        return self._some(added(each.units for each in self._open()))

    def _cancel(self) -> None:
        self.shop.cancel(self.order_id, self._unsent())
        if self.record.order.status in ("canceling", "canceled"):
            self.shop.void(self.order_id)
        else:
            self.shop.work_off_cancellations()

    def _split(self) -> None:
        self.shop.split(self.order_id, self._unsent())

    def _send(self) -> None:
        self.shop.send(self.dice.choice(self._open() or [self.record.live[0]]).id)

    def _take_back(self) -> None:
        wanted = Refund(with_fulfillment=self.dice.random() < 0.3)
        self.shop.come_back(self._some(self.record.shipped), wanted)

    def _capture(self) -> None:
        self.shop.capture(self.order_id, self.dice.randint(1, 900), f"c{next(self.keys)}")


@pytest.mark.parametrize("part", range(4))
def test_however_an_order_is_cut_the_books_have_the_tax_of_what_is_kept(part: int) -> None:
    ends = set()
    for seed in range(part, 60, 4):
        cutting = Cutting(seed)
        cutting.cut()
        shop, record = cutting.shop, cutting.record
        payment = shop.payment(cutting.order_id)
        ends.add(record.order.status)
        amount, tax = (0, 0) if record.order.status == "canceling" else kept(record)
        assert record.order.status in ("completed", "canceling"), seed
        assert (payment.net, shop.balance(TAX)) == (amount, tax), seed
        if payment.net:
            # All of it comes back with all its tax.
            shop.refund(cutting.order_id, None, "all the rest")
            assert (shop.payment(cutting.order_id).net, shop.balance(TAX)) == (0, 0), seed
    assert ends == {"completed", "canceling"}


def kept(record: OrderRecord) -> tuple[int, int]:
    """Tell what is kept of an order's lines and delivery, and the tax in that."""
    sent = added(each.amounts for each in record.live)
    back = added(each.amounts for each in record.returns)
    amount = tax = 0
    for each in record.details.lines:
        left = sent.get(each.line_id, 0) - back.get(each.line_id, 0)
        amount += left
        tax += divide_half_up(each.tax * left, each.total) if each.total else 0
    delivery = record.delivery_charge
    if not any(each.worth > sum(each.amounts.values()) for each in record.returns):
        amount += delivery
        tax += delivery // 6
    return amount, tax
