"""What AWS asks of the template by its documents, where the embedded cloud is content with less."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from cloud_in_memory import ROOT, template
from deployed import Json, resources, routes
from pushcart.api_document import endpoints

# What holds something that nobody could make again: data, names, people, keys.
STATEFUL = (
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolGroup",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)
DELETED = {
    "AlertsKey",
    "Alerts",
    "CartsTable",
    "CursorSecret",
    "DeliveriesQueue",
    "FailedDeliveriesQueue",
    "FailedEventsQueue",
    "FailedRecordsQueue",
    "FunctionLogs",
    "IdempotencyTable",
    "MailIdentity",
}
DAYS = 24 * 60 * 60
# What Lambda takes of one call that somebody waits for.
EVENT_BYTES_MAX = 6 * 1024 * 1024


def _everything() -> dict[str, Json]:
    monitoring = yaml_parse((ROOT / "infra/monitoring.yaml").read_text())["Resources"]
    return {**template()["Resources"], **monitoring}


# --- what stays after a deletion -------------------------------------------------


def test_what_a_deleted_stack_takes_along_is_chosen_for_all_that_holds_something() -> None:
    policies = {
        name: (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
        for name, each in _everything().items()
        if each["Type"] in STATEFUL
    }
    kept = ("RetainExceptOnCreate", "Retain")

    assert len(policies) > 25
    assert {name for name, each in policies.items() if each == ("Delete", "Delete")} == DELETED
    # No rollback can delete a protected table: it would end in ROLLBACK_FAILED.
    assert {
        name: each for name, each in policies.items() if each not in {kept, ("Delete",) * 2}
    } == {
        name: ("Retain", "Retain")
        for name, table in resources("Table").items()
        if table.get("DeletionProtectionEnabled")
    }


def test_nothing_that_holds_something_is_of_a_kind_that_this_test_does_not_know() -> None:
    kinds = {each["Type"] for each in _everything().values()}
    stateless = {
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
        "AWS::CloudFormation::Stack",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Cognito::UserPoolClient",
        "AWS::Events::EventBus",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",
        "AWS::Serverless::Api",
        "AWS::Serverless::Function",
        "AWS::Serverless::LayerVersion",
        "AWS::Serverless::StateMachine",
    }

    assert kinds == stateless | set(STATEFUL)


def test_the_page_about_aws_names_all_that_stays_and_how_it_goes() -> None:
    page = (ROOT / "docs/aws.md").read_text()
    stays = page.partition("## What stays")[2].partition("\n## ")[0]
    kept = {
        name
        for name, each in _everything().items()
        if each.get("DeletionPolicy") in {"Retain", "RetainExceptOnCreate"}
        and not each["Type"].endswith("Group")  # they stay with their pool
    }

    assert set(re.findall(r"`(\w+(?:Table|Pool|Secret|Bucket))`", stays)) == kept
    for command in ("delete-table", "delete-user-pool", "delete-secret", "delete-bucket"):
        assert command in stays


def test_a_message_waits_as_long_in_a_queue_of_work_as_where_it_is_set_aside() -> None:
    for name, queue in resources("Queue").items():
        assert queue.get("MessageRetentionPeriod") == 14 * DAYS, name


# --- mail --------------------------------------------------------------------------


def _with(value: Any, conditions: dict[str, bool]) -> Any:
    """Give a value as CloudFormation does where these conditions hold."""
    if isinstance(value, list):
        return [_with(each, conditions) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        name, true, false = value["Fn::If"]
        return _with(true if conditions[name] else false, conditions)
    return {name: _with(each, conditions) for name, each in value.items()}


def _holds(condition: Any, parameters: dict[str, str]) -> bool:
    ((function, arguments),) = condition.items()
    if function == "Fn::Equals":
        left, right = (
            parameters[each["Ref"]] if isinstance(each, dict) else each for each in arguments
        )
        return bool(left == right)
    if function == "Condition":
        return _holds(template()["Conditions"][arguments], parameters)
    parts = [_holds(each, parameters) for each in arguments]
    return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[function]


def _deployed(**parameters: str) -> dict[str, Json]:
    """Give the resources that a deploy with these parameters makes."""
    given = {name: each.get("Default", "") for name, each in template()["Parameters"].items()}
    conditions = {
        name: _holds(each, given | parameters) for name, each in template()["Conditions"].items()
    }
    made = {
        name: each
        for name, each in template()["Resources"].items()
        if "Condition" not in each or conditions[each["Condition"]]
    }
    return {name: _with(each, conditions) for name, each in made.items()}


def _how_it_mails(deployed: dict[str, Json]) -> tuple[str, str]:
    pool = deployed["CustomerPool"]["Properties"]["EmailConfiguration"]["EmailSendingAccount"]
    rule = deployed["SendEmailFunction"]["Properties"]["Events"]["Published"]["Properties"]
    return pool, rule["State"]


def test_an_identity_is_made_one_deploy_before_anything_sends_with_it() -> None:
    """Cognito refuses an identity that is not confirmed, and the whole update with it."""
    sender = "orders@shop.example"
    nobody = _deployed()
    first = _deployed(MailSender=sender)
    second = _deployed(MailSender=sender, SendMail="ENABLED")

    assert "MailIdentity" not in nobody
    assert _how_it_mails(nobody) == ("COGNITO_DEFAULT", "DISABLED")
    # The first makes the identity and changes nothing that uses it.
    assert {name: each for name, each in first.items() if name != "MailIdentity"} == nobody
    # The second leaves it as it is.
    assert second["MailIdentity"] == first["MailIdentity"]
    assert _how_it_mails(second) == ("DEVELOPER", "ENABLED")


def test_a_function_is_told_its_sender_only_once_mail_is_switched_on() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]

    assert variables["MAIL_SENDER"] == {"Fn::If": ["SendsMail", {"Ref": "MailSender"}, "nobody"]}


def test_mail_without_a_sender_is_no_mail() -> None:
    assert _deployed(SendMail="ENABLED") == _deployed()


# --- throttles -----------------------------------------------------------------------


def _as_documented(path: str) -> str:
    """Write a path as a method's setting names it: a slash, and the path with its own as `~1`."""
    return "/" + path.replace("/", "~1")


