"""Makes clusters match the store: each resource's object is applied or deleted until both agree.

A resource that needs work is dirty in the store; so nothing is forgotten when the hub stops. What is done on a cluster
is `convergence`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog
from cmf_core.errors import ClusterUnavailable, CmfError

from cmf_hub.clock import Clock
from cmf_hub.flink.convergence import Connect, Convergence
from cmf_hub.flink.history import ApplicationHistory
from cmf_hub.flink.locks import Locks
from cmf_hub.flink.placement import POOL, places
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.recorder import Recorder, placement, statements_on
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Store, StoreError

CALLS_PER_CLUSTER = 8
"""Resources of one cluster that are worked on at a time; a slow cluster takes no room from the others."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until a failed resource is tried again; doubled with each failure."""
LOOK_AGAIN = 15.0
"""Seconds between two looks for dirty resources that nobody announced."""

log = structlog.get_logger(__name__)


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
        self.convergence = Convergence(store, connect, settings)
        self._store = store
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

        Raises what `Convergence.converge` does.
        """
        resource = placement(self._store, key)
        if resource is None:
            return
        found = await self.convergence.converge(resource) if places(resource) else None
        for dependent in await self.recorder.settled(resource.record, found):
            self.poke(dependent)
        if key.kind == POOL and presence(resource) is Presence.ABSENT:
            for statement in statements_on(self._store, key):
                self.poke(statement)  # their session jobs keep the session cluster from going

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


class _Work:
    """Background work on one resource."""

    def __init__(self) -> None:
        self.again = asyncio.Event()
        self.task: asyncio.Task[None]
