"""The audit table: entries are put into it once, and never changed or taken out.

=============  ============  ===================================
what           pk            sk
=============  ============  ===================================
an entry       `<month>`     `<time>#<entry id>#requested`
its end        `<month>`     `<time>#<entry id>#ended`
=============  ============  ===================================

Month and time are those of the entry's beginning, and follow from its id.

=================================  =========================================================
question                           answered by
=================================  =========================================================
an entry                           the keys, which follow from its id
all entries, newest first          a query a month, backwards
entries of a day                   a query of its month
entries of an actor                index `by_actor`: `actor_id`, `sk`
entries about a thing              index `by_thing`: `about`, `sk`; where the call made
                                   the thing, its end names it
entries of a route                 one of these, and what is of another route is passed over
=================================  =========================================================

The indexes hold keys alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

from commerce.audit.model import ENTRY_ID_PREFIX, Actor, Change, Entry, Outcome
from commerce.clock import to_text
from commerce.dynamo.table import Item, Key, Put, Table
from commerce.errors import NotFound
from commerce.ids import is_id, time_of

BY_ACTOR = "by_actor"
BY_THING = "by_thing"
REQUESTED = "requested"
ENDED = "ended"

# An entry has one beginning and one end, and both stay as they were written.
NOT_WRITTEN_YET = "attribute_not_exists(#pk)"
# No shop is older: a walk back through the months ends here.
TRAIL_BEGINS = "2026-01"
# What is passed over costs as much as what is listed, so a page has looked at no more.
LOOKED_AT_MAX = 1000
_PASSED_OVER_AT_A_TIME = 50
# An entry has a beginning and an end; one item more tells that an entry ends there.
_PARTS = 2
# Below and above every place of a month: a time begins with a digit.
_FIRST, _LAST = "0", "~"


@dataclass(frozen=True)
class Wanted:
    """Which entries to list; all conditions must hold, and None is none.

    `actor` and `about` are ids, `day` is written as 2026-11-23.
    """

    actor: str | None = None
    about: str | None = None
    route: str | None = None
    day: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Tell whether an entry is one of them."""
        return (
            self.actor in {None, entry.actor.id}
            and (self.about is None or self.about in entry.about)
            and self.route in {None, entry.route}
            and (self.day is None or entry.at.startswith(self.day))
        )


def entry_key(entry_id: str, part: str) -> Key:
    """Where an entry's beginning or end stands."""
    at = to_text(time_of(entry_id))
    return {"pk": _month(at), "sk": f"{at}#{entry_id}#{part}"}


