"""HTTP shapes of the audit trail."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, Field

from commerce.audit.model import Entry, Outcome, Result
from commerce.pages import Page, PageQuery
from commerce.texts import WORD_PATTERN, WORDS_PATTERN

_DAY_PATTERN = "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$"


class ActorView(BaseModel):
    """Who asked."""

    kind: Literal["staff", "key"]
    id: str
    name: str = Field(description="A member of staff's e-mail address, or a key's name.")
    roles: list[str]
    scopes: list[str]


class ChangeView(BaseModel):
    """One field that differs."""

    path: str = Field(examples=["$.variants[0].prices.GBP"])
    before: Any = Field(default=None, description="Absent where it was not there.")
    after: Any = Field(default=None, description="Absent where it is not there any more.")


class AuditEntryView(BaseModel):
    """One operation that staff or an integration asked for, and how it ended."""

    id: str
    at: str
    actor: ActorView
    route: str = Field(examples=["POST /admin/orders/{id}/refund"])
    path: dict[str, str] = Field(description="The path's parameters.")
    made: str | None = Field(default=None, description="The id of what was made or found.")
    result: Result = Field(
        description="`requested`: it is at work, or broke off, and nobody knows how far it came. "
        "`refused`: it changed nothing. `failed`: it may have been carried out in part."
    )
    status: int | None = Field(default=None, description="The status of the answer.")
    code: str | None = Field(default=None, description="The code of the refusal.")
    repeated: bool = Field(
        default=False, description="Answered before under its `Idempotency-Key`; changed nothing."
    )
    changes: list[ChangeView] = Field(description="The fields of the thing that differ.")
    changes_left_out: int = Field(default=0, description="How many more there were.")
    ended_at: str | None = None
    ip: str
    user_agent: str
    request_id: str
    idempotency_key: str | None = Field(default=None, description="The key's digest.")


class AuditEntryList(Page):
    """A page of entries, newest first."""

    items: list[AuditEntryView]


class AuditQuery(PageQuery):
    """Which entries to list; all conditions must hold."""

    actor: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        pattern=WORD_PATTERN,
        description="The id of a member of staff or of an API key.",
    )
    about: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        pattern=WORD_PATTERN,
        description="The id of what was changed: as in the path, or what the call made.",
    )
    route: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        pattern=WORDS_PATTERN,
        examples=["PUT /admin/settings"],
    )
    day: str | None = Field(default=None, pattern=_DAY_PATTERN, description="A day, in UTC.")


def entry_view(entry: Entry) -> AuditEntryView:
    """Show an entry."""
    return AuditEntryView.model_validate(
        {
            **vars(entry),
            "at": entry.at,
            "actor": asdict(entry.actor),
            "result": entry.result,
            "idempotency_key": entry.idempotency_key or None,
            "changes": [],
            **(_ending(entry.outcome) if entry.outcome else {}),
        }
    )


def _ending(outcome: Outcome) -> dict[str, Any]:
    facts = dict(vars(outcome))
    return {
        "ended_at": facts.pop("at"),
        **facts,
        "code": outcome.code or None,
        "made": outcome.made or None,
        "changes": [vars(each) for each in outcome.changes],
    }
