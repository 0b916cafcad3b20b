"""The check that an order's parts add up finds each way in which they may not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from e2e.parts import Moved, Parts, violations

PARCEL, SHORT, WISH = "fulfillment_1_1", "cancellation_1_1", "return_1_1"
SENT = ("open", "packed", "shipped", "delivered")
SENT_BACK = ("requested", "approved", "received", "refunding", "refunded")


def _found(**changes: Any) -> list[str]:
    """Check an order of three mugs: two sent, one not found, one back, with some facts changed."""
    facts: dict[str, Any] = {
        "order": "completed",
        "allocated": {"allocated_at": "2026-03-01T10:00:00.000Z"},
        "charged": {},
        "parcel": SENT,
        "packed_units": 2,
        "settled": True,
        "wish": SENT_BACK,
        "came_in": 1,
        "waits": {},
        "held": 0,
        "consumed": 2,
        "given_up": 1,
        "restocked": 1,
        "captured": 200,
        "refunded": 90,
        "waived": 0,
        "let_go": 100,
        "by": "fulfil_order",
        "stranger": [],
        **changes,
    }
    history = [
        *({"status": status, "part": PARCEL} for status in facts["parcel"]),
        {"status": "canceled", "part": SHORT},
        *({"status": status, "part": WISH} for status in facts["wish"]),
        *facts["stranger"],
    ]
    mugs = {"line_1": 1}
    items = [
        {
            "sk": "order",
            "status": facts["order"],
            "timeline": history,
            **facts["allocated"],
            **facts["charged"],
        },
        {"sk": "details#0000", "lines": [{"line_id": "line_1", "sku": "MUG", "quantity": 3}]},
        {
            "id": PARCEL,
            "sk": "fulfillment#0001",
            "status": facts["parcel"][-1],
            "units": {"line_1": facts["packed_units"]},
            "amount": 200,
            "settled": facts["settled"],
        },
        {
            "id": SHORT,
            "sk": "cancellation#0001",
            "parts": {"main": mugs},
            "amounts": {"line_1": 100},
        },
        {
            "id": WISH,
            "sk": "return#0001",
            "status": facts["wish"][-1],
            "units": mugs,
            "restocked": {"line_1": facts["came_in"]},
            "amount": 90,
        },
        *({"sk": f"wait#{part}#a", "status": status} for part, status in facts["waits"].items()),
    ]
    calls = [
        {"sk": "capture#1", "status": "done", "amount": facts["captured"], "by": facts["by"]},
        {"sk": "refund#1", "status": "done", "amount": facts["refunded"], "by": "return_order"},
        {"sk": "refund#2", "status": "done", "amount": facts["waived"], "by": "cancel_lines"},
    ]
    moved = Moved(
        held=+Counter(MUG=facts["held"]),
        consumed=+Counter(MUG=facts["consumed"]),
        released=+Counter(MUG=facts["given_up"]),
        restocked=+Counter(MUG=facts["restocked"]),
        calls=calls,
        at_provider={"amount": 300, "captured": facts["captured"], "released": facts["let_go"]},
    )
    return list(violations(Parts.of(items), moved))


ON_ITS_WAY = {
    "order": "confirmed",
    "parcel": SENT[:3],
    "waits": {"fulfillment#0001": "shipped"},
    "let_go": 0,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        ON_ITS_WAY,
        {"captured": 250, "let_go": 50, "by": "staff"},
        {"charged": {"charged": 300}, "captured": 300, "waived": 100, "let_go": 0},
        # A person looks after it, so machines may have left anything undone.
        {"order": "requires_action", "settled": False, "consumed": 0, "captured": 0},
    ],
)
def test_parts_that_add_up_have_no_violation(changes: dict[str, Any]) -> None:
    assert _found(**changes) == []


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        pytest.param({"packed_units": 1}, "2", id="a unit in no part"),
        pytest.param({"consumed": 1}, "2", id="sent, and not gone from the stock"),
        pytest.param({"consumed": 3}, "2", id="gone twice"),
        pytest.param({"held": 1}, "2", id="held for nothing"),
        pytest.param({"given_up": 0}, "2", id="cancelled, and not given back"),
        pytest.param({"restocked": 0}, "2", id="came in, and not restocked"),
        pytest.param({"came_in": 3, "restocked": 3}, "2", id="more back than sent"),
        pytest.param({"order": "canceled"}, "2", id="sent and cancelled"),
        pytest.param({"captured": 0}, "3", id="sent, and not charged"),
        pytest.param({"captured": 400}, "3", id="charged twice"),
        pytest.param({"refunded": 0}, "3", id="refunded in words only"),
        pytest.param({"refunded": 180}, "3", id="refunded twice"),
        pytest.param({"waived": 200}, "3", id="more given back than cancelled"),
        pytest.param({"let_go": 0}, "3", id="completed, and money still held"),
        pytest.param({**ON_ITS_WAY, "let_go": 100}, "3", id="let go too early"),
        pytest.param({"allocated": {}}, "6", id="never allocated"),
        pytest.param({"settled": False}, "6", id="delivered, and not settled"),
        pytest.param({"order": "confirmed", "let_go": 0}, "6", id="never completed"),
        pytest.param({**ON_ITS_WAY, "waits": {}}, "6", id="a parcel nobody waits for"),
        pytest.param({"waits": {"return#0001": "received"}}, "6", id="waiting for the past"),
        pytest.param({"parcel": ("open", "shipped", "delivered")}, "8", id="shipped unpacked"),
        pytest.param({"parcel": SENT[1:]}, "8", id="packed before it was"),
        pytest.param({"stranger": [{"status": "open", "part": "x"}]}, "8", id="of no part"),
    ],
)
def test_parts_that_do_not_add_up_are_named(changes: dict[str, Any], number: str) -> None:
    found = _found(**changes)

    assert any(each.startswith(f"{number}: ") for each in found), found
