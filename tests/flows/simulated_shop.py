"""The order saga in one process: real steps and stores, its own clock, faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from builders import CART_ID, NOW, ORDER_ID
from cloud_in_memory import table_name
from commerce.carts.model import Buyer, Cart
from commerce.catalog.model import Variant
from commerce.clock import to_text
from commerce.dynamo.table import Table, dynamodb_client
from commerce.errors import DomainError
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import cancel_order
from commerce.ledger.store import LedgerStore
from commerce.orders import operations as order_steps
from commerce.orders.model import Order
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.orders.tasks import (
    AuthorizeInput,
    BeginCancelInput,
    PlaceOrderInput,
    Step,
    UndoStep,
)
from commerce.payments.operations import authorize_payment, payment_of, void_payment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.pricing import price
from commerce.pricing.model import Destination, LineRequest
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.store import SettingsStore
from commerce.stock.operations import release_stock, reserve_stock
from commerce.stock.store import StockStore
from commerce.workflows import Outcome
from state_machine import ExecutionDied, StateMachineFile, WorkerDied

LINES = {"JAM": 1, "MUG": 2, "TEA": 3}


@dataclass
class Fault:
    """Strikes at the n-th call to the database, before or after that call has its effect.

    `kind` says what is lost: one run of a step (`worker`), every run of that step
    (`step`), or the whole execution (`execution`); or nothing but the call's answer (`call`),
    in the place of which an `error` is raised.
    """

    at: int
    after: bool
    kind: str
    error: Exception | None = None


@dataclass
class FaultyDatabase:
    """DynamoDB's client, with every call counted and a fault where one is due.

    `names` are the calls there were, and `steps` in which step each was made.
    """

    fault: Fault | None = None
    inner: Any = None
    names: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    step: str = ""
    struck_step: str = ""
    calls_in_step: int = 0
    struck_at: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.inner or dynamodb_client(), name)
        return lambda **arguments: self.counted(name, partial(call, **arguments))

    def counted(self, name: str, call: Callable[[], Any]) -> Any:
        """Make a call that a fault may strike, to the database or to another service."""
        self.names.append(name)
        self.steps.append(self.step)
        self.calls_in_step += 1
        strikes = self._strikes()
        # A step that fails for good fails again before its call has any effect.
        if strikes and self.fault and (self.struck_step or not self.fault.after):
            self._strike()
        try:
            return call()
        finally:
            # Whatever the answer is, nobody hears it.
            if strikes:
                self._strike()

    def begin(self, step: str) -> None:
        """Tell which step begins."""
        self.step, self.calls_in_step = step, 0

    def _strikes(self) -> bool:
        if self.fault is None:
            return False
        if self.struck_step:
            again = self.fault.kind == "step" and self.step == self.struck_step
            return again and self.calls_in_step == self.struck_at
        return len(self.names) == self.fault.at

    def _strike(self) -> None:
        assert self.fault
        self.struck_step, self.struck_at = self.step, self.calls_in_step
        if self.fault.error is not None:
            raise self.fault.error
        raise ExecutionDied if self.fault.kind == "execution" else WorkerDied


@dataclass
class SimulatedShop:
    """A shop with one cart, and the saga that orders it."""

    fault: Fault | None = None
    lines: Mapping[str, int] = field(default_factory=lambda: dict(LINES))
    now: datetime = NOW
    inner: Any = None
    price: Callable[[str], order_steps.Priced] | None = None
    delivery: str | None = None
    unit_price: int = 500
    entered: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    late: bool = False
    waiting: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = FaultyDatabase(self.fault, self.inner)
        self.orders = OrderStore(self._table("orders"))
        self.records = RecordStore(self._table("orders"))
        self.stock = StockStore(self._table("stock"))
        self.settings = SettingsStore(self._table("settings"))
        self.payments = PaymentStore(self._table("payments"))
        self.ledger = LedgerStore(self._table("ledger"))
        self.provider = SandboxProvider(self._table("sandbox"), self.clock, self.wait)
        self._names = count(1)

    def checkout(
        self, token: str | None = "tok_visa", key: str = "key-1"
    ) -> Order | DomainError | None:
        """Complete the cart as the API does; a refusal is given, not raised.

        None where the function that answers the caller died itself.
        """
        try:
            record = order_steps.complete_cart(
                CART_ID,
                key,
                f"fingerprint of {key}",
                None,
                {"provider": "sandbox", "token": token} if token else None,
                orders=self.orders,
                records=self.records,
                saga=_Machine(self, "place_order"),  # type: ignore[arg-type] # stands in its place
            )
        except DomainError as error:
            return error
        except (WorkerDied, ExecutionDied):
            return None
        return record.order

    def cancel(self) -> Order | DomainError | None:
        """Cancel the confirmed order as the API does; see `checkout`."""
        acting = Acting("ada", self.clock(), "ordered twice")
        return self._asked(
            lambda recovery: cancel_order(
                ORDER_ID, None, acting, records=self.records, recovery=recovery
            )
        )

    def redrive(self) -> Order | DomainError | None:
        """Let the order go on as the API does; see `checkout`."""
        return self._asked(
            lambda recovery: order_steps.redrive_order(
                ORDER_ID,
                "staff",
                self.clock(),
                orders=self.orders,
                records=self.records,
                recovery=recovery,
            )
        )

    def _asked(self, operation: Callable[[Any], OrderRecord]) -> Order | DomainError | None:
        self.database.begin("")
        try:
            return operation(_Machine(self, "recover_order")).order
        except DomainError as error:
            return error
        except (WorkerDied, ExecutionDied):
            return None

    def sweep(self, fault: Fault | None = None) -> dict[str, int]:
        """Let time pass until the sweep takes everything that is in flight."""
        self.database.fault = fault
        self.now += timedelta(hours=1)
        return order_steps.recover_orders(
            self.now,
            self.now,
            orders=self.orders,
            recovery=_Machine(self, "recover_order"),  # type: ignore[arg-type] # stands in its place
        )

    def catch_up(self) -> None:
        """Let the executions that were late run to their ends."""
        while self.waiting:
            self.waiting.pop(0)()

    def clock(self) -> datetime:
        """Tell the time, which never stands still."""
        self.now += timedelta(milliseconds=10)
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def tasks(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """Give the steps, by the name of their function."""
        steps: dict[str, Callable[[dict[str, Any]], Any]] = {
            "PlaceOrder": self._place_order,
            "ReserveStock": self._reserve_stock,
            "AuthorizePayment": self._authorize_payment,
            "ConfirmOrder": self._confirm_order,
            "BeginCancel": self._begin_cancel,
            "VoidPayment": self._void_payment,
            "ReleaseStock": self._release_stock,
            "CloseOrder": self._close_order,
        }
        return self._announced(steps)

    def _announced(
        self, steps: Mapping[str, Callable[[dict[str, Any]], Any]]
    ) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """Have the database know in which step it is called."""

        def announced(name: str) -> Callable[[dict[str, Any]], Any]:
            def run(given: dict[str, Any]) -> Any:
                self.database.begin(name)
                return steps[name](given)

            return run

        return {name: announced(name) for name in steps}

    def _place_order(self, given: dict[str, Any]) -> Any:
        step = PlaceOrderInput(**given)
        order_steps.place_order(
            step.wanted(),
            step.execution,
            self.clock(),
            orders=self.orders,
            price=self.price or self._price,
        )

    def _reserve_stock(self, given: dict[str, Any]) -> Any:
        reserve_stock(
            Step(**given).order_id,
            self.clock(),
            orders=self.orders,
            stock=self.stock,
            settings=self.settings,
        )

    def _authorize_payment(self, given: dict[str, Any]) -> Any:
        step = AuthorizeInput(**given)
        wanted = payment_of(self.orders.get(step.order_id), step.provider)
        authorize_payment(
            wanted,
            step.token,
            self.clock,
            payments=self.payments,
            provider=self.provider,
        )

    def _confirm_order(self, given: dict[str, Any]) -> Any:
        order_steps.confirm_order(Step(**given).order_id, self.clock(), orders=self.orders)

    def _begin_cancel(self, given: dict[str, Any]) -> Any:
        step = BeginCancelInput(**given)
        decision = order_steps.begin_cancel(
            step.order_id,
            step.execution,
            step.failure.model_dump(),
            step.by,
            self.clock(),
            orders=self.orders,
        )
        return {"decision": decision}

    def _void_payment(self, given: dict[str, Any]) -> Any:
        void_payment(
            UndoStep(**given).order_id,
            self.clock(),
            payments=self.payments,
            ledger=self.ledger,
            provider=self.provider,
        )

    def _release_stock(self, given: dict[str, Any]) -> Any:
        release_stock(UndoStep(**given).order_id, self.clock(), stock=self.stock)

    def _close_order(self, given: dict[str, Any]) -> Any:
        step = UndoStep(**given)
        order_steps.close_order(step.order_id, step.by, self.clock(), orders=self.orders)

    def _price(self, cart_id: str) -> order_steps.Priced:
        requests = tuple(
            LineRequest(f"line_{n}", sku, units)
            for n, (sku, units) in enumerate(self.lines.items(), 1)
        )
        variants = {
            sku: Variant(
                sku,
                "prod_1",
                sku.title(),
                "",
                {"GBP": self.unit_price},
                "standard",
                100,
                # What is free is a download here, or its delivery would cost something.
                bool(self.unit_price),
                "active",
                1,
            )
            for sku in self.lines
        }
        home = Destination("1 High Street", "London", None, "E1 6AN", "GB")
        cart = Cart(
            cart_id,
            "GBP",
            requests,
            Buyer("ada@example.com", "Ada", "Lovelace"),
            home,
            None,
            1,
            to_text(NOW),
            to_text(NOW),
            0,
            len(requests) + 1,
        )
        priced = price(
            requests,
            variants,
            "GBP",
            destination=home,
            option_id=self.delivery,
            settings=DEFAULT_SETTINGS,
        )
        return cart, priced, DEFAULT_SETTINGS

    def _table(self, noun: str) -> Table:
        client: Any = self.database
        return Table(table_name(noun), client, self.wait)

    def next_name(self) -> str:
        """Name the next execution."""
        return f"execution-{next(self._names)}"


class _Machine:
    """Stands in the place of `commerce.workflows.StateMachine`."""

    def __init__(self, shop: SimulatedShop, name: str) -> None:
        self._shop = shop
        self._file = StateMachineFile(name, shop.tasks(), shop.wait)

    def run(self, document: Mapping[str, Any]) -> Outcome:
        """Run to the end; an execution that died answers nothing, as after a time-out.

        One that is late has not come to its first step when the caller's time is over.
        """
        if self._shop.late:
            self._shop.waiting.append(partial(self.run, document))
            return Outcome("RUNNING")
        try:
            outcome = self._file.execute(self._shop.next_name(), document)
            self._shop.entered = self._file.entered
            return outcome
        except ExecutionDied:
            return Outcome("RUNNING")
        finally:
            self._shop.database.begin("")

    def start(self, name: str, document: Mapping[str, Any]) -> None:
        """Run to the end, whatever it is; who started it learns nothing of that.

        A name that was used before starts nothing: AWS keeps it for 90 days.
        """
        if name in self._shop.recovered:
            return
        self._shop.recovered.append(name)
        with suppress(ExecutionDied):
            self._file.execute(name, document)
        self._shop.database.begin("")
