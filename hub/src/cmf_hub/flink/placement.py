"""A resource with the two others that decide what its Kubernetes object looks like, and where that object is. Pure.

| resource | object |
|---|---|
| FlinkApplication | FlinkDeployment with its job (E02, C08) |
| ComputePool, SHARED | session FlinkDeployment (P05); none while SUSPENDED (P19, P43) |
| ComputePool, DEDICATED | none, it is a template (P04) |
| Statement on a DEDICATED pool | FlinkDeployment with a job of its own (P04); a query's is a session cluster |
| Statement on a SHARED pool | FlinkSessionJob on the pool's session cluster (P05); none for a query |
| Savepoint | FlinkStateSnapshot (E27); none where it is taken by a nonce of its job's object (E25) |

Session clusters have a SQL gateway beside their JobManager (`pods`), and queries are run through it. What writes
tables is the operator's to run, stop with a savepoint, resume and recover, on both types of pool alike.

An object has the name of its resource (`object_name`), and is in the environment's namespace. `presence` says whether
it should be there, `manifests` what it looks like, and `marks` whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.models import DEFAULT_CLUSTER, PoolState, PoolType

from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT, environment_name
from cmf_hub.flink.sql import is_query
from cmf_hub.store import Key, Record

APPLICATION, POOL, STATEMENT, ENVIRONMENT = "FlinkApplication", "ComputePool", "Statement", "Environment"


@dataclass(frozen=True)
class Placement:
    """A resource and the two others that decide what its object looks like.

    Attributes:
        record: the application, pool or statement.
        environment: its environment.
        pool: the pool of a statement; None if it is gone, and for the other kinds.
    """

    record: Record
    environment: Record
    pool: Record | None = None

    @property
    def cluster(self) -> str:
        """Name of the cluster that the environment is bound to (C05, C08)."""
        return cluster_of(self.environment)

    @property
    def namespace(self) -> str:
        """Namespace of the environment's objects (E02)."""
        return str(self.environment.document["kubernetesNamespace"])


def cluster_of(environment: Record) -> str:
    """Return the name of the cluster that an environment is bound to (C05)."""
    return str(environment.document.get("kubernetesClusterName") or DEFAULT_CLUSTER)


def pool_key(record: Record) -> Key | None:
    """Return the key of a statement's pool; None for other kinds."""
    if record.key.kind != STATEMENT:
        return None
    return Key(POOL, record.key.scope, str(record.spec["computePoolName"]))


def environment_key(record: Record) -> Key:
    """Return the key of a resource's environment."""
    return Key(ENVIRONMENT, "", environment_name(record.key.scope))


def object_name(record: Record) -> str:
    """Return the name of a resource's Kubernetes object."""
    return str((record.private or {})["object"]) if record.key.kind in (SAVEPOINT, SNAPSHOT) else record.name


def is_shared(pool: Record) -> bool:
    """Tell whether a pool is SHARED."""
    return pool.spec.get("type") == PoolType.SHARED


def is_suspended_pool(pool: Record) -> bool:
    """Tell whether a shared pool's spec asks for no session cluster (P17, P42)."""
    return pool.spec.get("state") == PoolState.SUSPENDED


def places(placed: Placement) -> tuple[FlinkResource, ...]:
    """Return the kinds of object that a resource may have; both for a statement whose pool is gone."""
    match placed.record.key.kind:
        case "FlinkApplication":
            return (FLINK_DEPLOYMENT,)
        case "ComputePool":
            return (FLINK_DEPLOYMENT,) if is_shared(placed.record) else ()
        case "Savepoint" | "FlinkStateSnapshot":
            return (FLINK_STATE_SNAPSHOT,) if "object" in (placed.record.private or {}) else ()
    if "outcome" in sql_part(placed.record):
        return ()
    if placed.pool is None:
        return (FLINK_DEPLOYMENT, FLINK_SESSION_JOB)
    if is_shared(placed.pool) and is_query_statement(placed.record):
        return ()
    return (FLINK_SESSION_JOB,) if is_shared(placed.pool) else (FLINK_DEPLOYMENT,)


def cluster_name(placed: Placement) -> str:
    """Return the name of the FlinkDeployment that a pool, or a statement's job or query, runs in."""
    shared = placed.pool is not None and is_shared(placed.pool)
    return str(placed.pool.name) if shared and placed.pool is not None else placed.record.name


def is_query_statement(record: Record) -> bool:
    """Tell whether a statement is a query."""
    return is_query(str(record.spec.get("statement")))


def sql_part(record: Record) -> Mapping[str, Any]:
    """Return what only the hub knows of a statement's SQL.

    `outcome`: phase and detail of one that nothing runs for: it was answered, or cannot run. `traits`: what Flink told.
    `notice`: what nobody could tell. `script`: encrypted statements that make its catalogs and tables, for the runner.
    `steps`: the same in the clear, only for Flink's own driver. `query`: of a query its phase and detail, and once it
    runs pod, session, operation and job.
    """
    part = (record.private or {}).get("sql")
    return part if isinstance(part, Mapping) else {}
