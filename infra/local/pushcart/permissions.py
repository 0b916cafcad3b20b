"""What each role of the deployed shop may do, beside what it really did.

The grants are the policies of the deployed roles, as IAM has them; the uses are the
record of the embedded cloud (:mod:`pushcart.role_uses`). Both are equal when every role
is as narrow as its work.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

from pushcart import role_uses
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.role_uses import Use
from pushcart.workspace import STACK_NAME, Workspace

Json = dict[str, Any]


class Permission(NamedTuple):
    """One action on one resource, of one function or state machine."""

    owner: str
    """The function's or state machine's name in the template."""
    action: str
    resource: str
    """Named as in the template where it stands there, else an ARN."""

    @property
    def has_wildcard(self) -> bool:
        """Whether it names more than one thing."""
        return "*" in self.action + self.resource or "?" in self.resource


@dataclass(frozen=True)
class Report:
    """Grants against uses."""

    granted: frozenset[Permission]
    used: frozenset[Permission]
    """Grants that were used."""
    refused: frozenset[Permission]
    """Used and not granted."""

    @cached_property
    def never_used(self) -> frozenset[Permission]:
        """Granted and never used."""
        return self.granted - self.used

    @cached_property
    def wildcards(self) -> frozenset[Permission]:
        """Grants that name more than one thing."""
        return frozenset(each for each in self.granted if each.has_wildcard)

    @property
    def is_exact(self) -> bool:
        """Whether what is granted is what is used, and named."""
        return not (self.never_used or self.refused or self.wildcards)

    def as_json(self) -> Json:
        """Give counts, and what is not as it should be, for a program."""
        return {
            "granted": len(self.granted),
            "used": len(self.used),
            "owners": len({each.owner for each in self.granted}),
            **{name: sorted(map(list, getattr(self, name))) for name in _FAULTS},
            "exact": self.is_exact,
        }


_FAULTS = ("never_used", "refused", "wildcards")


def read(workspace: Workspace) -> Report:
    """Compare the deployed roles with the record.

    Raises
    ------
    CommandFailed
        The cloud is not the embedded one, which alone records.
    """
    if not workspace.uses_embedded_cloud:
        raise CommandFailed("Only the embedded cloud records what roles use.")
    stack = _Stack(Cloud(workspace))
    return compare(
        stack.policies(),
        role_uses.read(workspace.role_uses),
        stack.names,
    )


def compare(
    policies: Mapping[str, Iterable[Json]],
    uses: Iterable[Use],
    names: Mapping[str, str],
) -> Report:
    """Compare policies with uses.

    Parameters
    ----------
    policies
        The documents of each role's policies, by the role's physical name.
    names
        The template's names by the physical names of roles and resources.
    """
    grants = {role: set(_grants(documents)) for role, documents in policies.items()}
    used: set[Permission] = set()
    refused: set[Permission] = set()
    for use in uses:
        if use.role not in grants:
            continue  # a role of somebody else, or one that is gone
        named = _Named(names, use.role)
        matching = {
            (action, resource)
            for action, resource in grants[use.role]
            if fnmatchcase(use.action, action) and fnmatchcase(use.resource, resource)
        }
        used |= {named.permission(*each) for each in matching}
        if not matching:
            refused.add(named.permission(use.action, use.resource))
    granted = {
        _Named(names, role).permission(*each) for role, pairs in grants.items() for each in pairs
    }
    return Report(frozenset(granted), frozenset(used), frozenset(refused))


# A log group's ARN ends with `:*`, and a use of it names one of its streams.
_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]+:[^:]+:log-group:([^:*]+):(?:\*|log-stream:.*)")


class _Named:
    """Says permissions of one role in the template's words."""

    def __init__(self, names: Mapping[str, str], role: str) -> None:
        self._names = names
        self._owner = names[role].removesuffix("Role")

    def permission(self, action: str, resource: str) -> Permission:
        return Permission(self._owner, action, self._name(resource))

    def _name(self, arn: str) -> str:
        group = _LOG_GROUP.fullmatch(arn)
        if group:
            return self._names.get(group[1], arn)
        # The last part of an ARN: a kind, a name, and what is in it.
        _, _, tail = arn.rpartition(":") if "/" not in arn else ("", "", arn.split(":", 5)[-1])
        kind, _, rest = tail.partition("/")
        for physical in (arn, tail, kind, rest.partition("/")[0]):
            if physical in self._names:
                inner = tail.partition(physical)[2] if physical in tail else ""
                return re.sub(r"/stream/.+", "/stream", self._names[physical] + inner)
        return arn


def _grants(documents: Iterable[Json]) -> Iterator[tuple[str, str]]:
    for document in documents:
        for statement in _many(document["Statement"]):
            if statement["Effect"] != "Allow":
                continue
            for action in _many(statement["Action"]):
                for resource in _many(statement["Resource"]):
                    yield action, resource


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class _Stack:
    """The roles of the deployed stack."""

    def __init__(self, cloud: Cloud) -> None:
        self._iam = cloud.iam
        self._managed: dict[str, Json] = {}
        pages = cloud.cloudformation.get_paginator("list_stack_resources")
        self._resources = [
            (each["ResourceType"], each["PhysicalResourceId"], each["LogicalResourceId"])
            for page in pages.paginate(StackName=STACK_NAME)
            for each in page["StackResourceSummaries"]
        ]

    @cached_property
    def names(self) -> dict[str, str]:
        """The template's names by physical names, by ARNs and by queues' names."""
        found = {physical: logical for _, physical, logical in self._resources}
        return found | {physical.rpartition("/")[2]: name for physical, name in found.items()}

    def policies(self) -> dict[str, list[Json]]:
        roles = [name for kind, name, _ in self._resources if kind == "AWS::IAM::Role"]
        return {role: [*self._inline(role), *self._attached(role)] for role in roles}

    def _inline(self, role: str) -> Iterator[Json]:
        for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
            answer = self._iam.get_role_policy(RoleName=role, PolicyName=name)
            yield _document(answer["PolicyDocument"])

    def _attached(self, role: str) -> Iterator[Json]:
        for each in self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = each["PolicyArn"]
            if arn not in self._managed:
                version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
                self._managed[arn] = _document(answer["PolicyVersion"]["Document"])
            yield self._managed[arn]


def _document(found: Any) -> Json:
    document: Json = json.loads(found) if isinstance(found, str) else found
    return document


_HEADINGS = {
    "never_used": "granted and never used",
    "refused": "used and not granted",
    "wildcards": "names more than one thing",
}


def lines(report: Report) -> Iterator[str]:
    """Write what is not as it should be, by function, and then what was counted."""
    for name, heading in _HEADINGS.items():
        for owner, actions, resource in _gathered(getattr(report, name)):
            yield f"{owner}: {', '.join(actions)} on {resource}: {heading}"
    used = len(report.used) / len(report.granted) if report.granted else 1
    yield (
        f"{len(report.granted):,} permissions of {len({each.owner for each in report.granted})} "
        f"roles are granted and {len(report.used):,} of them used ({used:.3f}); "
        f"{len(report.refused):,} were used and not granted."
    )


def _gathered(permissions: Iterable[Permission]) -> Iterator[tuple[str, list[str], str]]:
    """Gather the actions on one resource of one owner."""
    for (owner, resource), each in groupby(
        sorted(permissions, key=lambda one: (one.owner, one.resource, one.action)),
        key=lambda one: (one.owner, one.resource),
    ):
        yield owner, [one.action for one in each], resource
