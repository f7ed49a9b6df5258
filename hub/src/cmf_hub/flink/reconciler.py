"""Makes clusters match the store: each resource's object is applied or deleted until both agree.

A resource that needs work is dirty in the store; so nothing is forgotten when the hub stops. What the hub
promises about Flink jobs is kept here: an object that others made, or that belonged to a deleted namesake,
is never taken over; one that is being deleted is waited for, and only then is a new one made. So one job
never runs twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from cmf_core.calls import PREFIX
from cmf_core.errors import ClusterUnavailable, CmfError, Conflict, ServerError

from cmf_hub.clock import Clock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal, NeverSent
from cmf_hub.clusters.resources import FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.history import ApplicationHistory
from cmf_hub.flink.locks import Locks
from cmf_hub.flink.objects import (
    APPLICATION,
    POOL,
    Placement,
    Presence,
    belongs,
    manifest,
    object_name,
    owner,
    places,
    presence,
)
from cmf_hub.flink.recorder import Recorder, placement, statements_on
from cmf_hub.flink.savepoints import differs_in_disposal
from cmf_hub.flink.statement_key import ensure_key
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Orphan, Store, StoreError

CALLS_PER_CLUSTER = 8
"""Resources of one cluster that are worked on at a time; a slow cluster takes no room from the others."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until a failed resource is tried again; doubled with each failure."""
LOOK_AGAIN = 15.0
"""Seconds between two looks for dirty resources that nobody announced."""

Connect = Callable[[str], Connection]

log = structlog.get_logger(__name__)


class OutcomeUnknown(ClusterUnavailable):
    """The cluster was told to change something and did not answer: it may have done so or not."""


