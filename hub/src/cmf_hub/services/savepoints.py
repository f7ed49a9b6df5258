"""Savepoints of applications and statements, and those that are detached from both.

A savepoint by FlinkStateSnapshot is a resource with a Kubernetes object as others are. One by nonce is a change of its
job's object: savepoint and nonce are written in one transaction, so the nonce is applied once, whenever that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from cmf_core.errors import Conflict
from cmf_core.models import Savepoint, SavepointState, SavepointStatus
from cmf_core.rules import Refusal, enforce, names, savepoints

from cmf_hub.clock import Clock
from cmf_hub.clusters.resources import FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT
from cmf_hub.flink.manifests import manifest
from cmf_hub.flink.placement import Placement, places
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.recorder import placed
from cmf_hub.flink.savepoint_status import NEW
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT, bury, scope_of_job, with_trigger
from cmf_hub.services.documents import created, regenerated, resource_content
from cmf_hub.services.writes import Writes, environment_of, existing, not_deleting, place
from cmf_hub.settings import Settings
from cmf_hub.store import Condition, Key, Orphan, Query, Record, Transaction

_UNENDED = (SavepointState.TRIGGER_PENDING, SavepointState.IN_PROGRESS)


class SavepointService:
    """Operations on savepoints."""

    def __init__(self, writes: Writes, settings: Settings) -> None:
        self._writes = writes
        self._store = writes.store
        self._settings = settings

    async def create(self, job: Key, sent: Savepoint) -> Key:
        """Take a savepoint of an application or a statement; without a name it gets one.

        Raises:
            NotFound: there is no such application or statement.
            BadRequest, Unprocessable: it breaks a rule, or the job is not to run.
            Conflict: it exists, or another is being taken by nonce.
            ClusterUnavailable, KubernetesRefusal: the cluster is not CONNECTED, or refused.
        """
        key = Key(SAVEPOINT, scope_of_job(job), sent.name or _generated(job.name))
        enforce(
            names.resource_name(SAVEPOINT, key.name, minimum=1),
            savepoints.durable_path(key.name, sent.spec.path, required=False),
        )
        document = resource_content(sent)
        self._writes.present(job)
        if await self._by_snapshot(job, key.name):
            await self._writes.put(key, self._snapshot(job, key, sent, document))
        else:
            await self._by_nonce(job, key, sent, document)
        return key

    async def delete(self, job: Key, name: str, *, force: bool) -> None:
        """Delete a savepoint; its data go too if the operator can do that and the settings do not keep them.

        `force` removes one that waits for that already; its data stay. Otherwise it means nothing.

        Raises:
            NotFound, ClusterUnavailable, KubernetesRefusal: as `create`.
        """
        key = Key(SAVEPOINT, scope_of_job(job), name)
        if force and self._writes.present(key).deleting:
            await self._store.transact(lambda transaction: bury(transaction, existing(transaction.get(key), key)))
            self._writes.reconciler.wake()
            return
        self._writes.present(key)
        await self._writes.delete(key, lambda *_: None)

    async def detach(self, job: Key, name: str) -> Key:
        """Make a savepoint independent of its application; it keeps uid and data.

        Raises:
            NotFound, ClusterUnavailable: as `create`.
            Conflict: it is not COMPLETED, or there is a detached one of its name.
        """
        key, detached = Key(SAVEPOINT, scope_of_job(job), name), Key(SAVEPOINT, "", name)
        self._writes.present(key)
        self._writes.writable(job.scope)

        def work(transaction: Transaction) -> None:
            record = existing(transaction.get(key), key)
            status = SavepointStatus.parse(record.status)
            enforce(savepoints.detachable(name, status, deleting=record.deleting))
            _enforce_free(transaction, detached)
            bury(transaction, record)
            document = {**record.document, "spec": {**record.spec, "path": status.path}}
            transaction.put(regenerated(replace(record, key=detached, document=document, private=None)))

        async with self._writes.reconciler.locks.hold(key):
            await self._store.transact(work)
        self._writes.reconciler.wake()
        return detached

    async def _by_snapshot(self, job: Key, name: str) -> bool:
        connection = self._writes.writable(job.scope)
        method = self._settings.savepoint_method
        has_crd = method != "nonce" and connection.crd(FLINK_STATE_SNAPSHOT) in await connection.crds()
        verdict = savepoints.by_snapshot(name, connection.cluster, method, has_crd=has_crd)
        if isinstance(verdict, Refusal):
            enforce(verdict)
            return False
        return verdict

    def _snapshot(
        self, job: Key, key: Key, sent: Savepoint, document: dict[str, Any]
    ) -> Callable[[Transaction, Record | None], Record]:
        def change(transaction: Transaction, present: Record | None) -> Record:
            if present is not None:
                raise _exists(key)
            resource = self._job(transaction, job, sent, key.name)
            record = created(key, document, self._writes.clock)
            private = {
                "job": _reference(resource),
                "object": f"{job.name}-{record.uid}",
                "dispose": self._settings.savepoint_dispose_on_delete,
            }
            return replace(record, private=private, status=NEW)

        return change

    async def _by_nonce(self, job: Key, key: Key, sent: Savepoint, document: dict[str, Any]) -> None:
        record = replace(created(key, document, self._writes.clock), status=NEW)
        cluster, _ = place(environment_of(self._store, job.scope))
        enforce(savepoints.within_a_nonce(key.name, cluster, sent.spec))

        def change(transaction: Transaction, present: Record | None) -> Record:
            resource = self._job(transaction, job, sent, key.name)
            if transaction.get(key) is not None:
                raise _exists(key)
            trigger = (resource.record.private or {}).get("trigger") or {}
            running = transaction.get(key._replace(name=trigger.get("savepoint", "")))
            is_running = running is not None and (running.status or {}).get("state") in _UNENDED
            enforce(savepoints.one_at_a_time(key.name, str(job), trigger["savepoint"] if is_running else None))
            after, nonce = regenerated(resource.record), next_nonce(self._writes.clock, trigger.get("nonce"))
            private = {"job": _reference(resource), "nonce": nonce, "generation": after.generation}
            transaction.put(replace(record, private=private))
            return with_trigger(after, record, nonce)

        try:
            await self._writes.put(job, change)
        except Exception:
            await self._store.transact(lambda transaction: _take_back(transaction, record))
            raise

    def _job(self, transaction: Transaction, job: Key, sent: Savepoint, name: str) -> Placement:
        """Return the application or statement that can take a savepoint."""
        resource = placed(transaction, not_deleting(existing(transaction.get(job), job)))
        enforce(
            savepoints.operated(str(job), has_object=bool(places(resource))),
            savepoints.job_to_run(name, str(job), is_to_run=presence(resource) is Presence.PRESENT),
        )
        enforce(savepoints.has_directory(name, str(job), sent.spec, self._configuration(resource)))
        return resource

    def _configuration(self, resource: Placement) -> dict[str, Any]:
        """Return the Flink configuration of a job, with that of the session cluster that it runs on."""
        own = manifest(resource, self._settings)["spec"].get("flinkConfiguration") or {}
        if places(resource)[0] is not FLINK_SESSION_JOB or resource.pool is None:
            return dict(own)
        session = manifest(Placement(resource.pool, resource.environment), self._settings)["spec"]
        return {**(session.get("flinkConfiguration") or {}), **own}


class DetachedSavepointService:
    """Operations on detached savepoints. They are global: no cluster's state matters, and their data are not ours."""

    def __init__(self, writes: Writes) -> None:
        self._store = writes.store
        self._clock = writes.clock

    async def create(self, sent: Savepoint) -> Key:
        """Write down where the data of a savepoint are; without a name it gets one.

        Raises:
            BadRequest, Unprocessable: a bad name or path.
            Conflict: it exists.
        """
        key = Key(SAVEPOINT, "", sent.name or _generated("detached"))
        enforce(
            names.resource_name(SAVEPOINT, key.name, minimum=1),
            savepoints.durable_path(key.name, sent.spec.path, required=True),
        )
        record = created(key, resource_content(sent), self._clock)
        status = {**NEW, "state": str(SavepointState.COMPLETED), "path": sent.spec.path}

        def work(transaction: Transaction) -> None:
            _enforce_free(transaction, key)
            transaction.put(replace(record, status=status))

        await self._store.transact(work)
        return key

    async def delete(self, name: str) -> None:
        """Forget a detached savepoint; its data stay.

        Raises:
            NotFound: there is none.
        """
        key = Key(SAVEPOINT, "", name)

        def work(transaction: Transaction) -> None:
            existing(transaction.get(key), key)
            transaction.delete(key)

        await self._store.transact(work)


