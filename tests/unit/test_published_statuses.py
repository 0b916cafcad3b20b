"""The tables of statuses that people read are those the code goes by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from commerce import lifecycle
from commerce.orders.schema import OrderFulfillmentStatus, PaymentStatus, Status

PAGE = (Path(__file__).parents[2] / "docs/orders.md").read_text()

TABLES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "An order's `status`": lifecycle.ORDER,
    "An order's `payment_status`": lifecycle.ORDER_PAYMENT,
    "An order's `fulfillment_status`": lifecycle.ORDER_FULFILLMENT,
    "A payment's status": lifecycle.PAYMENT,
    "A fulfillment's status": lifecycle.FULFILLMENT,
    "A return's status": lifecycle.RETURN,
}


def published() -> dict[str, dict[str, frozenset[str]]]:
    """Read the page's tables, by their headings."""
    (section,) = re.findall(r"^## Statuses$(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    tables = {}
    for part in section.split("\n### ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", part, re.MULTILINE)
        tables[part.partition("\n")[0]] = {
            source: frozenset(re.findall(r"`(\w+)`", targets)) for source, targets in rows
        }
    return tables


def test_the_page_has_the_tables_of_the_code() -> None:
    assert published() == TABLES


@pytest.mark.parametrize(
    ("shown", "table"),
    [
        (Status, lifecycle.ORDER),
        (PaymentStatus, lifecycle.ORDER_PAYMENT),
        (OrderFulfillmentStatus, lifecycle.ORDER_FULFILLMENT),
    ],
)
def test_the_api_shows_the_statuses_of_the_tables(
    shown: object, table: Mapping[str, frozenset[str]]
) -> None:
    assert set(get_args(shown)) == set(table)
