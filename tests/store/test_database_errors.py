"""Every error of DynamoDB and of the way to it has a name, and no write is made twice for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from cloud_in_memory import table_name
from commerce.dynamo.table import (
    Check,
    ConditionFailed,
    DatabaseRefused,
    Delete,
    Put,
    Table,
    TransactionRefused,
    Update,
    from_wire,
    put_marked,
    to_wire,
)
from commerce.errors import (
    DependencyUnavailable,
    ItemTooLarge,
    Throttled,
    TransactionConflict,
)
from store.emulated_dynamodb import EmulatedDynamoDb
from store.sdk_repeats import RepeatedWrites, StillUnderWay, failed

KEY = {"pk": "thing", "sk": "thing"}
ANYTHING = {"pk": "thing"}
CALLS: dict[str, Callable[[Table], object]] = {
    "get": lambda table: table.get(KEY),
    "get_many": lambda table: table.get_many([KEY]),
    "put": lambda table: table.put(Put({**KEY})),
    "update": lambda table: table.update(Update(KEY, "SET #n = :n", values={"n": 1})),
    "delete": lambda table: table.delete(Delete(KEY)),
    "transact": lambda table: table.transact([Put({**KEY})]),
    "query": lambda table: list(table.query("#pk = :pk", ANYTHING)),
    "query_page": lambda table: table.query_page("#pk = :pk", ANYTHING, limit=1),
    "scan_page": lambda table: table.scan_page(limit=1),
}

URL = {"endpoint_url": "https://dynamodb.test"}


def canceled(*codes: str, message: str = "") -> ClientError:
    reasons = [{"Code": code, "Message": message} for code in codes]
    return failed("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)


OUTAGES: list[Exception] = [
    failed("InternalServerError", status=500),
    failed("InternalFailure", status=500),
    failed("ServiceUnavailable", status=503),
    failed("", status=502),
    failed("SomethingNew", status=599),
    failed("RequestTimeout"),
    EndpointConnectionError(**URL),
    ReadTimeoutError(**URL),
    ConnectTimeoutError(**URL),
    ConnectionClosedError(**URL),
    HTTPClientError(error="reset by peer"),
    IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ResponseStreamingError(error="cut off"),
    ProxyConnectionError(proxy_url="http://proxy.test"),
    SSLError(error=OSError("handshake"), **URL),
    ResponseParserError("a page of HTML"),
]
THROTTLES: list[Exception] = [
    failed("ProvisionedThroughputExceededException"),
    failed("ThrottlingException"),
    failed("RequestLimitExceeded"),
    failed("SomethingNew", status=429),
]
CANCELLATIONS = [
    (canceled("None", "TransactionConflict"), TransactionConflict),
    (canceled("ThrottlingError", "None"), Throttled),
    (canceled("None", "ProvisionedThroughputExceeded"), Throttled),
    (canceled("ItemCollectionSizeLimitExceeded"), ItemTooLarge),
    (canceled("ValidationError", message="Item size has exceeded the maximum"), ItemTooLarge),
    (canceled("ValidationError", message="not a number"), DatabaseRefused),
    (canceled("SomethingNew"), DatabaseRefused),
    (canceled(), DatabaseRefused),
    (failed("TransactionInProgressException"), DependencyUnavailable),
    (failed("TransactionConflictException"), TransactionConflict),
    (failed("IdempotentParameterMismatchException"), DatabaseRefused),
]
REFUSALS = [
    (failed("ReplicatedWriteConflictException"), TransactionConflict),
    (failed("ItemCollectionSizeLimitExceededException"), ItemTooLarge),
    (failed("AccessDeniedException"), DatabaseRefused),
    (failed("ResourceNotFoundException"), DatabaseRefused),
    (failed("ValidationException"), DatabaseRefused),
]


class Failing:
    """DynamoDB's client, every call of which fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def fail(**_: Any) -> Any:
            raise self._error

        return fail


def failing(error: Exception) -> Table:
    client: Any = Failing(error)
    return Table("things", client, lambda _seconds: None)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_what_may_pass_has_one_name_whatever_was_called(error: Exception, call: str) -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        CALLS[call](failing(error))
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", THROTTLES, ids=repr)
def test_a_throttle_is_one_whatever_was_called(error: Exception, call: str) -> None:
    with pytest.raises(Throttled):
        CALLS[call](failing(error))


