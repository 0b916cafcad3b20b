"""Processes of functions in the embedded cloud: quickly there, and not too many."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("small_shop")

CALLS, ENVIRONMENTS_MAX = 24, 4


def test_a_burst_of_calls_is_served_by_few_processes(small_shop: Workspace) -> None:
    cloud = Cloud(small_shop)
    name = cloud.stack_outputs()["FailName"]

    def call(_: int) -> int:
        reply = cloud.functions.invoke(FunctionName=name, Payload=json.dumps({"how": "not at all"}))
        process: int = json.loads(reply["Payload"].read())["pid"]
        return process

    with ThreadPoolExecutor(CALLS) as pool:
        processes = list(pool.map(call, range(CALLS)))

    assert len(processes) == CALLS
    assert 1 <= len(set(processes)) <= ENVIRONMENTS_MAX
