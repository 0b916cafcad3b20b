"""Grants against uses: what is too much, what is missing, and which exceptions are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushcart.permissions import Permission, Report, compare, lines
from pushcart.role_uses import Record, Use, read

ORDERS = "arn:aws:dynamodb:eu-west-1:1:table/shop-Orders-1A"
LOGS = "arn:aws:logs:eu-west-1:1:log-group:/shop/functions"
NAMES = {
    "shop-ReadRole-7": "ReadFunctionRole",
    "shop-Orders-1A": "OrdersTable",
    "/shop/functions": "FunctionLogs",
}


def may(*actions: str, on: str = ORDERS) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": on}]}


def did(action: str, resource: str = ORDERS, *, allowed: bool = True) -> Use:
    return Use("shop-ReadRole-7", action, resource, allowed)


def report(*policies: dict[str, Any], uses: list[Use]) -> Report:
    return compare({"shop-ReadRole-7": policies}, uses, NAMES)


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


def test_a_log_group_stands_for_its_streams_and_is_no_wildcard() -> None:
    found = report(
        may("logs:PutLogEvents", on=f"{LOGS}:*"),
        uses=[did("logs:PutLogEvents", f"{LOGS}:log-stream:2026/11/23/read[$LATEST]7")],
    )

    assert found.is_exact
    assert found.used == {Permission("ReadFunction", "logs:PutLogEvents", "FunctionLogs")}


@pytest.mark.parametrize("group", ["*", "/shop/*", "/another/functions"])
def test_logs_beyond_the_shops_own_are_a_fault(group: str) -> None:
    arn = f"arn:aws:logs:eu-west-1:1:log-group:{group}:*"

    assert report(may("logs:PutLogEvents", on=arn), uses=[]).wildcards == {
        Permission("ReadFunction", "logs:PutLogEvents", arn)
    }


def test_uses_are_written_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "uses"
    for _ in range(2):  # the second is after a restart
        record = Record(path)
        record.add(did("dynamodb:GetItem"))
        record.add(did("dynamodb:GetItem"))
        record.add(did("dynamodb:Query", allowed=False))

    assert read(path) == [did("dynamodb:GetItem"), did("dynamodb:Query", allowed=False)]
