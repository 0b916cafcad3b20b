"""What a call made, by the call: its repeat makes the same thing, and so not another one.

The answers that are kept for repeats are no help where a function died before its answer
was kept. So the id of what a call makes is set down before it is made, beside the things
themselves:

| pk           | sk     | read by                             |
|--------------|--------|-------------------------------------|
| `call#…`     | `call` | the same call, when it comes again  |
"""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import randbits

from commerce.dynamo.table import ConditionFailed, Item, Put, Table
from commerce.ids import RandomBits, new_id

# DynamoDB may take long to remove what has expired; the caller's time is passed by then.
_NOT_SET_DOWN = "attribute_not_exists(#pk) OR #expires_at <= :now"
_STILL_THE_SAME = "#made = :seen"


class Calls:
    """The calls that made something in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def id_for(
        self,
        call: str,
        prefix: str,
        now: datetime,
        *,
        keep: timedelta | None = None,
        random_bits: RandomBits = randbits,
    ) -> str:
        """Give the id of what a call makes: a new one, or the one that was given to it first.

        Parameters
        ----------
        call
            What tells the call from all others but its repeats; a call of its own where empty.
        prefix
            The kind of thing, as `new_id` takes it.
        keep
            For how long the call is known; for good where None.
        """
        made = new_id(prefix, now, random_bits)
        if not call:
            return made
        item: Item = {**_key(call), "made": made}
        if keep is not None:
            item["expires_at"] = int((now + keep).timestamp())
        try:
            self._table.put(Put(item, _NOT_SET_DOWN, {"now": int(now.timestamp())}))
        except ConditionFailed as earlier:
            return str((earlier.item or item)["made"])
        return made


def made_instead(call: str, seen: str, made: str) -> Put:
    """Say that a call makes another thing than was set down, for a transaction with that thing."""
    return Put({**_key(call), "made": made}, _STILL_THE_SAME, {"seen": seen})


def _key(call: str) -> dict[str, str]:
    return {"pk": f"call#{call}", "sk": "call"}
