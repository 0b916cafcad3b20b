"""The audit trail: what staff ask for stands in it before it is done, and stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from pydantic import BaseModel

from builders import NOW, table
from cloud_in_memory import REGION, table_name
from commerce.audit.model import Actor, Entry, Outcome
from commerce.audit.store import AuditTrail, Wanted
from commerce.clock import system_clock
from commerce.dynamo.table import ConditionFailed
from commerce.entry import http
from commerce.errors import NotFound, OutOfStock
from commerce.ids import new_id
from commerce.staff.model import Principal

pytestmark = pytest.mark.usefixtures("tables")

PRODUCT = f"prod_{'0' * 36}"
ADA = Actor("staff", "1", "ada@shop.example", roles=("manager",))
BOB = Actor("key", "key_2", "Warehouse", scopes=("products:write",))


class Shelf(BaseModel):
    """A view that an operation answers with."""

    id: str = PRODUCT
    units: int
    buyer: str = "ada"


class Context:
    function_name = "shelf"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn"
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 3000


class Shelves:
    """A shelf that staff fill, as an operation of the shop."""

    def __init__(self, after: Callable[[], None] = lambda: None, **declared: Any) -> None:
        self.units = 1
        wanted: dict[str, Any] = {"creates": True, "before": lambda _: Shelf(units=self.units)}

        @http.operation("PATCH /admin/products/{id}", "Fill", returns=Shelf, **(wanted | declared))
        def handler(_request: http.Request[Any, Any]) -> http.Response:
            after()
            self.units += 1
            return http.Response(Shelf(units=self.units))

        self.handler = handler

    def fill(self, key: str | None = None) -> tuple[int, str]:
        """Ask for one more unit; give the status and the problem's code."""
        context = Principal("staff", "1", "ada@shop.example", ("manager",)).to_context()
        sender = {"sourceIp": "203.0.113.9", "userAgent": "curl/8"}
        answer = self.handler(
            {
                "headers": {"Idempotency-Key": key} if key else {},
                "pathParameters": {"id": PRODUCT},
                "requestContext": {
                    "requestId": "request-1",
                    "identity": sender,
                    "authorizer": context,
                },
            },
            Context(),
        )
        return answer["statusCode"], json.loads(answer["body"]).get("code", "")


def trail() -> AuditTrail:
    return AuditTrail(table("audit"))


def listed(**wanted: str) -> list[Entry]:
    entries, last = trail().newest(Wanted(**wanted), system_clock(), limit=100)
    assert last is None
    return entries


def kept(
    moment: datetime, actor: Actor = ADA, route: str = "PUT /admin/settings", **path: str
) -> str:
    """Put an entry into the trail, without an end; give its id."""
    entry = Entry(new_id("audit", moment), actor, route, "request-1", path=path)
    trail().begin(entry)
    return entry.id


def test_a_change_is_told_with_who_from_where_and_what() -> None:
    shelves = Shelves()
    assert shelves.fill("key-1") == (200, "")

    (entry,) = listed()
    assert (entry.actor, entry.ip, entry.user_agent) == (ADA, "203.0.113.9", "curl/8")
    assert (entry.route, entry.path) == ("PATCH /admin/products/{id}", {"id": PRODUCT})
    assert (entry.request_id, entry.result) == ("request-1", "done")
    assert entry.idempotency_key not in {"", "key-1"}
    assert entry.outcome is not None
    (change,) = entry.outcome.changes
    assert (change.path, change.before, change.after) == ("$.units", 1, 2)


def test_a_repeat_is_an_entry_of_its_own_that_changed_nothing() -> None:
    shelves = Shelves()
    for _ in range(2):
        assert shelves.fill("key-1") == (200, "")

    outcomes = [entry.outcome for entry in listed() if entry.outcome]
    assert {(each.repeated, len(each.changes)) for each in outcomes} == {(False, 1), (True, 0)}


def test_a_refusal_is_told_with_its_code_and_nothing_else() -> None:
    def refuse() -> None:
        raise OutOfStock("none left")

    assert Shelves(refuse).fill() == (409, "out_of_stock")
    (entry,) = listed()
    assert entry.outcome is not None
    assert (entry.result, entry.outcome.status) == ("refused", 409)
    assert (entry.outcome.code, entry.outcome.changes) == ("out_of_stock", ())


def test_what_breaks_is_told_as_failed() -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    assert Shelves(broken).fill() == (500, "internal_error")
    (entry,) = listed()
    assert entry.result == "failed"


