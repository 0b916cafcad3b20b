"""What a provider tells late settles our record exactly as its answer would have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from builders import ORDER_ID
from cloud_in_memory import empty_tables
from commerce.errors import (
    InvalidRequest,
    InvalidSignature,
    NotFound,
    OrderCanceled,
    PaymentDeclined,
    ProviderTimeout,
)
from commerce.payments.hooks import take_message
from commerce.payments.sandbox import SandboxProvider
from commerce.signatures import signed_headers
from store.till import AMOUNT, SERVICES, Till

KEY = b"what the provider and the shop share"
OTHER_ORDER = ORDER_ID[:-1] + "z"


class Hooked(Till):
    """A till whose provider holds authorizations until it decides, and sends messages."""

    provider: SandboxProvider

    def begin(self) -> None:
        with pytest.raises(ProviderTimeout):
            self.authorize(token="tok_async")

    def approved(self) -> None:
        self.begin()
        self.provider.decide(ORDER_ID, approve=True)
        self.tell("m-approved")

    def tell(self, message_id: str, reference: str = ORDER_ID, type_: str = "payment.any") -> str:
        body = json.dumps({"type": type_, "data": {"reference": reference, "amount": 1}}).encode()
        headers = signed_headers(message_id, body.decode(), [KEY], self.now)
        return self.take(headers, body)

    def take(self, headers: dict[str, str], body: bytes, provider: str = "sandbox") -> str:
        return take_message(provider, headers, body, KEY, self.clock, **self._books())


@pytest.fixture
def till() -> Iterator[Hooked]:
    with empty_tables(*SERVICES):
        yield Hooked()


@pytest.mark.parametrize(("approve", "status"), [(True, "authorized"), (False, "declined")])
def test_an_authorization_is_settled_by_a_message_that_comes_later(
    till: Hooked, approve: bool, status: str
) -> None:
    till.begin()
    # A message that comes too early says nothing: the provider has not decided.
    assert till.tell("m0") == "settled"
    assert till.recorded().status == "authorizing"
    till.provider.decide(ORDER_ID, approve=approve)
    assert till.tell("m1") == "settled"
    assert till.recorded().status == status


def test_the_step_that_waited_finds_the_authorization_done(till: Hooked) -> None:
    till.approved()
    assert till.authorize(token="tok_async").status == "authorized"
    assert till.held() == AMOUNT


def test_the_step_that_waited_finds_the_payment_declined(till: Hooked) -> None:
    till.begin()
    till.provider.decide(ORDER_ID, approve=False)
    till.tell("m1")
    with pytest.raises(PaymentDeclined):
        till.authorize(token="tok_async")


def test_an_authorization_that_was_undone_before_it_was_decided_holds_nothing(
    till: Hooked,
) -> None:
    till.begin()
    assert till.void().status == "voided"
    till.provider.decide(ORDER_ID, approve=True)
    till.tell("m1")
    assert (till.recorded().status, till.held()) == ("voided", 0)
    with pytest.raises(OrderCanceled):
        till.authorize(token="tok_async")


def test_a_capture_and_a_refund_without_an_answer_are_booked_by_messages(till: Hooked) -> None:
    till.approved()
    with pytest.raises(ProviderTimeout):
        till.capture(3000)
    assert (till.recorded().captured, till.balances()["cash_at_provider"]) == (0, 0)
    till.tell("m2", type_="payment.captured")
    assert till.recorded().captured == 3000
    till.assert_books_are_right()
    with pytest.raises(ProviderTimeout):
        till.refund(1000)
    till.tell("m3", type_="payment.refunded")
    assert till.recorded().net == 2000
    till.assert_books_are_right()
    # Our own answers come second, and find it done.
    assert till.capture(3000).captured == 3000
    assert till.refund(1000).refunded == 1000
    till.assert_books_are_right()


def test_a_message_about_a_capture_the_provider_does_not_have_takes_no_money(
    till: Hooked,
) -> None:
    till.approved()
    assert till.tell("m2", type_="payment.captured") == "settled"
    assert (till.recorded().captured, till.held()) == (0, AMOUNT)


def test_a_message_that_comes_again_does_nothing(till: Hooked) -> None:
    till.begin()
    assert till.tell("m1") == "settled"
    till.provider.decide(ORDER_ID, approve=True)
    assert till.tell("m1") == "repeated"
    assert till.recorded().status == "authorizing"
    # Nor one that was sent again later, with the same id and a new time.
    till.now += timedelta(days=1)
    assert till.tell("m1") == "repeated"


@pytest.mark.parametrize("reference", [OTHER_ORDER, "not ours"])
def test_a_message_about_a_payment_we_do_not_know_is_kept_and_changes_nothing(
    till: Hooked, reference: str
) -> None:
    assert till.tell("m1", reference) == "unknown"
    assert till.payments.get(OTHER_ORDER) is None
    assert till.tell("m1", reference) == "repeated"


def test_what_is_not_signed_settles_nothing(till: Hooked) -> None:
    till.begin()
    till.provider.decide(ORDER_ID, approve=True)
    body = json.dumps({"type": "payment.authorized", "data": {"reference": ORDER_ID}}).encode()
    headers = signed_headers("m1", body.decode(), [b"another key"], till.now)
    with pytest.raises(InvalidSignature):
        till.take(headers, body)
    assert till.recorded().status == "authorizing"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"type": "x", "data": {}}'])
def test_a_message_of_another_shape_is_refused(till: Hooked, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        till.take(signed_headers("m1", body.decode(), [KEY], till.now), body)


def test_a_provider_we_do_not_have_is_not_found(till: Hooked) -> None:
    arguments: tuple[Any, ...] = (signed_headers("m1", "{}", [KEY], till.now), b"{}", "other")
    with pytest.raises(NotFound):
        till.take(*arguments)
