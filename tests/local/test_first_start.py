"""What `make run` does, on a machine that never had a shop and on one that has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command_line import run_pushcart
from pushcart import process
from pushcart.testing import workspace_in
from pushcart.workspace import Workspace


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Workspace]:
    workspace = workspace_in(tmp_path / "state")
    yield workspace
    process.stop(workspace)


def test_a_first_start_shows_an_order_and_the_next_has_it_still(own_shop: Workspace) -> None:
    first = run_pushcart(own_shop, "up", "--detach")
    assert first.returncode == 0, first.stderr
    assert "is completed: 3 lines" in first.stdout
    steps = ["order pending", "stock reserved", "payment authorized", "order confirmed"]
    steps += ["fulfillment packed", "fulfillment shipped", "stock consumed", "payment captured"]
    steps += ["fulfillment delivered", "order completed"]
    places = [first.stdout.index(step) for step in steps]
    assert places == sorted(places)
    (before,) = json.loads(run_pushcart(own_shop, "orders", "--json").stdout)
    assert (before["status"], before["fulfillment_status"]) == ("completed", "delivered")
    run_pushcart(own_shop, "down")

    second = run_pushcart(own_shop, "up", "--detach")

    assert second.returncode == 0, second.stderr
    assert "are there already" in second.stdout
    newest, *others = json.loads(run_pushcart(own_shop, "orders", "--json").stdout)
    assert newest["id"] in second.stdout
    assert others == [before]