def test_a_thing_that_is_not_there_yet_has_no_before() -> None:
    def absent(_request: Any) -> Shelf:
        raise NotFound("no such shelf")

    assert Shelves(before=absent).fill() == (200, "")
    (entry,) = listed()
    assert entry.outcome is not None
    assert {each.path: (each.before, each.after) for each in entry.outcome.changes} == {
        "$.id": (None, PRODUCT),
        "$.units": (None, 2),
        "$.buyer": (None, "[redacted]"),
    }


def test_a_thing_that_is_removed_is_told_as_it_was() -> None:
    assert Shelves(removes=True).fill() == (200, "")
    (entry,) = listed()
    assert entry.outcome is not None
    assert {each.path: (each.before, each.after) for each in entry.outcome.changes}["$.units"] == (
        1,
        None,
    )


def test_where_the_trail_takes_no_entry_nothing_is_changed() -> None:
    shelves = Shelves()
    _drop_the_trail()
    assert shelves.fill() == (503, "audit_unavailable")
    assert shelves.units == 1


def test_a_change_whose_end_could_not_be_written_is_answered_as_it_is_and_stays_in_doubt() -> None:
    shelves = Shelves(_drop_the_trail)
    assert shelves.fill() == (200, "")
    assert shelves.units == 2


def _drop_the_trail() -> None:
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName=table_name("audit"))


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_function_that_dies_leaves_an_entry_without_an_end() -> None:
    class Killed(BaseException):
        pass

    seen: list[str] = []

    def die() -> None:
        seen.extend(entry.result for entry in listed())
        raise Killed

    with pytest.raises(Killed):
        Shelves(die).fill()
    # What a killed function leaves is what stood there while it was at work.
    assert seen == ["requested"]


def test_an_entry_and_its_end_are_written_once_and_stay() -> None:
    entry = Entry(new_id("audit", NOW), ADA, "PUT /admin/settings", "request-1")
    trail().begin(entry)
    trail().end(entry.id, Outcome(200))
    other = Entry(entry.id, BOB, "DELETE /admin/products/{id}", "request-2")
    with pytest.raises(ConditionFailed):
        trail().begin(other)
    with pytest.raises(ConditionFailed):
        trail().end(entry.id, Outcome(409, "conflict"))
    read = trail().get(entry.id)
    assert (read.actor, read.result) == (ADA, "done")


def test_entries_are_found_by_actor_thing_route_and_day() -> None:
    day_before = kept(NOW - timedelta(days=1), BOB, "PATCH /admin/products/{id}", id=PRODUCT)
    settings = kept(NOW)
    product = kept(NOW + timedelta(minutes=1), ADA, "PATCH /admin/products/{id}", id=PRODUCT)
    made = kept(NOW + timedelta(minutes=2), BOB, "POST /admin/products")
    trail().end(made, Outcome(201, made=PRODUCT))

    def ids(**wanted: str) -> list[str]:
        return [entry.id for entry in listed(**wanted)]

    assert ids() == [made, product, settings, day_before]
    assert ids(actor=BOB.id) == [made, day_before]
    assert ids(about=PRODUCT) == [made, product, day_before]
    assert ids(about=PRODUCT, actor=ADA.id) == [product]
    assert ids(route="PUT /admin/settings") == [settings]
    assert ids(day="2026-02-28") == [day_before]
    assert ids(day="2026-03-01", actor=BOB.id) == [made]
    assert ids(day="2026-02-31") == []


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(actor=ADA.id), Wanted(about=PRODUCT)])
def test_pages_go_back_over_the_months_and_show_each_entry_once(wanted: Wanted) -> None:
    ids = [kept(NOW - timedelta(days=20 * n), id=PRODUCT) for n in range(3)]
    page = partial(trail().newest, wanted, NOW + timedelta(days=90), limit=2)
    first, last = page()
    second, end = page(before=last)
    assert [entry.id for entry in [*first, *second]] == ids
    assert (len(first), end) == (2, None)


def test_a_page_looks_at_no_more_than_it_may_and_says_where_to_go_on() -> None:
    found = kept(NOW - timedelta(days=1), BOB, "PATCH /admin/products/{id}")
    for minute in range(3):
        kept(NOW + timedelta(minutes=minute))
    wanted = Wanted(route="PATCH /admin/products/{id}")
    hurried = AuditTrail(table("audit"), looked_at_max=2)
    nothing, last = hurried.newest(wanted, NOW, limit=5)
    (entry,), _ = hurried.newest(wanted, NOW, limit=5, before=last)
    assert (nothing, entry.id) == ([], found)


def test_an_id_that_is_none_is_not_found() -> None:
    after_all_time = f"audit_{'z' * 36}"
    for unknown in ("audit_x", new_id("audit", NOW), PRODUCT, after_all_time):
        with pytest.raises(NotFound):
            trail().get(unknown)