class Reconciler:
    """Works on one resource when asked (`reconcile`), and on all dirty ones in the background.

    Args:
        store: where the resources are.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
        settings: the hub's settings.
        clock: for the pauses between attempts.
    """

    def __init__(self, store: Store, connect: Connect, settings: Settings, clock: Clock) -> None:
        self.locks = Locks()
        self.history = ApplicationHistory(settings, clock)
        self.recorder = Recorder(store, self.history)
        self.snapshots_on: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """Clusters on which it has made a FlinkStateSnapshot, so that somebody has to follow them there."""
        self._store = store
        self._connect = connect
        self._settings = settings
        self._clock = clock
        self._work: dict[Key, _Work] = {}
        self._room: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CALLS_PER_CLUSTER))
        self._look: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Begin with the background work: what a stop of the hub left unfinished first."""
        self._look = asyncio.create_task(self._look_again(), name="reconciler")

    async def stop(self) -> None:
        """End the background work for good; what is unfinished stays dirty."""
        self._stopped = True
        tasks = [work.task for work in self._work.values()] + ([self._look] if self._look else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Work on all dirty resources now, those too whose last attempt failed."""
        for key in self._store.dirty():
            self.poke(key)

    def poke(self, key: Key) -> None:
        """Work on a resource in the background; once more if it is being worked on."""
        if self._stopped:
            return
        work = self._work.get(key)
        if work is None:
            work = self._work[key] = _Work()
            work.task = asyncio.create_task(self._run(key, work.again), name=f"reconcile {key}")
        work.again.set()

    async def reconcile(self, key: Key) -> None:
        """Make the cluster match a resource. The caller holds its lock.

        On return the object is as the resource wants it, or its deletion was asked for; the row of a deleted
        resource is gone if its object is.

        Raises:
            Conflict: an object of this name is not the resource's, or is still being deleted.
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer; nothing has changed ...
            OutcomeUnknown: ... unless it is this one.
            KubernetesRefusal: the cluster refused; nothing has changed.
        """
        resource = placement(self._store, key)
        if resource is None:
            return
        found = await self._converge(resource) if places(resource) else None
        for dependent in await self.recorder.settled(resource.record, found):
            self.poke(dependent)
        if key.kind == POOL and presence(resource) is Presence.ABSENT:
            for statement in statements_on(self._store, key):
                self.poke(statement)  # their session jobs keep the session cluster from going

    async def _converge(self, resource: Placement) -> dict[str, Any] | None:
        """Do what is to be done on the cluster, and return the object that is there afterwards."""
        connection = self._connect(resource.cluster)
        wanted, remaining = presence(resource), None
        for kind in places(resource):
            if wanted is Presence.PRESENT and resource.record.generation == 1:
                new = await self._prepared(connection, kind, resource)
                with _changing():
                    made = await connection.create(new)
                if made is not None:
                    return made  # otherwise something is there, and a look says whose it is
            found = await connection.get(kind, resource.namespace, object_name(resource.record))
            if wanted is Presence.PRESENT or (wanted is Presence.IF_PRESENT and found is not None):
                return await self._apply(connection, kind, resource, found)
            if found is not None and belongs(found, resource.record):
                left = await self._remove(connection, kind, resource, found) if wanted is Presence.ABSENT else found
                remaining = left or remaining
        return remaining

    async def _apply(
        self, connection: Connection, kind: FlinkResource, resource: Placement, found: dict[str, Any] | None
    ) -> dict[str, Any]:
        wanted = await self._prepared(connection, kind, resource)
        if found is None:
            with _changing():  # an object made since by others is not taken over
                return await connection.apply(wanted, force=False)
        _enforce_ours(kind, resource, found, self._store.orphans(resource.cluster))
        wanted["metadata"]["uid"] = found["metadata"]["uid"]  # refused if this object is gone or was replaced
        with _changing():
            return await connection.apply(wanted)

    async def _prepared(self, connection: Connection, kind: FlinkResource, resource: Placement) -> dict[str, Any]:
        """Return the object that a resource wants, once what has to be there before it is."""
        if resource.record.key.kind == POOL:
            await _ensure_key(connection, resource)
        if kind is FLINK_STATE_SNAPSHOT:
            self.snapshots_on[resource.cluster].set()
        return manifest(resource, self._settings)

    async def _remove(
        self, connection: Connection, kind: FlinkResource, resource: Placement, found: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Delete an object, and return it if finalizers keep it; a savepoint says first what becomes of its data."""
        if kind is FLINK_STATE_SNAPSHOT and differs_in_disposal(found, resource.record):
            wanted = manifest(resource, self._settings)
            wanted["metadata"]["uid"] = found["metadata"]["uid"]
            with _changing():
                found = await connection.apply(wanted)
        return await delete_object(connection, kind, found)

    async def _look_again(self) -> None:
        while True:
            try:
                for key in set(self._store.dirty()) - self._work.keys():
                    self.poke(key)
            except Exception:
                log.exception("looking for work failed, will be tried again")
            await self._clock.sleep(LOOK_AGAIN)

    async def _run(self, key: Key, again: asyncio.Event) -> None:
        """Work on a resource until it is done, and once more for each poke meanwhile."""
        pause = FIRST_PAUSE
        try:
            while again.is_set():
                again.clear()
                if await self._attempt(key):
                    pause = FIRST_PAUSE
                    continue
                await self._pause(pause, again)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            del self._work[key]

    async def _attempt(self, key: Key) -> bool:
        """Reconcile a resource if it is there; False if that failed."""
        try:
            await self._try(key)
        except CmfError as error:
            log.warning("not reconciled, will be tried again", resource=str(key), reason=str(error))
        except Exception:
            log.exception("not reconciled, will be tried again", resource=str(key))
        else:
            return True
        return False

    async def _try(self, key: Key) -> None:
        resource = placement(self._store, key)
        if resource is None:
            return
        async with self._room[resource.cluster], self.locks.hold(key):
            try:
                await self.reconcile(key)
            except (ClusterUnavailable, StoreError):
                raise
            except CmfError as error:
                await self.recorder.refused(key, str(error))
                raise

    async def _pause(self, seconds: float, again: asyncio.Event) -> None:
        """Wait for the time to pass or for a poke; either way there is something to do."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(again.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        again.set()


async def _ensure_key(connection: Connection, pool: Placement) -> None:
    """Make the key of statements before the session cluster that mounts it: pods see a new Secret late."""
    try:
        await ensure_key(connection, pool.environment)
    except (KubernetesRefusal, ServerError) as error:
        log.warning("no key for statements, those with catalogs will not run", reason=str(error))


class _Work:
    """Background work on one resource."""

    def __init__(self) -> None:
        self.again = asyncio.Event()
        self.task: asyncio.Task[None]


@contextmanager
def _changing() -> Iterator[None]:
    """Tell failures of a change from those of the reads before it."""
    try:
        yield
    except NeverSent:
        raise
    except ClusterUnavailable as error:
        raise OutcomeUnknown(*error.messages, rule=error.rule, retry_after=error.retry_after) from error


async def delete_object(connection: Connection, kind: FlinkResource, found: dict[str, Any]) -> dict[str, Any] | None:
    """Delete an object, and return it if finalizers keep it; it alone, not one that has come in its place."""
    metadata = found["metadata"]
    place = (kind, metadata["namespace"], metadata["name"])
    if "deletionTimestamp" in metadata:
        return found
    with _changing():
        await connection.delete(*place, uid=metadata["uid"])
        left = await connection.get(*place)
    return left if left is not None and left["metadata"]["uid"] == metadata["uid"] else None


def _enforce_ours(
    kind: FlinkResource, resource: Placement, found: Mapping[str, Any], orphans: Sequence[Orphan]
) -> None:
    """Refuse to touch an object that is not this resource's, or that is going.

    Raises:
        Conflict: it is one of these.
    """
    record, metadata = resource.record, found["metadata"]
    what = (
        f"{kind} '{object_name(record)}' in namespace '{resource.namespace}' of Kubernetes cluster '{resource.cluster}'"
    )
    if "deletionTimestamp" in metadata:
        held = ", ".join(metadata.get("finalizers") or []) or "nothing"
        raise Conflict(
            f"{what} is being deleted since {metadata['deletionTimestamp']} (finalizers: {held}): a new one for "
            f"{record.key} can only be made when it is gone, try again then"
        )
    if not belongs(found, record):
        whose = "was left behind by a deleted resource" if owner(found) else "was not made by this hub"
        way_out = "delete it on the cluster"
        left = next((orphan for orphan in orphans if belongs(found, orphan)), None)
        if left is not None:
            calls = f"{PREFIX}/kubernetes-clusters/{resource.cluster}/orphans"
            way_out = f"delete what was left there with POST {calls}/clean"
            if left.kind == APPLICATION:
                way_out += f", take it back with POST {calls}/{left.namespace}/{left.name}/adopt"
        raise Conflict(
            f"{what} exists and {whose}: {record.key} does not take it over; {way_out}, or choose another name"
        )
