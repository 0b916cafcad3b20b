"""What is a customer's beside the account: claimed at once by many, listed, and forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from builders import NOW, order
from commerce.carts.model import Buyer, Cart, NewLine, add_lines, claim, open_cart, touched
from commerce.carts.store import CartStore
from commerce.clock import to_text
from commerce.customers.belongings import Holders, claim_orders, erase, export, open_orders
from commerce.dynamo.table import Update
from commerce.emails.model import Email
from commerce.emails.store import EmailStore
from commerce.errors import CartChanged, NotFound
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import cancel_order
from commerce.ids import new_id
from commerce.orders.model import Details
from commerce.orders.owners import guest_owner, of_customer, order_token_of
from commerce.orders.record import OrderRecord
from commerce.orders.store import OrderStore, details_key
from commerce.returns.operations import request_return
from store.emulated_dynamodb import EmulatedDynamoDb
from store.shop_at_work import BUYER, SERVICES, ShopAtWork, lines_of

ADA, EVE = "customer_" + "a" * 32, "customer_" + "e" * 32
EMAIL = "ada@example.com"
ROUNDS = 200
# What nothing may have in it afterwards.
PRIVATE = (EMAIL, "Lovelace", "moving house", "my aunt")


class Killed(Exception):
    """The function died before its next write."""


class Mortal:
    """A database whose caller dies before so many writes."""

    def __init__(self, inner: EmulatedDynamoDb) -> None:
        self._inner = inner
        self.left = 10**9

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        call = getattr(self._inner, name)
        if name not in ("put_item", "update_item", "delete_item", "transact_write_items"):
            return call

        def write(**arguments: Any) -> Any:
            if self.left == 0:
                raise Killed
            self.left -= 1
            return call(**arguments)

        return write


class Shop(ShopAtWork):
    """A shop with carts and e-mails, whose caller may die."""

    def __init__(self) -> None:
        self.database = EmulatedDynamoDb(*SERVICES, "carts", "emails")
        self.mortal = Mortal(self.database)
        super().__init__(self.mortal)
        self.behind = Behind(self._table("orders"))
        self.held = Holders(
            self.behind,
            self.records,
            CartStore(self._table("carts")),
            EmailStore(self._table("emails")),
        )
        self.fill({("SKU1", "main"): 99, ("SKU2", "main"): 99})

    def claim(self, customer_id: str) -> int:
        return claim_orders(customer_id, EMAIL, orders=self.orders, records=self.records).claimed

    def text(self) -> str:
        """Give all that is kept, as text."""
        return json.dumps([self.database.items(noun) for noun in ("orders", "carts", "emails")])


class Behind(OrderStore):
    """Orders whose index still has some where they were a moment ago."""

    stale: tuple[str, ...] = ()

    def ids_of(self, owner: str) -> Iterator[str]:
        yield from self.stale
        yield from super().ids_of(owner)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def sent(shop: Shop, number: int = 1) -> str:
    """Give an order that was shipped whole."""
    order_id = shop.place(number, lines_of(2, 2), 0)
    part = shop.allocate(order_id).fulfillments[0].id
    shop.pack(part)
    shop.ship(part)
    return order_id


def ask_back(shop: Shop, order_id: str, note: str = "") -> str:
    """Ask to send a unit back; give the return's id."""
    acting = Acting(BUYER, shop.now, "damaged")
    _, wish = request_return(
        order_id, {"line_1": 1}, note, acting, records=shop.records, settings=shop.settings
    )
    return wish.id


def canceled(shop: Shop, number: int, reason: str = "") -> str:
    """Give an order that its buyer cancelled, and that is undone."""
    order_id = shop.place(number, lines_of(2), 0)
    shop.allocate(order_id)
    acting = Acting(BUYER, shop.now, reason)
    cancel_order(order_id, {"line_1": 1}, acting, records=shop.records, recovery=shop.machine)
    cancel_order(order_id, None, acting, records=shop.records, recovery=shop.machine)
    for step in (shop.void, shop.release, shop.close_order):
        step(order_id)
    return order_id


def a_cart(shop: Shop, customer_id: str | None = None) -> Cart:
    cart = add_lines(open_cart(new_id("cart", NOW), "GBP", NOW), [NewLine("SKU1", 1)])
    cart = replace(cart, buyer=Buyer(EMAIL, "Ada", "Lovelace"), customer_id=customer_id)
    shop.held.carts.open(cart)
    return cart


def an_email(shop: Shop, order_id: str) -> None:
    facts = ("email_1", order_id, "evt_1", "order.placed", to_text(NOW), EMAIL, "en", "Confirmed")
    shop.held.emails.claim(Email(*facts), NOW)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    start = Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


