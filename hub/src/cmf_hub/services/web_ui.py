"""The Flink web UI of applications, pools and statements: which JobManager it is, and what may be asked of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager

from cmf_core.errors import Conflict, Forbidden, NotFound, TooManyRequests
from cmf_core.models import PoolPhase, PoolType
from cmf_core.rules import enforce, pools

from cmf_hub.clusters.services import Service, Streamed
from cmf_hub.flink.jobmanager import job_manager
from cmf_hub.flink.placement import POOL, STATEMENT, is_shared
from cmf_hub.flink.recorder import placed, placement
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record

_READS = frozenset({"GET", "HEAD"})
_CHANGES_BY_GET = re.compile(r"/(v\d+/)?(jobs/[^/]+/yarn-(cancel|stop)|jars/[^/]+/plan)/?", re.IGNORECASE)
"""What Flink does on a GET although it ends a job, or runs the code of a jar."""


class WebUi:
    """Requests to the JobManagers' REST API, of which the web UI is a part."""

    def __init__(self, writes: Writes, settings: Settings) -> None:
        self._writes = writes
        self._settings = settings
        self._under_way: Counter[str] = Counter()

    def shared_pool(self, key: Key) -> str | None:
        """Return the pool whose session cluster a statement's web UI shows; None if it has a JobManager of its own."""
        at = placement(self._writes.store, key) if key.kind == STATEMENT else None
        return at.pool.name if at is not None and at.pool is not None and is_shared(at.pool) else None

    @asynccontextmanager
    async def stream(
        self,
        key: Key,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | None,
    ) -> AsyncIterator[Streamed]:
        """Send a request to the JobManager of a resource, and yield the answer as it comes (P55, P57, P58, E41).

        Args:
            key: the application, pool or statement.
            method: HTTP method.
            path: path on the JobManager, with a slash first and everything escaped that has to be.
            query: query as it came, without question mark.
            headers: headers, each of them chosen: see `Service.stream`.
            body: what to send, if anything.

        Raises:
            NotFound: there is no such resource, or the setting is off.
            BadRequest: the pool is DEDICATED.
            Conflict: the pool is not RUNNING, or the statement has none any more.
            Forbidden: the request would change something, which the settings do not allow.
            TooManyRequests: as many requests as the settings allow are under way on this cluster.
            ClusterUnavailable, KubernetesRefusal, ServiceUnreachable: as `Service`.
        """
        service = self._job_manager(key, method, path)
        cluster, most = service.cluster, self._settings.flink_web_ui_streams
        if self._under_way[cluster] >= most:
            raise TooManyRequests(
                f"{most} requests to Flink web UIs on Kubernetes cluster '{cluster}' are under way: try again, or "
                "raise CMF_FLINK_WEB_UI_STREAMS",
                retry_after=1,
            )
        self._under_way[cluster] += 1
        try:
            whole = f"{path}?{query}" if query else path
            silence = self._settings.flink_web_ui_silence_seconds
            async with service.stream(method, whole, headers, body, silence=silence) as streamed:
                yield streamed
        finally:
            self._under_way[cluster] -= 1

    def _job_manager(self, key: Key, method: str, path: str) -> Service:
        mode = self._settings.flink_web_ui
        if mode == "off":
            raise NotFound("Flink web UIs are switched off: CMF_FLINK_WEB_UI says so")
        record = self._writes.present(key)
        at = placed(self._writes.store, record)
        if key.kind == POOL:
            _enforce_running(record)
        elif key.kind == STATEMENT:
            if at.pool is None:
                raise Conflict(f"Statement '{key.name}' has no Flink web UI: its ComputePool was deleted")
            if is_shared(at.pool):
                _enforce_running(at.pool)
        if mode == "read-only" and (method not in _READS or _CHANGES_BY_GET.fullmatch(path)):
            raise Forbidden(
                f"{method} {path} may change what runs, and Flink web UIs are read-only here: use the API of "
                f"{key.kind} '{key.name}', or set CMF_FLINK_WEB_UI to full"
            )
        return job_manager(self._writes.writable(key.scope), at, self._settings)


def _enforce_running(pool: Record) -> None:
    kind = PoolType(pool.spec["type"])
    enforce(pools.has_web_ui(pool.name, kind, PoolPhase((pool.status or {}).get("phase", PoolPhase.PENDING))))
