"""An order's later decisions, in the orders table beside the order's own record.

==============================  =================  ===================================
what                            pk                 sk
==============================  =================  ===================================
a fulfillment                   `<order id>`       `fulfillment#<number>`
a cancellation of units         `<order id>`       `cancellation#<number>`
a return                        `<order id>`       `return#<number>`
older history                   `<order id>`       `history#<number>`
who waits for a part's status   `<order id>`       `wait#<kind>#<number>#<token>`
==============================  =================  ===================================

==============================================  =========================================
question                                        answered by
==============================================  =========================================
an order with all its parts                     a query by order id
returns of a status, newest first               index `by_status`, partitions `return#…`
a customer's returns, newest first              index `by_owner`, partition `return#…`
who waits for one part's status, or for any     a query by order id and `wait#…`
==============================================  =========================================

A decision is made on a record that was whole when it was read, see
`commerce.orders.snapshot`, and written under the version that was read, so two decisions
about one order never pass each other: the later one is made again, on what the earlier
one left. A wait is no decision. It is written only while its part still has
the status it waits with, so either the wait finds the new status or whoever changes it
finds the wait. Each execution has a wait of its own, for two may be at work for a part:
where an event comes twice, a second one may have taken the first for gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from commerce.dynamo.sizes import TRANSACTION_BYTES_MAX, item_bytes, runs_of, value_bytes
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
from commerce.errors import IdempotencyKeyReused, NotFound, TransactionConflict
from commerce.lifecycle import PENDING, RETURN
from commerce.orders.calls import Call
from commerce.orders.erasure import without_buyer
from commerce.orders.model import Change, Order
from commerce.orders.owners import (
    Sees,
    everybody,
    guest_owner,
    mailbox_listing,
    owner_of,
    returns_owner,
)
from commerce.orders.record import (
    Cancellation,
    Decision,
    Fulfillment,
    OrderRecord,
    Return,
    order_of,
    part_id,
)
from commerce.orders.snapshot import Snapshot, part_facts, read_snapshot
from commerce.orders.store import (
    BY_OWNER,
    CHUNK_BYTES_MAX,
    SHARDS,
    change_item,
    listed,
    newest_in,
    order_key,
)

NONE_DECIDED_MEANWHILE = "#version = :seen"
STILL_SO = "#status = :status"

# Each try fails only where another decision about the same order came between.
_TRIES = 20
# Each of these erases some of what one transaction cannot take.
_ERASING_TRIES = 100
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
        """Read an order and all its parts as they were at one moment.

        Raises
        ------
        NotFound
            There is no such order, or it is not there for whom this store is.
        TransactionConflict
            Others kept deciding about this order.
        """
        return self._read(order_id).record

    def decide(self, order_id: str, decide: Decide, call: Call | None = None) -> OrderRecord:
        """Make a decision about an order and record it whole, or not at all.

        Parameters
        ----------
        decide
            Gives the decision on a record, None where there is nothing to decide, or
            raises why it cannot be made. It is asked again where another decision was
            recorded meanwhile.
        call
            What a repeat of the same request is known by: it is decided once, and a repeat
            gives the order as it is now.

        Returns
        -------
        OrderRecord
            The order as it is then.

        Raises
        ------
        NotFound
            There is no such order.
        IdempotencyKeyReused
            The call's key came with another content before.
        TransactionConflict
            Others kept deciding about this order.
        """
        # A write may be refused because it was done and nobody heard; then this tells.
        call = call or Call.of("", "")
        for _ in range(_TRIES):
            read = self._read(order_id)
            record = read.record
            if _decided_under(record, call):
                return record
            decision = decide(record)
            if decision is None:
                return record
            decision = _under(decision, call)
            try:
                self._table.transact(_writes(read, decision))
            except TransactionRefused:
                continue
            return decision.after
        raise TransactionConflict("others keep deciding about this order")

    def unchanged(self, record: OrderRecord) -> Check:
        """Check, in another service's transaction, that nothing was decided since it was read."""
        order = record.order
        return self._table.own(
            Check(order_key(order.order_id), NONE_DECIDED_MEANWHILE, {"seen": order.version})
        )

    def shorten_history(self, order_id: str) -> None:
        """Make room in an order's record for what is added to its history without a decision.

        Raises
        ------
        NotFound
            There is no such order.
        TransactionConflict
            Others kept deciding about this order.
        """
        for _ in range(_TRIES):
            read = self._read(order_id)
            rolled = read.rolled_over((), read.record.order.version + 1, but_last=True)
            if not rolled:
                return
            try:
                self._table.transact([_head_again(read, rolled, read.tail[-1:]), *rolled])
            except TransactionRefused:
                continue
            return
        raise TransactionConflict("others keep deciding about this order")

    def hand_over(self, order_id: str, email: str, customer_id: str) -> bool:
        """Make a guest's order a customer's, with its returns; tell whether this call did.

        Nothing is done to an order that is somebody's, that was placed with another e-mail
        address, or that is still being placed. Returns that are together too large for one
        write go before the order, so that a repeat finds what a death in between left.

        Raises
        ------
        NotFound
            There is no such order.
        TransactionConflict
            Others kept deciding about this order.
        """
        guest = guest_owner(email)
        done: dict[str, int] = {}
        for _ in range(_TRIES):
            read = self._read(order_id)
            record = read.record
            if owner_of(record.details) != guest or record.order.status == PENDING:
                return False
            claimed = replace(record.details, customer_id=customer_id)
            mine = replace(_touched(record), details=claimed)
            version = mine.order.version
            items = [_part_item(mine, each) for each in mine.returns]
            left = [item for item in items if done.get(item["sk"]) != read.versions[item["sk"]]]
            sized = [(item, item_bytes(item)) for item in left]
            run, *later = [*runs_of(sized, TRANSACTION_BYTES_MAX)] or [[]]
            writes: list[Write] = [read.put(item) for item in run]
            if not later:
                sets = {"owner": customer_id, "mailbox": mailbox_listing(email)}
                writes.append(read.change_details(sets, version))
            try:
                self._table.transact([_head_again(read, writes), *writes])
            except TransactionRefused:
                continue
            if not later:
                return True
            done |= {item["sk"]: version for item in run}
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
        for _ in range(_ERASING_TRIES):
            read = self._read(order_id)
            record = read.record
            wanted = without_buyer(_touched(record))
            version = wanted.order.version
            writes: list[tuple[Write, int]] = []
            if wanted.details != record.details:
                sets = {
                    "buyer": dict(wanted.details.buyer),
                    "fulfillment": dict(wanted.details.fulfillment),
                }
                erased = read.change_details(sets, version, removes=["mailbox"])
                writes.append((erased, CHUNK_BYTES_MAX))
            for part in _rewritten(record, wanted):
                item = _part_item(wanted, part)
                writes.append((read.put(item), item_bytes(item)))
            *older, tail = _history_of(read, wanted)
            for number, (was, entries) in enumerate(zip(read.history, older, strict=True), 1):
                if entries != was:
                    write = read.write_history(number, entries, version)
                    writes.append((write, value_bytes(write.values["entries"])))
            if not writes and tail == read.tail:
                return
            run = next(runs_of(writes, TRANSACTION_BYTES_MAX), [])[:_PARTS_AT_ONCE]
            try:
                self._table.transact([_head_again(read, run, tail), *run])
            except TransactionRefused:
                continue
        raise TransactionConflict("others keep deciding about this order")

    def _read(self, order_id: str) -> Snapshot:
        read = read_snapshot(self._table, order_id)
        if not self._sees(read.record):
            raise NotFound("there is no such order")
        return read

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

    def waits(self, order_id: str) -> list[Wait]:
        """Give all who wait with any part of an order."""
        held = self._table.query(
            "#pk = :pk AND begins_with(#sk, :prefix)",
            {"pk": order_id, "prefix": "wait#"},
            consistent=True,
        )
        found = []
        for each in held:
            _, kind, number, _ = each["sk"].split("#")
            part = part_id(kind, order_id, int(number))
            found.append(Wait(part, each["status"], each["token"]))
        return found

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
        by_id = {item["id"]: (item["pk"], Return(**part_facts(item))) for item in items}
        return [by_id[identifier] for _, identifier in page if identifier in by_id]


