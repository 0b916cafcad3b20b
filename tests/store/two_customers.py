"""Two customers who do what they like, with what is theirs and with what is the other's.

A test gives them a shop: the handlers in this process, or the deployed one.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import allocate_order, pack, ship
from commerce.lifecycle import CONFIRMED, OPEN
from commerce.orders.records import RecordStore
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore
from store.handlers_at_work import Answer

PAYMENT = {"payment": {"provider": "sandbox", "token": "tok_visa"}}
RECENT = 6


class Person:
    """A customer, what is theirs, and what they have come to know of it."""

    def __init__(self, name: str, customer_id: str, email: str) -> None:
        self.name, self.id, self.email = name, customer_id, email
        self.carts: list[str] = []
        self.claimed: list[str] = []
        self.orders: list[str] = []
        self.guests: dict[str, str] = {}
        self.returns: list[str] = []
        self.cursors: list[str] = []

    @property
    def marks(self) -> set[str]:
        """What nobody else is to read."""
        return {self.email, f"{self.name} street", *self.orders, *self.guests, *self.returns}

    @property
    def things(self) -> set[str]:
        """What nobody else is to write to."""
        return {self.id, *self.carts, *self.orders, *self.guests}


class Shop(Protocol):
    """The API, whichever way it is called, by folder and name of an operation's file.

    `written` are the partitions that were written to since it was emptied, where that is seen.
    """

    written: set[str]

    def call(
        self,
        name: str,
        path: Mapping[str, str],
        body: Any = None,
        *,
        customer: str | None = None,
        headers: Mapping[str, str] = ...,
        query: Mapping[str, str] = ...,
    ) -> Answer:
        """Call an operation, as a customer where one is named by id."""
        ...


class World:
    """The two, the shop, and staff who send what is ordered."""

    def __init__(
        self,
        seed: int,
        shop: Shop,
        people: tuple[Person, Person],
        skus: Sequence[str],
        open_table: Callable[[str], Table],
    ) -> None:
        self.random = Random(seed)
        self.shop, self.people, self.skus = shop, people, skus
        self.records = RecordStore(open_table("orders"))
        self.stock = StockStore(open_table("stock"))
        self.settings = SettingsStore(open_table("settings"))
        self.done: Counter[tuple[str, int]] = Counter()

    def live(self, operations: int) -> None:
        """Let each do so many operations, in turns, and see that both had a life."""
        ada, eve = self.people
        for _ in range(operations):
            self.step(ada, eve)
            self.step(eve, ada)
        print(*sorted(self.done.items()), sep="\n")

    def step(self, person: Person, other: Person) -> None:
        """Do something at random, and see that nothing of the other's was read or changed."""
        answer = None
        while answer is None:
            act = self.random.choice(ACTS)
            before = other.marks, other.things
            self.shop.written.clear()
            answer = act(self, person, other)
        self.done[act.__name__, answer.status] += 1
        # 503 says that an order was confirmed this moment, and to try again.
        assert answer.status != 500, (act.__name__, answer.text)
        assert not [mark for mark in before[0] if mark in answer.text], act.__name__
        assert not before[1] & self.shop.written, act.__name__
        if act.__name__.startswith("steal"):
            assert answer.status in (400, 404), (act.__name__, answer.text)

    def ask(self, name: str, person: Person | None, *path: str, **more: Any) -> Answer:
        """Call an operation, as somebody who is signed in where a person is named."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **more.pop("headers", {})}
        named = dict(zip(("id", "line_id"), path, strict=False))
        customer = person.id if person else None
        body = more.pop("body", None)
        return self.shop.call(name, named, body, customer=customer, headers=headers, **more)

    def one(self, of: list[str]) -> str | None:
        """Choose one of the newest."""
        return self.random.choice(of[-RECENT:]) if of else None

    def send(self, order_id: str) -> None:
        """Pack and ship an order that is confirmed, as staff do."""
        acting = Acting("staff", system_clock())
        record = self.records.get(order_id)
        if record.order.status != CONFIRMED:
            return
        if not record.fulfillments:
            record = allocate_order(
                order_id,
                system_clock(),
                records=self.records,
                stock=self.stock,
                settings=self.settings,
            )
        for parcel in record.live:
            if parcel.status == OPEN and self.random.random() < 0.7:
                pack(parcel.id, acting, records=self.records)
                ship(parcel.id, {}, acting, records=self.records)


# --- what each does with what is theirs ---------------------------------------------


def open_a_cart(world: World, me: Person, _other: Person) -> Answer:
    lines = [{"sku": sku, "quantity": 2} for sku in world.skus]
    destination = {
        "street_address": f"1 {me.name} street",
        "address_locality": "London",
        "postal_code": "E1 6AN",
        "address_country": "GB",
    }
    body = {
        "currency": "GBP",
        "line_items": lines,
        "buyer": {"email": me.email},
        "fulfillment": {"destination": destination},
    }
    answer = world.ask("carts/create_cart", None, body=body)
    me.carts.append(answer.body["id"])
    return answer


def edit_a_cart(world: World, me: Person, _other: Person) -> Answer | None:
    cart = world.one(me.carts)
    if cart is None:
        return None
    calls: list[Callable[[], Answer]] = [
        lambda: world.ask("carts/read_cart", None, cart),
        lambda: world.ask("carts/list_fulfillment_options", None, cart),
        lambda: world.ask("carts/patch_cart", None, cart, body={"buyer": {"language": "de"}}),
        lambda: world.ask("carts/add_line_items", None, cart, body={"sku": world.skus[0]}),
        lambda: world.ask("carts/change_line_item", None, cart, "line_1", body={"quantity": 3}),
        lambda: world.ask("carts/remove_line_item", None, cart, "line_2"),
    ]
    return world.random.choice(calls)()


def claim_a_cart(world: World, me: Person, _other: Person) -> Answer | None:
    cart = world.one(me.carts)
    if cart is None:
        return None
    answer = world.ask("carts/claim_cart", me, cart)
    if answer.status == 200:
        me.claimed.append(cart)
    return answer


def complete_a_cart(world: World, me: Person, _other: Person) -> Answer | None:
    cart = world.one(me.carts)
    if cart is None:
        return None
    answer = world.ask("carts/complete_cart", None, cart, body=PAYMENT)
    if answer.status in (200, 202):
        order = answer.body
        assert ("order_token" in order) == (cart not in me.claimed)
        if "order_token" in order:
            me.guests[order["id"]] = order["order_token"]
        else:
            me.orders.append(order["id"])
        if world.random.random() < 0.8:
            world.send(order["id"])
    return answer


def read_my_orders(world: World, me: Person, _other: Person) -> Answer:
    cursor = world.one(me.cursors)
    query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
    answer = world.ask("orders/list_my_orders", me, query=query)
    assert {each["id"] for each in answer.body["items"]} <= set(me.orders)
    if answer.body["next_cursor"]:
        me.cursors.append(answer.body["next_cursor"])
    return answer


def use_my_order(world: World, me: Person, _other: Person) -> Answer | None:
    order = world.one(me.orders)
    if order is None:
        return None
    name, body = world.random.choice(
        [("read", None), ("read", None), ("cancel", some(world)), ("return", wish(world))]
    )
    return act_on(world, me, me, name, order, body)


def use_a_guests_order(world: World, me: Person, _other: Person) -> Answer | None:
    order = world.one(list(me.guests))
    if order is None:
        return None
    name, body = world.random.choice(
        [("read", None), ("read", None), ("cancel", some(world)), ("return", wish(world))]
    )
    return act_on(world, me, None, name, order, body, me.guests[order])


def read_my_returns(world: World, me: Person, _other: Person) -> Answer:
    wished = world.one(me.returns)
    if wished is not None and world.random.random() < 0.5:
        answer = world.ask("returns/read_my_return", me, wished)
        of_a_guest = answer.status == 404
        assert of_a_guest == (answer.text.find('"line_items"') < 0)
        return answer
    return world.ask("returns/list_my_returns", me)


def claim_my_orders(world: World, me: Person, _other: Person) -> Answer | None:
    if world.random.random() < 0.9:
        return None
    answer = world.ask("orders/claim_my_orders", me)
    assert answer.body["claimed"] == len(me.guests)
    me.orders += me.guests
    me.guests = {}
    return answer


def some(world: World) -> dict[str, Any]:
    """Cancel one unit, or now and then all."""
    if world.random.random() < 0.1:
        return {}
    return {"line_items": [{"id": world.random.choice(["line_1", "line_2"]), "quantity": 1}]}


def wish(_world: World) -> dict[str, Any]:
    return {"line_items": [{"id": "line_1", "quantity": 1}], "reason": "damaged"}


def act_on(
    world: World,
    me: Person,
    signed_in: Person | None,
    name: str,
    order: str,
    body: Any,
    token: str = "",
) -> Answer:
    """Read, cancel or return an order, as a customer or as a guest with a token."""
    if signed_in:
        routes = {
            "read": "orders/read_my_order",
            "cancel": "orders/cancel_my_order",
            "return": "returns/request_my_return",
        }
        answer = world.ask(routes[name], signed_in, order, body=body)
    else:
        headers = {"X-Order-Token": token}
        if name == "return":
            whole = {**body, "order_id": order}
            answer = world.ask("returns/request_return", None, body=whole, headers=headers)
        else:
            route = {"read": "orders/get_order", "cancel": "orders/cancel_own_order"}[name]
            answer = world.ask(route, None, order, body=body, headers=headers)
    if name == "return" and answer.status == 201:
        me.returns.append(answer.body["id"])
    return answer


# --- what each tries with what is the other's -----------------------------------------


def steal_an_order_as_a_customer(world: World, me: Person, other: Person) -> Answer | None:
    return _steal(world, me, other, me)


def steal_an_order_as_a_guest(world: World, me: Person, other: Person) -> Answer | None:
    return _steal(world, me, other, None)


def _steal(world: World, me: Person, other: Person, signed_in: Person | None) -> Answer | None:
    order = world.one([*other.orders[-RECENT:], *list(other.guests)[-RECENT:]])
    if order is None:
        return None
    token = world.one(["", order, *me.guests.values()]) or ""
    name, body = world.random.choice(
        [("read", None), ("cancel", some(world)), ("return", wish(world))]
    )
    return act_on(world, me, signed_in, name, order, body, token)


def steal_a_claimed_order_with_its_old_token(
    world: World, me: Person, _other: Person
) -> Answer | None:
    """Try what opened the order before it was claimed; whoever had it may be anybody."""
    order = world.one(list(me.guests))
    if order is None or world.random.random() < 0.9:
        return None
    token = me.guests[order]
    claim = world.ask("orders/claim_my_orders", me)
    assert claim.status == 200
    me.orders += me.guests
    me.guests = {}
    return act_on(world, me, None, "read", order, None, token)


def steal_a_return(world: World, me: Person, other: Person) -> Answer | None:
    wished = world.one(other.returns)
    return world.ask("returns/read_my_return", me, wished) if wished else None


def steal_a_claimed_cart(world: World, me: Person, other: Person) -> Answer | None:
    """Claim a cart whose id was seen; one that is an order already says so to its owner alone."""
    open_ = [cart for cart in other.claimed[-RECENT:] if cart]
    cart = world.one(open_)
    if cart is None or world.ask("carts/read_cart", None, cart).body["status"] != "open":
        return None
    return world.ask("carts/claim_cart", me, cart)


def steal_a_page(world: World, me: Person, other: Person) -> Answer | None:
    cursor = world.one(other.cursors)
    if cursor is None:
        return None
    name = world.random.choice(["orders/list_my_orders", "returns/list_my_returns"])
    return world.ask(name, me, query={"cursor": cursor})


ACTS: list[Callable[[World, Person, Person], Answer | None]] = [
    open_a_cart,
    edit_a_cart,
    claim_a_cart,
    complete_a_cart,
    read_my_orders,
    use_my_order,
    use_a_guests_order,
    read_my_returns,
    claim_my_orders,
    steal_an_order_as_a_customer,
    steal_an_order_as_a_guest,
    steal_a_claimed_order_with_its_old_token,
    steal_a_return,
    steal_a_claimed_cart,
    steal_a_page,
]
