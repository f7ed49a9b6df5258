"""Kubernetes objects that forced deletions left behind: whether they are still there, and their end.

The store remembers each (C53). It is forgotten when its object is gone, or is a resource's again; so what is
shown of a CONNECTED cluster is what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.convergence import Connect, delete_object
from cmf_hub.flink.marks import belongs
from cmf_hub.flink.placement import STATEMENT
from cmf_hub.flink.savepoints import SNAPSHOT
from cmf_hub.store import Orphan, Store

log = structlog.get_logger(__name__)


class Orphans:
    """What is known of orphans, compared with what is on their clusters.

    Args:
        store: where they are remembered.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
    """

    def __init__(self, store: Store, connect: Connect) -> None:
        self._store = store
        self._connect = connect

    async def check(self, cluster: str) -> None:
        """Forget the orphans of a cluster that are not there any more.

        Raises:
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer.
        """
        for orphan in self._store.orphans(cluster):
            try:
                if await self.find(orphan) is None:
                    await self.forget(orphan)
            except KubernetesRefusal as refusal:
                log.warning("orphan cannot be checked", cluster=cluster, orphan=orphan.name, reason=str(refusal))

    async def find(self, orphan: Orphan) -> tuple[FlinkResource, dict[str, Any]] | None:
        """Return an orphan's object and its kind, or None if it is gone.

        Raises:
            ClusterUnavailable, KubernetesRefusal: as the connection.
        """
        connection = self._connect(orphan.cluster)
        for kind in _kinds(orphan):
            found = await connection.get(kind, orphan.namespace, orphan.name)
            if found is not None and belongs(found, orphan):
                return kind, found
        return None

    async def remove(self, orphan: Orphan) -> bool:
        """Delete an orphan's object; False if finalizers keep it, then it is remembered until it is gone.

        Raises:
            ClusterUnavailable, KubernetesRefusal: as the connection.
        """
        present = await self.find(orphan)
        if present is not None and await delete_object(self._connect(orphan.cluster), *present) is not None:
            return False
        await self.forget(orphan)
        return True

    async def forget(self, orphan: Orphan) -> None:
        """Remember an orphan no longer."""
        await self._store.transact(lambda transaction: transaction.remove_orphan(orphan.cluster, orphan.uid))

    async def deleted(self, cluster: str, found: Mapping[str, Any]) -> None:
        """Take in that an object was deleted on a cluster; most are no orphans."""
        for orphan in self._store.orphans(cluster):
            if belongs(found, orphan):
                await self.forget(orphan)


def _kinds(orphan: Orphan) -> tuple[FlinkResource, ...]:
    """Return the kinds of object that it may be; a statement's pool may be gone, and with it the knowledge."""
    if orphan.kind == SNAPSHOT:
        return (FLINK_STATE_SNAPSHOT,)
    return (FLINK_DEPLOYMENT, FLINK_SESSION_JOB) if orphan.kind == STATEMENT else (FLINK_DEPLOYMENT,)
