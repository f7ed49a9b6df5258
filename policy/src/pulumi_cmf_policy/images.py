"""Images of applications and pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from cmf_core.models import ComputePoolSpec
from cmf_core.rules import pools
from cmf_core.rules.deployments import objects_in, pod_specs
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from pulumi_cmf_policy.configuration import texts, value
from pulumi_cmf_policy.deployments import Deployment, each_deployment, tell
from pulumi_cmf_policy.resources import described
from pulumi_cmf_policy.specs import stated

ALLOWED = PolicyConfigSchema(
    {"allowed": texts("Patterns, as in `registry.example.com/flink/*`; one of them must fit. Empty: every image.")}
)


def sql(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report pools whose image does not run SQL, or not in a shared cluster (P12, P13)."""

    def judge(deployment: Deployment) -> None:
        resource = deployment.resource
        if resource.kind != "ComputePool":
            return
        image = {"image": deployment.spec.get("image")}
        tell(deployment, (pools.image(resource.name, image),), report)
        spec = ComputePoolSpec(type=resource.properties["type"], cluster_spec=image)
        refusal = pools.shared_image(resource.name, spec)
        if refusal is not None:
            report(f"{refusal.message} [{refusal.rule}]", resource.urn)

    each_deployment(args, judge)


def allowed(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report images that no pattern of the configuration allows: of Flink, and of containers in pod templates."""
    resource, patterns = described(args), value(args, ALLOWED, "allowed")
    if resource is None or not patterns:
        return
    for where, spec in stated(resource):
        for path, image in _images(spec):
            if not any(fnmatchcase(image, pattern) for pattern in patterns):
                report(f"{where}.{path} '{image}' is not one of {', '.join(patterns)}: use one that is", None)


def _images(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if spec.get("image") is not None:
        yield "image", str(spec["image"])
    for path, pod in pod_specs(spec):
        for field in ("initContainers", "containers"):
            for container in objects_in(pod, field):
                if container.get("image") is not None:
                    yield f"{path}.spec.{field}.image", str(container["image"])


POLICIES = [
    StackValidationPolicy(
        name="sql-image",
        description="Pools have an image that runs SQL; SHARED ones its cp7 build or a later one.",
        enforcement_level=EnforcementLevel.ADVISORY,
        validate=sql,
        tags=["P12", "P13"],
    ),
    ResourceValidationPolicy(
        name="allowed-images",
        description="Images of applications and pools, pod templates included, are from an allow-list.",
        enforcement_level=EnforcementLevel.MANDATORY,
        validate=allowed,
        config_schema=ALLOWED,
    ),
]
