"""What the shop does with returns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from commerce.clock import Clock
from commerce.errors import AmountTooLarge, InvalidRequest
from commerce.fulfillment.model import Acting
from commerce.fulfillment.operations import Till, attempt
from commerce.fulfillment.operations import refund as give_back
from commerce.lifecycle import REFUNDING
from commerce.orders.calls import Call
from commerce.orders.machines import RETURN_ORDER
from commerce.orders.record import Decision, OrderRecord, Return, Units, order_of
from commerce.orders.records import RecordStore, made_by
from commerce.payments.model import REFUND, Claim, Payment, Worth
from commerce.payments.operations import Asking, Movement
from commerce.payments.store import PaymentStore
from commerce.returns import model as rules
from commerce.returns.model import Refund
from commerce.settings.store import SettingsStore
from commerce.stock.operations import RETURNED
from commerce.stock.store import StockStore

# --- what people decide -----------------------------------------------------------


def request_return(
    order_id: str,
    wanted: Units,
    note: str,
    acting: Acting,
    *,
    records: RecordStore,
    settings: SettingsStore,
) -> tuple[OrderRecord, Return]:
    """Ask to send units of an order back; see `returns.model.request`."""
    window = settings.current().policies.return_window_days
    call = Call.of("request_return", acting.key, wanted, note, acting.reason)
    record = records.decide(
        order_id, lambda record: rules.request(record, wanted, note, window, acting)[0], call
    )
    return record, record.sent_back(made_by(record, call))


def read_return(return_id: str, *, records: RecordStore) -> tuple[str, Return]:
    """Read a return as it is now, with its order's id.

    Raises
    ------
    NotFound
        There is no such return.
    """
    order_id, _ = order_of(return_id, "return")
    return order_id, records.get(order_id).sent_back(return_id)


def approve_return(return_id: str, acting: Acting, *, records: RecordStore) -> OrderRecord:
    """Let the buyer send the units."""
    order_id, _ = order_of(return_id, "return")
    return records.decide(order_id, lambda record: rules.approve(record, return_id, acting))


def reject_return(return_id: str, acting: Acting, *, records: RecordStore) -> OrderRecord:
    """Refuse a return that has not come in."""
    order_id, _ = order_of(return_id, "return")
    return records.decide(order_id, lambda record: rules.reject(record, return_id, acting))


def receive_return(
    return_id: str,
    restocked: Units,
    discarded: Units,
    location: str | None,
    acting: Acting,
    *,
    records: RecordStore,
    settings: SettingsStore,
) -> OrderRecord:
    """Record what came in of a return; its stock follows.

    Raises
    ------
    InvalidRequest
        The shop has no such location.
    """
    order_id, _ = order_of(return_id, "return")
    shop = settings.current()
    location = shop.first_location if location is None else location
    if not shop.has_location(location):
        sentence = "the settings name no such stock location"
        faults = [{"path": "$.location", "code": "invalid", "detail": sentence}]
        raise InvalidRequest(sentence, errors=faults)
    return records.decide(
        order_id,
        lambda record: rules.receive(record, return_id, restocked, discarded, location, acting),
        Call.of("receive_return", acting.key, return_id, restocked, discarded, location),
    )


def refund_return(
    return_id: str,
    wanted: Refund,
    acting: Acting,
    *,
    records: RecordStore,
    payments: PaymentStore,
    limits: Mapping[str, int] | None = None,
) -> OrderRecord:
    """Decide what is given back for a return; its execution then gives it.

    Parameters
    ----------
    limits
        By currency, what may be given back of the order in minor units; None for any.

    Raises
    ------
    Forbidden
        It would be more than the limit, with what was given back before.
    AmountTooLarge
        It is more than the goods cost, or than is left of what was captured.
    """
    order_id, _ = order_of(return_id, "return")

    def decide(record: OrderRecord) -> Decision:
        decision = rules.refund(record, return_id, wanted, acting)
        payment, calls = payments.get_with_calls(order_id)
        # Other returns' refunds were decided, and their executions have yet to ask for them.
        promised = sum(
            each.amount
            for each in record.returns
            if each.status == REFUNDING and attempt(calls, REFUND, order_id, each.id)[1] is None
        )
        left = max(0, payment.refundable - promised)
        if decision.returns[0].amount > left:
            raise AmountTooLarge("less than that is left of what was captured", available=left)
        amount = decision.returns[0].amount
        if limits is not None and amount:
            limit = limits.get(payment.currency, 0)
            payments.take_allowance(order_id, return_id, amount, limit)
        return decision

    call = Call.of("refund_return", acting.key, return_id, vars(wanted))
    return records.decide(order_id, decide, call)


# --- the steps of return_order ----------------------------------------------------


def restock_return(
    return_id: str, now: datetime, *, records: RecordStore, stock: StockStore
) -> None:
    """Put what came in and can be sold again into the stock; repeated, once.

    What is not counted is there already.
    """
    order_id, _ = order_of(return_id, "return")
    record = records.get(order_id)
    came = record.sent_back(return_id)
    if came.restocked and came.location:
        lines = record.lines
        quantities = record.quantities(
            {
                line_id: units
                for line_id, units in came.restocked.items()
                if lines[line_id].manage_inventory
            }
        )
        stock.restock(return_id, order_id, quantities, came.location, RETURN_ORDER, RETURNED, now)


def pay_refund(return_id: str, clock: Clock, *, records: RecordStore, till: Till) -> None:
    """Give back what was decided for a return, as far as it is left; repeated, once.

    Staff may have refunded some of it meanwhile; the return then says what was given back.

    Raises
    ------
    ProviderRejected
        The provider refuses; somebody has to look.
    """
    order_id, _ = order_of(return_id, "return")
    came = records.get(order_id).sent_back(return_id)
    _, calls = till.payments.get_with_calls(order_id)
    key, _ = attempt(calls, REFUND, order_id, return_id)

    def ask(payment: Payment) -> Asking:
        amount = min(came.amount, payment.refundable)
        taxed = None if came.tax is None else Worth(came.worth, came.tax)
        return Asking(Claim(amount, taxed) if amount else None)

    give_back(Movement(order_id, None, key, RETURN_ORDER, "returned"), clock, till, ask)
    _, calls = till.payments.get_with_calls(order_id)
    _, own = attempt(calls, REFUND, order_id, return_id)
    paid = own.amount if own is not None else 0
    records.decide(order_id, lambda record: rules.paid(record, return_id, paid))


def close_return(return_id: str, now: datetime, *, records: RecordStore) -> OrderRecord:
    """Record that a return's money was given back; repeated, once."""
    order_id, _ = order_of(return_id, "return")
    acting = Acting(RETURN_ORDER, now)
    return records.decide(order_id, lambda record: rules.close(record, return_id, acting))