# --- claims ---------------------------------------------------------------------


def test_of_two_customers_who_claim_an_order_at_once_one_has_it_in_200_rounds(shop: Shop) -> None:
    order_id = sent(shop)
    before = shop.database.saved()
    for _ in range(ROUNDS):
        shop.database.go_back_to(before)

        claims = at_once(
            lambda: shop.claim(ADA),
            lambda: shop.claim(EVE),
            lambda: shop.claim(EVE),
            lambda: ask_back(shop, order_id),
        )

        assert sum(claims[:3]) == 1
        winner, loser = (ADA, EVE) if claims[0] else (EVE, ADA)
        record = shop.records.seen_by(of_customer(winner)).get(order_id)
        assert order_token_of(record) is None
        with pytest.raises(NotFound):
            shop.records.seen_by(of_customer(loser)).get(order_id)
        # Asked for before or after: the return is listed under whose the order is.
        assert [wish.id for _, wish in shop.records.list_returns_of(winner, limit=9)[0]] == [
            claims[3]
        ]
        assert shop.records.list_returns_of(loser, limit=9)[0] == []
        assert shop.claim(loser) == 0


def test_a_claim_takes_the_orders_of_its_address_in_chunks_until_there_are_no_more(
    shop: Shop,
) -> None:
    placed = [shop.place(number, lines_of(1), 0) for number in range(5)]

    stores: dict[str, Any] = {"orders": shop.orders, "records": shop.records}
    told = [claim_orders(ADA, " ADA@example.com", **stores, at_once=2)]
    while told[-1].more:
        told += [claim_orders(ADA, EMAIL, **stores, at_once=2)]

    assert [each.claimed for each in told] == [2, 2, 1]
    listed, _ = shop.orders.list_newest_of(ADA, limit=9)
    assert {each.order_id for each in listed} == set(placed)
    assert claim_orders(EVE, EMAIL, **stores).claimed == 0


def test_a_claim_that_dies_is_finished_by_a_repeat(shop: Shop) -> None:
    orders = [sent(shop, number) for number in range(3)]
    returns = {ask_back(shop, order_id) for order_id in orders}
    shop.mortal.left = 2
    with pytest.raises(Killed):
        shop.claim(ADA)
    shop.mortal.left = 10**9

    assert shop.claim(ADA) == 1
    assert {wish.id for _, wish in shop.records.list_returns_of(ADA, limit=9)[0]} == returns


def test_an_order_that_is_being_placed_stays_its_guests(shop: Shop) -> None:
    mine, placing = order(), Details(lines_of(1), {"email": EMAIL}, {})
    shop.orders.place_once(mine, placing)
    assert shop.claim(ADA) == 0
    shop.orders.place_once(mine, placing)  # its step came twice
    shop.orders.confirm(mine.order_id, "place_order", NOW)
    assert shop.claim(ADA) == 1


def test_of_two_who_claim_a_cart_at_once_one_has_it_in_200_rounds(shop: Shop) -> None:
    cart = a_cart(shop)
    before = shop.database.saved()

    def make_mine(customer_id: str) -> str | None:
        while True:
            try:
                now = shop.held.carts.read(cart.cart_id, NOW)
                shop.held.carts.change(touched(claim(now, customer_id), NOW), now.version)
            except CartChanged:
                continue
            except NotFound:
                return None
            return customer_id

    for _ in range(ROUNDS):
        shop.database.go_back_to(before)
        (winner,) = filter(None, at_once(lambda: make_mine(ADA), lambda: make_mine(EVE)))
        assert shop.held.carts.read(cart.cart_id, NOW).customer_id == winner
        assert list(shop.held.carts.ids_of(winner)) == [cart.cart_id]


# --- what is held, and what is left of it ------------------------------------------


def a_life(shop: Shop) -> list[str]:
    """Have a customer with private words everywhere; give the orders, the guest's one last."""
    ended, guests = canceled(shop, 1, "moving house"), sent(shop, 2)
    shop.claim(ADA)
    refused = ask_back(shop, guests, "for my aunt")
    shop.reject(refused)
    shop.deliver(shop.record(guests).fulfillments[0].id)
    later = canceled(shop, 3, "moving house again")
    a_cart(shop, ADA)
    for order_id in (ended, guests, later):
        an_email(shop, order_id)
    return [ended, guests, later]


def test_an_order_is_open_until_all_of_it_and_its_returns_have_ended(shop: Shop) -> None:
    canceled(shop, 1)
    claimed, guests = sent(shop, 2), sent(shop, 3)
    shop.records.hand_over(claimed, EMAIL, ADA)
    assert set(open_orders(ADA, EMAIL, shop.held)) == {claimed, guests}
    assert open_orders(EVE, "eve@example.com", shop.held) == []