@pytest.mark.parametrize(("error", "named"), CANCELLATIONS)
def test_every_reason_to_cancel_a_transaction_has_a_name(
    error: Exception, named: type[Exception]
) -> None:
    with pytest.raises(named):
        CALLS["transact"](failing(error))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("error", "named"), REFUSALS)
def test_every_other_refusal_has_a_name(
    error: Exception, named: type[Exception], call: str
) -> None:
    with pytest.raises(named):
        CALLS[call](failing(error))


@pytest.fixture(scope="module")
def database() -> EmulatedDynamoDb:
    return EmulatedDynamoDb("orders")


@pytest.fixture(params=[RepeatedWrites, StillUnderWay])
def things(request: pytest.FixtureRequest, database: EmulatedDynamoDb) -> Table:
    """Give an empty table behind an SDK that repeats by itself."""
    database.empty()
    return Table(table_name("orders"), request.param(database), lambda _seconds: None)


NEW = "attribute_not_exists(#pk)"
SEEN = "#version = :seen"


def test_a_write_that_the_sdk_repeats_is_done_once_and_is_no_others(
    things: Table, database: EmulatedDynamoDb
) -> None:
    things.put(Put({**KEY, "version": 1, "count": 0}, NEW))
    things.put(Put({**KEY, "version": 2, "count": 0}, SEEN, {"seen": 1}))
    changed = things.update(
        Update(
            KEY,
            "SET #version = #version + :one, #count = #count + :one REMOVE #gone",
            SEEN,
            {"one": 1, "seen": 2},
        )
    )
    assert changed == {**KEY, "version": 3, "count": 1}
    # No condition of its own would stop these from being added twice.
    added = things.update(Update(KEY, "ADD #count :one", values={"one": 1}))
    assert added == {**KEY, "version": 3, "count": 2}
    made = things.update(Update({**KEY, "sk": "new"}, "ADD #count :one", values={"one": 1}))
    assert made == {**KEY, "sk": "new", "count": 1}
    things.delete(Delete({**KEY, "sk": "new"}, "attribute_exists(#pk)"))
    assert [from_wire(item) for item in database.items("orders")] == [added]


def test_a_librarys_write_that_the_sdk_repeats_is_no_others(database: EmulatedDynamoDb) -> None:
    database.empty()
    claim: Any = {
        "TableName": table_name("orders"),
        "Item": to_wire(KEY),
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    client: Any = RepeatedWrites(database)
    put_marked(client, **claim)
    with pytest.raises(ClientError):
        put_marked(client, **claim)


def test_a_transaction_that_the_sdk_repeats_is_done_once_and_is_no_others(things: Table) -> None:
    other = {**KEY, "sk": "other"}
    things.transact(
        [
            Put({**KEY, "version": 1}, NEW),
            Update(other, "ADD #count :one", values={"one": 1}),
            Check({**KEY, "sk": "none"}, NEW),
        ]
    )
    for seen in (1, 2):
        things.transact(
            [
                Update(
                    KEY, "SET #version = #version + :one", SEEN, values={"one": 1, "seen": seen}
                ),
                Update(other, "SET #count = #count + :one", values={"one": 1}),
            ]
        )
    assert things.get(KEY) == {**KEY, "version": 3}
    assert things.get(other) == {**other, "count": 3}


def test_what_another_wrote_is_not_taken_for_the_own(things: Table) -> None:
    one = Put({**KEY, "version": 1}, NEW)
    things.put(one)
    with pytest.raises(ConditionFailed) as failed_:
        things.put(one)
    assert failed_.value.item == {**KEY, "version": 1}
    with pytest.raises(TransactionRefused) as refused:
        things.transact([Put({**KEY, "sk": "new"}, NEW), one])
    assert refused.value.failures == {1: {**KEY, "version": 1}}
    assert things.get({**KEY, "sk": "new"}) is None


class CalledOff:
    """DynamoDB's client: calls the first transaction off for another that is at work."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.tokens: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        self.tokens.append(arguments["ClientRequestToken"])
        if len(self.tokens) == 1:
            raise canceled("TransactionConflict")
        return self._inner.transact_write_items(**arguments)


def test_a_transaction_that_was_called_off_is_another_one_when_it_is_sent_again(
    database: EmulatedDynamoDb,
) -> None:
    database.empty()
    client: Any = CalledOff(database)
    Table(table_name("orders"), client, lambda _seconds: None).transact([Put({**KEY}, NEW)])
    assert len(set(client.tokens)) == len(client.tokens) == 2
