"""The reconciliation table.

===================  =================  =======================
what                 pk                 sk
===================  =================  =======================
a run                `runs`             `<run id>`
a finding            `<run id>`         `finding#<finding id>`
===================  =================  =======================

==============================  ==============================================
question                        answered by
==============================  ==============================================
runs, newest first              a query of `runs`: a run's id begins with its time
what a run found                a query by run id
==============================  ==============================================

A run a night, and one now and then by hand: one partition holds all runs for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from commerce.clock import to_text
from commerce.dynamo.table import ConditionFailed, Item, Key, Put, Table, Update
from commerce.errors import NotFound
from commerce.ids import is_id
from commerce.reconciliation.model import RUNNING, Finding, Run

RUNS = "runs"
RUN_ID_PREFIX = "reconciliation"

NOT_FOUND_YET = "attribute_not_exists(#pk)"
STILL_RUNNING = "#status = :running"


def run_key(run_id: str) -> Key:
    """Where a run stands."""
    return {"pk": RUNS, "sk": run_id}


def finding_key(run_id: str, finding: Finding) -> Key:
    """Where a finding of a run stands: in one place, however often it is found."""
    return {"pk": run_id, "sk": f"finding#{finding.finding_id}"}


class ReconciliationStore:
    """Runs, and what they found."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, run: Run) -> Run:
        """Record that a run begins; one of this id that began before stays as it is."""
        try:
            self._table.put(Put(_run_item(run), NOT_FOUND_YET))
        except ConditionFailed as before:
            return _run(before.item) if before.item else run
        return run

    def fail(self, run: Run) -> None:
        """Record that a run could not begin."""
        self._table.put(Put(_run_item(run)))

    def record(self, run_id: str, finding: Finding) -> None:
        """Record what was found, once; a repeat never takes back that it was repaired."""
        item = {**finding_key(run_id, finding), **asdict(finding)}
        try:
            self._table.put(Put(item, NOT_FOUND_YET))
        except ConditionFailed:
            return

    def record_repaired(self, run_id: str, finding: Finding) -> None:
        """Record that what was found is right again."""
        self._table.update(
            Update(finding_key(run_id, finding), "SET #repaired = :yes", values={"yes": True})
        )

    def end(self, run_id: str, status: str, checked: int, now: datetime) -> Run:
        """Record how a run ended, with what it found; repeated, once."""
        found = list(self.findings(run_id))
        values = {
            "status": status,
            "ended_at": to_text(now),
            "checked": checked,
            "found": len(found),
            "unrepaired": sum(not one.repaired for one in found),
        }
        sets = ", ".join(f"#{name} = :{name}" for name in values)
        update = Update(
            run_key(run_id), f"SET {sets}", STILL_RUNNING, {**values, "running": RUNNING}
        )
        try:
            return _run(self._table.update(update))
        except ConditionFailed as failed:
            return _run(failed.item or {})

    def get(self, run_id: str) -> Run:
        """Read a run.

        Raises
        ------
        NotFound
            There is no such run.
        """
        item = self._table.get(run_key(run_id)) if is_id(run_id, RUN_ID_PREFIX) else None
        if item is None:
            raise NotFound("there is no such reconciliation")
        return _run(item)

    def newest(self, *, limit: int, before: str | None = None) -> tuple[list[Run], str | None]:
        """Read a page of runs, newest first, and the id to go on from."""
        start = dict(run_key(before)) if before else None
        items, last = self._table.query_page(
            "#pk = :runs", {"runs": RUNS}, limit=limit, start=start, newest_first=True
        )
        return [_run(item) for item in items], last["sk"] if last else None

    def findings(self, run_id: str) -> Iterator[Finding]:
        """Walk all that a run found."""
        items = self._table.query("#pk = :run", {"run": run_id}, consistent=True)
        return (_finding(item) for item in items)

    def findings_page(
        self, run_id: str, *, limit: int, after: str | None = None
    ) -> tuple[list[Finding], str | None]:
        """Read a page of what a run found, and the place to go on from."""
        start: Item | None = {"pk": run_id, "sk": after} if after else None
        items, last = self._table.query_page(
            "#pk = :run", {"run": run_id}, limit=limit, start=start
        )
        return [_finding(item) for item in items], last["sk"] if last else None


def _run_item(run: Run) -> Item:
    facts = {name: value for name, value in asdict(run).items() if value is not None}
    return {**facts, **run_key(run.run_id)}


def _run(item: Mapping[str, Any]) -> Run:
    return Run(**{name: value for name, value in item.items() if name not in ("pk", "sk")})


def _finding(item: Mapping[str, Any]) -> Finding:
    return Finding(**{name: value for name, value in item.items() if name not in ("pk", "sk")})
