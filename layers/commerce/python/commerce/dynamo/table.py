"""One thin table helper: conditional writes, transactions, error translation, paging.

Expressions are DynamoDB's own language. Every attribute is written `#name` and
every value `:name`; the helper declares the names and serializes the values.
Numbers are integers on both sides: the shop stores no fraction.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from commerce.clock import Pause, system_pause
from commerce.errors import Throttled, TransactionConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
Key = Mapping[str, str]

TRANSACTION_ITEMS_MAX = 100
_BATCH_GET_MAX = 100
_BATCH_WRITE_MAX = 25
_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.05
_NAME = re.compile(r"#([A-Za-z_][A-Za-z0-9_]*)")
_VALUE = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")
_THROTTLES = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "ThrottlingError",
}


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
    return {name: _deserialize(value) for name, value in item.items()}


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

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        self._write("put_item", _put_arguments(put))

    def update(self, update: Update) -> Item:
        """Change one item and give it as it is now.

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        arguments = _update_arguments(update) | {"ReturnValues": "ALL_NEW"}
        return from_wire(self._write("update_item", arguments)["Attributes"])

    def delete(self, delete: Delete) -> None:
        """Take one item away; no error where there is none.

        Raises
        ------
        ConditionFailed
            With the item as it stands.
        """
        self._write("delete_item", _key_arguments(delete))

    def put_many(self, items: Iterable[Item]) -> None:
        """Write many items without a condition; each is written whole or not at all."""
        requests: list[Any] = [{"PutRequest": {"Item": to_wire(item)}} for item in items]
        for start in range(0, len(requests), _BATCH_WRITE_MAX):
            pending: Any = requests[start : start + _BATCH_WRITE_MAX]
            for tries in range(_CONFLICT_TRIES):
                with _translated():
                    answer = self._client.batch_write_item(RequestItems={self.name: pending})
                pending = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not pending:
                    break
                self.back_off(tries)
            else:
                raise Throttled("the database is busy")

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
        items: Any = [self._transaction_item(write) for write in writes]
        for tries in range(_CONFLICT_TRIES):
            try:
                with _translated():
                    self._client.transact_write_items(TransactItems=items)
            except TransactionConflict:
                if tries == _CONFLICT_TRIES - 1:
                    raise
                self.back_off(tries)
            else:
                return

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
    ) -> Iterator[Item]:
        """Walk all items that match a key condition, page by page, as they are asked for."""
        for page in self._pages(condition, values, index, newest_first, consistent, filter_by):
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

    def _pages(
        self,
        condition: str,
        values: Mapping[str, Any],
        index: str | None,
        newest_first: bool,
        consistent: bool,
        filter_by: str,
    ) -> Iterator[Any]:
        arguments = self._query_arguments(
            condition, values, index, newest_first, consistent, filter_by
        )
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

    def _write(self, call: str, arguments: dict[str, Any]) -> Any:
        with _translated():
            return getattr(self._client, call)(
                TableName=self.name, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments
            )

    def _transaction_item(self, write: Write) -> dict[str, Any]:
        table = {
            "TableName": write.table or self.name,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if isinstance(write, Put):
            return {"Put": _put_arguments(write) | table}
        if isinstance(write, Update):
            return {"Update": _update_arguments(write) | table}
        if isinstance(write, Delete):
            return {"Delete": _key_arguments(write) | table}
        return {"ConditionCheck": _key_arguments(write) | table}

    def back_off(self, tries: int) -> None:
        """Wait before the next of so many tries, longer each time."""
        # Full jitter: callers that met once must not meet again.
        self._pause(random.uniform(0, _CONFLICT_PAUSE_SECONDS * 2**tries))  # noqa: S311 - not a secret


def _put_arguments(put: Put) -> dict[str, Any]:
    return {"Item": to_wire(put.item)} | _expressions(
        put.values, put.names, ConditionExpression=put.condition
    )


def _update_arguments(update: Update) -> dict[str, Any]:
    return {"Key": to_wire(update.key)} | _expressions(
        update.values,
        update.names,
        UpdateExpression=update.expression,
        ConditionExpression=update.condition,
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


@contextmanager
def _translated() -> Iterator[None]:
    """Turn DynamoDB's errors into ours; what has no name here is raised as it came."""
    try:
        yield
    except ClientError as error:
        raise _translate(error) from error


def _translate(error: ClientError) -> Exception:
    response: Any = error.response
    code = response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        old = response.get("Item")
        return ConditionFailed(from_wire(old) if old else None)
    if code == "TransactionCanceledException":
        return _translate_cancellation(error, response.get("CancellationReasons", []))
    if code in {"TransactionConflictException", "TransactionInProgressException"}:
        return TransactionConflict("another transaction is at work on the same item")
    if code in _THROTTLES:
        return Throttled("the database asked for fewer requests")
    return error


def _translate_cancellation(error: ClientError, reasons: Sequence[Any]) -> Exception:
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
    if "TransactionConflict" in codes:
        return TransactionConflict("another transaction is at work on the same item")
    if _THROTTLES & set(codes) or "ThrottlingError" in codes:
        return Throttled("the database asked for fewer requests")
    return error
