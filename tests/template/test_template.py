"""What template.yaml deploys is what the code declares, and no more is allowed than needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from cloud_in_memory import ROOT, noun_of, template
from commerce import errors
from commerce.catalog.import_files import OBJECT_KEY
from commerce.emails.model import MAILS
from commerce.emails.store import LEASE
from commerce.entry.callers import Audience
from commerce.entry.http import HEADERS
from commerce.entry.problems import status_of
from commerce.environment import Environment
from commerce.errors import DomainError
from commerce.webhooks.internet import ANSWER_WITHIN_SECONDS
from commerce.webhooks.model import CLAIM_LIFE
from deployed import Json, handler_file, resources, routes, statements
from pushcart.api_document import Endpoint, document, endpoints
from pushcart.method_settings import as_served

IDEMPOTENCY = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
# Read by Powertools, which is told by the environment and not by the shop's code.
POWERTOOLS = {
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
}


@pytest.fixture(scope="module")
def operations() -> dict[str, Endpoint]:
    """Give every HTTP operation of the code by its route."""
    found = [one for one in endpoints(ROOT) if one.service != "site"]
    return {f"{one.operation.method} {one.operation.path}": one for one in found}


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    tool = str(Path(sys.executable).with_name(command[0]))
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(
        [tool, *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_cfn_lint_finds_nothing() -> None:
    linted = _run("cfn-lint", "template.yaml")

    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_sam_finds_nothing() -> None:
    validated = _run("sam", "validate", "--lint")

    assert validated.returncode == 0, validated.stdout + validated.stderr


# --- routes -------------------------------------------------------------------


def test_every_operation_has_its_route_and_every_route_its_operation(
    operations: dict[str, Endpoint],
) -> None:
    declared = {
        route: f"functions/{one.service}/{one.name}.py" for route, one in operations.items()
    }
    deployed = {
        route: str(handler_file(resources("Function")[name]).relative_to(ROOT))
        for name, route, _ in routes()
        if name != "SiteFunction"
    }

    assert deployed == declared


def test_no_two_functions_have_one_route() -> None:
    found = [route for _, route, _ in routes()]

    assert len(found) == len(set(found))


def test_a_route_asks_for_whom_it_is() -> None:
    authorizers = {Audience.STAFF: "Staff", Audience.CUSTOMER: "Customers"}
    for _, route, properties in routes():
        audience = Audience.of(route.partition(" ")[2])
        wanted: Json = {"Authorizer": authorizers.get(audience)}
        if audience is Audience.STAFF:
            # Its usage plan holds each caller to a rate of its own.
            wanted["ApiKeyRequired"] = True
        assert properties.get("Auth") == (wanted if wanted["Authorizer"] else None), route


def test_every_function_is_called_by_something() -> None:
    machines = json.dumps(resources("StateMachine"))
    called = set(re.findall(r'"(\w+Function)", "Arn"', machines))
    # A route, a schedule or a rule; a stream or a queue has a mapping of its own.
    called |= {name for name, function in resources("Function").items() if function.get("Events")}
    mappings = resources("EventSourceMapping").values()
    called |= {mapping["FunctionName"]["Fn::GetAtt"][0] for mapping in mappings}
    called |= {
        authorizer["FunctionArn"]["Fn::GetAtt"][0]
        for authorizer in resources("Api")["Api"]["Auth"]["Authorizers"].values()
        if "FunctionArn" in authorizer
    }

    assert called == set(resources("Function"))


def test_every_handler_is_a_file_and_every_file_a_handler() -> None:
    deployed = {handler_file(function) for function in resources("Function").values()}

    assert deployed == set(ROOT.glob("functions/*/*.py"))


# --- events -------------------------------------------------------------------


def _streams() -> dict[str, Json]:
    mappings = resources("EventSourceMapping")
    return {name: each for name, each in mappings.items() if "StartingPosition" in each}


def test_every_stream_of_a_table_goes_through_the_one_publisher() -> None:
    streamed = {
        name for name, table in resources("Table").items() if "StreamSpecification" in table
    }

    assert streamed == {"OrdersTable", "PaymentsTable", "StockTable", "CatalogTable"}
    assert {mapping["EventSourceArn"]["Fn::GetAtt"][0] for mapping in _streams().values()} == (
        streamed
    )
    for mapping in _streams().values():
        assert mapping["FunctionName"] == {"Fn::GetAtt": ["PublishEventsFunction", "Arn"]}


def test_a_bad_record_is_tried_a_few_times_alone_and_then_set_aside() -> None:
    for mapping in _streams().values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 0 < mapping["MaximumRetryAttempts"] <= 10
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination == {"Fn::GetAtt": ["FailedRecordsQueue", "Arn"]}


def test_a_filter_lets_through_every_change_that_is_an_event() -> None:
    patterns = {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: [
            json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]
        ]
        for mapping in _streams().values()
    }
    statuses = {
        "OrdersTable": {"confirmed", "completed", "canceled", "requires_action"},
        "PaymentsTable": {"authorized", "declined", "voided", "captured", "voiding"},
    }

    for table, wanted in statuses.items():
        assert set(patterns[table][0]["dynamodb"]["NewImage"]["status"]["S"]) == wanted
    assert patterns["CatalogTable"][0]["eventName"] == ["INSERT", "MODIFY"]
    assert patterns["OrdersTable"][1]["eventName"] == ["INSERT", "MODIFY"]
    assert {
        table: [pattern["dynamodb"]["Keys"]["sk"]["S"] for pattern in each]
        for table, each in patterns.items()
    } == {
        "OrdersTable": [
            ["order"],
            [{"prefix": "fulfillment#"}, {"prefix": "cancellation#"}, {"prefix": "return#"}],
        ],
        "PaymentsTable": [["payment"]],
        "StockTable": [["stock"]],
        "CatalogTable": [["product"]],
    }


def test_every_consumer_of_the_bus_keeps_what_it_cannot_take() -> None:
    rules = [
        (function, event["Properties"])
        for function in resources("Function").values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "EventBridgeRule"
    ]

    assert rules
    for function, rule in rules:
        # What AWS itself tells comes on the account's own bus.
        ours = rule["Pattern"]["source"] == ["pushcart"]
        assert rule.get("EventBusName") == ({"Ref": "EventBus"} if ours else None)
        assert "Arn" in rule["DeadLetterConfig"]
        assert "Destination" in function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]


def test_the_rule_for_emails_lets_through_what_has_one_and_nothing_else() -> None:
    rule = resources("Function")["SendEmailFunction"]["Events"]["Published"]["Properties"]

    assert rule["Pattern"] == {"source": ["pushcart"], "detail-type": list(MAILS)}


def test_an_email_is_in_hand_longer_than_its_sending_may_take() -> None:
    limit = resources("Function")["SendEmailFunction"]["Timeout"]

    # Lambda tries again after a minute: by then a run that died has lost its claim.
    assert timedelta(seconds=limit) < LEASE < timedelta(minutes=1)


def test_every_queue_of_failures_raises_an_alarm_at_its_first_message() -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: alarm
        for alarm in resources("Alarm").values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }

    queues = resources("Queue")
    # A queue of work hands its failures on to one of these.
    assert set(watched) == {name for name, queue in queues.items() if "RedrivePolicy" not in queue}
    for alarm in watched.values():
        assert alarm["AlarmActions"] == [{"Fn::GetAtt": ["Monitoring", "Outputs.AlertsTopic"]}]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_a_message_comes_alone_and_again_only_when_its_function_must_have_ended() -> None:
    functions, queues = resources("Function"), resources("Queue")
    mappings = [each for each in resources("EventSourceMapping").values() if each["BatchSize"] == 1]

    assert [each["EventSourceArn"]["Fn::GetAtt"][0] for each in mappings] == ["DeliveriesQueue"]
    for mapping in mappings:
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        function = functions[mapping["FunctionName"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert function["Timeout"] < CLAIM_LIFE.total_seconds()
        assert function["Timeout"] > 2 * ANSWER_WITHIN_SECONDS


def test_a_function_answers_before_api_gateway_gives_up() -> None:
    usual = template()["Globals"]["Function"]["Timeout"]
    limits = [resources("Function")[name].get("Timeout", usual) for name, _, _ in routes()]

    assert max(limits) <= 29


# --- what a browser and a lost request get ------------------------------------


def test_a_browser_may_send_every_header_that_an_operation_takes() -> None:
    paths = document(list(endpoints(ROOT)))["paths"]
    taken = {
        parameter["name"]
        for path in paths.values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }

    allowed = resources("Api")["Api"]["Cors"]["AllowHeaders"].strip("'").split(",")
    assert set(allowed) == taken | {"Authorization", "Content-Type", "X-Order-Token"}


@pytest.mark.parametrize("kind", sorted(resources("Api")["Api"]["GatewayResponses"]))
def test_what_api_gateway_answers_by_itself_is_a_problem_document(kind: str) -> None:
    response = resources("Api")["Api"]["GatewayResponses"][kind]
    headers = response["ResponseParameters"]["Headers"]
    text = response["ResponseTemplates"]["application/json"]
    problem = json.loads(text.replace("$context.error.messageString", '"why"'))

    assert headers["Content-Type"] == "'application/problem+json'"
    assert headers["Access-Control-Allow-Origin"] == "'*'"
    assert headers["X-Request-Id"] == "context.requestId"
    for name in HEADERS.keys() - {"Content-Security-Policy"}:  # it is never shown as a page
        assert headers[name]
    assert problem["type"] == f"urn:pushcart:problem:{problem['code']}"
    assert problem["request_id"] == "$context.requestId"
    assert problem["detail"]
    if "StatusCode" in response:
        assert problem["status"] == response["StatusCode"]


def test_whoever_met_a_lack_of_room_is_told_when_to_come_back() -> None:
    """Lambda's throttling is a failure of the integration, or of the authorizer, to API Gateway."""
    responses = resources("Api")["Api"]["GatewayResponses"]
    lack_of_room = {
        "AUTHORIZER_CONFIGURATION_ERROR",
        "AUTHORIZER_FAILURE",
        "DEFAULT_5XX",
        "INTEGRATION_FAILURE",
        "QUOTA_EXCEEDED",
        "THROTTLED",
    }

    for kind in lack_of_room:
        assert responses[kind]["StatusCode"] in {429, 503}, kind
        assert responses[kind]["ResponseParameters"]["Headers"]["Retry-After"], kind
    # What is not a matter of time is the one 500 that API Gateway gives.
    others = {kind for kind, each in responses.items() if each.get("StatusCode") == 500}
    assert others == {"API_CONFIGURATION_ERROR"}


