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
        "reference": ORDER,
        **changes,
    }
    level = {"available": facts["available"], "reserved": facts["reserved"], "consumed": 0}
    part = {"sku": "MUG", "location": "main", "quantity": facts["units"]}
    order = {
        "sk": "order",
        "status": facts["status"],
        "version": facts["version"],
        "totals": {"total": 500},
        "timeline": [{"status": status} for status in facts["timeline"]],
    }
    calls = [{"sk": f"call#{n}", "call": "authorize"} for n in range(facts["authorize_calls"])]
    at_provider = {"sk": "payment", "status": facts["provider"], "amount": facts["amount"]}
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
                {"sk": "details#0000", "lines": [{"sku": "MUG", "quantity": 2}]},
                order,
            ]
        },
        payments={ORDER: [{"sk": "payment", "status": facts["payment"]}]},
        books={facts["reference"]: [*calls, at_provider]},
    )


CANCELED = {
    "status": "canceled",
    "timeline": ["pending", "canceling", "canceled"],
    "version": 3,
    "available": 5,
    "reserved": 0,
    "reservation": "released",
    "payment": "voided",
    "provider": "voided",
}


@pytest.mark.parametrize("changes", [{}, CANCELED])
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
        pytest.param({"provider": "voided"}, "5", id="confirmed without money"),
        pytest.param({"units": 1, "reserved": 1, "available": 4}, "5", id="less than ordered"),
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
