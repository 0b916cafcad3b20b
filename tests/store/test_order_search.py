"""Staff find orders by whatever they know of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from builders import CART_ID, NOW, line, order
from cloud_in_memory import table_name
from commerce.clock import to_text
from commerce.dynamo.table import Table, Update
from commerce.orders.model import Details, order_id_for
from commerce.orders.owners import guest_owner
from commerce.orders.records import RecordStore
from commerce.orders.schema import OrdersQuery
from commerce.orders.search import (
    LOOKED_AT_MAX,
    OrderSearch,
    Search,
    day_after_begins,
    day_begins,
)
from commerce.orders.store import OrderStore, details_key
from store.emulated_dynamodb import EmulatedDynamoDb

ADA = "customer_" + "a" * 32


class Counting:
    """A database that counts what is read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls = 0
        self.items = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def counted(**arguments: Any) -> Any:
            self.calls += 1
            answer = call(**arguments)
            if name == "query":
                self.items += len(answer["Items"])
            return answer

        return counted


class Shop:
    """Orders of many people."""

    def __init__(self) -> None:
        self.kept = EmulatedDynamoDb("orders")
        self.database = Counting(self.kept)
        client: Any = self.database
        table = self.table = Table(table_name("orders"), client, pause=lambda _seconds: None)
        self.orders = OrderStore(table)
        self.records = RecordStore(table)
        self.search = OrderSearch(table)
        self.placed = 0

    def place(
        self,
        email: str = "ada@example.com",
        *,
        at: datetime = NOW,
        skus: Sequence[str] = ("MUG",),
        customer: str | None = None,
        confirm: bool = True,
        destination: dict[str, str] | None = None,
        **buyer: str,
    ) -> str:
        self.placed += 1
        order_id = order_id_for(CART_ID, self.placed)
        lines = tuple(
            replace(line(sku), line_id=f"line_{number}", title="x" * 200)
            for number, sku in enumerate(skus, 1)
        )
        details = Details(
            lines, {"email": email, **buyer}, {"destination": destination or {}}, customer
        )
        self.orders.place_once(
            order(
                order_id=order_id,
                attempt=self.placed,
                placed_at=to_text(at),
                line_count=len(lines),
            ),
            details,
        )
        if confirm:
            self.orders.confirm(order_id, "place_order", at)
        return order_id

    def find(self, limit: int = 20, **wanted: Any) -> list[str]:
        """Walk all pages; each is no longer than asked for, and none has an order again."""
        found: list[str] = []
        before = None
        while True:
            page, before = self.search.page(Search(**wanted), limit=limit, before=before)
            assert len(page) <= limit
            found += [each.order_id for each in page]
            if before is None:
                assert len(set(found)) == len(found)
                return found


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_an_order_is_found_by_its_number_with_four_reads(shop: Shop) -> None:
    ids = [shop.place() for _ in range(30)]
    shop.database.calls = 0
    assert shop.find(number="1007") == [ids[6]]
    assert shop.database.calls <= 4
    assert shop.find(number="1007", status="canceled") == []
    assert shop.find(number="9999") == []


def test_orders_are_found_by_a_mailbox_guests_and_customers_and_nobody_elses(shop: Shop) -> None:
    guest = shop.place("Kunde@faß.example", at=NOW)
    customers = shop.place("kunde@FAß.example", customer=ADA, at=NOW + timedelta(hours=1))
    other = shop.place("kunde@fass.example", at=NOW + timedelta(hours=2))
    for _ in range(50):
        shop.place("eve@example.com")
    shop.database.items = 0
    assert shop.find(email="kunde@xn--fa-hia.example") == [customers, guest]
    assert shop.database.items <= 6
    assert shop.find(email="KUNDE@fass.example") == [other]
    assert shop.find(email="nobody@example.com") == []
    assert shop.find(email="eve@example.com", limit=7) == shop.find(email="eve@example.com")


def test_an_order_listed_under_an_address_that_folds_alike_is_its_own_buyers(shop: Shop) -> None:
    theirs, others = shop.place("kunde@faß.example"), shop.place("kunde@fass.example")
    # As guests' orders once were listed: folded whole.
    update = Update(
        details_key(theirs, 0),
        "SET #owner = :owner",
        values={"owner": guest_owner("kunde@fass.example")},
    )
    shop.table.update(update)
    assert shop.find(email="kunde@fass.example") == [others]
    assert shop.find(email="kunde@faß.example") == [theirs]


def test_a_claimed_order_is_found_by_its_address_and_an_erased_one_by_nothing(shop: Shop) -> None:
    claimed = shop.place("ada@example.com", first_name="Ada")
    assert shop.find(email="ada@example.com") == [claimed]
    shop.records.hand_over(claimed, "ada@example.com", ADA)
    assert shop.find(email="ada@example.com") == [claimed]
    shop.records.erase_buyer(claimed)
    assert shop.find(email="ada@example.com") == []
    assert shop.find(name="ada") == []
    assert shop.find(number="1001") == [claimed]
    assert not [item for item in shop.kept.items("orders") if "mailbox" in item]


