"""What a heartbeat does: a cluster is asked for its version, and looked at more closely when that is due."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import timestamp

from cmf_hub.clock import Clock
from cmf_hub.clusters import metrics
from cmf_hub.clusters.cluster import Cluster
from cmf_hub.clusters.inspection import Inspection
from cmf_hub.clusters.reports import Reports

log = structlog.get_logger(__name__)


class Probe:
    """Probes clusters.

    Args:
        clusters: all that there are, by name.
        inspection: looks at a cluster when it is new or back.
        reports: tells how it is.
        clock: for the time of a heartbeat.
        limit: seconds that a probe may take (C56).
    """

    def __init__(
        self, clusters: Mapping[str, Cluster], inspection: Inspection, reports: Reports, clock: Clock, limit: float
    ) -> None:
        self._clusters = clusters
        self._inspection = inspection
        self._reports = reports
        self._clock = clock
        self._limit = limit

    async def __call__(self, name: str) -> bool:
        """Ask a cluster for its version, and take in what that says about it (C55)."""
        cluster = self._clusters[name]
        connection = cluster.connection
        assert connection is not None, f"{name} is probed without a connection"
        started, version, failure = self._clock.monotonic(), "", ""
        try:
            version = await connection.version(self._limit)
        except CmfError as error:
            failure = str(error).removeprefix(f"Kubernetes cluster '{name}' ")
        metrics.PROBES.labels(name, "failure" if failure else "success").inc()
        metrics.PROBE_SECONDS.labels(name).observe(self._clock.monotonic() - started)
        before = cluster.state
        if failure:
            cluster.failed(failure)
            log.warning("heartbeat failed", cluster=name, why=failure, state=str(cluster.state))
        else:
            cluster.succeeded(version, timestamp(self._clock.now()))
        await self._reports.show(cluster, before)
        if not failure and cluster.inspection_due:
            await self._inspection.inspect(cluster, connection, self._limit)
            await self._reports.save(cluster)
        return not failure
