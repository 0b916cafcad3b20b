"""DynamoDB of the embedded cloud, called in this process: a call takes a fraction of moto's time.

For tests of many rounds. Each call is whole, as DynamoDB's are: threads take turns.
"""

from __future__ import annotations

import json
import pickle
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import dynamodb

from cloud_in_memory import table_name, template

_VERSION = "DynamoDB_20120810"


class EmulatedDynamoDb:
    """A client with empty tables of these services."""

    def __init__(self, *nouns: str) -> None:
        self._lock = Lock()
        self._nouns = nouns
        self.empty()

    def empty(self) -> None:
        """Throw away what the tables hold."""
        dynamodb.reset()
        for noun in self._nouns:
            declared = template()["Resources"][f"{_in_one_word(noun)}Table"]["Properties"]
            wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
            self.create_table(
                TableName=table_name(noun),
                **{part: declared[part] for part in wanted if part in declared},
            )

    def saved(self) -> bytes:
        """Write down all tables as they are, to go back to."""
        return pickle.dumps([dynamodb._tables.get(table_name(noun)) for noun in self._nouns])

    def go_back_to(self, saved: bytes) -> None:
        """Make all tables what they were when they were saved."""
        for noun, table in zip(self._nouns, pickle.loads(saved), strict=True):
            dynamodb._tables[table_name(noun)] = table

    def items(self, noun: str) -> list[dict[str, Any]]:
        """Look at all items of a service's table, as they are on the wire, without a call."""
        table = dynamodb._tables.get(table_name(noun))
        return [item for items in table["items"].values() for item in items.values()]

    def answer(self, operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        """Give the status and the document that DynamoDB answers a request with."""
        with self._lock:
            return _asked(operation, arguments)

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        operation = name.title().replace("_", "")

        def call(**arguments: Any) -> Any:
            status, answer = self.answer(operation, arguments)
            if status != 200:
                code = answer["__type"].rpartition("#")[2]
                error: Any = {"Code": code, "Message": answer.get("message", "")}
                response: Any = {**answer, "Error": error}
                raise ClientError(response, operation)
            return answer

        return call


def _in_one_word(noun: str) -> str:
    return noun.title().replace("_", "")


def _asked(operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    headers = {"x-amz-target": f"{_VERSION}.{operation}"}
    body = json.dumps(arguments).encode()
    asking = dynamodb.handle_request("POST", "/", headers, body, {})
    try:
        asking.send(None)
    except StopIteration as done:
        status, _, text = done.value
        return status, json.loads(text)
    raise AssertionError("the emulator waits for something")
