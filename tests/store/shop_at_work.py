"""A shop with the real stores and the real steps on an emulated database, without the machines.

Tests call what people decide and what the state machines' steps do, in any order they like.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from typing import Any

from builders import NOW, line, order
from cloud_in_memory import table_name
from commerce.clock import to_text
from commerce.dynamo.table import Item, Table, from_wire
from commerce.errors import (
    DomainError,
    OutOfStock,
    PaymentDeclined,
    ProviderTimeout,
)
from commerce.fulfillment import operations as fulfillment
from commerce.fulfillment.model import Acting
from commerce.ledger.store import LedgerStore
from commerce.orders import operations as orders_
from commerce.orders.model import Change, Details, OrderLine, Stop, order_id_for
from commerce.orders.record import OrderRecord, Units
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.model import Payment
from commerce.payments.operations import (
    Movement,
    authorize_payment,
    capture_order,
    payment_of,
    refund_payment,
    void_payment,
)
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.returns import operations as returns
from commerce.returns.model import Refund
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import ShopSettings, StockLocation
from commerce.settings.store import SettingsStore
from commerce.stock.model import Adjustment
from commerce.stock.operations import release_stock, reserve_stock
from commerce.stock.store import StockStore
from e2e.invariants import Tables, violations

SERVICES = ("orders", "stock", "payments", "sandbox", "ledger", "settings")
PLACES = ("main", "north")
BUYER, STAFF = "buyer", "ada"


class NoMachine:
    """State machines that nobody runs: a test does their steps itself."""

    def start(self, _name: str, _document: Mapping[str, Any]) -> None:
        """Start nothing."""


class Settings(SettingsStore):
    """Settings that are what the test says."""

    def __init__(self, capture: str) -> None:
        policies = replace(DEFAULT_SETTINGS.policies, capture=capture)
        places = tuple(StockLocation(each, each) for each in PLACES)
        self.now = replace(DEFAULT_SETTINGS, policies=policies, stock_locations=places)

    def current(self, *, consistent: bool = False) -> ShopSettings:  # noqa: ARG002 - always is
        return self.now

    def version(self, version: int) -> ShopSettings:  # noqa: ARG002 - always was
        return self.now


class ShopAtWork:
    """People and steps of one shop; each call is one decision or one step."""

    def __init__(self, client: Any, capture: str = "on_shipment") -> None:
        self.client = client
        self.now = NOW
        self.records = RecordStore(self._table("orders"))
        self.orders = OrderStore(self._table("orders"))
        self.stock = StockStore(self._table("stock"))
        self.settings = Settings(capture)
        sandbox = SandboxProvider(self._table("sandbox"), self.clock, lambda _seconds: None)
        self.till = fulfillment.Till(
            PaymentStore(self._table("payments")), LedgerStore(self._table("ledger")), sandbox
        )
        self.machine: Any = NoMachine()
        # What the next requests come with, repeats of one another as long as it stays.
        self.key = ""
        # Where what is placed next is sent to.
        self.fulfillment: Mapping[str, Any] = {}

    def clock(self) -> datetime:
        return self.now

    def acting(self, by: str = STAFF) -> Acting:
        return Acting(by, self.now, key=self.key)

    # --- an order comes about -------------------------------------------------

    def fill(self, units: Mapping[tuple[str, str], int]) -> None:
        """Add units by SKU and location."""
        for number, ((sku, place), added) in enumerate(units.items()):
            change = Adjustment(f"adj_{number}", sku, place, added, "initial", STAFF, self.now)
            self.stock.adjust(change)

    def place(
        self,
        number: int,
        lines: tuple[OrderLine, ...],
        delivery: int,
        token: str = "tok_visa",
        delivery_tax: int = 0,
    ) -> str:
        """Take an order through the saga's steps: confirmed, or cancelled where refused."""
        cart = f"cart_01kjm2h5k0abcdefghjkmnpqrstvwxyz{number:04d}"
        order_id = order_id_for(cart, 1)
        goods = sum(each.total for each in lines)
        tax = sum(each.tax for each in lines) + delivery_tax
        totals = {"subtotal": goods, "fulfillment": delivery, "tax": tax, "total": goods + delivery}
        placed = order(
            order_id=order_id,
            cart_id=cart,
            totals=totals,
            line_count=len(lines),
            timeline=(Change(to_text(self.now), "pending", "place_order"),),
        )
        self.orders.place_once(
            placed, Details(lines, {"email": "ada@example.com"}, self.fulfillment)
        )
        try:
            reserve_stock(
                order_id,
                self.now,
                orders=self.orders,
                stock=self.stock,
                settings=self.settings,
            )
            self._authorize(order_id, token)
        except (OutOfStock, PaymentDeclined):
            failure = {"Error": "Refused"}
            self.orders.begin_cancel(order_id, "execution-1", "place_order", failure, self.now)
            for step in (self.void, self.release, self.close_order):
                step(order_id)
        else:
            self.orders.confirm(order_id, "place_order", self.now)
        return order_id

    def _authorize(self, order_id: str, token: str) -> None:
        wanted = payment_of(self.orders.get(order_id), "sandbox")
        books: dict[str, Any] = {
            "payments": self.till.payments,
            "provider": self.till.provider,
        }
        try:
            authorize_payment(wanted, token, self.clock, **books)
        except ProviderTimeout:
            authorize_payment(wanted, token, self.clock, **books)

    # --- what people decide -----------------------------------------------------

    def cancel(
        self,
        order_id: str,
        units: Units | None = None,
        by: str = STAFF,
        limits: Mapping[str, int] | None = None,
    ) -> OrderRecord:
        allowance = None if limits is None else fulfillment.Allowance(limits, self.till.payments)
        return fulfillment.cancel_order(
            order_id,
            units,
            self.acting(by),
            records=self.records,
            recovery=self.machine,
            allowance=allowance,
        )

    def shortage(self, part: str, units: Units) -> OrderRecord:
        return fulfillment.report_shortage(
            part, units, self.acting(), records=self.records, recovery=self.machine
        )

    def split(self, order_id: str, units: Units) -> str:
        made = fulfillment.create_fulfillment(
            order_id, units, None, self.acting(), records=self.records
        )
        return made[1]

    def pack(self, part: str) -> OrderRecord:
        return fulfillment.pack(part, self.acting(), records=self.records)

    def ship(self, part: str) -> OrderRecord:
        tracking = {"number": "1Z"}
        return fulfillment.ship(part, tracking, self.acting(), records=self.records)

    def deliver(self, part: str) -> OrderRecord:
        return fulfillment.deliver(part, self.acting(), records=self.records)

    def begin_again(self, part: str) -> str:
        return fulfillment.cancel_fulfillment(part, self.acting(), records=self.records)[1]

    def request(self, order_id: str, units: Units) -> str:
        made = returns.request_return(
            order_id, units, "", self.acting(BUYER), records=self.records, settings=self.settings
        )
        return made[1].id

    def approve(self, part: str) -> OrderRecord:
        return returns.approve_return(part, self.acting(), records=self.records)

    def reject(self, part: str) -> OrderRecord:
        return returns.reject_return(part, self.acting(), records=self.records)

    def receive(self, part: str, restocked: Units, discarded: Units) -> OrderRecord:
        return returns.receive_return(
            part,
            restocked,
            discarded,
            "main",
            self.acting(),
            records=self.records,
            settings=self.settings,
        )

    def refund_return(self, part: str, wanted: Refund | None = None) -> OrderRecord:
        return returns.refund_return(
            part,
            wanted or Refund(),
            self.acting(),
            records=self.records,
            payments=self.till.payments,
        )

    def capture(self, order_id: str, amount: int | None, key: str) -> Payment:
        wanted = Movement(order_id, amount, key, STAFF)
        return capture_order(wanted, self.clock, records=self.records, **vars(self.till))

    def refund(self, order_id: str, amount: int | None, key: str) -> Payment:
        wanted = Movement(order_id, amount, key, STAFF, "a gift")
        return refund_payment(wanted, self.clock, **vars(self.till))

    def redrive(self, order_id: str) -> OrderRecord:
        return orders_.redrive_order(
            order_id,
            STAFF,
            self.now,
            orders=self.orders,
            records=self.records,
            recovery=self.machine,
        )

    # --- the steps ------------------------------------------------------------

    def allocate(self, order_id: str) -> OrderRecord:
        return fulfillment.allocate_order(
            order_id, self.now, records=self.records, stock=self.stock, settings=self.settings
        )

    def charge(self, order_id: str) -> None:
        fulfillment.charge_order(order_id, self.clock, records=self.records, till=self.till)

    def consume(self, part: str) -> None:
        fulfillment.consume_stock(part, self.now, records=self.records, stock=self.stock)

    def capture_shipment(self, part: str) -> None:
        fulfillment.capture_shipment(part, self.clock, records=self.records, till=self.till)

    def complete(self, order_id: str) -> OrderRecord:
        return fulfillment.complete_order(
            order_id,
            "fulfil_order",
            self.clock,
            records=self.records,
            payments=self.till.payments,
            provider=self.till.provider,
        )

    def release_canceled(self, part: str) -> None:
        fulfillment.release_canceled(part, self.now, records=self.records, stock=self.stock)

    def refund_canceled(self, part: str) -> None:
        fulfillment.refund_canceled(part, self.clock, records=self.records, till=self.till)

    def restock(self, part: str) -> None:
        returns.restock_return(part, self.now, records=self.records, stock=self.stock)

    def pay_refund(self, part: str) -> None:
        returns.pay_refund(part, self.clock, records=self.records, till=self.till)

    def close_return(self, part: str) -> OrderRecord:
        return returns.close_return(part, self.now, records=self.records)

    def void(self, order_id: str) -> None:
        void_payment(order_id, self.now, **vars(self.till))

    def release(self, order_id: str) -> None:
        release_stock(order_id, self.now, stock=self.stock)

    def close_order(self, order_id: str) -> None:
        orders_.close_order(order_id, "recover_order", self.now, orders=self.orders)

    def interrupt(self, order_id: str, stop: Stop) -> None:
        orders_.interrupt_order(order_id, stop, self.now, records=self.records)

    # --- how things are -------------------------------------------------------

    def record(self, order_id: str) -> OrderRecord:
        return self.records.get(order_id)

    def payment(self, order_id: str) -> Payment:
        found = self.till.payments.get(order_id)
        assert found is not None
        return found

    def items(self, noun: str) -> list[Item]:
        """Read a table as it is, and not through a store."""
        return [from_wire(item) for item in self.client.items(noun)]

    def check_stock_and_books(self) -> dict[str, list[Item]]:
        """Stock adds up and debits are credits; gives the ledger's items by key."""
        stock, ledger = (self._by_key(noun) for noun in ("stock", "ledger"))
        assert violations(Tables(stock, {}, {}, {}, ledger)) == []
        return ledger

    def _by_key(self, noun: str) -> dict[str, list[Item]]:
        by_key: defaultdict[str, list[Item]] = defaultdict(list)
        for item in self.items(noun):
            by_key[item["pk"]].append(item)
        return by_key

    def everything(self) -> str:
        """Write down all items of all tables, to be compared."""
        return json.dumps([self.client.items(noun) for noun in SERVICES])

    def _table(self, noun: str) -> Table:
        return Table(table_name(noun), self.client, lambda _seconds: None)


def lines_of(*quantities: int, totals: tuple[int, ...] = ()) -> tuple[OrderLine, ...]:
    """Give lines of so many units of SKU1, SKU2, ...: 1000 each line, where not told."""
    return tuple(
        line(f"SKU{number}", units, total, line_id=f"line_{number}", total=total, tax=total // 6)
        for number, (units, total) in enumerate(zip_longest(quantities, totals, fillvalue=1000), 1)
    )


def refusal(act: Callable[[], object]) -> DomainError | None:
    """Do something and give the named error it was refused with."""
    try:
        act()
    except DomainError as refused:
        return refused
    return None