def test_every_route_has_a_limit_and_checkouts_a_lower_one() -> None:
    rates = _rates()
    assert rates["POST /store/carts/{id}/complete"] < rates["* /*"]


def test_whoever_guesses_passwords_or_codes_meets_a_lower_limit() -> None:
    limits = _rates()
    guessing = {
        route
        for _, route, _ in routes()
        if route.startswith("POST /store/customers") and "/me" not in route
    }
    # A refresh token is too long to be guessed.
    guessing -= {"POST /store/customers/sessions/refresh"}

    assert len(guessing) == 6
    assert not [route for route in guessing if limits.get(route, 500) > 50]


def _rates() -> dict[str, int]:
    """Give how many requests a second each route may take that has a limit of its own."""
    return {
        f"{setting['HttpMethod']} {setting['ResourcePath']}": setting["ThrottlingRateLimit"]
        for setting in map(as_served, resources("Api")["Api"]["MethodSettings"])
    }


def test_a_code_has_one_status_whether_a_function_or_api_gateway_says_it() -> None:
    ours = {
        error.code(): status_of(error)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, DomainError)
    }
    for response in resources("Api")["Api"]["GatewayResponses"].values():
        (code,) = re.findall(r'"code": "(\w+)"', response["ResponseTemplates"]["application/json"])
        if "StatusCode" in response:
            assert ours.get(code, response["StatusCode"]) == response["StatusCode"], code


