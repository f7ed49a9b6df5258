"""Follows the hub's objects on every CONNECTED cluster, and keeps statuses as they are there.

For each cluster and kind of object: list, compare with the store, then watch; after any break from the
start, so that nothing is missed that happened meanwhile, to the cluster or to the hub. Only what changed
is written. While a cluster is not CONNECTED nothing is followed and its statuses stay as they were (C35).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import structlog
from cmf_core.errors import CmfError

from cmf_hub.clock import Clock
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.convergence import Connect
from cmf_hub.flink.diagnosis import Diagnosis
from cmf_hub.flink.job_exceptions import JobExceptions
from cmf_hub.flink.manifests import differs, manifest
from cmf_hub.flink.marks import GENERATION_ANNOTATION, SELECTOR, owner
from cmf_hub.flink.orphans import Orphans
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, POOL, STATEMENT, Placement, cluster_of, places
from cmf_hub.flink.preflight import Preflight
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.flink.recorder import placed, placement
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT, environment_name, scope_of_job
from cmf_hub.flink.unanswered import Unanswered
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store

FOLLOWED = (FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds until a broken watch starts again; doubled with each failure in a row."""
LOOK_FOR_ORPHANS = 15.0
"""Seconds between two looks whether the orphans of a cluster are still there; most go with a watch's event."""
LOOK_FOR_UNANSWERED = 5.0
"""Seconds between two looks whether savepoints wait for too long; no event tells of what does not happen."""

LOOK_FOR_WAITING = 5.0
"""Seconds between two looks at what waits; one that has waited since the look before is looked into."""
LOOK_AT_ENVIRONMENTS = 30.0
"""Seconds between two looks at environments that lack something on their cluster."""

log = structlog.get_logger(__name__)


