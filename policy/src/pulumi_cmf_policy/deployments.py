"""The Flink deployments of a stack: applications and compute pools, the defaults of their environments over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmf_core.merge import merged
from cmf_core.models import ResourceUsageSummary
from cmf_core.rules import Advice
from cmf_core.rules.applications import is_suspended
from cmf_core.usage import deployment_usage
from pulumi_policy import ReportViolation, StackValidationArgs
from pulumi_policy.proxy import UnknownValueError

from pulumi_cmf_policy.resources import Described, described
from pulumi_cmf_policy.unknowns import Known

_PLACES = {
    "FlinkApplication": (("spec",), ("flink_application_defaults", "spec")),
    "ComputePool": (("cluster_spec",), ("compute_pool_defaults", "spec", "clusterSpec")),
}
"""Where a kind has its specification, and an environment the defaults of it."""
_PATHS = {"FlinkApplication": "spec", "ComputePool": "spec.clusterSpec"}
ELSEWHERE = "; its environment '{}' is not in this stack, and the defaults of that are not known here"


@dataclass(frozen=True)
class Deployment:
    """An application or a compute pool.

    Attributes:
        resource: it.
        environment: name of its environment.
        home: that, if it is in this stack.
        spec: its specification, the environment's defaults in it (D17).
    """

    resource: Described
    environment: str
    home: Described | None
    spec: Known

    @property
    def where(self) -> str:
        """Its specification, as messages name it."""
        return f"{self.resource.title}: {_PATHS[self.resource.kind]}"


def resources(args: StackValidationArgs, *kinds: str) -> list[Described]:
    """Return the resources of these kinds in a stack."""
    found = (described(resource) for resource in args.resources)
    return [resource for resource in found if resource is not None and resource.kind in kinds]


def each_deployment(args: StackValidationArgs, judge: Callable[[Deployment], None]) -> None:
    """Judge each deployment of a stack.

    Raises:
        UnknownValueError: one needs what a preview does not know; all the others were judged.
    """
    environments = by_name(resources(args, "Environment"))
    each(resources(args, *_PLACES), lambda resource: judge(deployment(resource, environments)))


def each(found: Iterable[Described], judge: Callable[[Described], None]) -> None:
    """Judge each resource; what is unknown of one is told after the others.

    Raises:
        UnknownValueError: the first such.
    """
    unknown = None
    for resource in found:
        try:
            judge(resource)
        except UnknownValueError as error:
            unknown = unknown or error
    if unknown is not None:
        raise unknown


def by_name(found: Iterable[Described]) -> Mapping[str, Described]:
    """Return resources by CMF's names; those whose name is not known yet are left out."""
    return dict(_named(found))


def deployment(resource: Described, environments: Mapping[str, Described]) -> Deployment:
    """Return an application or a pool with the defaults of its environment, without what CMF ignores (P23)."""
    place, defaults_place = _PLACES[resource.kind]
    environment = str(resource.properties["environment"])
    home = environments.get(environment)
    own, defaults = resource.object(*place), home.object(*defaults_place) if home else {}
    _must_know(own, defaults)
    spec = merged(own, defaults)
    managers = spec.get("taskManager")
    if resource.kind == "ComputePool" and spec.get("mode", "native") == "native" and isinstance(managers, dict):
        managers.pop("replicas", None)
    return Deployment(resource, environment, home, Known(spec))


def tell(deployment: Deployment, given: Iterable[Advice | None], report: ReportViolation) -> None:
    """Report advice."""
    suffix = "" if deployment.home else ELSEWHERE.format(deployment.environment)
    for advice in given:
        if advice is not None:
            report(f"{advice.message}{suffix} [{advice.rule}]", deployment.resource.urn)


def suspended(deployment: Deployment) -> bool:
    """Tell whether nothing of it is to run."""
    if deployment.resource.kind == "ComputePool":
        return bool(deployment.resource.properties.get("state") == "SUSPENDED")
    return is_suspended(deployment.spec)


def used(deployment: Deployment, parallelisms: Sequence[int] = ()) -> ResourceUsageSummary:
    """Return the cores and the memory of a deployment that runs.

    Args:
        deployment: it.
        parallelisms: those of the statements on a pool; on a DEDICATED one, each has a Flink cluster of its own.

    Raises:
        UnknownValueError: a preview does not know something of it.
    """
    if deployment.resource.kind == "FlinkApplication":
        return deployment_usage(deployment.spec)
    if deployment.resource.properties["type"] == "SHARED":
        return deployment_usage(deployment.spec, sum(parallelisms))
    spec = Known({**deployment.spec, "mode": "native"})
    return sum((deployment_usage(spec, each) for each in parallelisms), ResourceUsageSummary())


def _must_know(own: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Read each object that defaults merge with: one that is unknown would be taken for an empty one."""
    for key, value in defaults.items():
        if isinstance(value, Mapping):
            inside = own.get(key)
            if isinstance(inside, Mapping):
                _must_know(inside, value)


def _named(found: Iterable[Described]) -> Iterator[tuple[str, Described]]:
    for resource in found:
        try:
            yield resource.name, resource
        except UnknownValueError:
            continue