class AuditTrail:
    """What was asked for and how it ended.

    Parameters
    ----------
    looked_at_max
        How many entries a page may look at to find those that are wanted.
    """

    def __init__(self, table: Table, looked_at_max: int = LOOKED_AT_MAX) -> None:
        self._table = table
        self._looked_at_max = looked_at_max

    def begin(self, entry: Entry) -> None:
        """Write down what is asked for.

        Raises
        ------
        ConditionFailed
            There is such an entry.
        """
        facts = {name: fact for name, fact in asdict(entry).items() if name != "outcome"}
        (about, *_) = [*entry.path.values(), ""]
        item = {**entry_key(entry.id, REQUESTED), **facts, "actor_id": entry.actor.id}
        self._table.put(Put(item | _about(about), NOT_WRITTEN_YET))

    def end(self, entry_id: str, outcome: Outcome) -> None:
        """Write down how it ended.

        Raises
        ------
        ConditionFailed
            It has ended.
        """
        changes = json.dumps([[each.path, each.before, each.after] for each in outcome.changes])
        item = {**entry_key(entry_id, ENDED), "id": entry_id, **vars(outcome), "changes": changes}
        self._table.put(Put(item | _about(outcome.made), NOT_WRITTEN_YET))

    def get(self, entry_id: str) -> Entry:
        """Read an entry.

        Raises
        ------
        NotFound
            There is none.
        """
        if is_id(entry_id, ENTRY_ID_PREFIX):
            with suppress(OverflowError):  # of a time that no calendar has
                for entry in self._read([entry_id]):
                    return entry
        raise NotFound("there is no such audit entry")

    def newest(
        self, wanted: Wanted, now: datetime, *, limit: int, before: str | None = None
    ) -> tuple[list[Entry], str | None]:
        """Read a page of entries, newest first.

        Parameters
        ----------
        before
            The entry after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The entries, and the id to go on from, None on the last page. Where few of the
            entries are wanted, a page may have fewer than `limit` and still not be the last.
        """
        found: list[Entry] = []
        last = None
        walk = self._walk(wanted, now, before, limit + 1)
        for looked_at, entry in enumerate(walk, 1):
            if len(found) == limit:
                return found, last
            if wanted.takes(entry):
                found.append(entry)
            last = entry.id
            if looked_at == self._looked_at_max:
                return found, last
        return found, None

    def _walk(
        self, wanted: Wanted, now: datetime, before: str | None, entries: int
    ) -> Iterator[Entry]:
        """Give entries that may be wanted, newest first, from a place on; so many at a time."""
        if wanted.route is not None:
            entries = _PASSED_OVER_AT_A_TIME
        high = _place(before) if before else _LAST
        if wanted.about is not None:
            return self._of_index(BY_THING, "about", wanted.about, wanted.day, high, entries)
        if wanted.actor is not None:
            return self._of_index(BY_ACTOR, "actor_id", wanted.actor, wanted.day, high, entries)
        newest = _month(high if before else to_text(now))
        return self._of_months(newest, wanted.day, high, entries)

    def _of_months(self, newest: str, day: str | None, high: str, entries: int) -> Iterator[Entry]:
        for month in [_month(day)] if day else _months_back(newest):
            items = self._table.query(
                "#pk = :month AND #sk BETWEEN :low AND :high",
                {"month": month, **_between(day, high)},
                newest_first=True,
                page_size=_PARTS * entries + 1,
            )
            for _, parts in groupby(items, lambda item: item["id"]):
                yield from _entries(list(parts))

    def _of_index(
        self, index: str, attribute: str, value: str, day: str | None, high: str, entries: int
    ) -> Iterator[Entry]:
        keys = self._table.query(
            f"#{attribute} = :value AND #sk BETWEEN :low AND :high",
            {"value": value, **_between(day, high)},
            index=index,
            newest_first=True,
            page_size=_PARTS * entries + 1,
        )
        # An entry and its end may both be about the thing.
        ids = (entry_id for entry_id, _ in groupby(keys, lambda key: key["sk"].split("#")[1]))
        while chunk := list(islice(ids, entries)):
            yield from self._read(chunk)

    def _read(self, entry_ids: Sequence[str]) -> list[Entry]:
        keys = [entry_key(each, part) for each in entry_ids for part in (REQUESTED, ENDED)]
        items = self._table.get_many(keys, consistent=True)
        return _entries(sorted(items, key=lambda item: str(item["sk"]), reverse=True))


def _month(text: str) -> str:
    return text[:7]


def _months_back(newest: str) -> Iterator[str]:
    month = newest
    while month >= TRAIL_BEGINS:
        yield month
        month = f"{datetime.fromisoformat(f'{month}-01') - timedelta(days=1):%Y-%m}"


def _between(day: str | None, high: str) -> dict[str, str]:
    """Give the bounds of the places of a day, or of all days, below one place."""
    return {"low": day or _FIRST, "high": min(high, f"{day or ''}{_LAST}")}


def _place(entry_id: str) -> str:
    return entry_key(entry_id, "")["sk"].rstrip("#")


def _about(thing: str) -> dict[str, str]:
    # An index's key must not be empty.
    return {"about": thing} if thing else {}


def _entries(items: Sequence[Item]) -> list[Entry]:
    """Join entries, newest first, with their ends; an end without its beginning is no entry."""
    ends = {item["id"]: _outcome(item) for item in items if item["sk"].endswith(ENDED)}
    return [_entry(item, ends.get(item["id"])) for item in items if item["sk"].endswith(REQUESTED)]


def _entry(item: Item, outcome: Outcome | None) -> Entry:
    known = {name: item[name] for name in Entry.__dataclass_fields__ if name in item}
    actor = {**item["actor"], "roles": tuple(item["actor"]["roles"])}
    return Entry(
        **{
            **known,
            "actor": Actor(**{**actor, "scopes": tuple(actor["scopes"])}),
            "outcome": outcome,
        }
    )


def _outcome(item: Item) -> Outcome:
    known: dict[str, Any] = {
        name: item[name] for name in Outcome.__dataclass_fields__ if name in item
    }
    changes = tuple(Change(*each) for each in json.loads(item["changes"]))
    return Outcome(**{**known, "changes": changes})
