"""Statuses into the store: computed from what was seen on a cluster, written only when they changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_core.errors import ServerError

from cmf_hub.flink.history import ApplicationHistory
from cmf_hub.flink.placement import POOL, STATEMENT, Placement, environment_key, is_shared, pool_key
from cmf_hub.flink.savepoints import SAVEPOINT, release
from cmf_hub.flink.statement_status import session_job_manager
from cmf_hub.flink.status import reported, waits
from cmf_hub.store import Key, Record, Store, Transaction

_TROUBLE_FIELD = {STATEMENT: "detail", SAVEPOINT: "error"}
"""Field of a status that says what is wrong, where it is not `message`."""


def placement(source: Store | Transaction, key: Key) -> Placement | None:
    """Return a resource with its environment and pool, or None if there is no such resource.

    Raises:
        ServerError: its environment is missing; the store never lets that happen.
    """
    record = source.get(key)
    return None if record is None else placed(source, record)


def placed(source: Store | Transaction, record: Record) -> Placement:
    """Return a record with its environment and pool; raises as `placement`."""
    environment, pool = source.get(environment_key(record)), pool_key(record)
    if environment is None:
        raise ServerError(f"{record.key} is in an environment that does not exist: restore the database from a backup")
    return Placement(record, environment, source.get(pool) if pool else None)


class Recorder:
    """Writes statuses. All its changes are of the record that is there when they are written."""

    def __init__(self, store: Store, history: ApplicationHistory) -> None:
        self._store = store
        self._history = history
        self._troubles: dict[Key, str] = {}
        self._causes: dict[Key, str] = {}
        self._waiting: defaultdict[str, dict[Key, tuple[str, int]]] = defaultdict(dict)
        self._newest: dict[Key, tuple[str, int]] = {}

    async def seen(self, key: Key, uid: str, found: Mapping[str, Any] | None) -> list[Key]:
        """Record what was seen of the resource with this uid.

        Returns:
            Statements whose status depends on this one and may be another now.
        """
        if self._is_older(key, found):
            return []
        resource = placement(self._store, key)
        if resource is None or resource.record.uid != uid:
            return []
        if waits(resource, found):
            self._waiting[resource.cluster][key] = (uid, resource.record.generation)
        else:
            self._waiting[resource.cluster].pop(key, None)
            self._causes.pop(key, None)
        trouble = self._trouble(key)
        if _written(self._store, key, uid, found, trouble) is None:
            return []
        return await self._store.transact(lambda transaction: self._write(transaction, key, uid, found, trouble))

    def waiting(self, cluster: str) -> dict[Key, tuple[str, int]]:
        """Return what is on a cluster and not up, without the operator saying why: each with its uid and generation."""
        return dict(self._waiting[cluster])

    def waits_no_more(self, cluster: str, key: Key) -> None:
        """Forget a resource that no longer exists."""
        self._waiting[cluster].pop(key, None)
        self._causes.pop(key, None)

    async def explain(self, key: Key, uid: str, found: Mapping[str, Any], cause: str | None) -> None:
        """Show in a status what a resource waits for, until it waits no longer."""
        if cause is None:
            self._causes.pop(key, None)
        else:
            self._causes[key] = cause
        await self.seen(key, uid, found)

    def _trouble(self, key: Key) -> str | None:
        return self._troubles.get(key) or self._causes.get(key)

    async def settled(self, done: Record, found: Mapping[str, Any] | None) -> list[Key]:
        """Record that the cluster matches `done`, a record as it was read, or that its object is gone.

        A record that was changed in the meantime stays dirty. Returns the same as `seen`, and what is left to be
        removed of the savepoints of a job that is gone.
        """
        self._troubles.pop(done.key, None)
        cause = self._causes.get(done.key)
        older = self._is_older(done.key, found)

        def work(transaction: Transaction) -> list[Key]:
            record = transaction.get(done.key)
            if record is None or (record.uid, record.generation) != (done.uid, done.generation):
                return []
            if record.deleting and found is None:
                transaction.delete(record.key)
                return release(transaction, record.key)
            if record.dirty:
                transaction.put(replace(record, dirty=False))
                self._history.prune(transaction, record)
            return [] if older else self._write(transaction, record.key, record.uid, found, cause)

        return await self._store.transact(work)

    def _is_older(self, key: Key, found: Mapping[str, Any] | None) -> bool:
        """Tell whether a newer state of the same object was seen already.

        The reconciler may have read it before an event that the watch has brought meanwhile.
        """
        metadata = (found or {}).get("metadata") or {}
        uid, version = str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))
        if not version.isdigit():
            self._newest.pop(key, None)
            return False
        newest_uid, newest = self._newest.get(key, ("", 0))
        if uid == newest_uid and int(version) < newest:
            return True
        self._newest[key] = (uid, int(version))
        return False

    async def refused(self, key: Key, trouble: str) -> None:
        """Show in a status why the cluster cannot be made to match; until `settled`."""
        if self._troubles.get(key) == trouble:
            return
        self._troubles[key] = trouble

        def work(transaction: Transaction) -> None:
            record = transaction.get(key)
            if record is not None:
                field = _TROUBLE_FIELD.get(key.kind, "message")
                transaction.put(replace(record, status={**(record.status or {}), field: trouble}))

        await self._store.transact(work)

    def _write(
        self, transaction: Transaction, key: Key, uid: str, found: Mapping[str, Any] | None, trouble: str | None
    ) -> list[Key]:
        before, after = transaction.get(key), _written(transaction, key, uid, found, trouble)
        if before is None or after is None:
            return []
        transaction.put(after.record)
        self._history.status(transaction, before, after)
        if key.kind == POOL and is_shared(before) and session_job_manager(before) != session_job_manager(after.record):
            return statements_on(transaction, key)
        return []


def statements_on(source: Store | Transaction, pool: Key) -> list[Key]:
    """Return the statements of a pool."""
    return [record.key for record in source.list(STATEMENT, pool.scope) if pool_key(record) == pool]


def _written(
    source: Store | Transaction, key: Key, uid: str, found: Mapping[str, Any] | None, trouble: str | None
) -> Placement | None:
    """Return the resource with its new status, or None if nothing changes."""
    resource = placement(source, key)
    if resource is None or resource.record.uid != uid:
        return None
    status = reported(resource, found, trouble)
    return (
        None if status == resource.record.status else replace(resource, record=replace(resource.record, status=status))
    )
