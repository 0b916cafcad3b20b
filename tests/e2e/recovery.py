"""Waiting for the shop to come to rest, with its own scheduled sweep to help."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from commerce.clock import from_text, to_text
from commerce.lifecycle import AUTHORIZING, VOIDING
from commerce.payments.model import CALL_LIFE
from e2e.invariants import at_work, scan, unsettled
from pushcart.cloud import Cloud

_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail, saying what was waited for, after a minute."""
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(_POLL_SECONDS)


def settle(cloud: Cloud, sweeps_max: int = 3) -> None:
    """Run the sweep, as of later, until no order is in flight; fail after so many sweeps.

    Then wait until what follows a confirmed order has come to where people decide.
    """
    for _ in range(sweeps_max):
        in_flight = unsettled(cloud)
        if not in_flight:
            break
        wait_until(partial(_calls_are_over, cloud, in_flight), "calls to be over")
        sweep(cloud)
    left = unsettled(cloud)
    assert not left, f"still in flight after {sweeps_max} sweeps: {left}"
    seen: list[str] = []

    def at_rest() -> bool:
        seen[:] = at_work(cloud)
        return not seen

    with suppress(AssertionError):  # what is left is named below
        wait_until(at_rest, "the state machines")
    assert not seen, f"still at work: {seen}"


def sweep(cloud: Cloud) -> None:
    """Run the scheduled sweep once, as if much later, and wait for what it started."""
    outputs = cloud.stack_outputs()
    as_of = to_text(datetime.now(UTC) + timedelta(hours=1))
    answer = cloud.functions.invoke(
        FunctionName=outputs["RecoverOrdersFunctionName"], Payload=json.dumps({"as_of": as_of})
    )
    assert not answer.get("FunctionError"), answer["Payload"].read()
    machine = outputs["PlaceOrderArn"].replace("-place-order", "-recover-order")

    def at_rest() -> bool:
        running = cloud.stepfunctions.list_executions(
            stateMachineArn=machine, statusFilter="RUNNING"
        )
        return not running["executions"]

    wait_until(at_rest, "the recoveries to end")


def _calls_are_over(cloud: Cloud, order_ids: list[str]) -> bool:
    """Tell whether no call to the provider can still be under way for these orders."""
    attempts = [
        from_text(item["attempted_at"])
        for item in scan(cloud, cloud.stack_outputs()["PaymentsTableName"])
        if item["pk"] in order_ids and item["status"] in {AUTHORIZING, VOIDING}
        if "attempted_at" in item
    ]
    return all(datetime.now(UTC) - at > CALL_LIFE for at in attempts)
