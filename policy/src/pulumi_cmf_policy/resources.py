"""Resources of CMF in one spelling, whichever front made them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs

from pulumi_cmf_policy.unknowns import Known, plain

_TYPE = re.compile(r"(pulumi-python:dynamic/cmf|cmf:index):(\w+)")
LABELLED = ("KubernetesCluster", "Environment", "ComputePool", "FlinkApplication", "Statement")
"""Kinds whose labels CMF keeps."""


@dataclass(frozen=True)
class Described:
    """A resource of CMF.

    Attributes:
        kind: as in `Environment`.
        urn: Pulumi's name of it.
        properties: by Python's names, as in `cluster_spec`; objects inside have CMF's own names, as in `taskManager`.
            To read one that a preview does not know raises `UnknownValueError`.
    """

    kind: str
    urn: str
    properties: Known

    @property
    def name(self) -> str:
        """CMF's name of it."""
        return str(self.properties.get("name") or "")

    @property
    def title(self) -> str:
        """Kind and name, as messages have them."""
        return f"{self.kind} '{self.name}'"

    @property
    def stack(self) -> str:
        """Name of its stack."""
        return self.urn.split("::")[0].removeprefix("urn:pulumi:")

    def object(self, *path: str) -> Mapping[str, Any]:
        """Return an object among its properties; what is not there, or is none, is empty."""
        found: Any = self.properties
        for key in path:
            found = found.get(key)
            if not isinstance(found, Mapping):
                return Known()
        return found  # type: ignore[no-any-return]


def described(resource: ResourceValidationArgs | PolicyResource) -> Described | None:
    """Return a resource of CMF; None if it is another's."""
    return resource_of(resource.resource_type, resource.urn, resource.props)


def resource_of(type_: str, urn: str, properties: Mapping[str, Any]) -> Described | None:
    """Return a resource of CMF by Pulumi's type of it; None if it is another's."""
    match = _TYPE.fullmatch(type_)
    if match is None:
        return None
    return Described(match[2], urn, Known({_snake(key): value for key, value in plain(properties).items()}))


def matching(patterns: Mapping[str, Any], name: str) -> Any:
    """Return what belongs to the first pattern, such as `prod-*`, that fits a name; None if none does."""
    return next((value for pattern, value in patterns.items() if fnmatchcase(name, pattern)), None)


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)
