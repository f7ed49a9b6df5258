"""What runs, beside its estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.calls import ENVIRONMENTS, applications, compute_pools
from cmf_core.client import Client
from cmf_core.merge import merged
from cmf_core.rules.deployments import task_slots
from cmf_core.rules.sizing import GIB
from cmf_core.usage import deployment_usage

from pulumi_cmf_components.sizing.estimate import Estimate


@dataclass(frozen=True)
class Comparison:
    """One number of what runs, and of its estimate."""

    what: str
    present: float
    estimated: float

    @property
    def enough(self) -> bool:
        """Tell whether what is there is not less than the estimate."""
        return self.present >= self.estimated


def application_spec(client: Client, environment: str, name: str) -> dict[str, Any]:
    """Return an application's specification with its environment's defaults over it (D17).

    Raises:
        CmfError: CMF has no such environment or application, or cannot be reached.
    """
    found = client.send(applications(environment).get(name))
    defaults = client.send(ENVIRONMENTS.get(environment)).flink_application_defaults or {}
    return merged(found.spec, defaults.get("spec"))


def pool_spec(client: Client, environment: str, name: str) -> dict[str, Any]:
    """Return the specification of a pool's Flink clusters with its environment's defaults over it (D17).

    Raises:
        CmfError: CMF has no such environment or pool, or cannot be reached.
    """
    found = client.send(compute_pools(environment).get(name))
    defaults = client.send(ENVIRONMENTS.get(environment)).compute_pool_defaults or {}
    return merged(found.spec.cluster_spec, (defaults.get("spec") or {}).get("clusterSpec"))


def compare(spec: Mapping[str, Any], size: Estimate) -> list[Comparison]:
    """Return what a specification gives its task managers, beside an estimate."""
    usage = deployment_usage(spec).task_manager
    return [
        Comparison("task managers", usage.count, size.task_managers),
        Comparison("slots", usage.count * task_slots(spec), size.parallelism),
        Comparison("cores of task managers", usage.cpu, size.task_managers * size.cores),
        Comparison("memory of task managers, GiB", usage.memory / GIB, size.task_managers * size.memory_bytes / GIB),
    ]
