"""Environments: created and updated by one call, deleted when they are empty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog
from cmf_core.errors import BadRequest, CmfError
from cmf_core.models import ClusterState, Environment, timestamp
from cmf_core.rules import clusters, enforce, environments, names, specs

from cmf_hub.clusters.records import KIND as CLUSTER
from cmf_hub.flink.manifests import key_secret
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, POOL, STATEMENT, Placement, cluster_of, pool_key
from cmf_hub.flink.preflight import Preflight
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.services.documents import changed, content_of, created, environment_content, regenerated
from cmf_hub.services.mappings import remove_mappings
from cmf_hub.services.savepoints import leave_snapshots
from cmf_hub.services.writes import Writes, existing
from cmf_hub.store import Key, Query, Record, Transaction

_PLURALS = {APPLICATION: "applications", STATEMENT: "statements", POOL: "compute pools"}
_OPTIONAL = ("flinkApplicationDefaults", "computePoolDefaults", "statementDefaults")
_FIXED = ("kubernetesNamespace", "kubernetesClusterName")
_DERIVED = {
    "flinkApplicationDefaults": (APPLICATION,),
    "computePoolDefaults": (POOL, STATEMENT),
    "statementDefaults": (STATEMENT,),
}
"""Which kinds' Kubernetes objects are made with which defaults."""


log = structlog.get_logger(__name__)


