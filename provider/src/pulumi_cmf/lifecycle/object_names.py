"""Names of Kubernetes objects, for a preview: one namespace of one cluster holds each name once."""

from __future__ import annotations

from typing import Any

from cmf_core.calls import ENVIRONMENTS, applications, compute_pools, statements
from cmf_core.models import ComputePool, PoolType
from cmf_core.rules import Verdict, names

from pulumi_cmf.lifecycle.facts import Facts

IN_ENVIRONMENTS: dict[str, Any] = {
    "FlinkApplication": applications,
    "ComputePool": compute_pools,
    "Statement": statements,
}
"""Kinds that may have an object, in the order in which CMF looks for one, and where they are."""


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


async def _has_object(facts: Facts, kind: str, environment: str, name: str) -> bool:
    id_ = f"{environment}/{name}"
    planned, found = facts.planned(kind, id_), (await facts.all(IN_ENVIRONMENTS[kind](environment))).get(name)
    if planned is not None:
        return kind != "ComputePool" or planned.inputs.get("type") == PoolType.SHARED
    if found is None or facts.is_going(kind, id_):
        return False
    return not isinstance(found, ComputePool) or found.spec.type is PoolType.SHARED
