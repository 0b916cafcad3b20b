"""The check that the deployed shop adds up finds each way in which it may not."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.invariants import Tables, violations

ORDER = "order_1"


def _shop(**changes: Any) -> Tables:
    """Build a shop with one confirmed order of two units, with some facts changed."""
    facts: dict[str, Any] = {
        "status": "confirmed",
        "timeline": ["pending", "confirmed"],
        "version": 2,
        "available": 3,
        "reserved": 2,
        "added": 5,
        "reservation": "held",
        "units": 2,
        "payment": "authorized",
        "provider": "authorized",
        "amount": 500,
        "authorize_calls": 1,
        "captured": 0,
        "recorded": None,
        "booked": None,
        "balance": None,
        "debit": None,
        "reference": ORDER,
        "parcel": "open",
        "waits": "open",
        "gone": 0,
        "stopped": [],
        **changes,
    }
    level = {
        "available": facts["available"],
        "reserved": facts["reserved"],
        "consumed": facts["gone"],
    }
    part = {"sku": "MUG", "location": "main", "quantity": facts["units"]}
    order = {
        "sk": "order",
        "status": facts["status"],
        "version": facts["version"],
        "totals": {"total": 500},
        "timeline": [{"status": status} for status in facts["timeline"]],
        "allocated_at": "2026-03-01T10:00:00.000Z",
    }
    parcel = {
        "id": "fulfillment_1_1",
        "sk": "fulfillment#0001",
        "status": facts["parcel"],
        "units": {"line_1": 2},
        "amount": 0,
        "settled": False,
    }
    order["timeline"] += [
        {"status": status, "part": parcel["id"]}
        for status in dict.fromkeys(["open", facts["parcel"]])
    ]
    calls = [{"sk": f"call#{n}", "call": "authorize"} for n in range(facts["authorize_calls"])]
    captured = facts["captured"]
    recorded, booked, debit, balance = (
        captured if facts[name] is None else facts[name]
        for name in ("recorded", "booked", "debit", "balance")
    )
    at_provider = {
        "sk": "payment",
        "status": facts["provider"],
        "amount": facts["amount"],
        "captured": captured,
        "refunded": 0,
    }
    cash = {"account": "cash_at_provider", "debit": booked, "credit": 0}
    revenue = {"account": "revenue", "debit": 0, "credit": debit}
    entry = {"sk": "entry#1", "entry_id": "1", "currency": "GBP", "lines": [cash, revenue]}
    return Tables(
        stock={
            "sku#MUG": [
                {"sk": "adjustment#1", "location": "main", "delta": facts["added"]},
                {"sk": "stock", "sku": "MUG", "locations": {"main": level}},
            ],
            f"order#{ORDER}": [
                {"sk": "reservation#0", "status": facts["reservation"], "allocations": [part]}
            ],
        },
        orders={
            ORDER: [
                {
                    "sk": "details#0000",
                    "lines": [{"line_id": "line_1", "sku": "MUG", "quantity": 2}],
                },
                order,
                parcel,
                {"sk": "wait#fulfillment#0001#a", "status": facts["waits"]},
            ]
        },
        payments={
            ORDER: [
                {"sk": "payment", "status": facts["payment"], "captured": recorded},
                {"sk": "capture#1", "status": "done", "amount": recorded, "by": "staff"},
            ]
        },
        books={facts["reference"]: [*calls, at_provider]},
        ledger={
            f"order#{ORDER}": [entry],
            "account#cash_at_provider#0": [_balance("cash_at_provider", balance, 0)],
            "account#revenue#0": [_balance("revenue", 0, captured)],
        },
        stopped=facts["stopped"],
    )


def _balance(account: str, debits: int, credits_: int) -> dict[str, Any]:
    return {
        "pk": f"account#{account}#0",
        "sk": "balance#GBP",
        "debits": debits,
        "credits": credits_,
    }


CAPTURED = {"payment": "captured", "provider": "captured", "captured": 500}
CANCELED = {
    "status": "canceled",
    "timeline": ["pending", "canceling", "canceled"],
    "version": 3,
    "available": 5,
    "reserved": 0,
    "reservation": "released",
    "payment": "voided",
    "provider": "voided",
    "parcel": "canceled",
}


@pytest.mark.parametrize("changes", [{}, CAPTURED, CANCELED])
def test_a_shop_that_adds_up_has_no_violation(changes: dict[str, Any]) -> None:
    assert violations(_shop(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        pytest.param({"available": -1, "added": 1}, "1", id="oversold"),
        pytest.param({"added": 6}, "1", id="a unit lost"),
        pytest.param({"reserved": 3, "available": 2}, "1", id="reserved for nobody"),
        pytest.param({"reservation": "half"}, "2", id="neither held nor released"),
        pytest.param({"authorize_calls": 2}, "3", id="charged twice"),
        pytest.param({"amount": 499}, "3", id="another amount than the total"),
        pytest.param({"reference": "order_2"}, "3", id="a payment of no order"),
        pytest.param({**CAPTURED, "recorded": 400}, "4", id="a capture not recorded"),
        pytest.param({**CAPTURED, "booked": 400, "debit": 400}, "4", id="a capture not booked"),
        pytest.param({**CAPTURED, "debit": 400}, "4", id="an entry that does not balance"),
        pytest.param({**CAPTURED, "balance": 499}, "4", id="a balance off its entries"),
        pytest.param({"provider": "voided"}, "5", id="confirmed without money"),
        pytest.param({"units": 1, "reserved": 1, "available": 4}, "2", id="less than ordered"),
        pytest.param({"gone": 1, "available": 2}, "1", id="a unit gone that nobody sent"),
        pytest.param({"waits": "packed"}, "6", id="a parcel nobody waits for"),
        pytest.param({"stopped": ["order_1-3"]}, "6", id="an execution that stopped silently"),
        pytest.param({**CANCELED, "provider": "authorized"}, "5", id="canceled with money"),
        pytest.param(
            {**CANCELED, "reservation": "held", "reserved": 2, "available": 3},
            "5",
            id="canceled with stock",
        ),
        pytest.param({**CANCELED, "status": "canceling"}, "6", id="left in flight"),
        pytest.param({"timeline": ["canceling", "confirmed"]}, "8", id="an illegal edge"),
        pytest.param({"version": 1}, "8", id="a version that did not rise"),
    ],
)
def test_what_does_not_add_up_is_named(changes: dict[str, Any], number: str) -> None:
    found = violations(_shop(**changes))

    assert any(f"{number}: " in each for each in found), found
