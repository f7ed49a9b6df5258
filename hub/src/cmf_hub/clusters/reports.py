"""How clusters are, told to whoever has to know: store, metrics, log, and subscribers."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import ClusterState, KubernetesClusterStatus

from cmf_hub.clock import Clock
from cmf_hub.clusters import metrics, records
from cmf_hub.clusters.cluster import Cluster
from cmf_hub.store import Store

SAVE_SECONDS = 60.0
"""Seconds after which the time of a cluster's last heartbeat is stored again; it matters when a hub starts again."""

log = structlog.get_logger(__name__)


class ClusterEvent(StrEnum):
    """What subscribers are told of a cluster."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    NEW_CREDENTIALS = "reconnected-with-new-credentials"
    REMOVED = "removed"


Subscriber = Callable[[str, ClusterEvent], None]


class Reports:
    """Reports on the clusters of a registry.

    Args:
        store: where their records are.
        clock: for the time between two savings.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._saved: dict[str, tuple[KubernetesClusterStatus, float]] = {}
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` on every event from now on, in the event loop; it must return at once."""
        self._subscribers.append(subscriber)

    def forget(self, name: str) -> None:
        """Report on a cluster for the last time: it is not registered any more."""
        self._saved.pop(name, None)
        metrics.forget(name)
        self.tell(name, ClusterEvent.REMOVED)

    async def show(self, cluster: Cluster, before: ClusterState) -> None:
        """Let everybody know how a cluster is: store, metrics, and subscribers if its state is another one."""
        changed = cluster.state is not before
        metrics.show_state(cluster.name, cluster.state, changed=changed)
        if changed:
            log.info("cluster's state changed", cluster=cluster.name, state=str(cluster.state), message=cluster.message)
        connected = cluster.state is ClusterState.CONNECTED
        if connected is not (before is ClusterState.CONNECTED):
            self.tell(cluster.name, ClusterEvent.CONNECTED if connected else ClusterEvent.DISCONNECTED)
        await self.save(cluster)

    async def save(self, cluster: Cluster, *, always: bool = False) -> None:
        """Store a cluster's status; where only the time of its heartbeat is another, once in `SAVE_SECONDS`."""
        name, uid, status, now = cluster.name, cluster.uid, cluster.status(), self._clock.monotonic()
        lasting = status.model_copy(update={"last_heartbeat_timestamp": None})
        saved, at = self._saved.get(name, (None, 0.0))
        if not always and saved == lasting and now - at < SAVE_SECONDS:
            return
        try:
            await self._store.transact(lambda transaction: records.save_status(transaction, name, uid, status))
        except CmfError as error:
            # The state in memory is what counts, and the next heartbeat writes it again.
            log.warning("cluster's state could not be stored", cluster=name, why=str(error))
        else:
            self._saved[name] = lasting, now

    def tell(self, name: str, event: ClusterEvent) -> None:
        """Let the subscribers know of an event."""
        for subscriber in self._subscribers:
            subscriber(name, event)
