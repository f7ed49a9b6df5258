"""The state machine of one cluster, without input or output: what it is, why, and since when.

    DISCONNECTED --first success--> CONNECTED --three failures in a row--> DISCONNECTED
         ^                              |
         |                              | PUT lifecycleState DECOMMISSIONED, from either
         +------- PUT ACTIVE --- DECOMMISSIONED

A cluster without a connection (no kubeconfig, or one that was never usable) is DISCONNECTED. Replacing the
credentials changes no state: the next probe uses the new ones and counts as any other.
"""

from __future__ import annotations

from cmf_core.models import ClusterState, KubernetesClusterStatus
from cmf_core.rules.clusters import FAILURES_TO_DISCONNECT, Health, after_probe

from cmf_hub.clusters.connection import Connection

FIRST_PROBE = "its first heartbeat is running"


class Cluster:
    """One registered cluster as the hub sees it now.

    Attributes:
        name: its name.
        uid: that of its record.
        connection: how to reach it, or None.
        decommissioned: its life cycle, as its record says.
        last_heartbeat: RFC 3339 time of the last successful probe (C29), or None.
        detached: its kubeconfig file was removed while environments were bound to it.
        notes: warnings that do not change its state, by topic.
        identity: uid of its kube-system namespace, once that is known.
        inspection_due: look at it closer after the next successful probe (C21, C22).
    """

    def __init__(self, name: str, uid: str, *, decommissioned: bool = False, last_heartbeat: str | None = None) -> None:
        self.name = name
        self.uid = uid
        self.connection: Connection | None = None
        self.decommissioned = decommissioned
        self.last_heartbeat = last_heartbeat
        self.detached = False
        self.notes: dict[str, str] = {}
        self.identity: str | None = None
        self.inspection_due = True
        self._health = Health(connected=False)
        self._reason = "it has no connection yet"
        self._version: str | None = None

    @property
    def state(self) -> ClusterState:
        """CONNECTED, DISCONNECTED or DECOMMISSIONED."""
        if self.decommissioned:
            return ClusterState.DECOMMISSIONED
        return ClusterState.CONNECTED if self._health.connected else ClusterState.DISCONNECTED

    @property
    def message(self) -> str:
        """One or more sentences on the state."""
        if self.decommissioned:
            text = "Cluster is decommissioned: set its lifecycleState to ACTIVE to use it again"
        elif not self._health.connected:
            text = f"Cluster is disconnected: {self._reason}"
        elif self._health.failures:
            text = (
                f"Cluster is connected, but its last {self._health.failures} of {FAILURES_TO_DISCONNECT} "
                f"heartbeats failed: {self._reason}"
            )
        else:
            text = "Cluster is connected" + (f": {self._reason}" if self._reason else "")
        return "; warning: ".join([text, *self.notes.values()])

    @property
    def reason(self) -> str:
        """Why it is not CONNECTED, for a message that has named cluster and state already."""
        return self._reason

    def status(self) -> KubernetesClusterStatus:
        """What `GET` shows (C28); the version only while CONNECTED (C30)."""
        return KubernetesClusterStatus(
            state=self.state,
            message=self.message,
            last_heartbeat_timestamp=self.last_heartbeat,
            kubernetes_version=self._version if self.state is ClusterState.CONNECTED else None,
        )

    def attach(self, connection: Connection) -> Connection | None:
        """Use a connection from now on; return the one that was used, for closing."""
        former, self.connection = self.connection, connection
        if not self._health.connected:
            self._reason = FIRST_PROBE
        self.detached, self.inspection_due = False, True
        return former

    def detach(self, reason: str) -> Connection | None:
        """Be DISCONNECTED for want of a connection; return the one that was used, for closing."""
        former, self.connection = self.connection, None
        self._health, self._reason = Health(connected=False), reason
        return former

    def succeeded(self, version: str, moment: str) -> None:
        """Take in a successful probe (C29, C38, C59)."""
        self._health = after_probe(self._health, success=True)
        self._reason, self._version, self.last_heartbeat = "", version, moment

    def failed(self, reason: str) -> None:
        """Take in a failed probe (C58)."""
        self._health = after_probe(self._health, success=False)
        self.inspection_due |= not self._health.connected
        self._reason = reason

    def assume_connected(self) -> None:
        """Be CONNECTED without a probe, because heartbeats are switched off (C60)."""
        self._health, self._version = Health(connected=True), None
        self._reason = "heartbeats are switched off, so its state is not known"

    def recommission(self) -> None:
        """Start again as after registration (C43)."""
        self.decommissioned, self.inspection_due = False, True
        self._health = Health(connected=False)
        self._reason = FIRST_PROBE if self.connection else self._reason
