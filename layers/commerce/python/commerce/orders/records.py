"""An order's later decisions, in the orders table beside the order's own record.

==============================  =================  ===================================
what                            pk                 sk
==============================  =================  ===================================
a fulfillment                   `<order id>`       `fulfillment#<number>`
a cancellation of units         `<order id>`       `cancellation#<number>`
a return                        `<order id>`       `return#<number>`
who waits for a part's status   `<order id>`       `wait#<kind>#<number>#<token>`
==============================  =================  ===================================

==============================================  =========================================
question                                        answered by
==============================================  =========================================
an order with all its parts                     a query by order id
returns of a status, newest first               index `by_status`, partitions `return#…`
a customer's returns, newest first              index `by_owner`, partition `return#…`
who waits for a part's status                   a query by order id and `wait#…`
==============================================  =========================================

A decision is made on all that was read and written under the version that was read, so
two decisions about one order never pass each other: the later one is made again, on what
the earlier one left. A wait is no decision. It is written only while its part still has
the status it waits with, so either the wait finds the new status or whoever changes it
finds the wait. Each execution has a wait of its own, for two may be at work for a part:
where an event comes twice, a second one may have taken the first for gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from commerce.dynamo.table import (
    Check,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
    Write,
)
from commerce.errors import NotFound, TransactionConflict
from commerce.ids import is_id
from commerce.lifecycle import PENDING, RETURN
from commerce.orders.erasure import without_buyer
from commerce.orders.model import Change
from commerce.orders.owners import Sees, everybody, guest_owner, owner_of, returns_owner
from commerce.orders.record import (
    Cancellation,
    Decision,
    Fulfillment,
    OrderRecord,
    Return,
    order_of,
)
from commerce.orders.store import (
    BY_OWNER,
    SHARDS,
    change_item,
    details_key,
    listed,
    newest_in,
    order_from,
    order_key,
    read_details,
)

NONE_DECIDED_MEANWHILE = "#version = :seen"
STILL_SO = "#status = :status"

# Each try fails only where another decision about the same order came between.
_TRIES = 20
# With the order's record and its details, what one transaction takes.
_PARTS_AT_ONCE = 90

Part = Fulfillment | Cancellation | Return
Decide = Callable[[OrderRecord], Decision | None]


@dataclass(frozen=True)
class Wait:
    """Whose execution goes on once a part has another status than `status`."""

    part: str
    status: str
    token: str


def part_key(identifier: str) -> Key:
    """Where a part of an order stands."""
    kind = identifier.partition("_")[0]
    order_id, number = order_of(identifier, kind)
    return {"pk": order_id, "sk": f"{kind}#{number:04d}"}


def wait_key(wait: Wait) -> Key:
    """Where a wait stands; a token is longer than a key may be."""
    digest = hashlib.sha256(wait.token.encode()).hexdigest()[:32]
    key = part_key(wait.part)
    return {"pk": key["pk"], "sk": f"wait#{key['sk']}#{digest}"}


class RecordStore:
    """Orders with their parts."""

    def __init__(self, table: Table, sees: Sees = everybody) -> None:
        self._table = table
        self._sees = sees

    def seen_by(self, sees: Sees) -> RecordStore:
        """Give the same store to somebody for whom only some orders are there."""
        return RecordStore(self._table, sees)

    def get(self, order_id: str) -> OrderRecord:
        """Read an order and all its parts as they are now.

        Raises
        ------
        NotFound
            There is no such order, or it is not there for whom this store is.
        """
        known = is_id(order_id, "order")
        items = (
            list(self._table.query("#pk = :id", {"id": order_id}, consistent=True)) if known else []
        )
        by_kind: dict[str, list[Item]] = {}
        for item in items:
            by_kind.setdefault(item["sk"].partition("#")[0], []).append(item)
        if "order" not in by_kind:
            raise NotFound("there is no such order")
        record = OrderRecord(
            order_from(by_kind["order"][0]),
            read_details(by_kind.get("details", [])),
            tuple(Fulfillment(**_facts(item)) for item in by_kind.get("fulfillment", [])),
            tuple(Cancellation(**_facts(item)) for item in by_kind.get("cancellation", [])),
            tuple(Return(**_facts(item)) for item in by_kind.get("return", [])),
        )
        if not self._sees(record):
            raise NotFound("there is no such order")
        return record

    def decide(self, order_id: str, decide: Decide, key: str = "") -> OrderRecord:
        """Make a decision about an order and record it whole, or not at all.

        Parameters
        ----------
        decide
            Gives the decision on a record, None where there is nothing to decide, or
            raises why it cannot be made. It is asked again where another decision was
            recorded meanwhile.
        key
            What a repeat of the same request comes with: it is decided once, and a repeat
            gives the order as it is now.

        Returns
        -------
        OrderRecord
            The order as it is then.

        Raises
        ------
        NotFound
            There is no such order.
        TransactionConflict
            Others kept deciding about this order.
        """
        for _ in range(_TRIES):
            record = self.get(order_id)
            if key and _decided_under(record, key):
                return record
            decision = decide(record)
            if decision is None:
                return record
            decision = _under(decision, key)
            try:
                self._table.transact(_writes(decision))
            except TransactionRefused:
                continue
            return decision.after
        raise TransactionConflict("others keep deciding about this order")

    def hand_over(self, order_id: str, email: str, customer_id: str) -> bool:
        """Make a guest's order a customer's, with its returns; tell whether this call did.

        Nothing is done to an order that is somebody's, that was placed with another e-mail
        address, or that is still being placed: its lines may be written again.

        Raises
        ------
        NotFound
            There is no such order.
        TransactionConflict
            Others kept deciding about this order.
        """
        guest = guest_owner(email)
        for _ in range(_TRIES):
            record = self.get(order_id)
            if owner_of(record.details) != guest or record.order.status == PENDING:
                return False
            claimed = replace(record.details, customer_id=customer_id)
            mine = replace(_touched(record), details=claimed)
            # The record's version stands for its details: another claim changes it, too.
            change = Update(
                details_key(order_id, 0), "SET #owner = :owner", values={"owner": customer_id}
            )
            returns = [Put(_part_item(mine, each)) for each in mine.returns]
            try:
                self._table.transact([_head_again(record), change, *returns])
            except TransactionRefused:
                continue
            return True
        raise TransactionConflict("others keep deciding about this order")

    def erase_buyer(self, order_id: str) -> None:
        """Forget who bought an order and what they wrote; repeated, once.

        An order of many returns and cancellations takes more than one write. What is left
        after a death in between, a repeat does.

        Raises
        ------
        NotFound
            There is no such order.
        TransactionConflict
            Others kept deciding about this order.
        """
        for _ in range(_TRIES):
            record = self.get(order_id)
            wanted = without_buyer(_touched(record))
            changed = _rewritten(record, wanted)
            if not changed and wanted.details == record.details:
                return
            writes: list[Write] = [
                _head_again(record, wanted.order.timeline),
                Update(
                    details_key(order_id, 0),
                    "SET #buyer = :buyer, #fulfillment = :fulfillment",
                    values={
                        "buyer": dict(wanted.details.buyer),
                        "fulfillment": dict(wanted.details.fulfillment),
                    },
                ),
                *(Put(_part_item(wanted, part)) for part in changed[:_PARTS_AT_ONCE]),
            ]
            try:
                self._table.transact(writes)
            except TransactionRefused:
                continue
        raise TransactionConflict("others keep deciding about this order")

    def wait(self, wait: Wait) -> str:
        """Have an execution wait while a part has a status; repeated, it waits once.

        Returns
        -------
        str
            The part's status: another one than awaited where there is nothing to wait for.

        Raises
        ------
        NotFound
            There is no such part.
        """
        key = part_key(wait.part)
        item = {**wait_key(wait), "status": wait.status, "token": wait.token}
        try:
            self._table.transact([Check(key, STILL_SO, {"status": wait.status}), Put(item)])
        except TransactionRefused as refused:
            part = refused.failures.get(0)
            if part is None:
                raise NotFound(f"there is no {wait.part}") from None
            return str(part["status"])
        return wait.status

    def waiting(self, part: str) -> tuple[list[Wait], str]:
        """Give who waits for a part's status, and that status.

        Who waits with another status than that waits in vain: the waits are read first,
        and no part comes back to a status that it has left.
        """
        key = part_key(part)
        held = list(
            self._table.query(
                "#pk = :pk AND begins_with(#sk, :prefix)",
                {"pk": key["pk"], "prefix": f"wait#{key['sk']}#"},
                consistent=True,
            )
        )
        item = self._table.get(key)
        if item is None:
            raise NotFound(f"there is no {part}")
        return [Wait(part, each["status"], each["token"]) for each in held], str(item["status"])

    def end_wait(self, wait: Wait) -> None:
        """Forget a wait that was answered; repeated, once."""
        self._table.delete(Delete(wait_key(wait)))

    def list_returns(
        self, status: str | None, *, limit: int, before: tuple[str, str] | None = None
    ) -> tuple[list[tuple[str, Return]], tuple[str, str] | None]:
        """Read a page of returns with their orders' ids, newest first.

        Parameters
        ----------
        status
            Only returns of this status; all where None.
        before
            The position after which to go on, as given with the page before.
        """
        partitions = [
            f"return#{one}#{shard}"
            for one in ([status] if status else RETURN)
            for shard in range(SHARDS)
        ]
        page, further = newest_in(self._table, partitions, _return_id, limit, before)
        return self._returns(page), further

    def list_returns_of(
        self, customer_id: str, *, limit: int, before: tuple[str, str] | None = None
    ) -> tuple[list[tuple[str, Return]], tuple[str, str] | None]:
        """Read a page of a customer's returns; see `list_returns`."""
        partitions = [returns_owner(customer_id)]
        page, further = newest_in(self._table, partitions, _return_id, limit, before, BY_OWNER)
        return self._returns(page), further

    def _returns(self, page: list[tuple[str, str]]) -> list[tuple[str, Return]]:
        items = self._table.get_many([part_key(identifier) for _, identifier in page])
        by_id = {item["id"]: (item["pk"], Return(**_facts(item))) for item in items}
        return [by_id[identifier] for _, identifier in page if identifier in by_id]


