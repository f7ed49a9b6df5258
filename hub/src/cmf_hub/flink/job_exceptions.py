"""What went wrong with jobs of applications, asked of their JobManagers, for the applications' events.

The operator says that a job fails, and seldom why. So when its state turns bad, its JobManager is asked once: nobody
pays for jobs that run. Where it does not answer there is no event; the next turn asks again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import StatementException

from cmf_hub.flink.convergence import Connect
from cmf_hub.flink.exceptions import remembered
from cmf_hub.flink.history import ApplicationHistory
from cmf_hub.flink.jobmanager import job_manager
from cmf_hub.flink.observation import Observation
from cmf_hub.flink.placement import APPLICATION, Placement
from cmf_hub.flink.recorder import placement
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Store, Transaction

CALLS_PER_CLUSTER = 4
"""JobManagers of one cluster that are asked at a time: many jobs may fail at once."""
_BAD = ("RESTARTING", "FAILING", "FAILED")

log = structlog.get_logger(__name__)


class JobExceptions:
    """Looks into jobs that fail.

    Args:
        store: where the applications are.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
        history: remembers the events.
        settings: the hub's settings.
    """

    def __init__(self, store: Store, connect: Connect, history: ApplicationHistory, settings: Settings) -> None:
        self._store = store
        self._connect = connect
        self._history = history
        self._settings = settings
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._told: dict[Key, tuple[str, str]] = {}
        self._room: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CALLS_PER_CLUSTER))

    def turned(self, before: Placement, found: Mapping[str, Any]) -> None:
        """Look into a job in the background if the state of its object is bad and was another one before."""
        record, job = before.record, Observation.of(found).job
        was = ((record.status or {}).get("jobStatus") or {}).get("state")
        job_id = str(((found.get("status") or {}).get("jobStatus") or {}).get("jobId") or "")
        if record.key.kind != APPLICATION or job not in _BAD or job == was or not job_id or record.key in self._tasks:
            return
        self._tasks[record.key] = task = asyncio.create_task(self._look(before, job_id), name=f"why {record.key}")
        task.add_done_callback(lambda _: self._tasks.pop(record.key, None))

    async def stop(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, of: Placement, job_id: str) -> None:
        try:
            async with self._room[of.cluster]:
                flink = job_manager(self._connect(of.cluster), of, self._settings)
                newest = remembered(await flink.json("GET", f"/jobs/{job_id}/exceptions?maxExceptions=1"))
            if newest:
                await self._tell(of.record.key, of.record.uid, newest[0])
        except CmfError as error:
            log.info("a job's exceptions are not known", resource=str(of.record.key), reason=str(error))
        except Exception:
            log.exception("a job's exceptions cannot be read", resource=str(of.record.key))

    async def _tell(self, key: Key, uid: str, exception: StatementException) -> None:
        """Remember an exception, unless it is the one that was told last."""
        if self._told.get(key) == (uid, exception.timestamp):
            return
        self._told[key] = uid, exception.timestamp

        def work(transaction: Transaction) -> None:
            present = placement(transaction, key)
            if present is not None and present.record.uid == uid:
                self._history.exception(transaction, present, exception.message)

        await self._store.transact(work)