# --- permissions --------------------------------------------------------------


def test_no_permission_has_a_wildcard() -> None:
    owners = {**resources("Function"), **resources("StateMachine")}
    found = {
        (name, action, resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource)
        for name, properties in owners.items()
        for actions, allowed in statements(properties)
        for action in actions
        for resource in allowed
        if "*" in action or "*" in json.dumps(resource)
    }

    assert found == set()


def test_a_function_may_use_only_tables_that_its_handler_opens() -> None:
    for name, function in resources("Function").items():
        code = handler_file(function).read_text()
        opened = _tables_opened(code)
        # What the edge writes by itself.
        allowed = _tables_allowed(function) - ({"idempotency_table", "audit_table"} - opened)
        assert allowed <= opened, name
        # Cart operations open all of theirs at once, and not each uses all.
        assert "Ports.of" in code or opened <= allowed, name


def _tables_opened(code: str) -> set[str]:
    if "Ports.of(environment())" in code:
        code += (ROOT / "layers/commerce/python/commerce/carts/ports.py").read_text()
    return set(re.findall(r"(?:environment\(\)|names)\.(\w+_table)\b", code))


def _tables_allowed(function: Json) -> set[str]:
    named = json.dumps([allowed for _, allowed in statements(function)])
    # Reading a table's stream opens no table: Lambda does it for the function.
    found = re.findall(r'\b([A-Z][A-Za-z]+)Table(?:", "Arn"|\.Arn)', named)
    return {f"{noun_of(noun)}_table" for noun in found}


