"""Removal from stacks that are protected against it."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from pulumi_cmf_policy.configuration import texts, value
from pulumi_cmf_policy.resources import described

STACKS = PolicyConfigSchema(
    {
        "stacks": texts(
            "Patterns of the names of protected stacks.", ["prod", "prod-*", "*-prod", "production", "production-*"]
        )
    }
)


def protected(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report forced deletions and decommissioned clusters in a protected stack (C40, C49-C51)."""
    resource = described(args)
    if resource is None or not any(fnmatchcase(resource.stack, each) for each in value(args, STACKS, "stacks")):
        return
    where = f"{resource.title} in the protected stack '{resource.stack}'"
    if resource.properties.get("force_delete"):
        report(f"{where} has force_delete, which may leave its jobs running: remove it", None)
    if resource.properties.get("lifecycle_state") == "DECOMMISSIONED":
        report(f"{where} is to be DECOMMISSIONED: do that from another stack, or change the configuration", None)


POLICIES = [
    ResourceValidationPolicy(
        name="protected-stacks",
        description="Protected stacks have no forced deletions and decommission no cluster.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=protected,
        config_schema=STACKS,
        tags=["C40", "C49", "C50", "C51"],
    ),
]
