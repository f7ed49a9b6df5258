"""Versions of Flink."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from pulumi_cmf_policy.configuration import text, value
from pulumi_cmf_policy.resources import described
from pulumi_cmf_policy.specs import stated

_VERSION = re.compile(r"v(\d+)_(\d+)")
SUPPORTED = PolicyConfigSchema({"oldest": text("Oldest version that is taken.", "v1_15")})
DEPRECATED = PolicyConfigSchema({"newest": text("Newest version that is deprecated.", "v1_18")})


def supported(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report versions that are too old."""
    oldest = value(args, SUPPORTED, "oldest")
    for where, version in _versions(args):
        if _number(version) < _number(oldest):
            report(f"{where}.flinkVersion {version} is older than {oldest}: upgrade", None)


def deprecated(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report versions that will be too old."""
    newest = value(args, DEPRECATED, "newest")
    for where, version in _versions(args):
        if _number(version) <= _number(newest):
            report(f"{where}.flinkVersion {version} is deprecated, as all up to {newest}: plan its upgrade", None)


def _versions(args: ResourceValidationArgs) -> Iterator[tuple[str, str]]:
    resource = described(args)
    for where, spec in stated(resource) if resource else ():
        version = spec.get("flinkVersion")
        if isinstance(version, str) and _VERSION.fullmatch(version):  # another is the operator's to refuse
            yield where, version


def _number(version: str) -> tuple[int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"'{version}' is not a version of Flink, as in v1_20")
    return int(match[1]), int(match[2])


POLICIES = [
    ResourceValidationPolicy(
        name="supported-flink-version",
        description="Flink is not too old.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=supported,
        config_schema=SUPPORTED,
    ),
    ResourceValidationPolicy(
        name="deprecated-flink-version",
        description="Flink is not of a deprecated version.",
        enforcement_level=EnforcementLevel.ADVISORY,
        validate=deprecated,
        config_schema=DEPRECATED,
    ),
]
