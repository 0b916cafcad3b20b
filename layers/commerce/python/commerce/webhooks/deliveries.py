"""The webhooks table: its deliveries; see `commerce.webhooks.endpoints` for the keys.

A delivery is on the table before anybody attempts it. The queue only rings: a message
names a delivery and the number of the attempt it asks for, and whoever raises `tried` to
that number has the attempt, so that one message, or ten, make one attempt. A message
that got lost, a worker that died and a wait too long for the queue are all found by the
same means: `due_at` in a sparse index, swept each minute. A claim is nothing else than a
`due_at` one minute ahead. So there is one truth, no lock to break, and nothing that
only a queue knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from commerce.clock import to_text
from commerce.dynamo.table import ConditionFailed, Item, Key, Put, Table, Update
from commerce.errors import DeliveryInProgress, NotFound
from commerce.ids import is_id, new_id
from commerce.webhooks.model import (
    ATTEMPTS_KEPT,
    CLAIM_LIFE,
    DELIVERY_ID_PREFIX,
    FAILED,
    KEPT,
    PENDING,
    QUEUE_GRACE,
    SUCCEEDED,
    Attempt,
    Delivery,
    Ring,
)

DUE = "due"
SHARDS = 4
_ENTRIES_A_READ = 250
_ENTRIES_MAX = 5_000

NOT_RECORDED_YET = "attribute_not_exists(#pk)"
# The number is given away once: a second message for the same attempt finds it taken.
ATTEMPT_IS_FREE = "#status = :pending AND #tried = :before"
# A worker that is very late finds that its claim ran out and a later attempt decides.
ATTEMPT_IS_OURS = "#status = :pending AND #tried = :attempt"
# A worker that died is not sending any more, whatever it left behind.
NOBODY_IS_SENDING = "(attribute_not_exists(#sending) OR #due_at <= :now)"
# Two sweeps at once: one of them rings. A sweep as of later takes no attempt under way.
STILL_DUE = f"#due_at = :seen AND {NOBODY_IS_SENDING}"
# Without this, a resend of what was just deleted would make an empty delivery.
THERE_AND_NOBODY_IS_SENDING = f"attribute_exists(#pk) AND {NOBODY_IS_SENDING}"
NOT_RESENT_FOR_IT = "(attribute_not_exists(#resent_for) OR #resent_for <> :call)"


def delivery_key(endpoint_id: str, delivery_id: str) -> Key:
    """Where a delivery stands."""
    return {"pk": endpoint_id, "sk": delivery_id}


def shard_of(delivery_id: str) -> str:
    """Name the partition of the index `due` that a pending delivery stands in."""
    return str(sum(delivery_id.encode()) % SHARDS)


class DeliveryStore:
    """What was sent to whom, and what is still to be sent."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record_once(self, delivery: Delivery, now: datetime) -> bool:
        """Record a delivery before its first attempt; tell whether it is new."""
        item = {name: value for name, value in asdict(delivery).items() if value is not None}
        del item["endpoint_id"], item["delivery_id"]
        item |= delivery_key(delivery.endpoint_id, delivery.delivery_id)
        item |= {
            "attempts": [],
            "due": shard_of(delivery.delivery_id),
            "due_at": to_text(now + QUEUE_GRACE),
            "next_attempt_at": to_text(now),
            "expires_at": int((now + KEPT).timestamp()),
        }
        try:
            self._table.put(Put(item, NOT_RECORDED_YET))
        except ConditionFailed:
            return False
        return True

    def claim(self, ring: Ring, now: datetime) -> Delivery | None:
        """Begin the attempt that a ring asks for; None where somebody has, or it is over.

        A claim holds until it runs out: then the attempt counts as made, and the sweep
        asks for the next one.
        """
        update = Update(
            delivery_key(ring.endpoint_id, ring.delivery_id),
            "SET #tried = :attempt, #sending = :yes, #due_at = :until",
            ATTEMPT_IS_FREE,
            {
                "pending": PENDING,
                "before": ring.attempt - 1,
                "attempt": ring.attempt,
                "yes": True,
                "until": to_text(now + CLAIM_LIFE),
            },
        )
        try:
            return _delivery(self._table.update(update))
        except ConditionFailed:
            return None

    def succeed(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Record that the receiver took it; tell whether this attempt still decides."""
        return self._end(delivery, attempt, SUCCEEDED)

    def fail(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Record that it is given up; tell whether this attempt still decides."""
        return self._end(delivery, attempt, FAILED)

    def _end(self, delivery: Delivery, attempt: Attempt, status: str) -> bool:
        return self._close_attempt(
            delivery,
            attempt,
            "SET #attempts = :attempts, #status = :status "
            "REMOVE #sending, #due, #due_at, #next_attempt_at",
            {"status": status},
        )

    def retry(self, delivery: Delivery, attempt: Attempt, at: datetime, due: datetime) -> bool:
        """Record a failed attempt and when the next one is; tell whether it still decides.

        Parameters
        ----------
        due
            When the sweep asks for it, if nobody did before.
        """
        return self._close_attempt(
            delivery,
            attempt,
            "SET #attempts = :attempts, #due_at = :due, #next_attempt_at = :next REMOVE #sending",
            {"due": to_text(due), "next": to_text(at)},
        )

    def due(self, as_of: datetime, now: datetime) -> Iterator[Delivery]:
        """Take the pending deliveries that are due by then, each for the caller to ring for.

        What is taken is not due again for a while, for the queue may have a backlog.
        """
        for shard in map(str, range(SHARDS)):
            entries = self._table.query(
                "#due = :shard AND #due_at <= :as_of",
                {"shard": shard, "as_of": to_text(as_of)},
                index=DUE,
            )
            for entry in entries:
                taken = self._defer(entry, as_of + QUEUE_GRACE, now)
                if taken:
                    yield taken

    def send_again(
        self, endpoint_id: str, delivery_id: str, now: datetime, call: str = ""
    ) -> Delivery:
        """Begin a new round of attempts, whatever became of those before; for a `call`, once.

        Raises
        ------
        NotFound
            There is no such delivery, or not any more.
        DeliveryInProgress
            An attempt is under way.
        """
        seen = self.get(endpoint_id, delivery_id)
        update = Update(
            delivery_key(endpoint_id, delivery_id),
            "SET #status = :pending, #round_from = #tried, #due = :shard, #due_at = :due, "
            "#next_attempt_at = :now, #expires_at = :expires, "
            "#resent_for = :call REMOVE #sending",
            f"{THERE_AND_NOBODY_IS_SENDING} AND {NOT_RESENT_FOR_IT}",
            {
                "call": call or new_id("call", now),
                "pending": PENDING,
                "shard": shard_of(seen.delivery_id),
                "due": to_text(now + QUEUE_GRACE),
                "now": to_text(now),
                "expires": int((now + KEPT).timestamp()),
            },
        )
        try:
            return _delivery(self._table.update(update))
        except ConditionFailed as failed:
            if failed.item and call and failed.item.get("resent_for") == call:
                return _delivery(failed.item)
            raise DeliveryInProgress("it is being sent at this moment") from None

    def newest(
        self, endpoint_id: str, status: str | None, *, limit: int, before: str | None = None
    ) -> tuple[list[Delivery], str | None]:
        """Read a page of an endpoint's deliveries, those of the newest events first.

        A page may hold fewer than `limit` and still not be the last: it ends early where
        a status has passed over thousands.

        Returns
        -------
        tuple
            The deliveries, and the id to go on before, None on the last page.
        """
        found: list[Delivery] = []
        start: Item | None = dict(delivery_key(endpoint_id, before)) if before else None
        for _ in range(_ENTRIES_MAX // _ENTRIES_A_READ):
            items, start = self._table.query_page(
                "#pk = :endpoint",
                {"endpoint": endpoint_id},
                limit=_ENTRIES_A_READ if status else limit + 1,
                start=start,
                newest_first=True,
            )
            for item in items:
                if status in (None, item["status"]):
                    if len(found) == limit:
                        return found, found[-1].delivery_id
                    found.append(_delivery(item))
            if start is None:
                return found, None
        return found, str(start["sk"]) if start else None

    def get(self, endpoint_id: str, delivery_id: str) -> Delivery:
        """Read a delivery.

        Raises
        ------
        NotFound
            The endpoint has no such delivery.
        """
        if is_id(delivery_id, DELIVERY_ID_PREFIX):
            item = self._table.get(delivery_key(endpoint_id, delivery_id))
            if item:
                return _delivery(item)
        raise NotFound("there is no such delivery")

    def _defer(self, entry: Item, until: datetime, now: datetime) -> Delivery | None:
        key = delivery_key(entry["pk"], entry["sk"])
        seen = {"seen": entry["due_at"], "until": to_text(until), "now": to_text(now)}
        try:
            item = self._table.update(Update(key, "SET #due_at = :until", STILL_DUE, seen))
        except ConditionFailed:
            return None
        return _delivery(item)

    def _close_attempt(
        self, delivery: Delivery, attempt: Attempt, expression: str, values: dict[str, Any]
    ) -> bool:
        kept = [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]
        values |= {
            "pending": PENDING,
            "attempt": attempt.number,
            "attempts": [_attempt_item(each) for each in kept],
        }
        key = delivery_key(delivery.endpoint_id, delivery.delivery_id)
        try:
            self._table.update(Update(key, expression, ATTEMPT_IS_OURS, values))
        except ConditionFailed:
            return False
        return True


def _attempt_item(attempt: Attempt) -> Item:
    return {name: value for name, value in asdict(attempt).items() if value not in (None, "")}


def _delivery(item: Item) -> Delivery:
    return Delivery(
        endpoint_id=item["pk"],
        delivery_id=item["sk"],
        event_id=item["event_id"],
        event_type=item["event_type"],
        body=item["body"],
        status=item["status"],
        created_at=item["created_at"],
        tried=item["tried"],
        round_from=item["round_from"],
        next_attempt_at=item.get("next_attempt_at"),
        due_at=item.get("due_at"),
        attempts=tuple(Attempt(**each) for each in item["attempts"]),
    )
