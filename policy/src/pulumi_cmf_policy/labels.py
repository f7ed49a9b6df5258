"""Labels that resources must have, and labels that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from pulumi_cmf_policy.configuration import table, texts, value
from pulumi_cmf_policy.resources import LABELLED, described

_KINDS = texts("Kinds that this is about.", list(LABELLED))
REQUIRED = PolicyConfigSchema({"labels": texts("Names of labels. Empty: none is required."), "kinds": _KINDS})
DEFAULTS = PolicyConfigSchema({"labels": table("Labels that a resource without them is given."), "kinds": _KINDS})


def required(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report resources without the labels that they must have."""
    resource = described(args)
    if resource is None or resource.kind not in value(args, REQUIRED, "kinds"):
        return
    present = resource.object("labels")
    missing = [name for name in value(args, REQUIRED, "labels") if name not in present]
    if missing:
        report(f"{resource.title} lacks the labels {', '.join(missing)}: set them", None)


def add_defaults(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
    """Return the inputs with the labels that are missing; None if none is.

    What is returned replaces all inputs, `__provider` of dynamic resources among them. So they are changed in
    place: the SDK's proxy keeps secrets secret and unknown values unknown only then.
    """
    resource = described(args)
    if resource is None or resource.kind not in value(args, DEFAULTS, "kinds"):
        return None
    present = resource.object("labels")
    missing = {name: text for name, text in value(args, DEFAULTS, "labels").items() if name not in present}
    if not missing:
        return None
    inputs: Any = args.props
    if inputs.get("labels") is None:
        inputs["labels"] = missing
    for name, text in missing.items():
        inputs["labels"][name] = text
    return args.props


POLICIES = [
    ResourceValidationPolicy(
        name="default-labels",
        description="Resources are given the labels that they lack.",
        enforcement_level=EnforcementLevel.REMEDIATE,
        remediate=add_defaults,  # type: ignore[arg-type]  # the SDK means: or an awaitable
        config_schema=DEFAULTS,
    ),
    ResourceValidationPolicy(
        name="required-labels",
        description="Resources have the labels that are required.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=required,
        config_schema=REQUIRED,
    ),
]
