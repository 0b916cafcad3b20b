"""The table of API keys.

| pk     | sk      | read by                                                  |
|--------|---------|----------------------------------------------------------|
| `keys` | `key_…` | one: a get, at each call with a key; all, newest first: a |
|        |         | query, for ids sort by time                              |

A shop has a few keys, and one partition gives 3,000 reads a second.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from commerce.api_keys.model import KEY_ID_PREFIX, USE_NOTED_EVERY, ApiKey
from commerce.clock import to_text
from commerce.dynamo.calls import made_instead
from commerce.dynamo.table import (
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
)
from commerce.errors import ApiKeyNotActive, NotFound, TransactionConflict
from commerce.ids import is_id

KEYS = "keys"

# An id is made once; this only guards against two keys under one id.
IS_NEW = "attribute_not_exists(#pk)"
# A publishable key has none, and a revoked one none any more.
CAN_ROTATE = (
    "attribute_exists(#secret_hash)"
    " AND (attribute_not_exists(#rotated_for) OR #rotated_for <> :call)"
)
# The first word stands: who revoked it, and when.
NOT_REVOKED_YET = "attribute_exists(#pk) AND attribute_not_exists(#revoked_at)"
# Calls at the same moment write once.
NOT_NOTED_LATELY = (
    "attribute_exists(#pk) AND (attribute_not_exists(#last_used_at) OR #last_used_at <= :before)"
)


def key_key(key_id: str) -> Key:
    """Where a key stands."""
    return {"pk": KEYS, "sk": key_id}


class ApiKeyStore:
    """The keys in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, key_id: str) -> ApiKey | None:
        """Read a key as it is now, so that a revocation holds at once; None where there is none."""
        if not is_id(key_id, KEY_ID_PREFIX):
            return None
        item = self._table.get(key_key(key_id))
        return _from_item(item) if item else None

    def get(self, key_id: str) -> ApiKey:
        """Read a key as it is now.

        Raises
        ------
        NotFound
            There is none.
        """
        key = self.find(key_id)
        if key is None:
            raise _not_found()
        return key

    def newest(self, limit: int, before: str | None) -> tuple[list[ApiKey], str | None]:
        """Read a page of keys, newest first, and the id to go on from; None after the last."""
        start = dict(key_key(before)) if before else None
        items, last = self._table.query_page(
            "#pk = :keys", {"keys": KEYS}, limit=limit, start=start, newest_first=True
        )
        return [_from_item(item) for item in items], last["sk"] if last else None

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        self._table.put(Put(_item(key), IS_NEW))

    def add_instead(self, key: ApiKey, call: str, seen: str) -> None:
        """Keep a new key as what a call makes, in the place of one that it did not come to.

        Raises
        ------
        TransactionConflict
            Another run of the call did so first.
        """
        try:
            self._table.transact([Put(_item(key), IS_NEW), made_instead(call, seen, key.key_id)])
        except TransactionRefused:
            raise TransactionConflict("the same call is at work elsewhere") from None

    def rotate(
        self, key_id: str, secret_hash: str, overlap: timedelta, now: datetime, call: str = ""
    ) -> ApiKey:
        """Open with another secret from now on, and with the one before it until the overlap ends.

        For a `call`, once: where it was done before, the key has the hash of that time.

        Of two rotations within the overlap, the first one's secret opens on, and the one
        before that does not.

        Raises
        ------
        NotFound
            There is no such key.
        ApiKeyNotActive
            It has no secret, or was revoked.
        """
        update = Update(
            key_key(key_id),
            "SET #previous_hash = #secret_hash, #previous_until = :until, "
            "#secret_hash = :secret_hash, #rotated_at = :now, #rotated_for = :call",
            CAN_ROTATE,
            {
                "secret_hash": secret_hash,
                "until": to_text(now + overlap),
                "now": to_text(now),
                # Without a call, a rotation is one of its own.
                "call": call or secret_hash,
            },
        )
        try:
            return _from_item(self._table.update(update))
        except ConditionFailed as failed:
            if failed.item is None:
                raise _not_found() from None
            if call and failed.item.get("rotated_for") == call and "secret_hash" in failed.item:
                return _from_item(failed.item)
            raise ApiKeyNotActive("the key was revoked, or has no secret to rotate") from None

    def revoke(self, key_id: str, by: str, now: datetime) -> ApiKey:
        """Let a key open nothing any more; repeated, it stays as it was revoked first.

        Raises
        ------
        NotFound
            There is no such key.
        """
        update = Update(
            key_key(key_id),
            "SET #revoked_at = :now, #revoked_by = :by REMOVE #secret_hash, "
            "#previous_hash, #previous_until",
            NOT_REVOKED_YET,
            {"now": to_text(now), "by": by},
        )
        try:
            return _from_item(self._table.update(update))
        except ConditionFailed as failed:
            if failed.item is None:
                raise _not_found() from None
            return _from_item(failed.item)

    def note_use(self, key_id: str, now: datetime) -> None:
        """Note that a key was used, unless it was noted in the last minutes."""
        update = Update(
            key_key(key_id),
            "SET #last_used_at = :now",
            NOT_NOTED_LATELY,
            {"now": to_text(now), "before": to_text(now - USE_NOTED_EVERY)},
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return


_NOT_OF_A_KEY = {"pk", "sk", "rotated_for"}


def _item(key: ApiKey) -> Item:
    facts = {name: value for name, value in asdict(key).items() if value is not None}
    del facts["key_id"]
    return {**key_key(key.key_id), **facts, "scopes": list(key.scopes)}


def _not_found() -> NotFound:
    return NotFound("there is no such API key")


def _from_item(item: Item) -> ApiKey:
    facts = {name: value for name, value in item.items() if name not in _NOT_OF_A_KEY}
    return ApiKey(key_id=item["sk"], **{**facts, "scopes": tuple(item["scopes"])})
