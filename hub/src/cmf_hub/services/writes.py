"""How every change of a resource with a Kubernetes object is carried out: intent first, then the cluster.

The row is written and marked dirty in one transaction with the rules that allow it. Then the reconciler
makes the cluster follow. If the cluster refuses or cannot be reached, the row goes back to what it was. If
nobody knows what the cluster did, it goes back too, and the reconciler puts the old object back; a resource
that was to be created stays as one that is being deleted, until the cluster is known to be clean, and a
deletion goes on. If the hub dies in between, it finds the dirty row at start and finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import structlog
from cmf_core.errors import ClusterUnavailable, Conflict
from cmf_core.models import Environment, timestamp
from cmf_core.rules import enforce, existence
from cmf_core.rules.environments import placement

from cmf_hub.clock import Clock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.flink.convergence import OutcomeUnknown
from cmf_hub.flink.history import Noted
from cmf_hub.flink.placement import ENVIRONMENT
from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.flink.recorder import placed
from cmf_hub.flink.savepoints import SAVEPOINT, environment_name, job_of_scope, release, withdrawn
from cmf_hub.flink.status import reported
from cmf_hub.services.documents import marked_deleting, regenerated
from cmf_hub.services.kinds import scope_kind
from cmf_hub.store import Key, Orphan, Record, Row, Store, Transaction

Change = Callable[[Transaction, Record | None], Record]
Check = Callable[[Transaction, Record], None]
R = TypeVar("R", Record, Row)

_NOTHING_CHANGED = (Conflict, KubernetesRefusal, ClusterUnavailable)
"""Failures of the reconciler after which the cluster is as it was."""

log = structlog.get_logger(__name__)


class Writes:
    """The one way in which services change resources."""

    def __init__(self, store: Store, registry: ClusterRegistry, reconciler: Reconciler, clock: Clock) -> None:
        self.store = store
        self.registry = registry
        self.reconciler = reconciler
        self.clock = clock

    async def put(self, key: Key, change: Change) -> Record:
        """Create or change a resource, on its cluster too, and return it.

        `change` gets the present record and returns the new one, or raises what its rules refuse. It runs
        in the transaction that writes.

        Raises:
            NotFound: there is no such environment.
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer.
            KubernetesRefusal: the cluster refused; nothing has changed.
            Conflict: it was deleted while this went on.
        """
        record = await self._carry_out(key, change)
        if record is None:  # a savepoint whose application went
            raise Conflict(f"{key} was deleted while it was being written")
        if advice := (record.status or {}).get("advice"):
            log.warning("written, with advice", resource=str(key), advice=advice)
        return record

    async def delete(self, key: Key, check: Check) -> bool:
        """Delete a resource; True if it is gone already, False if its Kubernetes object still ends.

        Raises:
            NotFound, ClusterUnavailable, KubernetesRefusal: as `put`.
        """

        def change(transaction: Transaction, present: Record | None) -> Record:
            record = existing(present, key)
            check(transaction, record)
            return marked_deleting(record)

        return await self._carry_out(key, change) is None

    async def forget(self, key: Key, check: Check, *, has_object: Callable[[Record], bool]) -> None:
        """Remove a resource without asking its cluster (`force=true`); its object may stay there (C49-C53)."""
        now = timestamp(self.clock.now())

        def work(transaction: Transaction) -> Orphan | None:
            environment = environment_of(transaction, key.scope)
            record = existing(transaction.get(key), key)
            check(transaction, record)
            transaction.delete(key)
            release(transaction, key)
            if not has_object(record):
                return None
            cluster, namespace = place(environment)
            orphan = Orphan(cluster, key.kind, namespace, key.name, record.uid, now, key.scope)
            transaction.add_orphan(orphan)
            return orphan

        orphan = await self.store.transact(work)
        self.reconciler.wake()
        if orphan is not None:
            log.warning(
                "deleted by force: the Kubernetes object may be left behind",
                resource=str(key), cluster=orphan.cluster, namespace=orphan.namespace,
            )  # fmt: skip

    def present(self, key: Key) -> Record:
        """Return a resource.

        Raises:
            NotFound: there is no such resource, or no such environment.
        """
        scope_of(self.store, key.kind, key.scope)
        return existing(self.store.get(key), key)

    def writable(self, environment: str) -> Connection:
        """Return the connection to an environment's cluster (C33, C36).

        Raises:
            NotFound: there is no such environment.
            ClusterUnavailable: its cluster is not CONNECTED.
        """
        cluster, _ = place(environment_of(self.store, environment))
        return self.registry.require_writable(cluster)

    async def _carry_out(self, key: Key, change: Change) -> Record | None:
        history = self.reconciler.history
        async with self.reconciler.locks.hold(key):
            self.writable(environment_name(key.scope))

            def work(transaction: Transaction) -> tuple[Record | None, Record, Noted]:
                scope_of(transaction, key.kind, key.scope)
                before = transaction.get(key)
                after = placed(transaction, replace(change(transaction, before), dirty=True))
                if after.record.status is None:
                    after = replace(after, record=replace(after.record, status=reported(after, None)))
                was = replace(after, record=before) if before else None
                record, noted = history.change(transaction, was, after)
                return before, transaction.put(record), noted

            before, after, noted = await self.store.transact(work)

            def undo(transaction: Transaction, *, unknown: bool) -> None:
                if _undo(transaction, before, after, unknown=unknown):
                    if not unknown:
                        history.refused(transaction, after, noted)
                    elif before is not None:
                        history.taken_back(transaction, before)

            try:
                await self.reconciler.reconcile(key)
            except Exception as error:
                unknown = not isinstance(error, _NOTHING_CHANGED) or isinstance(error, OutcomeUnknown)
                await self.store.transact(lambda transaction: undo(transaction, unknown=unknown))
                self.reconciler.poke(key)
                if unknown and after.deleting:
                    text = f"{error}; the deletion of {key} goes on once the cluster answers"
                    raise ClusterUnavailable(text, retry_after=getattr(error, "retry_after", None)) from error
                raise
            return self.store.get(key)


def _undo(transaction: Transaction, before: Record | None, after: Record, *, unknown: bool) -> bool:
    """Take a change back; False if the resource has been changed or removed since, or its deletion goes on."""
    present = transaction.get(after.key)
    if present is None or (present.uid, present.generation) != (after.uid, after.generation):
        return False
    if after.deleting and unknown:
        return False  # its job may have ended already: to put it back could run it twice, so the deletion goes on
    if before is not None:
        status = before.status if present.status == after.status else present.status
        restored = regenerated(replace(before, generation=after.generation))
        if unknown and before.private != after.private:
            restored = replace(restored, private=withdrawn(before, after))
        transaction.put(replace(restored, status=status, dirty=True))  # its object is of an older generation
    elif unknown:
        transaction.put(replace(marked_deleting(present), dirty=True))
    else:
        transaction.delete(after.key)
    return True


def existing(record: R | None, key: Key) -> R:
    """Return the record.

    Raises:
        NotFound: it is None.
    """
    enforce(existence.exists(f"{key.kind} '{key.name}'", _where(key), present=record is not None))
    assert record is not None
    return record


def _where(key: Key) -> str:
    if not key.scope:
        return ""
    if key.kind == SAVEPOINT:
        job = job_of_scope(key.scope)
        return f" of {job.kind} '{job.name}' in environment '{job.scope}'"
    holder = "environment" if scope_kind(key.kind) == ENVIRONMENT else scope_kind(key.kind)
    return f" in {holder} '{key.scope}'"


def not_deleting(record: Record) -> Record:
    """Return the record.

    Raises:
        Conflict: it is being deleted.
    """
    enforce(existence.not_deleting(f"{record.key.kind} '{record.name}'", deleting=record.deleting))
    return record


def scope_of(source: Store | Transaction, kind: str, name: str) -> Record:
    """Return the record of what resources of a kind are in: an environment, a catalog, or the job of savepoints.

    Raises:
        NotFound: there is none of this name.
    """
    if kind == SAVEPOINT:
        job = job_of_scope(name)
        environment_of(source, job.scope)
        return existing(source.get(job), job)
    key = Key(scope_kind(kind), "", name)
    return existing(source.get(key), key)


def environment_of(source: Store | Transaction, name: str) -> Record:
    """Return an environment's record.

    Raises:
        NotFound: there is no such environment.
    """
    key = Key(ENVIRONMENT, "", name)
    return existing(source.get(key), key)


def place(environment: Record) -> tuple[str, str]:
    """Return cluster and namespace of an environment."""
    model = Environment.parse(environment.document)
    return placement(model.kubernetes_cluster_name), str(model.kubernetes_namespace)