class Watches:
    """The watches of all clusters. Tell it which clusters become CONNECTED (`follow`) and cease to be (`leave`).

    Args:
        store: where the resources are.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
        reconciler: puts right what is found to be wrong.
        settings: the hub's settings.
        clock: for the pauses between attempts.
    """

    def __init__(
        self, store: Store, connect: Connect, reconciler: Reconciler, settings: Settings, clock: Clock
    ) -> None:
        self._store = store
        self._connect = connect
        self._reconciler = reconciler
        self._recorder = reconciler.recorder
        self._settings = settings
        self._clock = clock
        self._orphans = Orphans(store, connect)
        self._unanswered = Unanswered(store, connect, reconciler.recorder, settings, clock)
        self._diagnosis = Diagnosis(store, reconciler.recorder, connect, settings, clock)
        self._job_exceptions = JobExceptions(store, connect, reconciler.history, settings)
        self.preflight = Preflight(store, connect, settings)
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._look: asyncio.Task[None] | None = None

    def follow(self, cluster: str) -> None:
        """Follow a cluster from now on, anew if it is followed already: its connection may be another one."""
        self.leave(cluster)
        self.preflight.begin(cluster)
        looks = {
            "orphans": (LOOK_FOR_ORPHANS, self._orphans.check),
            "waiting": (LOOK_FOR_WAITING, self._diagnosis.check),
            "environments": (LOOK_AT_ENVIRONMENTS, self.preflight.check),
        }
        self._tasks[cluster] = [
            *(
                asyncio.create_task(self._repeat(every, check, cluster), name=f"{what} on {cluster}")
                for what, (every, check) in looks.items()
            ),
            *(asyncio.create_task(self._follow(cluster, kind), name=f"watch {kind} on {cluster}") for kind in FOLLOWED),
        ]
        if self._look is None:
            looking = self._repeat(LOOK_FOR_UNANSWERED, self._unanswered.check)
            self._look = asyncio.create_task(looking, name="unanswered savepoints")
        self._reconciler.wake()

    def leave(self, cluster: str) -> None:
        """Follow a cluster no longer."""
        for task in self._tasks.pop(cluster, []):
            task.cancel()

    async def stop(self) -> None:
        """Follow nothing any more; returns when all watches have ended."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        if self._look is not None:
            self._look.cancel()
            tasks.append(self._look)
        for cluster in list(self._tasks):
            self.leave(cluster)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._job_exceptions.stop()

    async def _follow(self, cluster: str, kind: FlinkResource) -> None:
        """List and watch for ever; snapshots only where there are some, because most clusters never have any."""
        if kind is FLINK_STATE_SNAPSHOT and next(self._resources_on(cluster, kind), None) is None:
            await self._reconciler.convergence.snapshots_on[cluster].wait()
        pause = FIRST_PAUSE
        while True:
            try:
                connection = self._connect(cluster)
                listing = await connection.list(kind, SELECTOR)
                await self._compare(cluster, kind, listing.items)
                pause = FIRST_PAUSE
                async with aclosing(connection.watch(kind, SELECTOR, listing.resource_version)) as events:
                    async for event, found in events:
                        await self._happened(cluster, kind, event, found)
            except CmfError as error:
                if kind is FLINK_STATE_SNAPSHOT and isinstance(error, KubernetesRefusal) and error.code == 404:
                    pause = LONGEST_PAUSE  # a cluster need not have this kind
                else:
                    log.info("watch ended, starting again", cluster=cluster, kind=str(kind), reason=str(error))
            except Exception:
                log.exception("watch failed, starting again", cluster=cluster, kind=str(kind))
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _repeat(self, every: float, check: Callable[..., Awaitable[None]], *of: str) -> None:
        """Look again and again for what no event tells of."""
        while True:
            try:
                await check(*of)
            except CmfError as error:
                log.info("look failed, trying again", of=of, reason=str(error))
            except Exception:
                log.exception("look failed, trying again", of=of)
            await self._clock.sleep(every)

    async def _compare(self, cluster: str, kind: FlinkResource, items: list[dict[str, Any]]) -> None:
        """Bring the rows of a cluster up to date with all its objects of one kind."""
        present = set()
        for found in items:
            resource = self._resource_of(cluster, kind, found)
            if resource is not None:
                present.add(resource.record.key)
                await self._look_at(resource, found, thorough=True)
            await asyncio.sleep(0)  # a cluster with thousands of objects must not keep requests waiting
        for resource in self._resources_on(cluster, kind):
            if resource.record.key not in present:
                await self._absent(resource)

    async def _happened(self, cluster: str, kind: FlinkResource, event: str, found: dict[str, Any]) -> None:
        resource = self._resource_of(cluster, kind, found)
        if resource is None:
            if event == "DELETED":
                await self._orphans.deleted(cluster, found)
            return
        if event == "DELETED":
            self._reconciler.poke(resource.record.key)  # to remove the row, or to put the object back
        else:
            await self._look_at(resource, found)

    async def _look_at(self, resource: Placement, found: dict[str, Any], *, thorough: bool = False) -> None:
        """Take in one object; one that cannot be read must not keep the others from being followed."""
        try:
            await self._seen(resource, found, thorough=thorough)
        except CmfError:
            raise
        except Exception:
            log.exception("object cannot be read", resource=str(resource.record.key), cluster=resource.cluster)

    async def _seen(self, resource: Placement, found: dict[str, Any], *, thorough: bool) -> None:
        record = resource.record
        self._job_exceptions.turned(resource, found)
        for statement in await self._recorder.seen(record.key, record.uid, found):
            self._reconciler.poke(statement)
        await self._tell_savepoint(record, found)
        if not record.dirty and "deletionTimestamp" not in found["metadata"]:
            wanted = presence(resource)
            if wanted is Presence.ABSENT or (
                wanted is not Presence.UNTOUCHED and self._was_edited(resource, found, thorough=thorough)
            ):
                self._reconciler.poke(record.key)

    def _was_edited(self, resource: Placement, found: dict[str, Any], *, thorough: bool) -> bool:
        """Tell whether somebody else changed what the hub applied (E15).

        An event may be older than the hub's last change; in a list (`thorough`) everything counts.
        """
        wanted = manifest(resource, self._settings)
        annotations = found["metadata"].get("annotations") or {}
        of_now = annotations.get(GENERATION_ANNOTATION) == wanted["metadata"]["annotations"][GENERATION_ANNOTATION]
        return (thorough or of_now) and differs(found, wanted)

    async def _absent(self, resource: Placement) -> None:
        record = resource.record
        if record.deleting or presence(resource) is Presence.PRESENT:
            self._reconciler.poke(record.key)
        else:
            await self._recorder.seen(record.key, record.uid, None)
            await self._tell_savepoint(record, None)

    async def _tell_savepoint(self, record: Record, found: Mapping[str, Any] | None) -> None:
        """Record what the object of an application or statement says of the savepoint that was asked for by nonce."""
        trigger = (record.private or {}).get("trigger")
        if trigger is not None:
            key = Key(SAVEPOINT, scope_of_job(record.key), trigger["savepoint"])
            await self._recorder.seen(key, trigger["uid"], found)

    def _resource_of(self, cluster: str, kind: FlinkResource, found: dict[str, Any]) -> Placement | None:
        """Return the resource that an object was made for; None for orphans, copies and objects of other hubs."""
        whose = owner(found)
        resource = placement(self._store, whose[0]) if whose else None
        if whose is not None and resource is None and kind is FLINK_STATE_SNAPSHOT:
            left = Key(SNAPSHOT, environment_name(whose[0].scope), found["metadata"]["name"])
            resource = placement(self._store, left)
        if whose is None or resource is None or resource.record.uid != whose[1]:
            return None
        at = (resource.cluster, resource.namespace)
        return resource if at == (cluster, found["metadata"]["namespace"]) and kind in places(resource) else None

    def _resources_on(self, cluster: str, kind: FlinkResource) -> Iterator[Placement]:
        for environment in self._store.list(ENVIRONMENT):
            if cluster_of(environment) != cluster:
                continue
            for of_kind in (APPLICATION, POOL, STATEMENT, SNAPSHOT):
                for record in self._store.list(of_kind, environment.name):
                    resource = placed(self._store, record)
                    if kind in places(resource):
                        yield resource
        if kind is FLINK_STATE_SNAPSHOT:
            for record in self._store.list(SAVEPOINT):
                if (
                    record.key.scope
                    and (resource := placed(self._store, record)).cluster == cluster
                    and places(resource)
                ):
                    yield resource
