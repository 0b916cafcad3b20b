"""What is stored is encrypted, comes over TLS and belongs to nobody outside the account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from cloud_in_memory import ROOT, template
from deployed import Json

PLAIN_SETTINGS = {
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}
# The member of each kind of policy that says what it is about.
POLICIES = {"Bucket": "Bucket", "Queue": "Queues", "Topic": "Topics"}


def _all() -> dict[str, Json]:
    monitoring = yaml_parse((ROOT / "infra/monitoring.yaml").read_text())["Resources"]
    return {**template()["Resources"], **monitoring}


def _of_kind(kind: str) -> dict[str, Json]:
    return {
        name: each.get("Properties", {})
        for name, each in _all().items()
        if each["Type"].endswith(f"::{kind}") and not each["Type"].startswith("AWS::Events")
    }


def _statements(kind: str, name: str) -> list[Json]:
    """Give the statements of the policies of one resource."""
    return [
        statement
        for policy in _of_kind(f"{kind}Policy").values()
        if {"Ref": name} in _many(policy[POLICIES[kind]])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _guarded() -> Iterator[tuple[str, str]]:
    for kind in POLICIES:
        for name in _of_kind(kind):
            yield kind, name


@pytest.mark.parametrize(("kind", "name"), list(_guarded()))
def test_what_does_not_come_over_tls_is_refused(kind: str, name: str) -> None:
    every_action = {"Bucket": "s3:*", "Queue": "sqs:*", "Topic": "sns:Publish"}[kind]
    arn = {"Ref": name} if kind == "Topic" else {"Fn::GetAtt": [name, "Arn"]}
    objects = [{"Fn::Sub": f"${{{name}.Arn}}/*"}] if kind == "Bucket" else []
    (denied,) = [each for each in _statements(kind, name) if each["Effect"] == "Deny"]

    assert denied["Principal"] == "*"
    assert denied["Action"] == every_action
    assert _many(denied["Resource"]) == [arn, *objects]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("kind", "name"), list(_guarded()))
def test_only_services_of_aws_are_let_in_and_each_for_the_shop_alone(kind: str, name: str) -> None:
    for statement in _statements(kind, name):
        if statement["Effect"] == "Allow":
            assert set(statement["Principal"]) == {"Service"}
            assert {"aws:SourceArn", "aws:SourceAccount"} & set(
                next(iter(statement["Condition"].values()))
            )


def test_buckets_queues_and_topics_are_encrypted_at_rest() -> None:
    for bucket in _of_kind("Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    for queue in _of_kind("Queue").values():
        assert queue["SqsManagedSseEnabled"] is True
    for topic in _of_kind("Topic").values():
        assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": ["AlertsKey", "Arn"]}


def test_no_bucket_can_be_made_public() -> None:
    for name, bucket in _of_kind("Bucket").items():
        assert list(bucket["PublicAccessBlockConfiguration"].values()) == [True] * 4
        assert bucket["OwnershipControls"] == {
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
        }
        assert [each["Effect"] for each in _statements("Bucket", name)] == ["Deny"]


def test_settings_are_names_of_things_and_no_secrets() -> None:
    """A secret would stand here in clear; a function is told its name, and reads it."""
    settings = template()["Globals"]["Function"]["Environment"]["Variables"]
    written_out = {name for name, value in settings.items() if isinstance(value, str)}

    assert written_out == PLAIN_SETTINGS
    # Whatever tells a stack from another, such as its id, is known to many and no key.
    assert "AWS::StackId" not in json.dumps(settings)
    for name in _of_kind("Secret"):
        told = [value for value in settings.values() if name in json.dumps(value)]
        assert told == [{"Fn::GetAtt": [name, "Id"]}]
    assert "SecretString" not in json.dumps(_all()).replace("GenerateSecretString", "")
    for function in _of_kind("Function").values():
        assert "Environment" not in function
