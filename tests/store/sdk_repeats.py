"""DynamoDB's client as the SDK is on a bad line: it sends again what was done and not heard of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

WRITES = {
    "put_item",
    "update_item",
    "delete_item",
    "transact_write_items",
}


def failed(code: str, operation: str = "PutItem", status: int = 400, **more: Any) -> ClientError:
    """Give an error as the SDK raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": f"{code} of the test"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
        **more,
    }
    return ClientError(response, operation)


class RepeatedWrites:
    """Does each write, hears nothing of it, and sends it again, as the SDK does by itself.

    The database behind it knows no `ClientRequestToken`, so that a transaction, too, meets
    its own effect, as it does after ten minutes on AWS.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name not in WRITES:
            return call

        def sent_again(**arguments: Any) -> Any:
            arguments.pop("ClientRequestToken", None)
            call(**arguments)
            try:
                return call(**arguments)
            except ClientError as error:
                error.response.setdefault("ResponseMetadata", {})  # type: ignore[typeddict-item]
                error.response["ResponseMetadata"]["RetryAttempts"] = 1
                raise

        return sent_again


class StillUnderWay:
    """Does each transaction, and says once that it has not ended yet."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._told: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._inner, name)
        if name != "transact_write_items":
            return call

        def under_way(**arguments: Any) -> Any:
            token = arguments.pop("ClientRequestToken")
            answer = call(**arguments)
            if token not in self._told:
                self._told.add(token)
                raise failed("TransactionInProgressException", "TransactWriteItems")
            return answer

        return under_way
