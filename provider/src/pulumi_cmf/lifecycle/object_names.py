"""Names of Kubernetes objects, for a preview: one namespace of one cluster holds each name once, orphans too."""

from __future__ import annotations

from typing import Any

from cmf_core.calls import ENVIRONMENTS, KUBERNETES_CLUSTERS, applications, compute_pools, statements
from cmf_core.models import ComputePool, OrphanedObject, PoolType
from cmf_core.rules import Advice, Verdict, existence, names

from pulumi_cmf.lifecycle.facts import Facts

IN_ENVIRONMENTS: dict[str, Any] = {
    "FlinkApplication": applications,
    "ComputePool": compute_pools,
    "Statement": statements,
}
"""Kinds that may have an object, in the order in which CMF looks for one, and where they are."""

_DEPLOYED = ("FlinkApplication", "ComputePool")
"""Kinds whose object is a FlinkDeployment, whenever there is one."""

_STATEMENT = "Statement"


async def object_name(facts: Facts, kind: str, environment: str, name: str) -> Verdict:
    """Foretell that another resource with an object in the same namespace has the name (OBJECT).

    Raises:
        CmfError: the facts cannot be had.
    """
    cluster, here = await facts.cluster_of(environment), await facts.environment(environment)
    if cluster is None or here is None:
        return None
    namespace = str(here.kubernetes_namespace)
    for neighbour in {**await facts.all(ENVIRONMENTS), **facts.all_planned("Environment")}:
        other = await facts.environment(neighbour)
        if other is None or other.kubernetes_namespace != namespace or await facts.cluster_of(neighbour) != cluster:
            continue
        for other_kind in IN_ENVIRONMENTS:
            same = (other_kind, neighbour) == (kind, environment)
            if not same and await _has_object(facts, other_kind, neighbour, name):
                holder, resource = f"{other_kind} {neighbour}/{name}", f"{kind} {environment}/{name}"
                return names.free_object_name(resource, namespace, holder)
    return None


async def left_behind(facts: Facts, kind: str, environment: str, name: str) -> Verdict:
    """Foretell that a forced deletion left a FlinkDeployment of the name, which nobody takes over (C53).

    Raises:
        CmfError: the facts cannot be had.
    """
    orphan = await _orphan(facts, environment, name)
    if orphan is None or orphan[0].kind not in _DEPLOYED:
        return None
    former, cluster = orphan
    resource = f"{kind} {environment}/{name}"
    return existence.left_behind(resource, former.kind, "FlinkDeployment", name, former.namespace, cluster)


async def perhaps_left_behind(facts: Facts, kind: str, environment: str, name: str) -> Advice | None:
    """Return what is told of an orphan of the name where nobody knows its kind of object, or that of the new one.

    A statement's is a FlinkDeployment or a FlinkSessionJob, and a query on a SHARED pool has none.

    Raises:
        CmfError: the facts cannot be had.
    """
    orphan = await _orphan(facts, environment, name)
    if orphan is None or _STATEMENT not in {orphan[0].kind, kind}:
        return None
    former, cluster = orphan
    return existence.perhaps_left_behind(f"{kind} {environment}/{name}", former.kind, former.namespace, cluster)


async def _orphan(facts: Facts, environment: str, name: str) -> tuple[OrphanedObject, str] | None:
    """Return what a forced deletion left under a name in an environment's namespace, and its cluster."""
    cluster, here = await facts.cluster_of(environment), await facts.environment(environment)
    if cluster is None or here is None or facts.changes("KubernetesCluster", cluster):
        return None
    found, place = (await facts.all(KUBERNETES_CLUSTERS)).get(cluster), (here.kubernetes_namespace, name)
    orphans = (found.status.orphans if found is not None and found.status is not None else None) or []
    return next(((each, cluster) for each in orphans if (each.namespace, each.name) == place), None)


async def _has_object(facts: Facts, kind: str, environment: str, name: str) -> bool:
    id_ = f"{environment}/{name}"
    planned, found = facts.planned(kind, id_), (await facts.all(IN_ENVIRONMENTS[kind](environment))).get(name)
    if planned is not None and planned.changed:
        return kind != "ComputePool" or planned.inputs.get("type") == PoolType.SHARED
    if found is None or facts.is_going(kind, id_):
        return False
    return not isinstance(found, ComputePool) or found.spec.type is PoolType.SHARED
