"""Two decide about one order at once: one wins, the other is told why, and all adds up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier

import pytest

from commerce.entry.problems import status_of
from commerce.errors import AmountTooLarge, DomainError, IllegalTransition, TooManyUnits
from commerce.lifecycle import CANCELED, CANCELING, COMPLETED, REFUNDING
from commerce.orders.record import OrderRecord
from store.emulated_dynamodb import EmulatedDynamoDb
from store.order_rules import check_amounts, check_history, check_units
from store.seen_in_parts import SeenOneByOne, SeenPageByPage
from store.shop_at_work import BUYER, SERVICES, ShopAtWork, lines_of, refusal

ROUNDS = 200
# Orders in which a transaction's items may become visible.
SEEDS = 6
DELIVERY = 400

Act = Callable[[ShopAtWork, str], object]


@dataclass(frozen=True)
class Race:
    """What two do at once to an order that was brought to `before`; who loses is told `error`.

    `both` where the two may also both have their way, one after the other.
    """

    before: Act
    one: Act
    other: Act
    error: type[DomainError]
    both: bool = False


def first(order_id: str, kind: str = "fulfillment", number: int = 1) -> str:
    return f"{kind}_{order_id.partition('_')[2]}_{number}"


def packed(shop: ShopAtWork, order_id: str) -> None:
    shop.pack(first(order_id))


def packed_in_two(shop: ShopAtWork, order_id: str) -> None:
    part = shop.split(order_id, {"line_1": 2})
    shop.pack(part)


def delivered(shop: ShopAtWork, order_id: str) -> None:
    part = first(order_id)
    shop.pack(part)
    shop.ship(part)
    shop.consume(part)
    shop.capture_shipment(part)
    shop.deliver(part)


def two_came_back(shop: ShopAtWork, order_id: str) -> None:
    """Two returns of 500 each came in, and 900 are left of what was captured."""
    delivered(shop, order_id)
    for line in ("line_1", "line_2"):
        part = shop.request(order_id, {line: 1})
        shop.approve(part)
        shop.receive(part, {line: 1}, {})
    shop.refund(order_id, 2000 + DELIVERY - 900, "before")


def paying(number: int) -> Act:
    def act(shop: ShopAtWork, order_id: str) -> None:
        part = first(order_id, "return", number)
        shop.refund_return(part)
        shop.pay_refund(part)
        shop.close_return(part)

    return act


def by_hand(shop: ShopAtWork, order_id: str) -> None:
    shop.refund(order_id, 401, "by hand")


def packed_in_three(shop: ShopAtWork, order_id: str) -> None:
    for line in ("line_1", "line_2"):
        shop.split(order_id, {line: 1})
    for number in (1, 2, 3):
        shop.pack(first(order_id, number=number))


RACES = {
    "a parcel of three is shipped and a unit of it is cancelled": Race(
        packed_in_three,
        lambda shop, order: shop.ship(first(order, number=2)),
        lambda shop, order: shop.cancel(order, {"line_1": 2}),
        DomainError,
        both=True,
    ),
    "two parcels are shipped": Race(
        packed_in_three,
        lambda shop, order: shop.ship(first(order, number=2)),
        lambda shop, order: shop.ship(first(order, number=3)),
        DomainError,
        both=True,
    ),
    "two cancel other units": Race(
        packed_in_three,
        lambda shop, order: shop.cancel(order, {"line_1": 1}),
        lambda shop, order: shop.cancel(order, {"line_2": 1}),
        DomainError,
        both=True,
    ),
    "a parcel is split and the order is cancelled": Race(
        lambda *_: None,
        lambda shop, order: shop.split(order, {"line_1": 1}),
        lambda shop, order: shop.cancel(order),
        DomainError,
        both=True,
    ),
    "staff cancel an order that is shipped": Race(
        packed,
        lambda shop, order: shop.cancel(order),
        lambda shop, order: shop.ship(first(order)),
        IllegalTransition,
    ),
    "a buyer cancels an order that is packed": Race(
        lambda *_: None,
        lambda shop, order: shop.cancel(order, None, BUYER),
        packed,
        IllegalTransition,
    ),
    "a buyer and staff cancel an order": Race(
        lambda *_: None,
        lambda shop, order: shop.cancel(order, None, BUYER),
        lambda shop, order: shop.cancel(order),
        DomainError,
        both=True,
    ),
    "all units of a parcel are cancelled and shipped": Race(
        packed_in_two,
        lambda shop, order: shop.cancel(order, {"line_1": 2}),
        lambda shop, order: shop.ship(first(order, number=2)),
        DomainError,
    ),
    "some units of a parcel are cancelled and it is shipped": Race(
        packed,
        lambda shop, order: shop.cancel(order, {"line_1": 1}),
        lambda shop, order: shop.ship(first(order)),
        TooManyUnits,
        both=True,
    ),
    "two cancel the same units": Race(
        lambda *_: None,
        lambda shop, order: shop.cancel(order, {"line_1": 2}, BUYER),
        lambda shop, order: shop.cancel(order, {"line_1": 2}),
        TooManyUnits,
    ),
    "a packer misses what another packs": Race(
        lambda *_: None,
        lambda shop, order: shop.shortage(first(order), {"line_1": 2, "line_2": 2}),
        packed,
        IllegalTransition,
        both=True,
    ),
    "two returns of the same units": Race(
        delivered,
        lambda shop, order: shop.request(order, {"line_1": 2}),
        lambda shop, order: shop.request(order, {"line_1": 1, "line_2": 1}),
        TooManyUnits,
    ),
    "the refunds of two returns": Race(two_came_back, paying(1), paying(2), AmountTooLarge),
    "a return's refund and one by staff": Race(
        two_came_back, paying(1), by_hand, AmountTooLarge, both=True
    ),
    "two complete an order": Race(
        delivered,
        lambda shop, order: shop.complete(order),
        lambda shop, order: shop.complete(order),
        DomainError,
        both=True,
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_of_two_at_once_one_wins_in_200_rounds(name: str) -> None:
    race, database = RACES[name], EmulatedDynamoDb(*SERVICES)
    shop, order_id = _brought_to(race, database)
    before, start = database.saved(), Barrier(2)

    def at_once(act: Act) -> DomainError | None:
        start.wait()
        return refusal(lambda: act(shop, order_id))

    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            database.go_back_to(before)
            _check_outcome(race, [*pool.map(at_once, (race.one, race.other))], number)
            _check_end(shop, order_id)


@pytest.mark.parametrize("name", RACES)
def test_of_two_one_wins_though_the_first_is_seen_item_by_item(name: str) -> None:
    race, database = RACES[name], EmulatedDynamoDb(*SERVICES)
    shop, order_id = _brought_to(race, database)
    before = database.saved()
    for seed in range(SEEDS):
        for first_, second in ((race.one, race.other), (race.other, race.one)):
            database.go_back_to(before)
            seen = SeenOneByOne(database, seed)
            shop = ShopAtWork(seen)
            refused = [refusal(partial(first_, shop, order_id))]
            seen.hide_last()
            refused.append(refusal(partial(second, shop, order_id)))
            _check_outcome(race, refused, seed)
            _check_end(ShopAtWork(database), order_id)


@pytest.mark.parametrize("name", RACES)
def test_of_two_one_wins_though_the_other_reads_page_by_page(name: str) -> None:
    race, database = RACES[name], EmulatedDynamoDb(*SERVICES)
    shop, order_id = _brought_to(race, database)
    before = database.saved()
    for late, early in ((race.one, race.other), (race.other, race.one)):
        number = 1
        while True:
            database.go_back_to(before)
            first_refused: list[DomainError | None] = []

            def meanwhile(act: Act = early, told: list[DomainError | None] = first_refused) -> None:
                told.append(refusal(lambda: act(ShopAtWork(database), order_id)))

            paged = SeenPageByPage(database, 1, number, meanwhile)
            shop = ShopAtWork(paged)
            refused = refusal(partial(late, shop, order_id))
            if not first_refused:
                break  # it asked for fewer pages than that
            _check_outcome(race, [refused, *first_refused], number)
            _check_end(ShopAtWork(database), order_id)
            number += 1
        assert number > 1


def _brought_to(race: Race, database: EmulatedDynamoDb) -> tuple[ShopAtWork, str]:
    shop = ShopAtWork(database)
    shop.fill({("SKU1", "main"): 3, ("SKU2", "main"): 3})
    order_id = shop.place(1, lines_of(2, 2), DELIVERY)
    shop.allocate(order_id)
    race.before(shop, order_id)
    return shop, order_id


def _check_outcome(race: Race, refused: list[DomainError | None], number: int) -> None:
    lost = [error for error in refused if error]
    assert len(lost) <= 1 if race.both else len(lost) == 1, (number, refused)
    for error in lost:
        assert isinstance(error, race.error), (number, error)
        assert status_of(type(error)) == 409
        assert error.sentence


def _check_end(shop: ShopAtWork, order_id: str) -> None:
    """Do what is left to do for the order, and look at all of it."""
    record = shop.record(order_id)
    _do_the_work(shop, record)
    record = shop.record(order_id)
    check_history(None, record)
    check_units(record)
    check_amounts(record)
    payment, theirs = shop.payment(order_id), shop.till.provider.find(order_id)
    assert theirs is not None
    assert (payment.captured, payment.refunded) == (theirs.captured, theirs.refunded)
    assert 0 <= payment.refunded <= payment.captured <= payment.amount
    holds = sum(
        part.quantity for chunk in shop.stock.reservations(order_id) for part in chunk.allocations
    )
    undone = record.order.status == CANCELED
    shop.check_stock_and_books()
    left = sum(record.remaining.values()) - sum(record.shipped.values())
    assert holds == (0 if undone else left)
    if undone:
        assert payment.net == theirs.held == 0
    ends = [each.status for each in record.order.timeline if not each.part]
    assert ends.count(COMPLETED) <= 1
    assert ends.count(CANCELING) <= 1


def _do_the_work(shop: ShopAtWork, record: OrderRecord) -> None:
    order_id = record.order.order_id
    if record.order.status == CANCELING:
        for step in (shop.void, shop.release, shop.close_order):
            step(order_id)
        return
    for canceled in record.cancellations:
        shop.release_canceled(canceled.id)
        shop.refund_canceled(canceled.id)
    for parcel in record.live:
        if parcel.amounts:
            shop.consume(parcel.id)
            shop.capture_shipment(parcel.id)
    for part in [each.id for each in record.returns if each.status == REFUNDING]:
        # Its money went elsewhere meanwhile: a redrive gives what is left.
        shop.pay_refund(part)
        shop.close_return(part)
