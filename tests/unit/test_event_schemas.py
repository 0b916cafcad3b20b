"""Published schemas stay as they are: another shape is another version."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import get_args

import pytest

from cloud_in_memory import ROOT
from commerce.events.schema import PUBLISHED, EventType, json_schemas
from pushcart import event_schemas
from pushcart.problems import CommandFailed

SCHEMAS = json_schemas()


def test_every_published_schema_is_as_it_was_published() -> None:
    files = {
        path.name.removesuffix(".json"): path.read_text()
        for path in (ROOT / event_schemas.FOLDER).glob("*.json")
    }

    assert files == {name: event_schemas.render(schema) for name, schema in SCHEMAS.items()}


def test_events_can_be_listed_by_each_published_type() -> None:
    assert {get_args(one.model_fields["type"].annotation)[0] for one in PUBLISHED} == set(
        get_args(EventType)
    )


def test_every_event_is_in_the_documented_table() -> None:
    text = (ROOT / "docs/events.md").read_text()

    assert [name for name in SCHEMAS if f"(events/{name}.json)" not in text] == []


def test_a_published_schema_cannot_be_changed(tmp_path: Path) -> None:
    event_schemas.publish(tmp_path, SCHEMAS)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    changed = deepcopy(SCHEMAS)
    del changed["stock.low.v1"]["properties"]["data"]

    with pytest.raises(CommandFailed, match=r"stock\.low\.v1.*schema_version"):
        event_schemas.publish(tmp_path, changed)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_published_schema_cannot_go(tmp_path: Path) -> None:
    event_schemas.publish(tmp_path, SCHEMAS)

    with pytest.raises(CommandFailed, match=r"stock\.low\.v1"):
        event_schemas.publish(tmp_path, {k: v for k, v in SCHEMAS.items() if k != "stock.low.v1"})


def test_a_new_version_is_published_beside_the_old_one(tmp_path: Path) -> None:
    event_schemas.publish(tmp_path, SCHEMAS)

    new = event_schemas.publish(tmp_path, {**SCHEMAS, "stock.low.v2": {"type": "object"}})

    assert new == ["stock.low.v2"]
    assert (tmp_path / "stock.low.v1.json").exists()