def test_an_export_has_orders_carts_and_emails_and_nobody_elses(shop: Shop) -> None:
    orders = a_life(shop)

    held = export(ADA, EMAIL, NOW, held=shop.held, payments=shop.till.payments)
    eves = export(EVE, "eve@example.com", NOW, held=shop.held, payments=shop.till.payments)

    assert {each.id for each in held.orders} == set(orders)
    assert [each.order_id for each in held.emails] == [each.id for each in held.orders]
    assert [line.sku for each in held.carts for line in each.line_items] == ["SKU1"]
    assert "for my aunt" in held.model_dump_json()
    assert (eves.orders, eves.carts, eves.emails) == ([], [], [])


def test_an_erasure_leaves_what_the_books_need_wherever_it_died_before(shop: Shop) -> None:
    orders = a_life(shop)
    others = sent(shop, 4)
    shop.records.hand_over(others, EMAIL, EVE)
    shop.behind.stale = (others,)
    records = {order_id: shop.record(order_id) for order_id in orders}
    assert all(word in shop.text() for word in PRIVATE)
    before, eves = shop.database.saved(), shop.record(others)
    deaths = 0
    while True:
        shop.database.go_back_to(before)
        shop.mortal.left = deaths
        try:
            erase(ADA, EMAIL, shop.held)
        except Killed:
            deaths += 1
            shop.mortal.left = 10**9
            erase(ADA, EMAIL, shop.held)
        else:
            break
        for order_id, was in records.items():
            assert kept(shop.record(order_id)) == kept(was)
        assert shop.record(others) == eves
        assert shop.database.items("carts") == []
        # Beside them, which order has a number, and the last one: nothing of whose it is.
        left = {each["pk"] for each in shop.items("orders")} - {others}
        assert {each for each in left if each.startswith("order_")} == set(orders)
        text = json.dumps(
            [item for item in shop.database.items("orders") if item["pk"] != {"S": others}]
        )
        assert not [word for word in PRIVATE if word in text]
        assert shop.database.items("emails") == []
    assert deaths > 8


def kept(record: OrderRecord) -> Any:
    """Give what an erasure must not change."""
    order = record.order
    history = [(each.at, each.status, each.by, each.part) for each in order.timeline]
    money = [(each.id, each.status, each.units, each.amount) for each in record.returns]
    facts = order.order_id, order.status, order.totals, order.placed_at
    return facts, record.details.lines, record.fulfillments, history, money


# --- two mailboxes that fold together -----------------------------------------------


def of_two_strangers(shop: Shop) -> tuple[str, str]:
    """Have two people with addresses alike order as guests; one listed as it once was."""
    theirs, others = sent(shop, 1), sent(shop, 2)
    for order_id, email in ((theirs, "kunde@faß.example"), (others, "kunde@fass.example")):
        shop.deliver(shop.record(order_id).fulfillments[0].id)
        # Both where the address was folded whole: `ß` as `ss`.
        shop.orders._table.update(
            Update(
                details_key(order_id, 0),
                "SET #buyer = :buyer, #owner = :owner",
                values={"buyer": {"email": email}, "owner": guest_owner("kunde@fass.example")},
            )
        )
    return theirs, others


@pytest.mark.parametrize("who", [0, 1])
def test_nobody_claims_exports_or_erases_the_orders_of_a_mailbox_that_folds_alike(
    shop: Shop, who: int
) -> None:
    orders = of_two_strangers(shop)
    mine, others = orders[who], orders[1 - who]
    email = ("kunde@faß.example", "kunde@fass.example")[who]
    before = shop.record(others)

    held = export(ADA, email, NOW, held=shop.held, payments=shop.till.payments)
    assert [each.id for each in held.orders] == [mine]
    erase(ADA, email, shop.held)
    claimed = claim_orders(EVE, email, orders=shop.orders, records=shop.records)

    assert (claimed.claimed, claimed.more) == (0, False)
    assert shop.record(mine).details.buyer == {}
    assert shop.record(others) == before


def test_an_order_listed_as_it_once_was_is_still_its_buyers(shop: Shop) -> None:
    theirs, others = of_two_strangers(shop)
    told = claim_orders(ADA, "Kunde@FAß.example", orders=shop.orders, records=shop.records)
    assert (told.claimed, told.more) == (1, False)
    assert shop.record(theirs).details.customer_id == ADA
    assert shop.record(others).details.customer_id is None
