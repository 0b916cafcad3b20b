"""An order's life after its confirmation in one process, events and executions included.

The real steps, consumers and state machine files; the orders table's changes become events,
and each of them, and each execution that begins or goes on, is an errand that is done later:
in order, or in whatever order a test's dice say, and some of them twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

from builders import ORDER_ID
from change_stream import ChangeStream
from cloud_in_memory import table_name, template
from commerce.dynamo.table import Table
from commerce.errors import DomainError
from commerce.events.model import event_of
from commerce.events.schema import Delivery, document
from commerce.fulfillment import operations as fulfilment
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import Till
from commerce.fulfillment.tasks import (
    AllocateStep,
    AwaitDecision,
    CancellationStep,
    CompleteStep,
    FulfillmentStep,
)
from commerce.lifecycle import (
    APPROVED,
    CANCELING,
    COMPLETED,
    CONFIRMED,
    DELIVERED,
    RECEIVED,
    REFUNDING,
    REQUESTED,
    REQUIRES_ACTION,
)
from commerce.orders.continuations import (
    answer_wait,
    await_decision,
    start_executions,
)
from commerce.orders.machines import CANCEL_LINES, FULFIL_ORDER, RETURN_ORDER
from commerce.orders.operations import interrupt_order
from commerce.orders.owed import continue_orders
from commerce.orders.record import Fulfillment, OrderRecord, Return, Units, part_id
from commerce.orders.records import RecordStore, Wait
from commerce.orders.tasks import StatusChange, Step
from commerce.returns import operations as returns
from commerce.returns.model import Refund
from commerce.returns.tasks import ReturnStep
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import Policies, StockLocation
from commerce.settings.store import SettingsStore
from simulated_shop import SimulatedShop, _Machine
from state_machine import (
    ABORTED,
    FAILED,
    RUNNING,
    Execution,
    ExecutionAlreadyExists,
    ExecutionDied,
    InvalidToken,
    StateMachineFile,
    TaskTimedOut,
    TaskTokens,
    WorkerDied,
)

MACHINES = (FULFIL_ORDER, CANCEL_LINES, RETURN_ORDER)
PLACES = ("main", "east")
CONSUMERS = ("StartExecutions", "AnswerWaits", "WatchExecutions")
# What a person asks of the API is no step, but has calls to the database too.
ASKED = "asked to"
# A consumer that fails so often leaves its event to the dead-letter queue.
TRIES_MAX = 4
RETURNS_UNDER_WAY = (REQUESTED, APPROVED, RECEIVED, REFUNDING)


@dataclass
class Errand:
    """Something that is to be done: an event for a consumer, or an execution's next walk."""

    what: str
    do: Callable[[], object]
    tries: int = 0


