"""Savepoints that nobody takes: an operator that stores FlinkStateSnapshots and does not know them, or none at all.

Operators before 1.10 are of the first kind on a cluster with newer CRDs. No event ever comes then, so it takes a
look after some time to see it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import SavepointState

from cmf_hub.clock import Clock
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.convergence import Connect
from cmf_hub.flink.observation import Observation
from cmf_hub.flink.placement import Placement, object_name
from cmf_hub.flink.recorder import Recorder, placed
from cmf_hub.flink.savepoints import SAVEPOINT
from cmf_hub.settings import Settings
from cmf_hub.store import Condition, Query, Record, Store

_PENDING = (Condition((("status", "state"),), "in", (SavepointState.TRIGGER_PENDING,)),)

log = structlog.get_logger(__name__)


class Unanswered:
    """Says in the status of a savepoint that the operator does not take it up.

    Args:
        store: where savepoints are.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
        recorder: writes statuses.
        settings: after how long.
        clock: what time it is.
    """

    def __init__(self, store: Store, connect: Connect, recorder: Recorder, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._connect = connect
        self._recorder = recorder
        self._patience = settings.savepoint_patience_seconds
        self._clock = clock

    async def check(self) -> None:
        """Look at the savepoints that have waited for too long."""
        for row in self._store.page(Query(SAVEPOINT, None, _PENDING)):
            record = self._store.get(row.key) if row.key.scope else None
            if record is None or record.deleting or record.dirty or not self._waits_too_long(record):
                continue
            resource = placed(self._store, record)
            try:
                trouble = await self._trouble(resource)
            except ClusterUnavailable:
                continue  # its status says that it may be stale
            except KubernetesRefusal as refusal:
                trouble = str(refusal)
            if trouble:
                where = resource.cluster
                log.warning("savepoint is not taken up", resource=str(record.key), cluster=where, reason=trouble)
                await self._recorder.refused(record.key, trouble)

    def _waits_too_long(self, record: Record) -> bool:
        return self._clock.now() - datetime.fromisoformat(record.created) > timedelta(seconds=self._patience)

    async def _trouble(self, resource: Placement) -> str | None:
        """Return what is wrong; None if the operator has taken the savepoint up, or its object is gone."""
        private: dict[str, Any] = resource.record.private or {}
        kind = FLINK_STATE_SNAPSHOT if "object" in private else FlinkResource(private["job"]["kind"])
        name = object_name(resource.record) if "object" in private else private["job"]["name"]
        found = await self._connect(resource.cluster).get(kind, resource.namespace, name)
        if found is None:
            return None
        if kind is not FLINK_STATE_SNAPSHOT:
            return None if Observation.of(found).current else _NOT_RECONCILED.format(kind=kind, name=name)
        return None if (found.get("status") or {}).get("state") else _NOT_KNOWN.format(kind=kind, name=name)


_NOT_KNOWN = (
    "The operator has not taken up {kind} '{name}': before version 1.10 it does not know this kind. "
    "Set CMF_SAVEPOINT_METHOD=nonce if the cluster has such an operator, then delete this savepoint and take another"
)
_NOT_RECONCILED = "The operator has not taken up the savepointTriggerNonce of {kind} '{name}': it may not be running"
