"""Each kind of damage is found, by its name, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import CART_ID, NOW, details, order, table
from cloud_in_memory import empty_tables
from commerce.clock import to_text
from commerce.dynamo.table import Update, dynamodb_client
from commerce.errors import NotFound, ProviderTimeout
from commerce.ledger.store import LedgerStore
from commerce.orders.model import Change, order_id_for
from commerce.orders.record import Cancellation, Fulfillment, decided, part_id
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.payments.model import CAPTURE, PaymentCall
from commerce.payments.operations import (
    Movement,
    authorize_payment,
    capture_payment,
    payment_of,
    refund_payment,
    release_rest,
    void_payment,
)
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.reconciliation import operations as reconciliation
from commerce.reconciliation.model import GRACE, RUNNING, Finding, Run
from commerce.reconciliation.operations import END, Place, walk_part
from commerce.reconciliation.store import ReconciliationStore

SERVICES = ("ledger", "orders", "payments", "reconciliations", "sandbox")
RUN_ID = "reconciliation_" + "0" * 36


class Shop:
    """A shop with orders of every kind, in which much may be damaged."""

    def __init__(self) -> None:
        self.now = NOW
        self.number = 9
        self.orders = OrderStore(table("orders"))
        self.records = RecordStore(table("orders"))
        self.payments = PaymentStore(table("payments"))
        self.ledger = LedgerStore(table("ledger"))
        self.provider = SandboxProvider(table("sandbox"), self.clock, lambda _seconds: None)
        self.runs = ReconciliationStore(table("reconciliations"))
        self.books: dict[str, Any] = {
            "payments": self.payments,
            "ledger": self.ledger,
            "provider": self.provider,
        }

    def clock(self) -> datetime:
        return self.now

    def placed(self, attempt: int, token: str = "tok_visa", *, confirmed: bool = True) -> str:
        """Place an order of 1000 with 167 tax, and authorize its payment."""
        order_id = order_id_for(CART_ID, attempt)
        wanted = order(order_id=order_id, attempt=attempt)
        self.orders.place_once(wanted, details())
        authorize_payment(
            payment_of(wanted, "sandbox"),
            token,
            self.clock,
            payments=self.payments,
            provider=self.provider,
        )
        if confirmed:
            self.orders.confirm(order_id, "place_order", self.now)
        return order_id

    def captured(self, attempt: int, amount: int | None = None) -> str:
        order_id = self.placed(attempt)
        capture_payment(Movement(order_id, amount, "c", "ada"), self.clock, **self.books)
        return order_id

    def refunded(self, attempt: int) -> str:
        order_id = self.captured(attempt)
        refund_payment(Movement(order_id, 300, "f", "ada", "late"), self.clock, **self.books)
        return order_id

    def canceled(self, attempt: int) -> str:
        order_id = self.placed(attempt, confirmed=False)
        failure = {"error": "CheckoutFailed"}
        self.orders.begin_cancel(order_id, "execution-1", "ada", failure, self.now)
        void_payment(order_id, self.now, **self.books)
        self.orders.close(order_id, "ada", self.now)
        return order_id

    def reconcile(
        self, part_size: int = 3, after: timedelta = timedelta(hours=1)
    ) -> dict[str, list[tuple[str, bool]]]:
        """Let time pass, walk everything, and give what is found by order."""
        self.now += after
        self.runs.begin(Run(RUN_ID, RUNNING, "ada", to_text(self.now)))
        place = Place()
        shop = reconciliation.Shop(
            self.orders, self.records, self.payments, self.ledger, self.provider, self.runs
        )
        while place.walk != END:
            place = walk_part(RUN_ID, place, self.clock, shop, part_size)
            assert place.checked < 200
        found: dict[str, list[tuple[str, bool]]] = {}
        for one in self.runs.findings(RUN_ID):
            found.setdefault(one.order_id, []).append((one.kind, one.repaired))
        return found


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Give a shop that has one order of each kind, and nothing wrong."""
    with empty_tables(*SERVICES):
        shop = Shop()
        shop.placed(1)
        shop.captured(2)
        shop.refunded(3)
        shop.canceled(4)
        release_rest(shop.captured(5, 400), NOW, payments=shop.payments, provider=shop.provider)
        yield shop


