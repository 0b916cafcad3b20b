"""The published schemas of events, as files that never change."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushcart.problems import CommandFailed

FOLDER = "docs/events"


def render(schema: Mapping[str, Any]) -> str:
    """Write a schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def publish(folder: Path, schemas: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write the schemas that have no file yet, and give their names.

    Raises
    ------
    CommandFailed
        A published schema would change, or has gone; nothing is written.
    """
    texts = {name: render(schema) for name, schema in schemas.items()}
    published = {path.name.removesuffix(".json"): path for path in folder.glob("*.json")}
    changed = [name for name, path in published.items() if texts.get(name) != path.read_text()]
    if changed:
        raise CommandFailed(
            f"Published schemas never change: {', '.join(sorted(changed))}. "
            "Give the new shape a new schema_version, beside the old one."
        )
    new = sorted(texts.keys() - published.keys())
    for name in new:
        (folder / f"{name}.json").write_text(texts[name])
    return new