def made_by(record: OrderRecord, call: Call) -> str:
    """Name the part that was made by the decision under a call; raises where it made none."""
    entry = _decided_under(record, call)
    if entry is None:
        raise LookupError(call)
    return entry.part


def _decided_under(record: OrderRecord, call: Call) -> Change | None:
    """Give the entry that a call left, or refuse another content under its key."""
    entries = (entry for entry in reversed(record.order.timeline) if entry.key == call.key)
    entry = next(entries, None)
    if entry is not None and entry.content != call.content:
        raise IdempotencyKeyReused("this Idempotency-Key came with another request")
    return entry


def _under(decision: Decision, call: Call) -> Decision:
    """Note the call with the last entry that the decision adds to the history."""
    *before, last = decision.order.timeline
    if len(decision.order.timeline) == len(decision.record.order.timeline):
        return decision
    timeline = (*before, replace(last, key=call.key, content=call.content))
    return replace(decision, order=replace(decision.order, timeline=timeline))


def _return_id(entry: Mapping[str, Any]) -> str:
    tail = entry["pk"].partition("_")[2]
    return f"return_{tail}_{int(entry['sk'].partition('#')[2])}"


def _writes(read: Snapshot, decision: Decision) -> list[Write]:
    parts: tuple[Part, ...] = (
        *decision.fulfillments,
        *decision.cancellations,
        *decision.returns,
    )
    after = decision.after
    version = after.order.version
    entries = after.order.timeline[len(decision.record.order.timeline) :]
    rolled = read.rolled_over(entries, version)
    written: list[Write] = [*(read.put(_part_item(after, part)) for part in parts), *rolled]
    if decision.details is not None:
        sets = {"fulfillment": dict(decision.details.fulfillment)}
        written.append(read.change_details(sets, version))
    head = _head(read, after.order, entries, written, rolled=bool(rolled))
    return [head, *written, *decision.rests_on]