def change(noun: str, pk: str, sk: str, **facts: Any) -> None:
    """Damage an item."""
    sets = ", ".join(f"#{name} = :{name}" for name in facts)
    table(noun).update(Update({"pk": pk, "sk": sk}, f"SET {sets}", values=facts))


def remove(noun: str, pk: str, prefix: str) -> None:
    """Take the items of a key away whose sort key begins so."""
    name, client = table(noun).name, dynamodb_client()
    for item in client.scan(TableName=name)["Items"]:
        if item["pk"]["S"] == pk and item["sk"]["S"].startswith(prefix):
            client.delete_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})


def test_a_shop_that_is_right_has_no_finding(shop: Shop) -> None:
    assert shop.reconcile() == {}


def at_provider(order_id: str, **facts: Any) -> None:
    change("sandbox", order_id, "payment", **facts)


def recorded(order_id: str, **facts: Any) -> None:
    change("payments", order_id, "payment", **facts)


def an_authorization_of_no_order(shop: Shop) -> str:
    order_id = order_id_for(CART_ID, shop.number + 100)
    shop.provider.authorize(
        reference=order_id,
        amount=500,
        currency="GBP",
        token="tok_visa",
        idempotency_key="a",
    )
    return order_id


def an_authorization_of_a_canceled_order(shop: Shop) -> str:
    order_id = shop.canceled(shop.number)
    at_provider(order_id, status="authorized")
    return order_id


def a_charge_of_no_order(shop: Shop) -> str:
    order_id = an_authorization_of_no_order(shop)
    shop.provider.capture(reference=order_id, amount=500, idempotency_key="c")
    return order_id


