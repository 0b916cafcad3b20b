"""An entry of the audit trail: one operation that staff, or an integration, asked for.

An entry is begun before the operation runs and ended after it. One without an end says
that nobody knows the outcome: the function died in between, or is at work this moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from commerce.clock import to_text
from commerce.ids import time_of

ENTRY_ID_PREFIX = "audit"

Result = Literal["requested", "done", "refused", "failed"]

# Buyers' and other people's data, and secrets: that they changed is kept, and not how.
REDACTED_FIELDS = frozenset(
    {
        "address",
        "addresses",
        "buyer",
        "destination",
        "email",
        "extended_address",
        "fields",  # of a signed form, which opens the imports bucket
        "first_name",
        "last_name",
        "name",
        "order_token",
        "organization",
        "password",
        "phone",
        "phone_number",
        "secret",
        "street_address",
        "token",
    }
)
REDACTED = "[redacted]"

USER_AGENT_CHARS_MAX = 256
_TEXT_CHARS_MAX = 500
# An item of the table has room for 400 KB.
_CHANGES_BYTES_MAX = 200_000

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Actor:
    """Who asked: a member of staff, or an integration by its key."""

    kind: str
    id: str
    name: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One field that differs; None where it was not there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Outcome:
    """How an operation ended.

    `code` is that of the problem it was refused with. `repeated` is a call that was
    answered before under its idempotency key, and did nothing. `made` is the id of what it
    was about, where the path does not say.
    """

    status: int
    code: str = ""
    at: str = ""
    repeated: bool = False
    made: str = ""
    changes: tuple[Change, ...] = ()
    changes_left_out: int = 0


@dataclass(frozen=True)
class Entry:
    """Who asked for what, from where, and how it ended.

    `idempotency_key` is a digest: a key is the caller's own text. `path` are the path's
    parameters by name.
    """

    id: str
    actor: Actor
    route: str
    request_id: str
    ip: str = ""
    user_agent: str = ""
    idempotency_key: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None

    @property
    def at(self) -> str:
        """When it was asked for."""
        return to_text(time_of(self.id))

    @property
    def about(self) -> frozenset[str]:
        """Ids of what it changed or was to change."""
        made = self.outcome.made if self.outcome else ""
        return frozenset(filter(None, (*self.path.values(), made)))

    @property
    def result(self) -> Result:
        """How it ended in a word; what failed may have been carried out in part."""
        if self.outcome is None:
            return "requested"
        if self.outcome.status < 400:
            return "done"
        return "refused" if self.outcome.status < 500 else "failed"


def changes_between(before: Json | None, after: Json | None) -> tuple[tuple[Change, ...], int]:
    """Give the fields that differ in two views of a thing, and how many were left out.

    Parameters
    ----------
    before, after
        What a view shows, as JSON; None where there was nothing, or is nothing any more.

    Returns
    -------
    tuple
        The changes, with texts of more than 500 characters cut off and personal data and
        secrets told as `[redacted]`; and how many more there were than an entry holds.
    """
    return _that_fit(_differences("$", before or {}, after or {}))


def _differences(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    shapes = {type(value) for value in (before, after) if value is not None}
    if shapes in ({dict}, {list}):
        old, new = _parts(before), _parts(after)
        for name in {**old, **new}:
            yield from _difference(path, name, old.get(name), new.get(name))
    elif shapes & {dict, list}:
        # Taken apart one by one, so that nothing inside is told that is not to be.
        yield from _differences(path, before, None)
        yield from _differences(path, None, after)
    else:
        yield Change(path, _cut(before), _cut(after))


def _difference(path: str, name: str | int, before: Any, after: Any) -> Iterator[Change]:
    if name not in REDACTED_FIELDS:
        step = f"[{name}]" if isinstance(name, int) else f".{name}"
        yield from _differences(path + step, before, after)
    elif before != after:
        hidden = [None if value is None else REDACTED for value in (before, after)]
        yield Change(f"{path}.{name}", *hidden)


def _parts(value: Any) -> dict[Any, Any]:
    return dict(enumerate(value)) if isinstance(value, list) else dict(value or {})


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _TEXT_CHARS_MAX:
        return f"{value[:_TEXT_CHARS_MAX]}…"
    return value


def _that_fit(changes: Iterable[Change]) -> tuple[tuple[Change, ...], int]:
    kept, left_out, size = [], 0, 0
    for change in changes:
        size += len(json.dumps([change.path, change.before, change.after]).encode())
        if size > _CHANGES_BYTES_MAX:
            left_out += 1
        else:
            kept.append(change)
    return tuple(kept), left_out