def _head(
    read: Snapshot,
    after: Order,
    entries: Sequence[Change],
    written: Iterable[Write],
    *,
    rolled: bool,
) -> Update:
    """Write the order's record as it becomes, if it is still the one decided on."""
    sets: dict[str, Any] = {
        "version": after.version,
        "status": after.status,
        "listed": listed(after.order_id, after.status, owed=bool(after.recovery_due_at)),
        "fulfillment_status": after.fulfillment_status,
        "allocated_at": after.allocated_at,
        "charged": after.charged,
        "stops": [asdict(stop) for stop in after.stops] or None,
        "resumes_to": after.resumes_to,
        "resumed": list(after.resumed) or None,
        "recovery_due_at": after.recovery_due_at,
        "recoveries": after.recoveries or None,
        **read.parts_with(map(_sort_key, written), after.version),
    }
    kept = {name: value for name, value in sets.items() if value is not None}
    gone = [f"#{name}" for name, value in sets.items() if value is None]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
    history = ":entries" if rolled else "list_append(#timeline, :entries)"
    expression += f", #timeline = {history}"
    if gone:
        expression += f" REMOVE {', '.join(gone)}"
    values = {
        **kept,
        "seen": read.record.order.version,
        "entries": [change_item(each) for each in entries],
    }
    return Update(order_key(after.order_id), expression, NONE_DECIDED_MEANWHILE, values)


def _sort_key(write: Write) -> str:
    return str((write.item if isinstance(write, Put) else write.key)["sk"])


def _touched(record: OrderRecord) -> OrderRecord:
    order = replace(record.order, version=record.order.version + 1)
    return replace(record, order=order)


def _head_again(
    read: Snapshot, written: Iterable[Write], tail: Sequence[Change] | None = None
) -> Update:
    """Write an order's record as it is, if nothing was decided since it was read.

    A decision at the same moment is then made again, on what this transaction writes.
    """
    order = read.record.order
    sets: dict[str, Any] = {
        "version": order.version + 1,
        **read.parts_with(map(_sort_key, written), order.version + 1),
    }
    if tail is not None:
        sets["timeline"] = [change_item(each) for each in tail]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    values = {**sets, "seen": order.version}
    return Update(order_key(order.order_id), expression, NONE_DECIDED_MEANWHILE, values)


def _history_of(read: Snapshot, wanted: OrderRecord) -> list[tuple[Change, ...]]:
    """Give the history as it is wanted, cut where it was read; the record's own end is last."""
    entries = iter(wanted.order.timeline)
    return [*(tuple(islice(entries, len(run))) for run in read.history), tuple(entries)]


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