def a_charge_without_a_record(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    shop.provider.capture(reference=order_id, amount=500, idempotency_key="by hand")
    return order_id


def a_refund_without_a_record(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    shop.provider.refund(reference=order_id, amount=500, idempotency_key="by hand")
    return order_id


def a_capture_the_provider_does_not_have(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    at_provider(order_id, captured=0, net=0, status="authorized")
    return order_id


def a_payment_the_provider_lost(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    remove("sandbox", order_id, "")
    return order_id


def a_refund_the_provider_does_not_have(shop: Shop) -> str:
    order_id = shop.refunded(shop.number)
    at_provider(order_id, refunded=0, net=1000)
    return order_id


def another_amount(shop: Shop) -> str:
    order_id = shop.captured(shop.number, 100)
    at_provider(order_id, amount=999)
    return order_id


def another_currency(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    at_provider(order_id, currency="EUR")
    return order_id


def a_capture_that_nobody_answered(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    payment = shop.payments.get(order_id)
    assert payment
    call = PaymentCall(f"capture_{shop.number}", CAPTURE, order_id, 700, "ada", shop.now)
    shop.payments.record_call(payment, call)
    return order_id


def a_release_that_was_not_finished(shop: Shop) -> str:
    order_id = shop.captured(shop.number, 400)
    payment = shop.payments.get(order_id)
    assert payment
    shop.payments.record_release(payment, shop.now)
    return order_id


def an_authorization_without_an_answer(shop: Shop) -> str:
    with pytest.raises(ProviderTimeout):
        shop.placed(shop.number, "tok_timeout")
    order_id = order_id_for(CART_ID, shop.number)
    shop.orders.confirm(order_id, "by hand", shop.now)
    return order_id


def a_missing_entry(shop: Shop) -> str:
    order_id = shop.refunded(shop.number)
    remove("ledger", f"order#{order_id}", "entry#")
    return order_id


def an_entry_of_another_sum(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    (entry,) = shop.ledger.cash_of_order(order_id)
    lines = [
        {"account": "cash_at_provider", "debit": 900, "credit": 0},
        {"account": "revenue", "debit": 0, "credit": 900},
    ]
    change("ledger", f"order#{order_id}", f"entry#{entry}", lines=lines)
    return order_id


def an_order_without_a_payment(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    remove("payments", order_id, "")
    remove("sandbox", order_id, "")
    return order_id


def an_order_whose_payment_was_voided(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    void_payment(order_id, shop.now, **shop.books)
    return order_id


def an_order_whose_authorization_lapsed(shop: Shop) -> str:
    order_id = shop.placed(shop.number)
    at_provider(order_id, status="voided")
    return order_id


def decide(shop: Shop, order_id: str, **parts: Any) -> None:
    """Have parts of an order decided, whatever was charged."""
    at, (part,) = to_text(shop.now), next(iter(parts.values()))
    change = Change(at, getattr(part, "status", "canceled"), "ada", part=part.id)
    shop.records.decide(order_id, lambda record: decided(record, [change], **parts))


def a_charge_for_what_was_cancelled(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    part = part_id("cancellation", order_id, 1)
    cancellation = Cancellation(part, {}, {"line_1": 400}, "", "ada", to_text(shop.now))
    decide(shop, order_id, cancellations=[cancellation])
    return order_id


def goods_that_were_sent_and_not_charged(shop: Shop) -> str:
    order_id = shop.captured(shop.number, 400)
    for status in ("open", "packed", "shipped"):
        part = part_id("fulfillment", order_id, 1)
        parcel = Fulfillment(part, status, "main", {"line_1": 1}, {}, 1000, {"line_1": 1000})
        decide(shop, order_id, fulfillments=[parcel])
    return order_id


def a_balance_that_was_changed(shop: Shop) -> str:
    shop.captured(shop.number)
    client, name = dynamodb_client(), table("ledger").name
    item = next(
        one
        for one in client.scan(TableName=name)["Items"]
        if one["sk"]["S"].startswith("balance#") and "#revenue#" in one["pk"]["S"]
    )
    change("ledger", item["pk"]["S"], item["sk"]["S"], credits=1)
    return "GBP"


def an_order_that_cannot_be_read(shop: Shop) -> str:
    order_id = shop.captured(shop.number)
    change("orders", order_id, "order", timeline="not one")
    return order_id


DAMAGES: dict[Callable[[Shop], str], tuple[str, bool]] = {
    an_authorization_of_no_order: ("authorization_without_order", True),
    an_authorization_of_a_canceled_order: ("authorization_without_order", True),
    a_charge_of_no_order: ("charge_without_order", False),
    a_charge_without_a_record: ("charge_without_record", False),
    a_refund_without_a_record: ("refund_without_record", False),
    a_capture_the_provider_does_not_have: ("capture_not_at_provider", False),
    a_payment_the_provider_lost: ("capture_not_at_provider", False),
    a_refund_the_provider_does_not_have: ("refund_not_at_provider", False),
    another_amount: ("amount_differs", False),
    another_currency: ("currency_differs", False),
    a_capture_that_nobody_answered: ("left_open", True),
    a_release_that_was_not_finished: ("left_open", True),
    an_authorization_without_an_answer: ("left_open", True),
    a_missing_entry: ("ledger_entry_missing", False),
    an_entry_of_another_sum: ("ledger_differs", False),
    an_order_without_a_payment: ("order_without_payment", False),
    an_order_whose_payment_was_voided: ("order_without_payment", False),
    an_order_whose_authorization_lapsed: ("order_without_payment", False),
    an_order_that_cannot_be_read: ("not_looked_at", False),
    a_charge_for_what_was_cancelled: ("captured_more_than_owed", False),
    goods_that_were_sent_and_not_charged: ("owed_more_than_captured", False),
    a_balance_that_was_changed: ("trial_balance", False),
}


def test_each_kind_of_damage_is_found_by_its_name_and_nothing_else_is(shop: Shop) -> None:
    wanted = {}
    for number, (damage, finding) in enumerate(DAMAGES.items(), start=20):
        shop.number = number
        wanted[damage(shop)] = [finding]
    assert len(wanted) == len(DAMAGES)
    assert shop.reconcile() == wanted
    # A second run finds again what was not repaired, and nothing of what was.
    remove("reconciliations", RUN_ID, "finding#")
    left = {order_id: found for order_id, found in wanted.items() if not found[0][1]}
    assert shop.reconcile(100) == left


def test_what_was_charged_too_much_is_right_once_it_was_given_back_by_hand(shop: Shop) -> None:
    order_id = a_charge_for_what_was_cancelled(shop)
    assert shop.reconcile(after=GRACE - timedelta(seconds=1)) == {}
    assert shop.reconcile() == {order_id: [("captured_more_than_owed", False)]}
    wanted = Movement(order_id, 400, "f", "ada", "was cancelled")
    refund_payment(wanted, shop.clock, **shop.books)
    remove("reconciliations", RUN_ID, "finding#")
    assert shop.reconcile() == {}


def test_an_orphan_is_let_go_of_and_a_late_checkout_finds_that(shop: Shop) -> None:
    order_id = an_authorization_of_no_order(shop)
    shop.reconcile()
    theirs, ours = shop.provider.find(order_id), shop.payments.get(order_id)
    assert theirs
    assert ours
    assert (theirs.held, ours.status) == (0, "voided")


def test_what_may_still_be_at_work_is_left_alone(shop: Shop) -> None:
    shop.now += timedelta(hours=1)
    order_id = an_authorization_of_no_order(shop)
    a_capture_that_nobody_answered(shop)
    assert shop.reconcile(after=GRACE - timedelta(seconds=1)) == {}
    theirs = shop.provider.find(order_id)
    assert theirs
    assert theirs.held == 500
    assert len(shop.reconcile(after=timedelta(seconds=1))) == 2


def test_a_difference_that_came_and_went_between_two_reads_is_not_told(shop: Shop) -> None:
    order_id = shop.placed(shop.number)

    class Meanwhile(SandboxProvider):
        """Somebody captures after the provider was looked at, and before our record is."""

        def find(self, reference: str) -> ProviderPayment | None:
            found = super().find(reference)
            if reference == order_id and found and not found.captured:
                capture_payment(Movement(order_id, 400, "c", "ada"), shop.clock, **books)
            return found

    books = dict(shop.books)
    shop.provider = Meanwhile(table("sandbox"), shop.clock, lambda _seconds: None)
    assert shop.reconcile() == {}
    payment = shop.payments.get(order_id)
    assert payment
    assert payment.captured == 400


def test_a_part_that_is_walked_again_finds_the_same_once(shop: Shop) -> None:
    order_id = another_currency(shop)
    shop.reconcile()
    assert shop.reconcile() == {order_id: [("currency_differs", False)]}
    run = shop.runs.end(RUN_ID, "finished", 7, shop.now)
    again = shop.runs.end(RUN_ID, "failed", 8, shop.now)
    assert run == again
    assert (run.status, run.found, run.unrepaired) == ("finished", 1, 1)


def test_one_order_at_which_the_provider_does_not_answer_keeps_the_walk_from_no_other(
    shop: Shop,
) -> None:
    wanted = {}
    for shop.number in range(20, 23):
        wanted[another_currency(shop)] = [("currency_differs", False)]
    silent, *others = wanted
    find = shop.provider.find

    class Silent(SandboxProvider):
        def find(self, reference: str) -> Any:
            if reference == silent:
                raise ProviderTimeout("the provider did not answer")
            return find(reference)

    provider = shop.provider
    shop.provider = Silent(table("sandbox"), shop.clock, lambda _seconds: None)
    with pytest.raises(ProviderTimeout):
        shop.reconcile(100)
    found = {one.order_id for one in shop.runs.findings(RUN_ID)}
    assert found == set(others)
    shop.provider = provider
    assert shop.reconcile() == wanted


def test_a_finding_that_was_repaired_stays_so_when_it_is_recorded_again(shop: Shop) -> None:
    finding = Finding("left_open", "order_1", "an answer", "none")
    shop.runs.record(RUN_ID, finding)
    shop.runs.record_repaired(RUN_ID, finding)
    shop.runs.record(RUN_ID, finding)
    assert [one.repaired for one in shop.runs.findings(RUN_ID)] == [True]


def test_runs_are_listed_newest_first_a_page_at_a_time(shop: Shop) -> None:
    ids = [f"reconciliation_{number}" + "0" * 35 for number in range(3)]
    for run_id in ids:
        shop.runs.begin(Run(run_id, RUNNING, "ada", to_text(NOW)))
    first, place = shop.runs.newest(limit=2)
    second, _ = shop.runs.newest(limit=2, before=place)
    assert [run.run_id for run in first + second] == ids[::-1]
    with pytest.raises(NotFound):
        shop.runs.get("x" * 3000)
