"""What a function wrote, from CloudWatch Logs."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import STACK_NAME, Workspace

_POLL_SECONDS = 1.0
# As many as one search takes.
_STREAMS_MAX = 100


class Event(NamedTuple):
    """One line in a log stream."""

    stream: str
    timestamp_ms: int
    message: str


def lines(workspace: Workspace, wanted: str, *, follow: bool) -> Iterator[str]:
    """Yield what the function wrote, oldest first; with ``follow``, go on as it writes more.

    ``wanted`` is the function's name in the template or its file's: ``CompleteCart`` and
    ``complete_cart`` are the same.
    """
    cloud = Cloud(workspace)
    function = _physical_name(cloud, wanted)
    group = _group(cloud, function)
    shown: Counter[Event] = Counter()
    since_ms = 0
    while True:
        found: Counter[Event] = Counter()
        for event in _events(cloud, group, function, since_ms):
            found[event] += 1
            # The same line may be written twice within a millisecond, and MiniStack gives no ids.
            if found[event] > shown[event]:
                yield event.message
        if not follow:
            return
        shown = found
        since_ms = max((event.timestamp_ms for event in found), default=since_ms)
        time.sleep(_POLL_SECONDS)


def _physical_name(cloud: Cloud, wanted: str) -> str:
    pages = cloud.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=STACK_NAME
    )
    functions = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }
    names = [name for name in functions if _plain(name) == _plain(wanted)] or [
        name for name in functions if _plain(wanted) in _plain(name)
    ]
    if len(names) != 1:
        choice = ", ".join(sorted(names or functions))
        raise CommandFailed(f"No one function is called {wanted}; choose from: {choice}.")
    return functions[names[0]]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _group(cloud: Cloud, function: str) -> str:
    config = cloud.functions.get_function_configuration(FunctionName=function)
    return config["LoggingConfig"]["LogGroup"]


def _events(cloud: Cloud, group: str, function: str, since_ms: int) -> Iterator[Event]:
    pages = cloud.logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    # A stream of a group that functions share is `<date>/<function>[<version>]<environment>`.
    streams = [
        stream["logStreamName"]
        for page in pages
        for stream in page["logStreams"]
        if f"/{function}[" in stream["logStreamName"]
        and stream.get("lastEventTimestamp", since_ms) >= since_ms
    ]
    for start in range(0, len(streams), _STREAMS_MAX):
        for page in cloud.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            logStreamNames=streams[start : start + _STREAMS_MAX],
            startTime=since_ms,
        ):
            for event in page["events"]:
                yield Event(
                    event["logStreamName"], event["timestamp"], event["message"].rstrip("\n")
                )
