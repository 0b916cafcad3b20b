"""The port to the event bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from commerce.errors import Throttled
from commerce.outages import named_outages

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "pushcart"


@cache
def event_bridge_client() -> EventBridgeClient:
    """Give this process's client: what fails here is tried again with its whole record."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 2}
    )
    return boto3.client("events", config=config)


class EventBus:
    """One bus."""

    def __init__(self, name: str, client: EventBridgeClient | None = None) -> None:
        self._name = name
        self._client = client or event_bridge_client()

    def publish(self, event: Mapping[str, Any]) -> None:
        """Publish an event in its published shape; a repeat is delivered again.

        Raises
        ------
        Throttled
            The bus did not take it.
        DependencyUnavailable
            It may not have taken it.
        """
        entry: Any = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event["type"],
            "Detail": json.dumps(event),
        }
        with named_outages("the event bus"):
            answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise Throttled(f"the bus took no event: {answer['Entries'][0].get('ErrorCode')}")
