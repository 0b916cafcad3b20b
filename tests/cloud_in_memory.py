"""The tables of `template.yaml`, made on moto."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from samcli.yamlhelper import yaml_parse

from commerce.environment import Environment

ROOT = Path(__file__).parents[1]
REGION = "us-east-1"

ENVIRONMENT = {
    **{field.name.upper(): f"test-{field.name}" for field in fields(Environment)},
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "pushcart",
    "POWERTOOLS_METRICS_NAMESPACE": "Pushcart",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
}


@cache
def template() -> dict[str, Any]:
    """Read template.yaml."""
    document: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return document


def table_name(noun: str) -> str:
    """Name the test table of a service, such as `orders`."""
    return ENVIRONMENT[f"{noun.upper()}_TABLE"]


def noun_of(table: str) -> str:
    """Name the service of a table of the template: `api_keys` of `ApiKeysTable`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", table.removesuffix("Table")).lower()


@contextmanager
def empty_tables(*nouns: str) -> Iterator[None]:
    """Give the tables of these services, all where none is named, with nothing in them."""
    with mock_aws():
        _make_tables(nouns)
        yield


def _make_tables(nouns: tuple[str, ...]) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    for name, resource in template()["Resources"].items():
        noun = noun_of(name)
        if resource["Type"] == "AWS::DynamoDB::Table" and (not nouns or noun in nouns):
            declared = resource["Properties"]
            wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
            client.create_table(
                TableName=table_name(noun),
                **{part: declared[part] for part in wanted if part in declared},
            )