def test_a_function_may_start_or_answer_only_the_state_machines_it_names() -> None:
    for name, function in resources("Function").items():
        allowed = {
            machine
            for actions, machines in statements(function)
            if actions[0].startswith("states:")
            for machine in map(_machine_named, machines)
        }
        code = handler_file(function).read_text()
        named = set(re.findall(r"environment\(\)\.(\w+)_arn\b", code))
        if name == "WatchExecutionsFunction":
            assert not allowed
        elif "TaskTokens()" in code and not named:
            # It answers whoever waits, and is told the token and not the state machine.
            assert allowed == {"fulfil_order", "return_order"}
        else:
            assert allowed == named, name


def _machine_named(arn: Json) -> str:
    """Name a state machine, referred to or written out by a function it calls itself."""
    if "Fn::Sub" in arn:
        return str(arn["Fn::Sub"]).rpartition("${AWS::StackName}-")[2].replace("-", "_")
    logical = arn.get("Ref") or arn["Fn::GetAtt"][0]
    return re.sub(r"(?<!^)(?=[A-Z])", "_", logical.removesuffix("StateMachine")).lower()


def test_only_operations_that_create_may_write_idempotency_records(
    operations: dict[str, Endpoint],
) -> None:
    creating = {route for route, one in operations.items() if one.operation.creates}
    allowed = {
        route: set(actions)
        for name, route, _ in routes()
        for actions, tables in statements(resources("Function")[name])
        if {"Fn::GetAtt": ["IdempotencyTable", "Arn"]} in tables
    }

    assert allowed == dict.fromkeys(creating, IDEMPOTENCY)


def test_the_audit_trail_is_written_by_every_change_of_staff_and_changed_by_nobody(
    operations: dict[str, Endpoint],
) -> None:
    route_of = {name: route for name, route, _ in routes()}
    allowed = {
        route_of.get(name, name): set(actions)
        for name, owner in {**resources("Function"), **resources("StateMachine")}.items()
        for actions, tables in statements(owner)
        if {"Fn::GetAtt": ["AuditTable", "Arn"]} in tables
    }
    audited = {route for route, one in operations.items() if one.operation.audited}

    assert len(audited) > 25
    assert allowed == {
        **{route: {"dynamodb:PutItem"} for route in audited},
        "GET /admin/audit-entries": {"dynamodb:Query", "dynamodb:BatchGetItem"},
        "GET /admin/audit-entries/{id}": {"dynamodb:BatchGetItem"},
    }
    assert resources("Table")["AuditTable"]["DeletionProtectionEnabled"] is True


def test_a_change_of_a_thing_is_audited_with_what_stood_before(
    operations: dict[str, Endpoint],
) -> None:
    """What answers 201 makes something new beside the thing; a count of units is one thing."""
    changes = {
        route: one.operation
        for route, one in operations.items()
        if one.operation.audited and ("{" in route or route.startswith(("PUT", "PATCH", "DELETE")))
    }
    without = {route for route, operation in changes.items() if operation.before is None}

    assert without == {
        "POST /admin/accounts/{id}/transfers",
        "POST /admin/orders/{id}/fulfillments",
    }
    assert {route for route in without if changes[route].status != 201} == set()


def test_only_lists_that_page_may_read_the_key_of_cursors(operations: dict[str, Endpoint]) -> None:
    route_of = {name: route for name, route, _ in routes()}
    allowed = {
        route_of.get(name, name): actions
        for name, owner in {**resources("Function"), **resources("StateMachine")}.items()
        for actions, secrets in statements(owner)
        if "CursorSecret" in json.dumps(secrets)
    }
    paging = {
        route for route, one in operations.items() if "cursor" in one.operation.query.model_fields
    }

    assert len(paging) > 10
    assert allowed == {route: ["secretsmanager:GetSecretValue"] for route in paging}


def test_only_who_signs_webhooks_or_shows_a_secret_may_read_their_key() -> None:
    allowed = {
        name
        for name, function in resources("Function").items()
        if "WebhookSecret" in json.dumps(list(statements(function)))
    }

    assert allowed == {
        "CreateWebhookEndpointFunction",
        "DeliverWebhookFunction",
        "RotateWebhookSecretFunction",
    }