def test_a_name_is_found_without_case_or_accents_of_buyer_recipient_or_company(shop: Shop) -> None:
    ada = shop.place(first_name="Zoë", last_name="Müller-Lüdenscheidt")
    gift = shop.place(destination={"first_name": "José", "last_name": "Núñez"})
    firm = shop.place(destination={"organization": "Engines Ltd"})
    assert shop.find(name="zoe muller") == [ada]
    assert shop.find(name="LÜDENSCHEIDT") == [ada]
    assert shop.find(name="jose nunez") == [gift]
    assert shop.find(name="engines") == [firm]
    assert shop.find(name="zoe nunez") == []


def test_a_sku_is_found_in_every_line_of_a_big_order(shop: Shop) -> None:
    big = shop.place(skus=[f"SKU-{n}" for n in range(1500)])
    small = shop.place(skus=["SKU-1499"])
    assert set(shop.find(sku="SKU-1499")) == {big, small}
    assert shop.find(sku="SKU-3") == [big]
    assert shop.find(sku="SKU-3", number="1001") == [big]
    assert shop.find(sku="SKU") == []


def test_days_are_those_of_the_shop(shop: Shop) -> None:
    # Midnight in London is an hour earlier in summer than in winter.
    late = shop.place(at=datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC))
    early = shop.place(at=datetime(2026, 7, 1, 23, 0, 0, tzinfo=UTC))
    winter = shop.place(at=datetime(2026, 12, 1, 0, 0, 0, tzinfo=UTC))

    def on(day: str, zone: str = "Europe/London", **more: Any) -> list[str]:
        query = OrdersQuery.model_validate({"placed_from": day, "placed_to": day, **more})
        return shop.find(**vars(query.search(lambda: zone)))

    assert on("2026-07-01") == [late]
    assert on("2026-07-02") == [early]
    assert on("2026-12-01") == [winter]
    assert on("2026-11-30") == []
    assert on("2026-11-30", "America/New_York") == [winter]
    assert on("2026-07-01", "UTC") == [early, late]
    assert on("2026-07-02", status="pending") == []


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Asia/Beirut", "2026-03-29", 23),  # the clock goes on at midnight
        ("America/Havana", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone: str, day: str, hours: float) -> None:
    begins, ends = (
        datetime.fromisoformat(moment(date.fromisoformat(day), zone))
        for moment in (day_begins, day_after_begins)
    )
    assert ends - begins == timedelta(hours=hours)


def test_all_that_is_known_is_taken_together(shop: Shop) -> None:
    wanted = shop.place("ada@example.com", skus=["PEN"], first_name="Ada")
    shop.place("ada@example.com", skus=["MUG"], first_name="Ada")
    shop.place("eve@example.com", skus=["PEN"], first_name="Ada")
    shop.place("ada@example.com", skus=["PEN"], first_name="Eve")
    shop.place("ada@example.com", skus=["PEN"], first_name="Ada", confirm=False)
    known: dict[str, Any] = {
        "email": "ada@example.com",
        "sku": "PEN",
        "name": "ada",
        "status": "confirmed",
    }
    assert shop.find(**known) == [wanted]
    assert shop.find(number="1001", **known) == [wanted]


def test_a_page_looks_at_so_many_orders_and_the_next_goes_on(shop: Shop) -> None:
    # Many of one moment, in the index in no order of their ids.
    rare = [shop.place(first_name="Rare") for _ in range(2)]
    for number in range(LOOKED_AT_MAX + 60):
        shop.place(first_name="Common", at=NOW + timedelta(seconds=number // 50))
    page, before = shop.search.page(Search(name="rare"), limit=20)
    assert page == []
    assert before is not None
    assert set(shop.find(name="rare")) == set(rare)
    assert len(shop.find(name="common", limit=7)) == LOOKED_AT_MAX + 60


def test_a_page_that_is_full_says_whether_there_are_more(shop: Shop) -> None:
    for _ in range(3):
        shop.place()
    assert shop.search.page(Search(sku="MUG"), limit=3)[1] is None
    first, before = shop.search.page(Search(sku="MUG"), limit=2)
    rest, end = shop.search.page(Search(sku="MUG"), limit=2, before=before)
    assert (len(first), len(rest), end) == (2, 1, None)


@pytest.mark.parametrize(
    "query",
    [
        {"placed_from": "2026-02-30"},
        {"placed_to": "01.12.2026"},
        {"placed_from": "1999-01-01"},
        {"number": "10 01"},
        {"email": "nobody"},
        {"name": ""},
        {"sku": ""},
    ],
)
def test_what_cannot_be_looked_for_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OrdersQuery.model_validate(query)
