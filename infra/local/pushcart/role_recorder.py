"""What every role of the shop really used, and what it was refused.

MiniStack checks each call that a function makes. What AWS does in a role's name, such as
a state machine's calls of functions or the reading of a stream, it does unchecked.
:func:`install` checks that too, and writes down what was asked for and how it was
answered, once each. It refuses nothing: tests/e2e/test_permissions.py fails on what a
role uses and may not. :mod:`pushcart.permissions` reads the record.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import lambda_svc, stepfunctions

from pushcart import event_delivery
from pushcart.role_uses import Record, Use
from pushcart.workspace import ACCOUNT_ID

Json = dict[str, Any]
Replaced = Callable[..., Any]
Ask = Callable[[str, str, str], None]

# What AWS asks of the role of a function that a stream or a queue wakes.
_READS_STREAM = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_READS_QUEUE = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
_WRITES_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def install(path: Path) -> None:
    """Record every use of a role to a file, in this process, before it serves anything."""
    recorder = _Recorder(Record(path))
    iam_evaluator.enforce = recorder.enforcing(iam_evaluator.enforce)
    stepfunctions._execute_task = _with_role(stepfunctions._execute_task)
    asks = recorder.in_the_name_of
    for module, name, replacement in (
        (stepfunctions, "_call_lambda", _calling),
        (lambda_svc, "_execute_function", _reading_streams),
        (lambda_svc, "_run_sqs_batch", _reading_queues),
        (lambda_svc, "_send_ddb_stream_failure_record", _setting_aside_records),
        (lambda_svc, "_route_async_failure", _setting_aside_events),
        (lambda_svc, "_emit_lambda_logs", _writing_logs),
    ):
        replaced = getattr(module, name)
        setattr(module, name, functools.wraps(replaced)(replacement(replaced, asks)))


class _Recorder:
    """Writes down what is asked for, and asks for what MiniStack passes over."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._asked: set[tuple[str, str, str]] = set()

    def enforcing(self, enforce: Replaced) -> Replaced:
        """Record what a function's call was answered."""

        @functools.wraps(enforce)
        def recorded(
            key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
        ) -> Any:
            denied = enforce(key, action, service, region, resource_arn=resource_arn, **more)
            caller = iam_evaluator.resolve_credential(key, ACCOUNT_ID)
            if isinstance(caller, iam_evaluator.CredentialResolutionError):
                return denied
            kind, _, rest = caller.principal_arn.rpartition(":")[2].partition("/")
            if kind == "assumed-role" and not isinstance(denied, iam_evaluator.AuthError):
                role = rest.partition("/")[0]
                self._record.add(Use(role, action, resource_arn, allowed=denied is None))
            return denied

        return recorded

    def in_the_name_of(self, role_arn: str, action: str, resource: str) -> None:
        """Check and record once what AWS does in a role's name."""
        if (role_arn, action, resource) in self._asked:
            return
        role = role_arn.rpartition("/")[2]
        context = iam_evaluator.EvalContext(
            principal_arn=role_arn,
            principal_type="AssumedRole",
            principal_account=ACCOUNT_ID,
            action=action,
            resource_arn=resource,
            region=resource.split(":")[3],
        )
        policies = iam_evaluator._gather_role_policies(role, ACCOUNT_ID)
        allowed = iam_evaluator.evaluate(context, policies).decision == "Allow"
        self._record.add(Use(role, action, resource, allowed))
        self._asked.add((role_arn, action, resource))


def _config(function: Json) -> Json:
    config: Json = function.get("config") or function
    return config


# The role of the state machine whose task runs: its threads inherit it.
_role: ContextVar[str | None] = ContextVar("role", default=None)


def _with_role(execute_task: Replaced) -> Replaced:
    @functools.wraps(execute_task)
    def execute(state: Json, given: Any, execution: Json, context: Json) -> Any:
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
        _role.set(machine["roleArn"] if machine else None)
        return execute_task(state, given, execution, context)

    return execute


def _calling(call_lambda: Replaced, ask: Ask) -> Replaced:
    def call(function: str, event: Any) -> Any:
        role = _role.get()
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        if role and config:
            ask(role, "lambda:InvokeFunction", config["FunctionArn"])
        return call_lambda(function, event)

    return call


def _reading_streams(execute_function: Replaced, ask: Ask) -> Replaced:
    def execute(function: Json, event: Any) -> Any:
        if event_delivery.is_polling():
            for action in _READS_STREAM:
                stream = event["Records"][0]["eventSourceARN"]
                ask(_config(function)["Role"], action, stream)
        return execute_function(function, event)

    return execute


def _reading_queues(run_batch: Replaced, ask: Ask) -> Replaced:
    def run(mapping: Json, function: Json, *rest: Any) -> None:
        for action in _READS_QUEUE:
            ask(_config(function)["Role"], action, mapping["EventSourceArn"])
        run_batch(mapping, function, *rest)

    return run


def _setting_aside_records(send: Replaced, ask: Ask) -> Replaced:
    def set_aside(mapping: Json, function: Json, *rest: Any) -> None:
        queue = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        ask(_config(function)["Role"], "sqs:SendMessage", queue)
        send(mapping, function, *rest)

    return set_aside


def _setting_aside_events(route: Replaced, ask: Ask) -> Replaced:
    def set_aside(queue: str, function: str, *rest: Any) -> None:
        role = lambda_svc._functions[function]["config"]["Role"]
        ask(role, "sqs:SendMessage", queue)
        route(queue, function, *rest)

    return set_aside


def _writing_logs(emit: Replaced, ask: Ask) -> Replaced:
    def write(function: Json, *rest: Any, **options: Any) -> None:
        config = _config(function)
        _, _, _, region, account, _, name = config["FunctionArn"].split(":")[:7]
        group = f"arn:aws:logs:{region}:{account}:log-group:{config['LoggingConfig']['LogGroup']}"
        for action in _WRITES_LOG:
            ask(config["Role"], action, f"{group}:log-stream:{name}")
        emit(function, *rest, **options)

    return write