def made_by(record: OrderRecord, key: str) -> str:
    """Name the part that was made by the decision under a key, or by the last one without."""
    entry = _decided_under(record, key) if key else None
    return (entry or record.order.timeline[-1]).part


def _decided_under(record: OrderRecord, key: str) -> Change | None:
    entries = (entry for entry in reversed(record.order.timeline) if entry.key == key)
    return next(entries, None)


def _under(decision: Decision, key: str) -> Decision:
    """Note the request's key with the last entry that the decision adds to the history."""
    *before, last = decision.order.timeline
    if not key or len(decision.order.timeline) == len(decision.record.order.timeline):
        return decision
    timeline = (*before, replace(last, key=key))
    return replace(decision, order=replace(decision.order, timeline=timeline))


def _return_id(entry: Mapping[str, Any]) -> str:
    tail = entry["pk"].partition("_")[2]
    return f"return_{tail}_{int(entry['sk'].partition('#')[2])}"


def _writes(decision: Decision) -> list[Write]:
    parts: tuple[Part, ...] = (
        *decision.fulfillments,
        *decision.cancellations,
        *decision.returns,
    )
    after = decision.after
    return [_head(decision), *(Put(_part_item(after, part)) for part in parts)]


def _head(decision: Decision) -> Update:
    """Write the order's record as it becomes, if it is still the one decided on."""
    before, after = decision.record.order, decision.order
    entries = after.timeline[len(before.timeline) :]
    sets: dict[str, Any] = {
        "version": after.version,
        "status": after.status,
        "listed": listed(after.order_id, after.status),
        "fulfillment_status": after.fulfillment_status,
        "allocated_at": after.allocated_at,
        "charged": after.charged,
        "stops": [asdict(stop) for stop in after.stops] or None,
        "resumes_to": after.resumes_to,
        "resumed": list(after.resumed) or None,
        "recovery_due_at": after.recovery_due_at,
        "recoveries": after.recoveries or None,
    }
    kept = {name: value for name, value in sets.items() if value is not None}
    gone = [f"#{name}" for name, value in sets.items() if value is None]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
    expression += ", #timeline = list_append(#timeline, :entries)"
    if gone:
        expression += f" REMOVE {', '.join(gone)}"
    values = {**kept, "seen": before.version, "entries": [change_item(each) for each in entries]}
    return Update(order_key(after.order_id), expression, NONE_DECIDED_MEANWHILE, values)


