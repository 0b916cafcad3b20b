"""What template.yaml and the state machines deploy, in the words of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloud_in_memory import ROOT, template

Json = dict[str, Any]

STATE_MACHINES = sorted(path.name for path in ROOT.glob("stepflows/*.asl.json"))


def resources(kind: str) -> dict[str, Json]:
    """Give the properties of each resource of a kind, such as `Function`."""
    return {
        name: resource["Properties"]
        for name, resource in template()["Resources"].items()
        if resource["Type"].endswith(f"::{kind}")
    }


def routes() -> Iterator[tuple[str, str, Json]]:
    """Give function, route and properties of each HTTP event."""
    for name, function in resources("Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "Api":
                properties = event["Properties"]
                yield name, f"{properties['Method'].upper()} {properties['Path']}", properties


def statements(properties: Json) -> Iterator[tuple[list[str], list[Any]]]:
    """Give actions and resources of each statement of a function's or state machine's policies."""
    policies = properties.get("Policies", [])
    if "Role" in properties:
        role = resources("Role")[properties["Role"]["Fn::GetAtt"][0]]
        policies = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    for policy in policies:
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            yield _many(statement["Action"]), _many(statement["Resource"])


def handler_file(properties: Json) -> Any:
    """Give the file a function runs."""
    module = properties["Handler"].partition(".")[0]
    return ROOT / properties["CodeUri"] / f"{module}.py"


def state_machine(file: str) -> Json:
    """Read a state machine's definition."""
    definition: Json = json.loads((ROOT / "stepflows" / file).read_text())
    return definition


def tasks(definition: Json) -> dict[str, Json]:
    """Give the tasks of a definition by name."""
    return {name: state for name, state in definition["States"].items() if state["Type"] == "Task"}


def function_of(task: Json) -> str:
    """Name the function a task calls, by the template's substitution of its ARN."""
    called = {
        json.dumps(machine["DefinitionSubstitutions"][name])
        for machine in resources("StateMachine").values()
        for name in [_called(task).strip("${}")]
        if name in machine["DefinitionSubstitutions"]
    }
    (arn,) = called
    reference: str = json.loads(arn)["Fn::GetAtt"][0]
    return reference


def waits(task: Json) -> bool:
    """Tell whether a task goes on only once somebody answers its token."""
    return str(task["Resource"]).endswith(".waitForTaskToken")


def _called(task: Json) -> str:
    called: str = task["Parameters"]["FunctionName"] if waits(task) else task["Resource"]
    return called


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