@dataclass
class SimulatedLife(SimulatedShop):
    """A shop with one confirmed order, and all that becomes of it.

    Parameters
    ----------
    dice
        Choose which errand is next, and which event comes again; in order where None.
    lost
        Tells of an event's number and type whether it never comes to anybody.
    """

    capture: str = "on_shipment"
    dice: Random | None = None
    lost: Callable[[int, str], bool] | None = None
    errands: list[Errand] = field(default_factory=list)
    dead_letters: list[Errand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.raw = self.inner
        self.inner = self.stream = ChangeStream(self.raw, table_name("orders"), self.clock)
        super().__post_init__()
        self.settings = SettingsStore(self._table("settings"))
        policies = Policies(capture=self.capture)
        places = tuple(StockLocation(place, place) for place in PLACES)
        wanted = replace(DEFAULT_SETTINGS, policies=policies, stock_locations=places)
        self.settings.replace(wanted, DEFAULT_SETTINGS.version, "staff", self.now)
        self.till = Till(self.payments, self.ledger, self.provider)
        self.task_tokens = TaskTokens(self._walk_later)
        tasks = self._announced({**self._steps(), "AwaitDecision": self._await_decision})
        pauses = self.dice is not None
        self.machines = {
            name: StateMachineFile(name, tasks, self.wait, self.task_tokens, pauses=pauses)
            for name in MACHINES
        }
        self.inputs: dict[str, Mapping[str, Any]] = {}
        self._consumers = {
            "StartExecutions": self._start_executions,
            "AnswerWaits": self._answer_waits,
            "WatchExecutions": self._watch_executions,
        }
        self.published = self.failed_sweeps = 0
        # What an onlooker sees, whom no fault strikes.
        self._seen = RecordStore(Table(table_name("orders"), self.raw))

    def record(self) -> OrderRecord:
        """Give the order as it is."""
        return self._seen.get(ORDER_ID)

    # --- what people do ---------------------------------------------------------------

    def ask(self, what: str, *given: Any) -> DomainError | None:
        """Do what a person asks of the API; gives why it is refused.

        Who gets no answer looks whether it was done, and asks again where it was not.
        """
        for number in count(1):
            before = self.record().order.version
            # Another call each time: a step may fail for good, but no person's wish does.
            self.database.begin(f"{ASKED} {what} {number}")
            try:
                getattr(self, f"_{what}")(*given)
            except DomainError as refusal:
                return refusal
            except (WorkerDied, ExecutionDied):
                if self.record().order.version == before:
                    continue
            return None
        raise AssertionError("counting ended")

    def _acting(self) -> Acting:
        return Acting("ada", self.clock(), "damaged")

    def _pack(self, number: int) -> None:
        fulfilment.pack(_parcel(number), self._acting(), records=self.records)

    def _ship(self, number: int) -> None:
        fulfilment.ship(_parcel(number), {}, self._acting(), records=self.records)

    def _deliver(self, number: int) -> None:
        fulfilment.deliver(_parcel(number), self._acting(), records=self.records)

    def _split(self, units: Units) -> None:
        fulfilment.create_fulfillment(ORDER_ID, units, None, self._acting(), records=self.records)

    def _begin_again(self, number: int) -> None:
        fulfilment.cancel_fulfillment(_parcel(number), self._acting(), records=self.records)

    def _cancel(self, units: Units | None = None) -> None:
        recovery: Any = _Machine(self, "recover_order")
        fulfilment.cancel_order(
            ORDER_ID, units, self._acting(), records=self.records, recovery=recovery
        )

    def _miss(self, number: int, units: Units) -> None:
        recovery: Any = _Machine(self, "recover_order")
        fulfilment.report_shortage(
            _parcel(number), units, self._acting(), records=self.records, recovery=recovery
        )

    def _request(self, units: Units) -> None:
        returns.request_return(
            ORDER_ID, units, "", self._acting(), records=self.records, settings=self.settings
        )

    def _approve(self, number: int) -> None:
        returns.approve_return(_return(number), self._acting(), records=self.records)

    def _reject(self, number: int) -> None:
        returns.reject_return(_return(number), self._acting(), records=self.records)

    def _receive(self, number: int, restocked: Units, discarded: Units) -> None:
        returns.receive_return(
            _return(number),
            restocked,
            discarded,
            "main",
            self._acting(),
            records=self.records,
            settings=self.settings,
        )

    def _refund(self, number: int, wanted: Refund) -> None:
        returns.refund_return(
            _return(number), wanted, self._acting(), records=self.records, payments=self.payments
        )

    # --- what happens meanwhile -------------------------------------------------------

    def go_on(self) -> bool:
        """Do one errand; where none is left, what staff do then. False where all is quiet."""
        self._publish()
        if not self.errands:
            return self._help()
        at = self.dice.randrange(len(self.errands)) if self.dice else 0
        errand = self.errands.pop(at)
        try:
            errand.do()
        except (WorkerDied, ExecutionDied, DomainError):
            errand.tries += 1
            left = self.dead_letters if errand.tries == TRIES_MAX else self.errands
            left.append(errand)
        else:
            if self.dice and errand.what in CONSUMERS and not self.dice.randrange(3):
                self.errands.append(errand)
        return True

    def come_to_rest(self) -> None:
        """Go on until all is quiet; staff help where they are told to."""
        for _ in range(1000):
            if not self.go_on():
                return
        raise AssertionError("it never ends")

    def _help(self) -> bool:
        """Do what staff do who look at alarms and at orders that require action."""
        assert self.lost or not self.forgotten(), self.forgotten()
        order = self.record().order
        if order.status == CANCELING:
            self.database.begin("RecoverOrders")
            with suppress(WorkerDied, ExecutionDied):
                return any(self.sweep(self.database.fault).values())
            return True
        if not self.dead_letters and order.status != REQUIRES_ACTION:
            if not order.recovery_due_at:
                assert not self.forgotten(), self.forgotten()
                return False
            self.database.begin("RecoverOrders")
            try:
                self.failed_sweeps += self.continue_orders()["not_continued"]
            except (WorkerDied, ExecutionDied):
                self.failed_sweeps += 1
            if self.failed_sweeps > 2:  # which is an alarm
                self.database.fault = None
            return True
        # By now somebody has repaired what was broken.
        self.database.fault = None
        for letter in self.dead_letters:
            letter.tries = 0
        self.errands += self.dead_letters
        self.dead_letters = []
        if order.status == REQUIRES_ACTION:
            self.redrive()
        return True

    def continue_orders(self) -> dict[str, int]:
        """Let time pass until the sweep looks whether anybody is at work on what is owed."""
        self.now += timedelta(hours=2)
        return continue_orders(
            self.now,
            self.now,
            orders=self.orders,
            records=self.records,
            machines=self.ports(),
            tokens=self.tokens(),
        )

    def forgotten(self) -> list[str]:
        """Name what is left to do that nobody is about to do, and of which nobody was told."""
        record = self.record()
        if self.dead_letters or record.order.status not in (CONFIRMED, COMPLETED):
            return []
        if not record.order.allocated_at:
            return [ORDER_ID]
        under_way: list[Fulfillment | Return] = [
            *(each for each in record.live if each.status != DELIVERED or not each.settled),
            *(each for each in record.returns if each.status in RETURNS_UNDER_WAY),
        ]
        forgotten = [each.id for each in under_way if not self._is_awaited(each.id, each.status)]
        if not under_way and record.order.status == CONFIRMED:
            forgotten.append(ORDER_ID)
        return forgotten

    def executions(self, *statuses: str) -> list[Execution]:
        """Give the executions of these statuses."""
        return [
            execution
            for file in self.machines.values()
            for execution in file.executions.values()
            if execution.status in statuses
        ]

    def _is_awaited(self, part: str, status: str) -> bool:
        waits, _ = self._seen.waiting(part)
        return any(wait.status == status and self.task_tokens.is_open(wait.token) for wait in waits)

    def _publish(self) -> None:
        """Send what happened to the consumers that look for it."""
        while self.stream.changes:
            event = event_of(self.stream.changes.pop(0), 0)
            if event is None:
                continue
            self.published += 1
            if self.lost and self.lost(self.published, event.type):
                continue
            told = {"detail": document(event)}
            for consumer in ("StartExecutions", "AnswerWaits"):
                if event.type in _looked_for(consumer):
                    self._send(consumer, told)

    def _send(self, consumer: str, told: dict[str, Any]) -> None:
        def consume() -> None:
            self.database.begin(consumer)
            self._consumers[consumer](json.loads(json.dumps(told)))

        self.errands.append(Errand(consumer, consume))

    def _start_executions(self, told: dict[str, Any]) -> None:
        start_executions(Delivery.model_validate(told).detail.told(), self.ports())

    def _answer_waits(self, told: dict[str, Any]) -> None:
        part = Delivery.model_validate(told).detail.aggregate.id
        answer_wait(part, records=self.records, tokens=self.tokens())

    def _watch_executions(self, told: dict[str, Any]) -> None:
        stop = StatusChange.model_validate(told).detail.stop({name: name for name in MACHINES})
        interrupt_order(stop.input["order_id"], stop, self.clock(), records=self.records)

    def ports(self) -> Any:
        """Give what stands in the place of the ports to the state machines."""
        return {name: _Standard(self, name) for name in MACHINES}

    def tokens(self) -> Any:
        """Give what stands in the place of the port to task tokens."""
        return _Tokens(self)

    def _walk_later(self, execution: Execution) -> None:
        self.errands.append(Errand("walk", partial(self._walk, execution)))

    def _walk(self, execution: Execution) -> None:
        with suppress(ExecutionDied):
            execution.go_on()
        if execution.status in (FAILED, ABORTED):
            self._tell_of(execution)
        elif execution.status == RUNNING and execution.waits_for is None:
            self._walk_later(execution)

    def _tell_of(self, execution: Execution) -> None:
        """Send what Step Functions sends where an execution ended too early."""
        (machine,) = (
            name for name, file in self.machines.items() if execution in file.executions.values()
        )
        failed = execution.status == FAILED
        detail = {
            "executionArn": f"{machine}:{execution.name}",
            "stateMachineArn": machine,
            "name": execution.name,
            "status": execution.status,
            "input": json.dumps(self.inputs[execution.name]),
            "output": None,
            "error": execution.error if failed else None,
            "cause": execution.cause if failed else None,
        }
        self._send("WatchExecutions", {"source": "aws.states", "detail": detail})

    # --- the steps --------------------------------------------------------------------

    def _steps(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "AllocateOrder": self._allocate_order,
            "ChargeOrder": self._charge_order,
            "ConsumeStock": self._consume_stock,
            "CaptureShipment": self._capture_shipment,
            "CompleteOrder": self._complete_order,
            "ReleaseCanceled": self._release_canceled,
            "RefundCanceled": self._refund_canceled,
            "RestockReturn": self._restock_return,
            "PayRefund": self._pay_refund,
            "CloseReturn": self._close_return,
        }

    def _await_decision(self, given: dict[str, Any]) -> Any:
        step = AwaitDecision(**given)
        wait = Wait(step.part, step.status, step.task_token)
        tokens = self.tokens()
        return {"status": await_decision(wait, records=self.records, tokens=tokens)}

    def _allocate_order(self, given: dict[str, Any]) -> Any:
        step = AllocateStep(**given)
        record = fulfilment.allocate_order(
            step.order_id,
            self.clock(),
            records=self.records,
            stock=self.stock,
            settings=self.settings,
        )
        return fulfilment.what_follows(record, step.fulfillment_id)

    def _charge_order(self, given: dict[str, Any]) -> Any:
        order_id = Step(**given).order_id
        fulfilment.charge_order(order_id, self.clock, records=self.records, till=self.till)

    def _consume_stock(self, given: dict[str, Any]) -> Any:
        parcel = FulfillmentStep(**given).fulfillment_id
        fulfilment.consume_stock(parcel, self.clock(), records=self.records, stock=self.stock)

    def _capture_shipment(self, given: dict[str, Any]) -> Any:
        parcel = FulfillmentStep(**given).fulfillment_id
        fulfilment.capture_shipment(parcel, self.clock, records=self.records, till=self.till)

    def _complete_order(self, given: dict[str, Any]) -> Any:
        step = CompleteStep(**given)
        fulfilment.complete_order(
            step.order_id,
            step.by,
            self.clock,
            records=self.records,
            payments=self.payments,
            provider=self.provider,
        )

    def _release_canceled(self, given: dict[str, Any]) -> Any:
        part = CancellationStep(**given).cancellation_id
        fulfilment.release_canceled(part, self.clock(), records=self.records, stock=self.stock)

    def _refund_canceled(self, given: dict[str, Any]) -> Any:
        part = CancellationStep(**given).cancellation_id
        fulfilment.refund_canceled(part, self.clock, records=self.records, till=self.till)

    def _restock_return(self, given: dict[str, Any]) -> Any:
        part = ReturnStep(**given).return_id
        returns.restock_return(part, self.clock(), records=self.records, stock=self.stock)

    def _pay_refund(self, given: dict[str, Any]) -> Any:
        part = ReturnStep(**given).return_id
        returns.pay_refund(part, self.clock, records=self.records, till=self.till)

    def _close_return(self, given: dict[str, Any]) -> Any:
        part = ReturnStep(**given).return_id
        returns.close_return(part, self.clock(), records=self.records)


class _Standard:
    """Stands in the place of `commerce.workflows.StateMachine`, for Standard executions."""

    def __init__(self, life: SimulatedLife, name: str) -> None:
        self._life = life
        self._file = life.machines[name]

    def start(self, name: str, given: Mapping[str, Any]) -> bool:
        start = partial(self._start, name, dict(given))
        return bool(self._life.database.counted("start_execution", start))

    def _start(self, name: str, given: Mapping[str, Any]) -> bool:
        under_way = self._file.executions.get(name)
        if under_way and (under_way.status, self._life.inputs[name]) == (RUNNING, given):
            return True
        self._life.inputs.setdefault(name, given)
        try:
            self._file.start(name, given)
        except ExecutionAlreadyExists:
            return False
        return True


class _Tokens:
    """Stands in the place of `commerce.workflows.TaskTokens`."""

    def __init__(self, life: SimulatedLife) -> None:
        self._life = life

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        def answered() -> bool:
            try:
                self._life.task_tokens.answer(token, output)
            except (TaskTimedOut, InvalidToken):
                return False
            return True

        return bool(self._life.database.counted("send_task_success", answered))

    def is_open(self, token: str) -> bool:
        is_open = partial(self._life.task_tokens.is_open, token)
        return bool(self._life.database.counted("send_task_heartbeat", is_open))


def _looked_for(consumer: str) -> list[str]:
    """Give the events that the template's rule hands to a consumer."""
    rule = template()["Resources"][f"{consumer}Function"]["Properties"]["Events"]["Published"]
    types: list[str] = rule["Properties"]["Pattern"]["detail-type"]
    return types


def _parcel(number: int) -> str:
    return part_id("fulfillment", ORDER_ID, number)


def _return(number: int) -> str:
    return part_id("return", ORDER_ID, number)
