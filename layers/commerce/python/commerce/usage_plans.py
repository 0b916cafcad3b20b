"""The port to API Gateway's usage plans, which hold each key to its own rate and quota."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from commerce.outages import named_outages

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})


@cache
def api_gateway_client() -> Any:
    """Give this process's client: CreateApiKey is throttled early, and waited for."""
    return cast("Any", boto3).client("apigateway", config=_CONFIG)


@cache
def parameters_client() -> Any:
    """Give this process's client of the parameter store."""
    return cast("Any", boto3).client("ssm", config=_CONFIG)


class UsageKeyTaken(Exception):
    """API Gateway has this usage key already."""


class UsagePlan:
    """One usage plan.

    Parameters
    ----------
    parameter
        Where its id stands in the parameter store. The plan is of the API and the API of
        its functions, so none of them can be deployed with the plan's id.
    """

    def __init__(self, parameter: str, gateway: Any = None, parameters: Any = None) -> None:
        self._parameter = parameter
        self._gateway = gateway or api_gateway_client()
        self._parameters = parameters or parameters_client()

    def admit(self, usage_key: str, name: str) -> None:
        """Let calls that the authorizer gives this usage key go by the plan.

        Called again after it died half-way, it needs another usage key: API Gateway keeps
        the first.

        Raises
        ------
        UsageKeyTaken
            It was called with this usage key before, and may have died half-way.
        Throttled, DependencyUnavailable
            It is not told whether they go by it.
        """
        with named_outages("the API's gateway"):
            try:
                made = self._gateway.create_api_key(name=name, value=usage_key, enabled=True)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConflictException":
                    raise
                raise UsageKeyTaken("API Gateway has this usage key") from None
            self._gateway.create_usage_plan_key(
                usagePlanId=self._plan_id, keyId=made["id"], keyType="API_KEY"
            )

    @cached_property
    def _plan_id(self) -> str:
        plan_id: str = self._parameters.get_parameter(Name=self._parameter)["Parameter"]["Value"]
        return plan_id
