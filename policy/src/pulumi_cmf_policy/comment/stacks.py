"""The fleet before an update and after it: where each resource is, and what it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cmf_core.models import ResourceUsageSummary
from cmf_core.rules.environments import placement
from pulumi_policy.proxy import UnknownValueError

from pulumi_cmf_policy.deployments import Deployment, deployment, suspended, used
from pulumi_cmf_policy.resources import Described

DEPLOYMENTS = ("FlinkApplication", "ComputePool")
CATALOGS = ("KafkaCatalog", "KafkaDatabase", "Secret")
"""Kinds that belong to no cluster."""


@dataclass(frozen=True, order=True)
class Place:
    """Where something runs; "" where that is nowhere, `None` where it is not known."""

    cluster: str | None
    environment: str

    def sorting(self) -> tuple[str, str]:
        """Return what places are sorted by: those that are not known come last."""
        return self.cluster if self.cluster is not None else "\uffff", self.environment


@dataclass(frozen=True)
class Fleet:
    """The resources of a stack at one time, by URN."""

    resources: Mapping[str, Described]
    environments: Mapping[str, Described] = field(init=False)

    def __post_init__(self) -> None:
        found = {}
        for each in self.resources.values():
            if each.kind == "Environment" and (name := text(each, "name")):
                found[name] = each
        object.__setattr__(self, "environments", found)

    def place(self, resource: Described) -> Place:
        """Return cluster and environment of a resource."""
        if resource.kind in CATALOGS:
            return Place("", "")
        if resource.kind == "KubernetesCluster":
            return Place(text(resource, "name"), "")
        environment = text(resource, "name" if resource.kind == "Environment" else "environment") or ""
        home = self.environments.get(environment)
        if home is None:
            return Place(None, environment)
        try:
            return Place(placement(home.properties.get("kubernetes_cluster_name")), environment)
        except UnknownValueError:
            return Place(None, environment)

    def deployment(self, urn: str) -> Deployment | None:
        """Return an application or a pool with its environment's defaults; None if there is none.

        Raises:
            UnknownValueError: a preview does not know something of it.
        """
        resource = self.resources.get(urn)
        if resource is None or resource.kind not in DEPLOYMENTS:
            return None
        return deployment(resource, self.environments)

    def usage(self, urn: str) -> ResourceUsageSummary:
        """Return what an application or a pool uses, with the statements on it; nothing for what is not there.

        Raises:
            UnknownValueError: as above.
        """
        found = self.deployment(urn)
        if found is None or suspended(found):
            return ResourceUsageSummary()
        return used(found, list(self._parallelisms(found)))

    def _parallelisms(self, pool: Deployment) -> Iterable[int]:
        for statement in self.resources.values():
            given = statement.properties
            if (
                statement.kind == "Statement"
                and given["environment"] == pool.environment
                and given["compute_pool_name"] == pool.resource.name
                and not given.get("stopped")
            ):
                yield int(given.get("parallelism", 1))


def text(resource: Described, name: str) -> str | None:
    """Return a property as text; None if a preview does not know it."""
    try:
        return str(resource.properties.get(name) or "")
    except UnknownValueError:
        return None
