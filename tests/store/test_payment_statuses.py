"""A payment's statuses go as the published tables say, and every edge of them is walked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import ORDER_ID
from cloud_in_memory import table_name
from commerce.dynamo.table import Table
from commerce.errors import (
    DomainError,
    IllegalTransition,
    OrderCanceled,
    PaymentDeclined,
    ProviderTimeout,
    ProviderUnavailable,
)
from commerce.lifecycle import ORDER_PAYMENT, PAYMENT
from commerce.payments.model import CALL_LIFE, Payment, follow_published, payment_status
from commerce.payments.store import PaymentStore
from store.emulated_dynamodb import EmulatedDynamoDb
from store.till import SERVICES, Till

Edge = tuple[str, str]
Act = Callable[[Till], object]

WRITES = {"put_item", "update_item", "transact_write_items"}


class Watched:
    """DynamoDB's client; notes where each single write takes the payment."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._payments = PaymentStore(Table(table_name("payments"), inner))
        self.edges: set[Edge] = set()
        self.published: set[Edge] = set()

    @property
    def status(self) -> str:
        return payment_status(self._payments.get(ORDER_ID))

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        return call if name not in WRITES else lambda **asked: self._watch(call, asked)

    def _watch(self, call: Callable[..., Any], asked: Mapping[str, Any]) -> Any:
        before = self._payments.get(ORDER_ID)
        answer = call(**asked)
        after = self._payments.get(ORDER_ID)
        if before and after:
            self.edges |= {(before.status, after.status)}
        self.published |= {(payment_status(before), payment_status(after))}
        return answer


def after_its_calls(act: Act) -> Act:
    """Do something once every call is surely over."""

    def later(till: Till) -> object:
        till.now += CALL_LIFE
        return act(till)

    return later


ACTS: dict[str, Act] = {
    "authorize": lambda t: t.authorize(),
    "owe nothing": lambda t: t.authorize(0, 0),
    "be declined": lambda t: t.authorize(token="tok_declined"),
    "get no answer": lambda t: t.authorize(token="tok_timeout"),
    "not reach it": lambda t: t.authorize(token="tok_unavailable"),
    "capture a part": lambda t: t.capture(1000, "c1"),
    "capture the rest": lambda t: t.capture(None, "c2"),
    "refund a part": lambda t: t.refund(400, "f1"),
    "refund the rest": lambda t: t.refund(None, "f2"),
    "let the rest go": lambda t: t.release(),
    "settle": lambda t: t.settle(),
    "void": after_its_calls(lambda t: t.void()),
}

# Together they walk every edge.
WALKS = (
    ("authorize", "capture a part", "capture the rest", "refund a part", "refund the rest"),
    ("authorize", "capture the rest", "refund the rest", "void"),
    ("authorize", "capture a part", "refund the rest", "capture the rest", "void"),
    ("authorize", "capture a part", "refund a part", "let the rest go", "void"),
    ("authorize", "capture a part", "let the rest go", "void"),
    ("authorize", "capture a part", "void"),
    ("authorize", "let the rest go"),
    ("void", "authorize"),
    ("owe nothing", "void"),
    ("be declined", "void"),
    ("get no answer", "void"),
    ("not reach it", "authorize"),
    ("not reach it", "void"),
)


# What an act of a walk may be told; that there is no such edge is not among it.
TOLD = (OrderCanceled, PaymentDeclined, ProviderTimeout, ProviderUnavailable)


def walked(acts: Iterable[str], *refusals: type[DomainError]) -> Watched:
    """Do one thing after another, though some be refused, and give what was seen."""
    watched = Watched(EmulatedDynamoDb(*SERVICES))
    till = Till(watched)
    for name in acts:
        with suppress(*refusals):
            ACTS[name](till)
    return watched


def changes(edges: set[Edge]) -> set[Edge]:
    return {(source, target) for source, target in edges if source != target}


def edges_of(table: Mapping[str, frozenset[str]]) -> set[Edge]:
    return {(source, target) for source, targets in table.items() for target in targets}


def test_the_tables_have_every_edge_that_is_walked_and_no_other() -> None:
    seen = [walked(walk, *TOLD) for walk in WALKS]

    assert changes(set().union(*(each.edges for each in seen))) == edges_of(PAYMENT)
    assert changes(set().union(*(each.published for each in seen))) == edges_of(ORDER_PAYMENT)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    first=st.sampled_from(sorted(ACTS)), acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=9)
)
def test_whatever_is_done_in_whatever_order_leaves_no_edge_and_can_be_undone(
    first: str, acts: list[str]
) -> None:
    seen = walked(("authorize", first, *acts, "void"), DomainError)

    assert changes(seen.edges) <= edges_of(PAYMENT)
    assert changes(seen.published) <= edges_of(ORDER_PAYMENT)
    assert seen.status in {"voided", "refunded"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"status": "captured"}),
        ({"status": "captured", "captured": 10}, {"status": "captured", "captured": 4}),
        ({"status": "authorized"}, {"status": "captured", "captured": 10, "refunded": 4}),
    ],
)
def test_a_write_that_leaves_the_published_edges_is_refused(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    payment = Payment(ORDER_ID, "authorizing", 1, amount=10)
    was = replace(payment, **before) if before is not None else None

    with pytest.raises(IllegalTransition) as refused:
        follow_published(was, replace(payment, **after))

    assert refused.value.details["status"] == payment_status(was)
