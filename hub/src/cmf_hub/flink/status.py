"""What a resource's Kubernetes object means for its status. Pure.

The operator (1.7.0) reconciles a changed spec some time after it was applied, and meanwhile reports the old
one as STABLE. Each status therefore carries `observedGeneration`: the status speaks of the resource's
present spec if and only if it equals the resource's generation (`metadata.generation`). Until then a pool
that is not broken is PENDING, and an application's STABLE means the spec before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.models import PoolType
from cmf_core.rules import advice
from cmf_core.rules.deployments import deployment_advice
from cmf_core.rules.pools import availability, image

from cmf_hub.flink.application_status import application_status
from cmf_hub.flink.manifests import application_spec, pool_spec
from cmf_hub.flink.observation import Observation, Status
from cmf_hub.flink.placement import APPLICATION, POOL, STATEMENT, Placement
from cmf_hub.flink.pool_status import pool_status
from cmf_hub.flink.savepoint_status import savepoint_status
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT
from cmf_hub.flink.statement_status import statement_status

_WAITING_JOBS = ("", "INITIALIZING", "CREATED", "RECONCILING", "RESTARTING")


def reported(placed: Placement, found: Mapping[str, Any] | None, trouble: str | None = None) -> Status:
    """Return the status of a resource; an application's always has a job name and a job state, be it "".

    Args:
        placed: the resource, its environment and pool.
        found: its object on the cluster, or None if there is none; that of its job for a savepoint by nonce.
        trouble: why the hub could not make the cluster match, for the user.
    """
    kind, seen = placed.record.key.kind, Observation.of(found) if found else None
    if kind == SAVEPOINT:
        terminating, made_from = (seen.terminating, seen.made_from) if seen else (None, 0)
        return savepoint_status(placed.record, found, terminating, made_from, trouble)
    if kind == SNAPSHOT:
        return placed.record.status or {}
    if kind == STATEMENT:
        return statement_status(placed, seen, trouble)
    status = (application_status if kind == APPLICATION else pool_status)(placed, seen, trouble)
    status.pop("advice", None)  # of a former specification
    told = advice_on(placed)
    return status | {"advice": told} if told else status


def waits(placed: Placement, found: Mapping[str, Any] | None) -> bool:
    """Tell whether a resource's object is on its cluster and not up, and the operator does not say why."""
    kind, seen = placed.record.key.kind, Observation.of(found) if found else None
    if seen is None or seen.terminating or seen.error or kind not in (APPLICATION, POOL, STATEMENT):
        return False
    if seen.lifecycle in ("SUSPENDED", "FAILED"):
        return False
    return seen.job_manager != "READY" if kind == POOL else seen.job in _WAITING_JOBS


def advice_on(placed: Placement) -> list[str]:
    """Return what is allowed and probably a mistake about an application or a pool (E17, E34, P12, ...)."""
    record = placed.record
    if record.key.kind == APPLICATION:
        found = deployment_advice(f"{record.key.kind} '{record.name}': spec", application_spec(placed))
        return [str(each) for each in found]
    spec, kind = pool_spec(record.spec["clusterSpec"], placed.environment), PoolType(record.spec["type"])
    found = deployment_advice(f"{record.key.kind} '{record.name}': spec.clusterSpec", spec)
    return [str(each) for each in (*advice(image(record.name, spec), availability(record.name, kind, spec)), *found)]
