"""The port to Secrets Manager: a secret is read once a process, when it is first needed."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, cast

import boto3
from botocore.config import Config

from commerce.outages import named_outages


@cache
def secrets_client() -> Any:
    """Give this process's client: who asks for a secret waits for it."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}
    )
    return cast("Any", boto3).client("secretsmanager", config=config)


class Secret:
    """One secret, by its ARN."""

    def __init__(self, arn: str, client: Any = None) -> None:
        self._arn = arn
        self._client = client

    @cached_property
    def value(self) -> str:
        """What is secret; a rotated one is seen by new processes.

        Raises
        ------
        Throttled, DependencyUnavailable
            It cannot be told at the moment, and is asked for again the next time.
        """
        client = self._client or secrets_client()
        with named_outages("the keeper of secrets"):
            text: str = client.get_secret_value(SecretId=self._arn)["SecretString"]
        return text
