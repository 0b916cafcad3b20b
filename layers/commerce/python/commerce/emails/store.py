"""The e-mails table: each e-mail once, for 90 days, without its content.

==================  ================  ================================
what                pk                sk
==================  ================  ================================
an e-mail           `<order id>`      `<time of event>#<e-mail's id>`
==================  ================  ================================

==========================================  ====================================
question                                    answered by
==========================================  ====================================
is this e-mail sent, or being sent          the key, which follows from the event
e-mails about an order, newest first        a query by order id
e-mails of a status, or all, newest first   index `by_status`: `status`, `sk`
==========================================  ====================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from commerce.clock import to_text
from commerce.dynamo.table import ConditionFailed, Delete, Item, Key, Put, Table, Update
from commerce.emails.model import FAILED, SENDING, SENT, Email
from commerce.errors import EmailInProgress

BY_STATUS = "by_status"
KEPT = timedelta(days=90)
# Longer than the sending function may run, shorter than Lambda waits before it tries again.
LEASE = timedelta(seconds=30)

# Nobody has it, or whoever had it failed or died at it.
FREE = (
    "attribute_not_exists(#pk) OR #status = :failed "
    "OR (#status = :sending AND #leased_until <= :now)"
)
# Whoever took over after the lease decides; this run only knows about its own try.
STILL_MINE = "#status = :sending AND #leased_until = :lease"
# Above every place in a list: a time begins with a digit.
_NEWEST = "~"


def email_key(email: Email) -> Key:
    """Where an e-mail stands."""
    return {"pk": email.order_id, "sk": f"{email.occurred_at}#{email.email_id}"}


class EmailStore:
    """E-mails sent, being sent, and failed."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, email: Email, now: datetime) -> str | None:
        """Take an e-mail in hand, so that nobody else sends it for 30 seconds.

        Returns
        -------
        str | None
            The claim, to record the outcome under; None where it is sent already.

        Raises
        ------
        EmailInProgress
            Another run has it in hand.
        """
        lease = to_text(now + LEASE)
        item = _item(email) | {
            "status": SENDING,
            "leased_until": lease,
            "expires_at": int((now + KEPT).timestamp()),
        }
        values = {"failed": FAILED, "sending": SENDING, "now": to_text(now)}
        try:
            self._table.put(Put(item, FREE, values))
        except ConditionFailed as failed:
            if failed.item and failed.item["status"] == SENT:
                return None
            raise EmailInProgress("another run is sending this e-mail") from None
        return lease

    def record_sent(self, email: Email, message_id: str, now: datetime) -> None:
        """Record that it is sent, whoever has the claim by now: it is."""
        self._table.update(
            Update(
                email_key(email),
                "SET #status = :sent, #message_id = :message_id, #sent_at = :now "
                "REMOVE #leased_until",
                values={"sent": SENT, "message_id": message_id, "now": to_text(now)},
            )
        )

    def record_failure(self, email: Email, claim: str, reason: str) -> None:
        """Record why it was not sent, for the next try; nothing where the claim is over."""
        update = Update(
            email_key(email),
            "SET #status = :failed, #reason = :reason REMOVE #leased_until",
            STILL_MINE,
            {"failed": FAILED, "reason": reason, "sending": SENDING, "lease": claim},
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return

    def forget_about(self, order_id: str) -> None:
        """Take all e-mails about an order away; repeated, once."""
        for item in self._table.query("#pk = :pk", {"pk": order_id}, consistent=True):
            self._table.delete(Delete({"pk": item["pk"], "sk": item["sk"]}))

    def newest(
        self,
        statuses: tuple[str, ...],
        order_id: str | None = None,
        *,
        limit: int,
        before: str | None = None,
    ) -> tuple[list[Email], str | None]:
        """Read a page of e-mails, those of the newest events first.

        Parameters
        ----------
        statuses
            Only e-mails of these statuses.
        order_id
            Only e-mails about this order.
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The e-mails, and the position to go on from, None on the last page.
        """
        place = before or _NEWEST
        if order_id is None:
            walks = [self._of_status(status, place, limit + 1) for status in statuses]
        else:
            walks = [self._of_order(order_id, statuses, place, limit + 1)]
        found = list(islice(merge(*walks, key=_place, reverse=True), limit + 1))
        page = [_email(item) for item in found[:limit]]
        return page, _place(found[limit - 1]) if len(found) > limit else None

    def _of_status(self, status: str, before: str, page_size: int) -> Iterator[Item]:
        return self._table.query(
            "#status = :status AND #sk < :before",
            {"status": status, "before": before},
            index=BY_STATUS,
            newest_first=True,
            page_size=page_size,
        )

    def _of_order(
        self, order_id: str, statuses: tuple[str, ...], before: str, page_size: int
    ) -> Iterator[Item]:
        items = self._table.query(
            "#pk = :pk AND #sk < :before",
            {"pk": order_id, "before": before},
            newest_first=True,
            page_size=page_size,
        )
        return (item for item in items if item["status"] in statuses)


def _place(item: Mapping[str, Any]) -> str:
    place: str = item["sk"]
    return place


def _item(email: Email) -> Item:
    facts = {name: value for name, value in asdict(email).items() if value is not None}
    return {**facts, **email_key(email)}


def _email(item: Mapping[str, Any]) -> Email:
    known = {each.name for each in fields(Email)}
    return Email(**{name: value for name, value in item.items() if name in known})