def test_a_state_machine_may_call_the_functions_it_names_and_no_others() -> None:
    for name, machine in resources("StateMachine").items():
        ((actions, allowed),) = statements(machine)
        assert actions == ["lambda:InvokeFunction"]
        told = machine["DefinitionSubstitutions"].items()
        assert allowed == [value for key, value in told if key != "Partition"], name


def test_a_function_has_a_role_of_its_own_and_nobody_else_may_take_it() -> None:
    for name, function in resources("Function").items():
        assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert "Policies" not in function, name  # SAM passes over them where there is a role
        (taken,) = resources("Role")[f"{name}Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert taken["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_all_functions_write_to_the_log_and_sam_adds_no_permission() -> None:
    """A role that SAM makes may write any log of the account (AWSLambdaBasicExecutionRole)."""
    roles = {
        name: resource["Properties"].get("ManagedPolicyArns", [])
        for name, resource in _expanded()["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    (policy,) = resources("ManagedPolicy").values()

    of_functions = {f"{name}Role": [{"Ref": "WriteLogsPolicy"}] for name in resources("Function")}
    of_machines: Json = {f"{name}Role": [] for name in resources("StateMachine")}
    assert roles == of_functions | of_machines
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["FunctionLogs", "Arn"]},
        }
    ]
    assert template()["Globals"]["Function"]["LoggingConfig"] == {
        "LogGroup": {"Ref": "FunctionLogs"}
    }


def test_api_gateway_may_call_each_function_for_its_own_route_only() -> None:
    permissions = [
        json.dumps(resource["Properties"]["SourceArn"])
        for resource in _expanded()["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]

    # The stage and each path parameter stand for anything; method and path do not.
    of_routes = [one for one in permissions if re.search(r"/(GET|POST|PUT|PATCH|DELETE)/\w", one)]
    (other,) = set(permissions) - set(of_routes)
    assert len(of_routes) == len(list(routes()))
    assert "/authorizers/*" in other


def test_the_api_has_the_one_stage_whose_limits_are_set() -> None:
    """SAM makes another, named Stage, where it is not told the version of OpenAPI."""
    made = _expanded()["Resources"].values()
    of_api = [each for each in made if each["Type"].startswith("AWS::ApiGateway::")]
    stages = [
        each["Properties"]["StageName"] for each in of_api if "StageName" in each["Properties"]
    ]

    assert stages == ["live"]


def _expanded() -> Json:
    """Give the template as CloudFormation gets it from SAM."""
    document = deepcopy(template())
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource["Properties"]:
                resource["Properties"][name] = "s3://bucket/key"
    expanded: Json = Translator({}, Parser()).translate(sam_template=document, parameter_values={})
    return expanded


# --- settings and data --------------------------------------------------------


def test_every_setting_is_given_and_every_given_one_is_a_setting() -> None:
    given = set(template()["Globals"]["Function"]["Environment"]["Variables"])

    assert given == {field.name.upper() for field in fields(Environment)} | POWERTOOLS


def test_tables_cost_by_use_and_can_be_restored_to_any_second() -> None:
    for name, table in resources("Table").items():
        assert table["BillingMode"] == "PAY_PER_REQUEST", name
        restorable = table.get("PointInTimeRecoverySpecification", {})
        # An idempotency record is worth a day; yesterday's would only mislead.
        assert restorable or name == "IdempotencyTable"


def test_product_files_are_versions_of_the_one_object_that_the_functions_may_use() -> None:
    allowed = {
        (name, *actions): resource
        for name, function in resources("Function").items()
        for actions, granted in statements(function)
        for resource in granted
        if "ImportsBucket" in json.dumps(resource)
    }
    bucket = resources("Bucket")["ImportsBucket"]

    file = {"Fn::Sub": f"${{ImportsBucket.Arn}}/{OBJECT_KEY}"}
    assert allowed == {
        ("ImportProductsFunction", "s3:GetObjectVersion"): file,
        ("CreateImportUploadFunction", "s3:PutObject"): file,
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    old, markers = bucket["LifecycleConfiguration"]["Rules"]
    assert old["ExpirationInDays"] == old["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert markers["ExpiredObjectDeleteMarker"] is True


def test_no_one_can_read_the_bucket_from_outside() -> None:
    for bucket in resources("Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
