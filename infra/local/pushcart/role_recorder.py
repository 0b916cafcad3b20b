"""What every role of the shop really used, and what it was refused.

MiniStack checks each call that a function makes. What AWS does in a role's name, such as
a state machine's calls of functions or the reading of a stream, it does unchecked.
:func:`install` checks that too, and writes down what was asked for and how it was
answered, once each. It refuses nothing: tests/e2e/test_permissions.py fails on what a
role uses and may not. :mod:`pushcart.permissions` reads the record.
"""

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, lambda_svc, stepfunctions

from pushcart import event_delivery
from pushcart.role_uses import Record, Use
from pushcart.workspace import ACCOUNT_ID

Json = dict[str, Any]
Replaced = Callable[..., Any]

# What AWS asks of the role of a function that a stream or a queue wakes.
_READS_STREAM = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_READS_QUEUE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
_WRITES_LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


def install(path: Path) -> None:
    """Record every use of a role to a file, in this process, before it serves anything."""
    iam_evaluator.evaluate = _recording(iam_evaluator.evaluate, Record(path))
    stepfunctions._execute_task = _with_role(stepfunctions._execute_task)
    stepfunctions._call_lambda = _calling(stepfunctions._call_lambda)
    lambda_svc._execute_function = _reading_streams(lambda_svc._execute_function)
    lambda_svc._run_sqs_batch = _reading_queues(lambda_svc._run_sqs_batch)
    lambda_svc._send_ddb_stream_failure_record = _setting_aside_records(
        lambda_svc._send_ddb_stream_failure_record
    )
    lambda_svc._route_async_failure = _setting_aside_events(lambda_svc._route_async_failure)
    lambda_svc._emit_lambda_logs = _writing_logs(lambda_svc._emit_lambda_logs)


def _recording(evaluate: Replaced, record: Record) -> Replaced:
    @functools.wraps(evaluate)
    def recorded(context: Any, policies: Any, *limits: Any) -> Any:
        result = evaluate(context, policies, *limits)
        kind, _, rest = context.principal_arn.rpartition(":")[2].partition("/")
        if kind in {"role", "assumed-role"}:
            role = rest.partition("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]
            allowed = result.decision == "Allow"
            record.add(Use(role, context.action, context.resource_arn, allowed))
        return result

    return recorded


@functools.cache
def _in_the_name_of(role_arn: str, action: str, resource: str) -> None:
    """Check and record once what AWS does in a role's name."""
    name = role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=ACCOUNT_ID,
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3],
    )
    policies = iam_evaluator._gather_role_policies(name, ACCOUNT_ID)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, ACCOUNT_ID)
    iam_evaluator.evaluate(context, policies, *limits)


def _config(function: Json) -> Json:
    config: Json = function.get("config") or function
    return config


# Each execution has a thread of its own.
_running = threading.local()


def _with_role(execute_task: Replaced) -> Replaced:
    @functools.wraps(execute_task)
    def execute(state: Json, given: Any, execution: Json, context: Json) -> Any:
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
        _running.role = machine["roleArn"] if machine else None
        return execute_task(state, given, execution, context)

    return execute


def _calling(call_lambda: Replaced) -> Replaced:
    @functools.wraps(call_lambda)
    def call(function: str, event: Any) -> Any:
        role = getattr(_running, "role", None)
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        if role and config:
            _in_the_name_of(role, "lambda:InvokeFunction", config["FunctionArn"])
        return call_lambda(function, event)

    return call


def _reading_streams(execute_function: Replaced) -> Replaced:
    @functools.wraps(execute_function)
    def execute(function: Json, event: Any) -> Any:
        if event_delivery.is_polling():
            for action in _READS_STREAM:
                stream = event["Records"][0]["eventSourceARN"]
                _in_the_name_of(_config(function)["Role"], action, stream)
        return execute_function(function, event)

    return execute


def _reading_queues(run_batch: Replaced) -> Replaced:
    @functools.wraps(run_batch)
    def run(mapping: Json, function: Json, *rest: Any) -> None:
        for action in _READS_QUEUE:
            _in_the_name_of(_config(function)["Role"], action, mapping["EventSourceArn"])
        run_batch(mapping, function, *rest)

    return run


def _setting_aside_records(send: Replaced) -> Replaced:
    @functools.wraps(send)
    def set_aside(mapping: Json, function: Json, *rest: Any) -> None:
        queue = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        _in_the_name_of(_config(function)["Role"], "sqs:SendMessage", queue)
        send(mapping, function, *rest)

    return set_aside


def _setting_aside_events(route: Replaced) -> Replaced:
    @functools.wraps(route)
    def set_aside(queue: str, function: str, *rest: Any) -> None:
        role = lambda_svc._functions[function]["config"]["Role"]
        _in_the_name_of(role, "sqs:SendMessage", queue)
        route(queue, function, *rest)

    return set_aside


def _writing_logs(emit: Replaced) -> Replaced:
    @functools.wraps(emit)
    def write(function: Json, *rest: Any, **options: Any) -> None:
        config = _config(function)
        _, _, _, region, account, _, name = config["FunctionArn"].split(":")[:7]
        group = f"arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{name}"
        for action in _WRITES_LOG:
            _in_the_name_of(config["Role"], action, f"{group}:*")
        emit(function, *rest, **options)

    return write
