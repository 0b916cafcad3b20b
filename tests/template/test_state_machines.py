"""Each step of a saga retries what may pass, undoes what may have happened and ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cloud_in_memory import template
from commerce import errors
from commerce.errors import DomainError, TransientError
from deployed import STATE_MACHINES, Json, function_of, resources, state_machine, tasks, waits

UNDO = {
    "PlaceOrder": "CloseOrder",
    "ReserveStock": "ReleaseStock",
    "AuthorizePayment": "VoidPayment",
    "ConfirmOrder": "BeginCancel",
}
UNDOING = ["BeginCancel", "VoidPayment", "ReleaseStock", "CloseOrder"]
# States of recover_order that have another name in place_order, which answers a caller.
RENAMED = {"Undone": "Refused"}

AWS_ERRORS = {
    "States.ALL",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
}
NAMED_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, DomainError)
}


@pytest.fixture(params=STATE_MACHINES)
def definition(request: pytest.FixtureRequest) -> Json:
    """Give each state machine in turn."""
    return state_machine(request.param)


def test_the_template_deploys_every_state_machine() -> None:
    deployed = {one["DefinitionUri"] for one in resources("StateMachine").values()}

    assert deployed == {f"stepflows/{file}" for file in STATE_MACHINES}


def test_every_task_retries_catches_and_ends_in_time(definition: Json) -> None:
    for name, task in tasks(definition).items():
        assert task["Retry"], name
        assert task["TimeoutSeconds"] > 0, name
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_nobody_is_waited_for_without_an_end_and_no_such_wait_begins_again(
    definition: Json,
) -> None:
    for name, task in tasks(definition).items():
        if waits(task):
            assert 86_400 <= task["TimeoutSeconds"] <= 366 * 86_400, name
            assert "States.Timeout" not in task["Retry"][0]["ErrorEquals"], name


def test_no_task_gives_up_while_its_function_may_still_run(definition: Json) -> None:
    usual = template()["Globals"]["Function"]["Timeout"]
    for name, task in tasks(definition).items():
        limit = resources("Function")[function_of(task)].get("Timeout", usual)
        assert task["TimeoutSeconds"] >= limit, name


def test_every_retry_waits_longer_each_time_and_not_in_step_with_others(definition: Json) -> None:
    for name, task in tasks(definition).items():
        for retry in task["Retry"]:
            assert retry["BackoffRate"] > 1, name
            assert retry["JitterStrategy"] == "FULL", name
            assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"] >= 1, name
            assert retry["MaxAttempts"] >= 3, name


def test_every_error_that_is_caught_or_retried_exists(definition: Json) -> None:
    named = {
        error
        for task in tasks(definition).values()
        for rule in [*task["Retry"], *task["Catch"]]
        for error in rule["ErrorEquals"]
    }

    assert named <= AWS_ERRORS | NAMED_ERRORS.keys()


def test_every_task_retries_what_its_database_may_pass_over(definition: Json) -> None:
    # The few names that `commerce.outages` and the table helper give to all that may pass.
    may_pass = {
        each.__name__
        for each in (errors.Throttled, errors.TransactionConflict, errors.DependencyUnavailable)
    }
    for name, task in tasks(definition).items():
        retried = {error for rule in task["Retry"] for error in rule["ErrorEquals"]}
        assert retried == {"States.ALL"} or retried >= may_pass, name


def test_a_forward_step_retries_no_refusal() -> None:
    for name in UNDO:
        for retry in state_machine("place_order.asl.json")["States"][name]["Retry"]:
            assert "States.ALL" not in retry["ErrorEquals"], name
            ours = [NAMED_ERRORS[one] for one in retry["ErrorEquals"] if one in NAMED_ERRORS]
            assert all(issubclass(error, TransientError) for error in ours), name


def test_every_state_can_be_reached_and_leads_to_one_that_exists(definition: Json) -> None:
    states = definition["States"]
    reached, waiting = set(), [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states
        if name not in reached:
            reached.add(name)
            waiting += _next_of(states[name])

    assert reached == set(states)


def _next_of(state: Json) -> Iterator[str]:
    for choice in [state, *state.get("Catch", []), *state.get("Choices", [])]:
        yield from [choice[edge] for edge in ("Next", "Default") if edge in choice]


def test_the_forward_path_is_the_steps_that_have_an_undo() -> None:
    definition = state_machine("place_order.asl.json")

    assert _path(definition, definition["StartAt"]) == list(UNDO)


def _path(definition: Json, name: str) -> list[str]:
    """Follow a path of tasks that all succeed, and that find something to undo."""
    state = definition["States"][name]
    if state["Type"] == "Choice":
        return _path(definition, state["Choices"][0]["Next"])
    if state["Type"] != "Task":
        return []
    return [name, *(_path(definition, state["Next"]) if "Next" in state else [])]


@pytest.mark.parametrize("step", UNDO)
def test_whatever_fails_in_a_step_its_undo_follows(step: str) -> None:
    definition = state_machine("place_order.asl.json")
    (catch,) = definition["States"][step]["Catch"]

    assert catch["ErrorEquals"] == ["States.ALL"]
    assert catch["ResultPath"] == "$.failure"
    undoing = _path(definition, catch["Next"])
    # The decision first: from then on a step that comes late finds it.
    assert undoing == UNDOING
    assert UNDO[step] in undoing


@pytest.fixture(params=["place_order.asl.json", "recover_order.asl.json"])
def undoing(request: pytest.FixtureRequest) -> Json:
    """Give each state machine that undoes an order."""
    return state_machine(request.param)


def test_undo_begins_only_where_the_decision_says_so(undoing: Json) -> None:
    choice = undoing["States"]["IsThereAnythingToUndo"]

    assert {one["StringEquals"]: one["Next"] for one in choice["Choices"]} == {
        "undo": "VoidPayment",
        "stands": "OrderStands",
    }
    assert undoing["States"][choice["Default"]]["Type"] in {"Fail", "Succeed"}


def test_a_failed_undo_is_never_passed_over(undoing: Json) -> None:
    for step in UNDOING:
        task = undoing["States"][step]
        assert task["Retry"][0]["ErrorEquals"] == ["States.ALL"], step
        assert task["Retry"][0]["MaxAttempts"] >= 5, step
        # The execution fails, the order stays as it is, and the next sweep goes on with it.
        assert {catch["Next"] for catch in task["Catch"]} == {"LeftToRecovery"}, step
    assert undoing["States"]["LeftToRecovery"]["Type"] == "Fail"


@pytest.mark.parametrize("file", ["fulfil_order", "cancel_lines", "return_order"])
def test_what_fails_after_the_checkout_fails_its_execution_so_that_the_watchdog_sees_it(
    file: str,
) -> None:
    definition = state_machine(f"{file}.asl.json")

    for name, task in tasks(definition).items():
        assert [catch["Next"] for catch in task["Catch"]] == ["Interrupted"], name
    assert definition["States"]["Interrupted"]["Type"] == "Fail"
    assert definition["States"]["Interrupted"]["ErrorPath"] == "$.failure.Error"


def test_the_watchdog_watches_every_state_machine_that_no_sweep_looks_after() -> None:
    rule = resources("Function")["WatchExecutionsFunction"]["Events"]["Stopped"]["Properties"]
    watched = {arn["Ref"] for arn in rule["Pattern"]["detail"]["stateMachineArn"]}
    swept = {"PlaceOrderStateMachine", "RecoverOrderStateMachine"}
    # Is about no order: a failure is an alarm of its own, and the next night's run sees it all.
    nightly = {"ReconcilePaymentsStateMachine"}

    assert watched == set(resources("StateMachine")) - swept - nightly
    assert rule["Pattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]


def test_recovery_undoes_as_the_order_itself_would() -> None:
    placing = state_machine("place_order.asl.json")["States"]
    recovering = state_machine("recover_order.asl.json")["States"]

    for name, state in recovering.items():
        if state["Type"] in {"Task", "Choice"}:
            assert _without_its_caller(state) == _without_its_caller(placing[name]), name
    assert set(recovering) - set(placing) == set(RENAMED)
    assert set(UNDOING) <= set(recovering)


def _without_its_caller(state: Json) -> Json:
    """Leave out who asks and why, and use place_order's names."""
    text = json.dumps(state)
    for here, there in RENAMED.items():
        text = text.replace(f'"{here}"', f'"{there}"')
    plain: Json = json.loads(text)
    for argument in ("by", "execution.$", "failure", "failure.$"):
        plain.get("Parameters", {}).pop(argument, None)
    return plain


def test_state_carries_ids_and_never_documents() -> None:
    passed = {
        argument.removesuffix(".$")
        for task in tasks(state_machine("place_order.asl.json")).values()
        for argument in task["Parameters"]
    }

    assert passed == {
        *("order_id", "cart_id", "attempt", "expected_total", "idempotency_key", "fingerprint"),
        *("execution", "payment", "failure", "by"),
    }
