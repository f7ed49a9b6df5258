"""Removal from stacks that are protected against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from pulumi_cmf_policy.configuration import texts, value
from pulumi_cmf_policy.resources import Described, described

_STACKS = texts(
    "Patterns of the names of protected stacks.", ["prod", "prod-*", "*-prod", "production", "production-*"]
)
STACKS = PolicyConfigSchema({"stacks": _STACKS})
KEPT = PolicyConfigSchema(
    {"stacks": _STACKS, "kinds": texts("Kinds whose resources must be protected.", ["KubernetesCluster"])}
)
_LEVELS = ("disabled", "advisory")


def protected(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report forced deletions and decommissioned clusters in a protected stack (C40, C49-C51)."""
    resource = described(args)
    if resource is None or not _is_protected(resource, value(args, STACKS, "stacks")):
        return
    where = _where(resource)
    if resource.properties.get("force_delete"):
        report(f"{where} has force_delete, which may leave its jobs running: remove it", None)
    if resource.properties.get("lifecycle_state") == "DECOMMISSIONED":
        report(f"{where} is to be DECOMMISSIONED: do that from another stack, or change the configuration", None)


def kept(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report resources of a protected stack that Pulumi itself would delete: no policy sees that happen."""
    resource = described(args)
    if resource is None or args.opts.protect or resource.kind not in value(args, KEPT, "kinds"):
        return
    if _is_protected(resource, value(args, KEPT, "stacks")):
        text = "lacks Pulumi's option protect, without which a change of the program deletes it: set it"
        report(f"{_where(resource)} {text}", None)


def removals(resource: Described, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `protected-stacks` has against a deletion, which only a whole preview shows.

    Args:
        resource: what is to be deleted or replaced, as it is in the state.
        config: the pack's configuration file.
    """
    given = config.get("protected-stacks") or {}
    level, stacks = (given, None) if isinstance(given, str) else (given.get("enforcementLevel"), given.get("stacks"))
    if level in _LEVELS or not _is_protected(resource, _STACKS["default"] if stacks is None else stacks):
        return
    way = "do that from another stack, or change the configuration"
    if resource.kind == "KubernetesCluster":
        yield f"{_where(resource)} is to be deleted, which decommissions it: {way}"
    if dict.get(resource.properties, "force_delete"):
        yield f"{_where(resource)} is to be deleted with force_delete, which may leave its jobs running: {way}"


def _is_protected(resource: Described, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(resource.stack, pattern) for pattern in patterns)


def _where(resource: Described) -> str:
    return f"{resource.title} in the protected stack '{resource.stack}'"


POLICIES = [
    ResourceValidationPolicy(
        name="protected-stacks",
        description="Protected stacks have no forced deletions and decommission no cluster.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=protected,
        config_schema=STACKS,
        tags=["C40", "C49", "C50", "C51"],
    ),
    ResourceValidationPolicy(
        name="deletion-protection",
        description="Clusters of protected stacks have Pulumi's protect, so that the engine refuses to delete them.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=kept,
        config_schema=KEPT,
        tags=["C40"],
    ),
]
