"""A first deploy that fails, of the shop's own template."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployed import resources
from pushcart import deployment, process
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.testing import workspace_in

# Of the last that a deploy makes, so that all else is there when this fails.
TAKEN = "/pushcart/integrations-plan"


def test_a_first_deploy_that_fails_leaves_nothing_but_what_is_protected(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    process.start(workspace)
    try:
        cloud = Cloud(workspace)
        cloud.parameters.put_parameter(Name=TAKEN, Type="String", Value="somebody else's")
        with pytest.raises(CommandFailed):
            deployment.deploy(workspace)
        status = cloud.stack_status()
        tables = cloud.dynamodb.list_tables()["TableNames"]
        pools = cloud.cognito.list_user_pools(MaxResults=10)["UserPools"]
        secrets = cloud.secrets.list_secrets()["SecretList"]
        buckets = {bucket["Name"] for bucket in cloud.s3.list_buckets()["Buckets"]}
    finally:
        process.stop(workspace)

    protected = {
        name for name, each in resources("Table").items() if each.get("DeletionProtectionEnabled")
    }
    assert status == "ROLLBACK_COMPLETE"
    assert {name.split("-")[1] for name in tables} == protected == {"AuditTable"}
    assert (pools, secrets) == ([], [])
    assert buckets == {"pushcart-artifacts"}  # which `sam deploy` uploads to
