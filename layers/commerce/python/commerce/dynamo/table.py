"""One thin table helper: conditional writes, transactions, error translation, paging.

Expressions are DynamoDB's own language. Every attribute is written `#name` and
every value `:name`; the helper declares the names and serializes the values.
Numbers are integers on both sides: the shop stores no fraction.

The SDK sends a write again where it heard no answer, and the first one may have been
done: then its own effect fails the condition of the second, or the change is made twice.
So each write leaves a mark of its own in the item, `write_id`. It is put there and looked
for here, and nobody above sees it: who meets the own mark has succeeded.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from commerce.clock import Pause, system_pause
from commerce.errors import (
    DependencyUnavailable,
    ItemTooLarge,
    Throttled,
    TransactionConflict,
)
from commerce.outages import THROTTLES, outage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
Key = Mapping[str, str]

TRANSACTION_ITEMS_MAX = 100
_BATCH_GET_MAX = 100
_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.05
_NAME = re.compile(r"#([A-Za-z_][A-Za-z0-9_]*)")
_VALUE = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")
_CONFLICTS = ("TransactionConflict", "ReplicatedWriteConflict")
_CONDITION_FAILED = "ConditionalCheckFailedException"
_MARK = "write_id"
_MARK_BYTES = 12
_NOT_YET = f"(attribute_not_exists(#{_MARK}) OR #{_MARK} <> :{_MARK})"
_SETS = re.compile(r"\bSET\s+")
_TOO_LARGE = re.compile(r"size.*exceed|exceed.*size", re.IGNORECASE)


class ConditionFailed(Exception):
    """A condition did not hold; `item` is the item as it stands, None where there is none."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("a condition did not hold")
        self.item = item


class TransactionRefused(Exception):
    """Conditions of a transaction did not hold; nothing was written.

    `failures` maps the position of each failed write to its item as it stands.
    """

    def __init__(self, failures: dict[int, Item | None]) -> None:
        super().__init__(f"conditions did not hold at {sorted(failures)}")
        self.failures = failures


class DatabaseRefused(Exception):
    """DynamoDB takes no such call: a mistake of ours, such as a permission that is missing."""


class _OwnWrite(Exception):
    """A condition met what this very write had done before; `item` is the item as it stands."""

    def __init__(self, item: Item) -> None:
        super().__init__("the write was done before")
        self.item = item


class _StillUnderWay(DependencyUnavailable):
    """The very same transaction was sent before and has not ended."""


# A write is one of the table it is given to. In a transaction it may name another table,
# see `Table.own`, so that two services' records change together or not at all.


@dataclass(frozen=True)
class Put:
    """Write a whole item."""

    item: Item
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


@dataclass(frozen=True)
class Update:
    """Change some attributes of an item, making it where it does not exist."""

    key: Key
    expression: str
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


@dataclass(frozen=True)
class Delete:
    """Take an item away."""

    key: Key
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


@dataclass(frozen=True)
class Check:
    """Let a transaction depend on an item it does not change."""

    key: Key
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


Write = Put | Update | Delete | Check
AnyWrite = TypeVar("AnyWrite", Put, Update, Delete, Check)


class _IntegerDeserializer(TypeDeserializer):
    def _deserialize_n(self, value: str) -> int:
        return int(value)