class EnvironmentService:
    """Operations on environments."""

    def __init__(self, writes: Writes, preflight: Preflight, *, absent_clears: bool) -> None:
        self._writes = writes
        self._preflight = preflight
        self._absent_clears = absent_clears
        self._store = writes.store

    async def upsert(self, sent: Environment) -> Record:
        """Create an environment, or update its defaults, labels and annotations.

        Absent and null fields keep what is there, an empty object clears (`cmf.md` 8.4); by a setting, absent defaults
        are cleared too.

        Raises:
            BadRequest: a bad name, an unknown cluster or namespace.
            Unprocessable: an attempt to move it to another cluster or namespace.
            ClusterUnavailable: its cluster is not CONNECTED.
        """
        name = sent.name or ""
        enforce(
            names.resource_name(ENVIRONMENT, name),
            specs.application_defaults(name, sent.flink_application_defaults),
            specs.pool_defaults(name, sent.compute_pool_defaults),
        )
        key = Key(ENVIRONMENT, "", name)
        async with self._writes.reconciler.locks.hold(key):
            present = self._store.get(key)
            written = await (self._create(key, sent) if present is None else self._update(key, sent))
            await self._look_at(written)
        return self._store.get(key) or written

    async def _look_at(self, environment: Record) -> None:
        """Show what the environment lacks on its cluster; that nobody can say now is looked at again (E43, E60)."""
        try:
            await self._preflight.look_at(self._writes.writable(environment.name), environment)
        except CmfError as error:
            log.info("environment was written and not looked at", environment=environment.name, reason=str(error))

    async def delete(self, name: str, *, force: bool) -> None:
        """Delete an empty environment; `force` does not ask for its cluster's state.

        Its secret mappings go with it: they say what it uses, and nothing runs in them.

        Raises:
            NotFound: there is none.
            Conflict: it is not empty.
            ClusterUnavailable: its cluster is not CONNECTED.
        """
        key = Key(ENVIRONMENT, "", name)
        if not force:
            self._writes.writable(name)

        now = timestamp(self._writes.clock.now())

        def work(transaction: Transaction) -> Record:
            environment = existing(transaction.get(key), key)
            contents = {plural: transaction.count(Query(kind, name)) for kind, plural in _PLURALS.items()}
            enforce(environments.deletable(name, contents))
            remove_mappings(transaction, name)
            leave_snapshots(transaction, environment, now)
            transaction.delete(key)
            return environment

        environment = await self._store.transact(work)
        if not force:
            await self._remove_key(environment)

    async def _remove_key(self, environment: Record) -> None:
        """Remove the key of the environment's statements from its cluster; it opens nothing any more."""
        try:
            connection = self._writes.registry.require_writable(cluster_of(environment))
            await connection.delete_secret(str(environment.document["kubernetesNamespace"]), key_secret(environment))
        except CmfError as error:
            log.warning("the key of an environment's statements is left", environment=environment.name, why=str(error))

    async def _create(self, key: Key, sent: Environment) -> Record:
        cluster, namespace = environments.placement(sent.kubernetes_cluster_name), sent.kubernetes_namespace
        if not namespace:
            raise BadRequest(
                f"Environment '{key.name}' has no kubernetesNamespace: name one that exists on '{cluster}'"
            )
        enforce(
            names.resource_name("kubernetesNamespace", namespace, minimum=1),
            environments.known_cluster(cluster, set(self._writes.registry.names())),
        )
        connection = self._writes.registry.require_writable(cluster)
        exists = await connection.namespace_exists(namespace)
        enforce(environments.known_namespace(namespace, exists=exists))
        document = {**environment_content(sent), "kubernetesNamespace": namespace, "kubernetesClusterName": cluster}

        def work(transaction: Transaction) -> Record:
            _enforce_active(transaction, cluster)
            return transaction.put(created(key, document, self._writes.clock))

        return await self._store.transact(work)

    async def _update(self, key: Key, sent: Environment) -> Record:
        self._writes.writable(key.name)

        def work(transaction: Transaction) -> tuple[Record, bool]:
            present = existing(transaction.get(key), key)
            enforce(environments.immutable_placement(Environment.parse(present.document), sent))
            before = content_of(present)
            if self._absent_clears:
                before = {field: value for field, value in before.items() if field not in _OPTIONAL}
            after = changed(present, _laid_over(before, sent), self._writes.clock)
            transaction.put(after)
            fields = [field for field in _OPTIONAL if present.document.get(field) != after.document.get(field)]
            kinds = {kind for field in fields for kind in _DERIVED[field]}
            return after, self._mark_derived(transaction, present, after, kinds)

        record, work_to_do = await self._store.transact(work)
        if work_to_do:
            self._writes.reconciler.wake()
        return record

    def _mark_derived(self, transaction: Transaction, before: Record, environment: Record, kinds: set[str]) -> bool:
        """Mark dirty what has a Kubernetes object made with the environment's defaults (E03, E04).

        A running application becomes another instance if its deployed spec changes; its resource does not.
        """
        history, marked = self._writes.reconciler.history, False
        updated = f"FlinkApplication updated by the defaults of environment '{environment.name}'"
        for kind in kinds:
            for record in transaction.list(kind, environment.name):
                pool = pool_key(record)
                placed = Placement(record, environment, transaction.get(pool) if pool else None)
                if presence(placed) in (Presence.PRESENT, Presence.IF_PRESENT):
                    after = replace(placed, record=regenerated(replace(record, dirty=True)))
                    derived, _ = history.change(transaction, replace(placed, environment=before), after, updated)
                    transaction.put(derived)
                    marked = True
        return marked


def _laid_over(document: dict[str, Any], sent: Environment) -> dict[str, Any]:
    """Return an environment's content after an update."""
    update = environment_content(sent)
    metadata = {**document["metadata"], **update.pop("metadata")}
    document |= {
        key: value for key, value in update.items() if key not in ("kubernetesNamespace", "kubernetesClusterName")
    }
    return {**document, "metadata": metadata}


def _enforce_active(transaction: Transaction, cluster: str) -> None:
    """Refuse a cluster that was removed or decommissioned since it was looked at."""
    record = transaction.get(Key(CLUSTER, "", cluster))
    enforce(environments.known_cluster(cluster, [] if record is None else [cluster]))
    assert record is not None
    if record.spec.get("lifecycleState") == ClusterState.DECOMMISSIONED:
        enforce(clusters.writable(cluster, ClusterState.DECOMMISSIONED))