def test_a_method_with_limits_of_its_own_is_named_as_api_gateway_documents_it() -> None:
    settings = resources("Api")["Api"]["MethodSettings"]
    named = {f"{each['HttpMethod']} {each['ResourcePath']}" for each in settings}
    known = {
        f"{method} {_as_documented(path)}"
        for _, route, _ in routes()
        for method, _, path in [route.partition(" ")]
    }

    assert named <= known | {"* /*"}
    assert "POST /~1store~1carts~1{id}~1complete" in named
    assert "POST /~1store~1customers~1sessions" in named


# --- partitions, layers, pools -------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["template.yaml", "infra/monitoring.yaml", *map(str, ROOT.glob("stepflows/*.json"))]
)
def test_no_arn_is_of_one_partition(file: str) -> None:
    assert "arn:aws:" not in (ROOT / file).read_text()


def test_a_state_machine_is_told_the_partition_it_is_in() -> None:
    for name, machine in resources("StateMachine").items():
        definition = (ROOT / machine["DefinitionUri"]).read_text()
        told = set(re.findall(r"\$\{(\w+)\}", definition))
        assert told == set(machine["DefinitionSubstitutions"]), name


def test_layers_say_for_which_processor_they_are_built() -> None:
    architectures = template()["Globals"]["Function"]["Architectures"]
    layers = {
        name: each
        for name, each in template()["Resources"].items()
        if each["Type"].endswith("LayerVersion")
    }

    assert set(layers) == {"CommerceLayer", "VendorLayer"}
    for layer in layers.values():
        assert layer["Properties"]["CompatibleArchitectures"] == architectures
    assert [layers["VendorLayer"]["Metadata"]["BuildArchitecture"]] == architectures


def test_a_pool_of_users_has_the_plan_that_what_it_does_costs_least_in() -> None:
    for pool in resources("UserPool").values():
        assert pool["UserPoolTier"] == "LITE"
        # What is in a dearer plan alone, and would be refused in this.
        assert not {"UserPoolAddOns", "LambdaConfig"} & set(pool)
        assert "SignInPolicy" not in json.dumps(pool)


# --- sizes -----------------------------------------------------------------------------


def _event(body: str) -> bytes:
    """Write a request as Lambda gets it of API Gateway, with as much around it as may be."""
    path = "/admin/imports"
    headers = {"Authorization": "t" * 4_000, "Cookie": '"' * 6_000}  # 10,240 bytes at most
    query = {"q": "%22" * 2_000}
    claims = dict.fromkeys(("kind", "id", "name", "roles", "scopes", "principalId"), "c" * 500)
    event = {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": {"id": "i" * 1_000},
        "stageVariables": None,
        "requestContext": {"path": f"/live{path}", "authorizer": claims, "rest": "r" * 4_000},
        "body": body,
        "isBase64Encoded": False,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("character", ['"', "\\", "a", "ü", "\n"])
def test_the_longest_body_of_each_operation_fits_an_event_of_lambda(character: str) -> None:
    for limit in {each.operation.body_bytes_max for each in endpoints(ROOT)}:
        body = character * (limit // len(character.encode()))
        size = len(_event(body))
        assert size < EVENT_BYTES_MAX, limit


# --- what docs/aws.md counts ---------------------------------------------------------


def _metrics() -> set[str]:
    """Name every metric of ours; of an answer's class there are those that operations give."""
    found: set[str] = set()
    for path in [*ROOT.glob("functions/*/*.py"), *ROOT.glob("layers/commerce/python/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "count"):
                continue
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    found.add(name)
                case [ast.JoinedStr(), *_]:
                    found |= {"Http2xx", "Http4xx", "Http5xx"}
    return found


def test_the_page_about_aws_counts_alarms_and_metrics_right() -> None:
    page = " ".join((ROOT / "docs/aws.md").read_text().split())
    alarms = [each for each in _everything().values() if each["Type"].endswith("::Alarm")]

    assert f"the {len(alarms)} alarms" in page
    assert f"the {len(_metrics())} custom metrics" in page
