"""The audit at the edge: what staff and integrations change is written down before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from commerce.audit.model import (
    ENTRY_ID_PREFIX,
    USER_AGENT_CHARS_MAX,
    Actor,
    Entry,
    Outcome,
    changes_between,
)
from commerce.audit.store import AuditTrail
from commerce.clock import system_clock, to_text
from commerce.dynamo.table import Table
from commerce.entry.idempotency import digest
from commerce.entry.problems import status_of
from commerce.entry.telemetry import count, logger
from commerce.environment import environment
from commerce.errors import AuditUnavailable, DomainError, InternalError, NotFound
from commerce.ids import new_id

if TYPE_CHECKING:
    from commerce.entry.http import Operation, Request


@dataclass(frozen=True)
class Answered:
    """An answer as API Gateway takes it, and the view it was made of.

    `view` is None for a repeat, which is answered with what was kept.
    """

    answer: dict[str, Any]
    view: BaseModel | None = None
    repeated: bool = False


def audited(
    declared: Operation, request: Request[Any, Any], act: Callable[[], Answered]
) -> dict[str, Any]:
    """Do what is asked for, between two entries of the audit trail.

    Raises
    ------
    AuditUnavailable
        The trail takes no entry, and nothing was done.
    """
    if not declared.audited:
        return act().answer
    entry = _begin(declared, request)
    ended = Outcome(500, InternalError.code())
    try:
        before = _shown_before(declared, request)
        done = act()
        ended = _outcome(declared, request, before, done)
    except DomainError as error:
        ended = Outcome(status_of(type(error)), error.code())
        raise
    finally:
        _end(entry, ended)
    return done.answer


def _begin(declared: Operation, request: Request[Any, Any]) -> Entry:
    caller, key = request.caller, request.headers.get("idempotency-key", "").strip()
    entry = Entry(
        new_id(ENTRY_ID_PREFIX, system_clock()),
        Actor(
            caller.kind,
            caller.id,
            caller.name,
            tuple(sorted(caller.roles)),
            tuple(sorted(caller.scopes)),
        ),
        declared.route,
        request.request_id,
        request.ip,
        request.user_agent[:USER_AGENT_CHARS_MAX],
        digest(key) if key else "",
        request.path,
    )
    try:
        _trail().begin(entry)
    except Exception as error:
        logger.exception("the audit trail takes no entry")
        raise AuditUnavailable(
            "nothing was changed: what changes must be written to the audit trail, and it is busy"
        ) from error
    return entry


def _shown_before(declared: Operation, request: Request[Any, Any]) -> BaseModel | None:
    try:
        return declared.before(request) if declared.before else None
    except NotFound:
        return None


def _outcome(
    declared: Operation, request: Request[Any, Any], before: BaseModel | None, done: Answered
) -> Outcome:
    status = done.answer["statusCode"]
    if done.repeated:
        return Outcome(status, repeated=True)
    shown = _json(done.view)
    changes, left_out = changes_between(_json(before), None if declared.removes else shown)
    made = str((shown or {}).get("id", ""))
    return Outcome(
        status,
        made="" if made in request.path.values() else made,
        changes=changes,
        changes_left_out=left_out,
    )


def _end(entry: Entry, outcome: Outcome) -> None:
    """Write down how it ended.

    Where that fails the caller is told what came of the call all the same, for it is done;
    the entry stays without an end.
    """
    try:
        _trail().end(entry.id, replace(outcome, at=to_text(system_clock())))
    except Exception:
        logger.exception("an audit entry has no end", extra={"audit_entry_id": entry.id})
        count("AuditEntryWithoutEnd")


def _json(view: BaseModel | None) -> dict[str, Any] | None:
    return view.model_dump(mode="json", by_alias=True, exclude_none=True) if view else None


@cache
def _trail() -> AuditTrail:
    return AuditTrail(Table(environment().audit_table))
