"""Compute pools: templates for statements (DEDICATED), or session clusters that statements share (SHARED)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cmf_core.errors import Conflict
from cmf_core.models import ComputePool, PoolPhase, StatementPhase
from cmf_core.rules import enforce, names, operator, pools, specs
from cmf_core.rules.pools import StatementFact

from cmf_hub.flink.manifests import pool_spec
from cmf_hub.flink.placement import POOL, STATEMENT
from cmf_hub.services.documents import changed, created, resource_content
from cmf_hub.services.object_names import enforce_free, has_object
from cmf_hub.services.writes import Writes, environment_of, existing, not_deleting
from cmf_hub.store import Condition, Key, Query, Record, Transaction


class PoolService:
    """Operations on compute pools."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes

    async def create(self, environment: str, sent: ComputePool) -> Record:
        """Create a pool; a SHARED one that is RUNNING deploys its session cluster (P18, P19).

        Raises:
            BadRequest, Unprocessable: the pool breaks a rule, or its cluster refuses it.
            Conflict: it exists, or its Kubernetes object's name is taken.
            NotFound, ClusterUnavailable: its environment is missing, its cluster not CONNECTED.
        """
        key = Key(POOL, environment, sent.name)
        _enforce_spec(sent)
        document = resource_content(sent)

        def change(transaction: Transaction, present: Record | None) -> Record:
            place_of = environment_of(transaction, environment)
            _enforce_effective(sent, place_of)
            if present is not None:
                raise Conflict(f"ComputePool '{key.name}' already exists in environment '{environment}'.")
            record = created(key, document, self._writes.clock)
            if has_object(record):
                enforce_free(transaction, key, place_of)
            return record

        return await self._writes.put(key, change)

    async def update(self, environment: str, name: str, sent: ComputePool) -> Record:
        """Replace a pool's spec, labels and annotations; suspends and resumes too (P36, P42, P44).

        Raises:
            Conflict: statements block it, or it is being deleted.
            BadRequest, Unprocessable, NotFound, ClusterUnavailable: as `create`.
        """
        key = Key(POOL, environment, name)
        _enforce_spec(sent)
        document = resource_content(sent)

        def change(transaction: Transaction, record: Record | None) -> Record:
            present = not_deleting(existing(record, key))
            _enforce_effective(sent, environment_of(transaction, environment), present)
            model = ComputePool.parse(present.document)
            statements = list(_statements(transaction, key))
            enforce(
                pools.immutable_type(name, model.spec.type, sent.spec.type),
                pools.updatable(name, model.spec.type, _phase(present), statements),
            )
            return changed(present, document, self._writes.clock)

        return await self._writes.put(key, change)

    async def delete(self, environment: str, name: str, *, force: bool) -> bool:
        """Delete a pool; True if it is gone, False if its session cluster still ends on the cluster.

        `force` removes the record at once without a call to the cluster; statements still block it (P53).

        Raises:
            Conflict: statements block it.
            NotFound, ClusterUnavailable: as `create`.
        """
        key = Key(POOL, environment, name)

        def check(transaction: Transaction, record: Record) -> None:
            model = ComputePool.parse(record.document)
            statements = list(_statements(transaction, key))
            enforce(pools.deletable(name, model.spec.type, _phase(record), statements))

        if force:
            await self._writes.forget(key, check, has_object=has_object)
            return True
        return await self._writes.delete(key, check)


def _enforce_spec(sent: ComputePool) -> None:
    enforce(names.resource_name(POOL, sent.name))
    if pools.desired_state(sent.spec) is not None:
        enforce(names.deployment_name(POOL, sent.name))
    enforce(
        specs.deployment_spec(f"{POOL} '{sent.name}': spec.clusterSpec", sent.spec.cluster_spec),
        pools.valid_spec(sent.name, sent.spec),
    )


def _enforce_effective(sent: ComputePool, environment: Record, present: Record | None = None) -> None:
    """Refuse a clusterSpec that no operator takes, or not over what is deployed, the environment's defaults in it."""
    where, effective = f"{POOL} '{sent.name}': spec.clusterSpec", pool_spec(sent.spec.cluster_spec, environment)
    deployed = None
    if present is not None and _is_deployed(present):
        deployed = pool_spec(present.spec["clusterSpec"], environment)
    enforce(operator.refused(where, effective), operator.change(where, effective, deployed))


def _is_deployed(pool: Record) -> bool:
    """Tell whether the operator has taken up a pool's session cluster."""
    seen = (pool.status or {}).get("additional") or {}
    return str(seen.get("lifecycleState") or "CREATED") != "CREATED"


def _phase(record: Record) -> PoolPhase:
    return PoolPhase((record.status or {}).get("phase", PoolPhase.PENDING))


def _statements(transaction: Transaction, pool: Key) -> Iterator[StatementFact]:
    on_pool = Condition((("spec", "computePoolName"),), "in", (pool.name,))
    for row in transaction.page(Query(STATEMENT, pool.scope, (on_pool,))):
        phase = json.loads(row.status or "{}").get("phase", StatementPhase.PENDING)
        yield StatementFact(row.key.name, StatementPhase(phase))
