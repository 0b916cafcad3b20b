"""What a SKU may be written with: whatever can stand in a path, in requests and files alike."""

from __future__ import annotations

import re
from string import printable

import pytest
from pydantic import ValidationError

from commerce.catalog import csv_cells, model
from commerce.catalog.schema import NewVariant

SIGNS = [sign for sign in printable if " " < sign <= "~"]
LEGAL = [
    *(sign for sign in SIGNS if sign not in "/."),
    *(f"A{sign}B" for sign in (*SIGNS, " ") if sign != "/"),
    *("A.", ".A", "...", "..A", "A..", "A B", "x" * model.SKU_CHARS_MAX),
]
ILLEGAL = [
    *("", " ", ".", "..", "/", "A/B-1", "/A", "A/", "//", "a/./b"),
    *(" A", "A ", "A\tB", "A\n", "Ä", "x" * (model.SKU_CHARS_MAX + 1)),
]


def by_request(sku: str) -> str:
    return NewVariant.model_validate({"sku": sku, "prices": {"GBP": 1}}).sku


@pytest.mark.parametrize("sku", LEGAL)
def test_a_sku_that_can_stand_in_a_path_is_taken(sku: str) -> None:
    assert by_request(sku) == csv_cells.sku(sku) == sku
    assert re.fullmatch(model.SKU_PATTERN, sku)


@pytest.mark.parametrize("sku", ILLEGAL)
def test_one_that_cannot_is_refused(sku: str) -> None:
    with pytest.raises(ValidationError, match=r"no slash|at most 64"):
        by_request(sku)
    with pytest.raises(ValueError, match="without a slash"):
        csv_cells.sku(sku)


@pytest.mark.parametrize("sku", ["A/B-1", ".", ".."])
def test_one_that_was_made_before_is_still_known(sku: str) -> None:
    assert re.fullmatch(model.SKU_PATTERN, sku)
