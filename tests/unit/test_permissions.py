"""Grants against uses: what is too much, what is missing, and which exceptions are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud_in_memory import ROOT
from pushcart.permissions import (
    EXCEPTIONS,
    Excepted,
    Permission,
    Report,
    compare,
    exceptions,
    lines,
)
from pushcart.role_uses import Record, Use, read

ORDERS = "arn:aws:dynamodb:eu-west-1:1:table/shop-Orders-1A"
NAMES = {"shop-ReadRole-7": "ReadFunctionRole", "shop-Orders-1A": "OrdersTable"}


def may(*actions: str, on: str = ORDERS) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": on}]}


def did(action: str, resource: str = ORDERS, *, allowed: bool = True) -> Use:
    return Use("shop-ReadRole-7", action, resource, allowed)


def report(
    *policies: dict[str, Any], uses: list[Use], excepted: tuple[Excepted, ...] = ()
) -> Report:
    return compare({"shop-ReadRole-7": policies}, uses, NAMES, excepted)


def test_a_role_that_used_all_it_has_is_exact() -> None:
    found = report(may("dynamodb:GetItem"), uses=[did("dynamodb:GetItem")])

    assert found.is_exact
    assert len(found.granted) == len(found.used) == 1


def test_what_was_granted_and_never_used_is_named_as_in_the_template() -> None:
    found = report(may("dynamodb:GetItem", "dynamodb:Query"), uses=[did("dynamodb:GetItem")])

    assert found.never_used == {Permission("ReadFunction", "dynamodb:Query", "OrdersTable")}
    assert not found.is_exact
    assert next(iter(lines(found))) == (
        "ReadFunction: dynamodb:Query on OrdersTable: granted and never used"
    )


@pytest.mark.parametrize("allowed", [False, True])
def test_what_was_used_and_is_not_granted_is_told_though_it_once_was(*, allowed: bool) -> None:
    index = f"{ORDERS}/index/by_status"
    found = report(
        may("dynamodb:Query"),
        uses=[did("dynamodb:Query"), did("dynamodb:Query", index, allowed=allowed)],
    )

    assert found.refused == {
        Permission("ReadFunction", "dynamodb:Query", "OrdersTable/index/by_status")
    }
    assert not found.is_exact


def test_a_wildcard_is_a_fault_though_it_is_used() -> None:
    found = report(may("dynamodb:GetItem", on="*"), uses=[did("dynamodb:GetItem")])

    assert found.wildcards == {Permission("ReadFunction", "dynamodb:GetItem", "*")}
    assert not found.never_used
    assert not found.is_exact


def test_an_exception_covers_its_fault_and_is_a_fault_itself_once_nothing_is_granted() -> None:
    rule = Excepted("unused", ("Read*",), ("dynamodb:Query",), "OrdersTable", "why")
    query, get = may("dynamodb:Query"), may("dynamodb:GetItem")

    assert report(query, uses=[], excepted=(rule,)).is_exact
    assert report(query, uses=[did("dynamodb:Query")], excepted=(rule,)).is_exact
    assert report(get, uses=[did("dynamodb:GetItem")], excepted=(rule,)).needless == (rule,)


def test_uses_are_written_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "uses"
    for _ in range(2):  # the second is after a restart
        record = Record(path)
        record.add(did("dynamodb:GetItem"))
        record.add(did("dynamodb:GetItem"))
        record.add(did("dynamodb:Query", allowed=False))

    assert read(path) == [did("dynamodb:GetItem"), did("dynamodb:Query", allowed=False)]


def test_every_exception_of_the_shop_says_why() -> None:
    for each in exceptions(ROOT / EXCEPTIONS):
        assert each.kind in {"wildcard", "unused"}
        assert each.reason.endswith(".")