_serialize = TypeSerializer().serialize
_deserialize = _IntegerDeserializer().deserialize


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Give an item as DynamoDB's API carries it."""
    return {name: _serialize(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Read an item as DynamoDB's API carries it."""
    return {name: _deserialize(value) for name, value in item.items() if name != _MARK}


@cache
def dynamodb_client() -> DynamoDBClient:
    """Give this process's client: short timeouts, so that a step can retry within its own."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=10,
    )
    return boto3.client("dynamodb", config=config)


class Table:
    """One table.

    Parameters
    ----------
    name
        The table's name.
    client
        The port to DynamoDB; a simulator passes its own.
    pause
        Waits between tries after a transaction conflict.
    """

    def __init__(
        self, name: str, client: DynamoDBClient | None = None, pause: Pause = system_pause
    ) -> None:
        self.name = name
        self._client = client or dynamodb_client()
        self._pause = pause

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read one item; None where there is none."""
        with _translated():
            answer = self._client.get_item(
                TableName=self.name, Key=to_wire(key), ConsistentRead=consistent
            )
        return from_wire(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key], *, consistent: bool = False) -> list[Item]:
        """Read many items, in no order; keys without an item are left out."""
        found: list[Item] = []
        for start in range(0, len(keys), _BATCH_GET_MAX):
            wanted: Any = [to_wire(key) for key in keys[start : start + _BATCH_GET_MAX]]
            for tries in range(_CONFLICT_TRIES):
                with _translated():
                    answer = self._client.batch_get_item(
                        RequestItems={self.name: {"Keys": wanted, "ConsistentRead": consistent}}
                    )
                found += map(from_wire, answer["Responses"].get(self.name, []))
                left: Any = answer.get("UnprocessedKeys", {})
                wanted = left.get(self.name, {}).get("Keys", [])
                if not wanted:
                    break
                self.back_off(tries)
            else:
                raise Throttled("the database is busy")
        return found

    def put(self, put: Put) -> None:
        """Write one item.

        Its own repeat by the SDK is no other's write; so for `update` and `transact`.

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        mark = _new_mark()
        with suppress(_OwnWrite):
            self._write("put_item", _put_arguments(put, mark), mark)

    def update(self, update: Update) -> Item:
        """Change one item and give it as it is now.

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        mark = _new_mark()
        arguments = _update_arguments(update, mark) | {"ReturnValues": "ALL_NEW"}
        try:
            return from_wire(self._write("update_item", arguments, mark)["Attributes"])
        except _OwnWrite as own:
            return own.item

    def delete(self, delete: Delete) -> None:
        """Take one item away; no error where there is none.

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        with suppress(_OwnWrite):
            self._write("delete_item", _key_arguments(delete))

    def own(self, write: AnyWrite) -> AnyWrite:
        """Name this table in a write that goes into a transaction begun by another one."""
        return replace(write, table=self.name)

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none; at most 100, each on another item.

        A conflict with another transaction is tried again a few times at once, for
        a state machine's own retry waits a second at least.

        Raises
        ------
        TransactionRefused
            Conditions did not hold.
        TransactionConflict
            Other transactions kept holding an item.
        """
        mark = _new_mark()
        items: Any = [self._transaction_item(write, mark) for write in writes]
        token = mark
        for tries in range(_CONFLICT_TRIES):
            try:
                with suppress(_OwnWrite), _translated(mark):
                    self._client.transact_write_items(TransactItems=items, ClientRequestToken=token)
                return
            except (TransactionConflict, _StillUnderWay) as busy:
                if tries == _CONFLICT_TRIES - 1:
                    raise
                if isinstance(busy, TransactionConflict):
                    # That one was called off. One that is under way is asked after by its token.
                    token = _new_mark()
                self.back_off(tries)

    def get_together(self, keys: Sequence[Key]) -> list[Item]:
        """Read some items as they were at one moment; at most 100, those not there left out.

        A Query or several gets may meet a transaction half visible. This waits for it.

        Raises
        ------
        TransactionConflict
            Transactions kept holding an item.
        """
        asked: Any = [{"Get": {"TableName": self.name, "Key": to_wire(key)}} for key in keys]
        for tries in range(_CONFLICT_TRIES):
            try:
                with _translated():
                    answer = self._client.transact_get_items(TransactItems=asked)
            except TransactionConflict:
                if tries == _CONFLICT_TRIES - 1:
                    raise
                self.back_off(tries)
            else:
                break
        return [from_wire(found["Item"]) for found in answer["Responses"] if found.get("Item")]

    def query(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        index: str | None = None,
        newest_first: bool = False,
        consistent: bool = False,
        filter_by: str = "",
        page_size: int | None = None,
    ) -> Iterator[Item]:
        """Walk all items that match a key condition, page by page, as they are asked for.

        Who wants only the first few says by `page_size` how many are read at a time.
        """
        arguments = self._query_arguments(
            condition, values, index, newest_first, consistent, filter_by
        )
        if page_size is not None:
            arguments["Limit"] = page_size
        for page in self._pages(arguments):
            yield from map(from_wire, page["Items"])

    def query_page(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        limit: int,
        index: str | None = None,
        start: Item | None = None,
        newest_first: bool = False,
    ) -> tuple[list[Item], Item | None]:
        """Read one page and give the key to go on from, None after the last one."""
        arguments = self._query_arguments(condition, values, index, newest_first, False, "")
        arguments["Limit"] = limit
        if start is not None:
            arguments["ExclusiveStartKey"] = to_wire(start)
        with _translated():
            page = self._client.query(**arguments)
        last = page.get("LastEvaluatedKey")
        return [from_wire(item) for item in page["Items"]], from_wire(last) if last else None

    def scan_page(
        self,
        *,
        limit: int,
        start: Mapping[str, Any] | None = None,
        filter_by: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> tuple[list[Item], Item | None]:
        """Look at `limit` items of the whole table, in no order, and give those that match.

        Returns
        -------
        tuple
            The items, and the key to go on from, None after the last ones.
        """
        arguments = _expressions(values or {}, {}, FilterExpression=filter_by)
        arguments |= {"TableName": self.name, "Limit": limit, "ConsistentRead": True}
        if start is not None:
            arguments["ExclusiveStartKey"] = to_wire(start)
        with _translated():
            page = self._client.scan(**arguments)
        last = page.get("LastEvaluatedKey")
        return [from_wire(item) for item in page["Items"]], from_wire(last) if last else None

    def _pages(self, arguments: dict[str, Any]) -> Iterator[Any]:
        while True:
            with _translated():
                page = self._client.query(**arguments)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _query_arguments(
        self,
        condition: str,
        values: Mapping[str, Any],
        index: str | None,
        newest_first: bool,
        consistent: bool,
        filter_by: str,
    ) -> dict[str, Any]:
        arguments = _expressions(values, {}, KeyConditionExpression=condition)
        if filter_by:
            arguments = _expressions(
                values, {}, KeyConditionExpression=condition, FilterExpression=filter_by
            )
        arguments |= {
            "TableName": self.name,
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        if index:
            arguments["IndexName"] = index
        return arguments

    def _write(self, call: str, arguments: dict[str, Any], mark: str = "") -> Any:
        with _translated(mark):
            return getattr(self._client, call)(
                TableName=self.name, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments
            )

    def _transaction_item(self, write: Write, mark: str) -> dict[str, Any]:
        table = {
            "TableName": write.table or self.name,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if isinstance(write, Put):
            return {"Put": _put_arguments(write, mark) | table}
        if isinstance(write, Update):
            return {"Update": _update_arguments(write, mark) | table}
        if isinstance(write, Delete):
            return {"Delete": _key_arguments(write) | table}
        return {"ConditionCheck": _key_arguments(write) | table}

    def back_off(self, tries: int) -> None:
        """Wait before the next of so many tries, longer each time."""
        # Full jitter: callers that met once must not meet again.
        self._pause(random.uniform(0, _CONFLICT_PAUSE_SECONDS * 2**tries))  # noqa: S311 - not a secret


def _new_mark() -> str:
    return token_urlsafe(_MARK_BYTES)


def _put_arguments(put: Put, mark: str) -> dict[str, Any]:
    return {"Item": to_wire({**put.item, _MARK: mark})} | _expressions(
        put.values, put.names, ConditionExpression=put.condition
    )


def _update_arguments(update: Update, mark: str) -> dict[str, Any]:
    """Give the arguments of an update that is not made again where its mark stands already.

    Unlike a whole item, what is added to a number would be added twice.
    """
    marking, found = _SETS.subn(f"SET #{_MARK} = :{_MARK}, ", update.expression, count=1)
    if not found:
        marking = f"{update.expression} SET #{_MARK} = :{_MARK}"
    condition = f"({update.condition}) AND {_NOT_YET}" if update.condition else _NOT_YET
    return {"Key": to_wire(update.key)} | _expressions(
        {**update.values, _MARK: mark},
        update.names,
        UpdateExpression=marking,
        ConditionExpression=condition,
    )


def _key_arguments(write: Delete | Check) -> dict[str, Any]:
    return {"Key": to_wire(write.key)} | _expressions(
        write.values, write.names, ConditionExpression=write.condition
    )


def _expressions(
    values: Mapping[str, Any], names: Mapping[str, str], **expressions: str
) -> dict[str, Any]:
    """Declare the names and values that the expressions use, and no others."""
    arguments: dict[str, Any] = {name: text for name, text in expressions.items() if text}
    text = " ".join(arguments.values())
    used_names = {f"#{name}": names.get(name, name) for name in _NAME.findall(text)}
    used_values = {f":{name}": _serialize(values[name]) for name in _VALUE.findall(text)}
    if used_names:
        arguments["ExpressionAttributeNames"] = used_names
    if used_values:
        arguments["ExpressionAttributeValues"] = used_values
    return arguments


def put_marked(client: DynamoDBClient, **arguments: Any) -> Any:
    """Write an item for a library that calls the client itself; see the head of this file.

    Its arguments are those of `put_item`, and so are its errors.
    """
    mark = _new_mark()
    arguments["Item"] = {**arguments["Item"], _MARK: _serialize(mark)}
    try:
        return client.put_item(**arguments)
    except ClientError as error:
        if _own_write(error, mark) is None:
            raise
        return {}


@contextmanager
def _translated(mark: str = "") -> Iterator[None]:
    """Turn every error of DynamoDB, and of the way to it, into one that has a name.

    Raises
    ------
    _OwnWrite
        A condition did not hold because the write of this mark was done before, and its
        answer was lost.
    """
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        own = _own_write(error, mark)
        raise own or _translate(error) from error


def _own_write(error: Exception, mark: str) -> _OwnWrite | None:
    """Find the own effect in the items that failed their conditions."""
    if not isinstance(error, ClientError):
        return None
    response: Any = error.response
    failed = [response, *(response.get("CancellationReasons") or [])]
    for item in (each.get("Item") or {} for each in failed):
        if mark and item.get(_MARK, {}).get("S") == mark:
            return _OwnWrite(from_wire(item))
    # There is nothing left to hold a mark where the own repeat finds an item gone.
    repeated = response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    gone = response["Error"]["Code"] == _CONDITION_FAILED and not response.get("Item")
    return _OwnWrite({}) if error.operation_name == "DeleteItem" and repeated and gone else None


def _translate(error: Exception) -> Exception:
    passing = outage(error, "the database")
    if passing is not None:
        return passing
    if not isinstance(error, ClientError):
        return DatabaseRefused(str(error))
    response: Any = error.response
    code, message = response["Error"]["Code"], response["Error"].get("Message", "")
    if code == "TransactionCanceledException":
        return _translate_cancellation(response.get("CancellationReasons", []))
    if code == _CONDITION_FAILED:
        old = response.get("Item")
        return ConditionFailed(from_wire(old) if old else None)
    if code == "TransactionInProgressException":
        return _StillUnderWay("the database has not ended this transaction yet")
    return _refusal(f"{code}: {message}")


def _refusal(told: str) -> Exception:
    if any(code in told for code in _CONFLICTS):
        return TransactionConflict("another transaction is at work on the same item")
    if _TOO_LARGE.search(told):
        return ItemTooLarge("this is more than the database keeps in one item")
    return DatabaseRefused(told)


def _translate_cancellation(reasons: Sequence[Any]) -> Exception:
    codes = [reason.get("Code") for reason in reasons]
    # A failed condition is an answer; a conflict beside it says nothing more.
    if "ConditionalCheckFailed" in codes:
        return TransactionRefused(
            {
                position: from_wire(reason["Item"]) if reason.get("Item") else None
                for position, reason in enumerate(reasons)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
        )
    if THROTTLES & set(codes):
        return Throttled("the database asked for fewer requests")
    told = [f"{each.get('Code')}: {each.get('Message', '')}" for each in reasons]
    return _refusal(", ".join(told))