def path_to_start_from(
    transaction: Transaction, job: Key, *, uid: str | None = None, name: str | None = None
) -> str | None:
    """Return where the data of a savepoint are that an application or statement may start from.

    It is one of its own, or a detached one; None if there is none with this uid and this name.

    Raises:
        Unprocessable: it is not COMPLETED.
    """
    asked = ((("metadata", "uid"), uid), (("name",), name))
    conditions = [Condition((field,), "in", (value,)) for field, value in asked if value]
    for scope in (scope_of_job(job), ""):
        for row in transaction.page(Query(SAVEPOINT, scope, conditions, limit=1)):
            record = existing(transaction.get(row.key), row.key)
            status = SavepointStatus.parse(record.status)
            enforce(savepoints.restorable(str(job), record.name, status, deleting=record.deleting))
            return status.path
    return None


def next_nonce(clock: Clock, last: int | None) -> int:
    """Return a nonce that the operator has not seen: milliseconds since 1970, and more than the last one."""
    return max(int(clock.now().timestamp() * 1000), (last or 0) + 1)


def leave_snapshots(transaction: Transaction, environment: Record, now: str) -> None:
    """Remember as orphans what savepoints left in an environment that is being deleted."""
    cluster, namespace = place(environment)
    for record in transaction.list(SNAPSHOT, environment.name):
        transaction.delete(record.key)
        orphan = Orphan(cluster, SNAPSHOT, namespace, record.name, record.uid, now, environment.name)
        transaction.add_orphan(orphan)


def _reference(resource: Placement) -> dict[str, str]:
    return {"kind": str(places(resource)[0]), "name": resource.record.name}


def _generated(prefix: str) -> str:
    return f"{prefix}-savepoint-{uuid4().hex[:12]}"


def _enforce_free(transaction: Transaction, key: Key) -> None:
    if transaction.get(key) is not None:
        raise Conflict(f"There is a detached {SAVEPOINT} '{key.name}' already: choose another name, or delete that")


def _exists(key: Key) -> Conflict:
    return Conflict(f"{key} already exists: choose another name, or none")


def _take_back(transaction: Transaction, record: Record) -> None:
    present = transaction.get(record.key)
    if present is not None and present.uid == record.uid:
        transaction.delete(record.key)