def _touched(record: OrderRecord) -> OrderRecord:
    order = replace(record.order, version=record.order.version + 1)
    return replace(record, order=order)


def _head_again(record: OrderRecord, timeline: tuple[Change, ...] | None = None) -> Update:
    """Write an order's record as it is, if nothing was decided since it was read.

    A decision at the same moment is then made again, on what this transaction writes.
    """
    expression = "SET #version = #version + :one"
    values: dict[str, Any] = {"one": 1, "seen": record.order.version}
    if timeline is not None:
        expression += ", #timeline = :timeline"
        values["timeline"] = [change_item(each) for each in timeline]
    return Update(order_key(record.order.order_id), expression, NONE_DECIDED_MEANWHILE, values)


def _rewritten(before: OrderRecord, after: OrderRecord) -> list[Part]:
    old: list[Part] = [*before.returns, *before.cancellations]
    new: list[Part] = [*after.returns, *after.cancellations]
    return [one for one, was in zip(new, old, strict=True) if one != was]


def _part_item(record: OrderRecord, part: Part) -> Item:
    item = {name: value for name, value in asdict(part).items() if value is not None}
    item |= {**part_key(part.id), "version": record.order.version}
    if isinstance(part, Return):
        item["listed"] = f"return#{listed(record.order.order_id, part.status)}"
        item["placed_at"] = part.times["requested"]
        customer_id = record.details.customer_id
        if customer_id is not None:
            item["owner"] = returns_owner(customer_id)
    return item


def _facts(item: Item) -> dict[str, Any]:
    own = {"pk", "sk", "version", "listed", "placed_at", "owner"}
    return {name: value for name, value in item.items() if name not in own}
