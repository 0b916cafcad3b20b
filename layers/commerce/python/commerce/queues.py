"""The port to queues: ask for work to be done, now or in a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from commerce.outages import named_outages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@cache
def sqs_client() -> SQSClient:
    """Give this process's client; whoever asks for work must be able to ask again later."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 2}
    )
    return boto3.client("sqs", config=config)


class Queue:
    """One queue."""

    def __init__(self, url: str, client: SQSClient | None = None) -> None:
        self._url = url
        self._client = client or sqs_client()

    def send(self, document: Mapping[str, Any], delay_seconds: int = 0) -> None:
        """Send a message, to be seen after a while; it may arrive twice.

        Parameters
        ----------
        delay_seconds
            From 0 to 900.

        Raises
        ------
        Throttled, DependencyUnavailable
            The queue may not have taken it.
        """
        with named_outages("the queue"):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=json.dumps(document), DelaySeconds=delay_seconds
            )
