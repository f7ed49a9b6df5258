"""What a cluster should have and need not have: the operator's CRDs, and one name only. Advisory (C20-C24)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from cmf_core.errors import CmfError

from cmf_hub.clusters.cluster import Cluster
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FlinkResource

log = structlog.get_logger(__name__)


class Inspection:
    """Looks at clusters when they become CONNECTED, and notes warnings on them.

    Args:
        clusters: all clusters, by name.
    """

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        self._clusters = clusters

    async def inspect(self, cluster: Cluster, connection: Connection, limit: float) -> None:
        """Note on the cluster what is wrong with it; each new warning is logged once.

        As long as the operator is missing, the next heartbeat looks again: it may have been installed (C24).
        """
        before = dict(cluster.notes)
        try:
            async with asyncio.timeout(limit):
                present, identity = await asyncio.gather(connection.crds(), _identity(connection))
        except (CmfError, TimeoutError) as error:
            cluster.notes["operator"] = f"the Flink Kubernetes Operator could not be looked for: {error}"
        else:
            self._note(cluster, "operator", _missing(connection, present))
            self._note(cluster, "identity", self._same_as(cluster, identity))
            cluster.identity = identity or cluster.identity
        cluster.inspection_due = "operator" in cluster.notes
        for topic, text in cluster.notes.items():
            if before.get(topic) != text:
                log.warning("cluster is connected, with a warning", cluster=cluster.name, warning=text)

    @staticmethod
    def _note(cluster: Cluster, topic: str, text: str | None) -> None:
        cluster.notes.pop(topic, None)
        if text is not None:
            cluster.notes[topic] = text

    def _same_as(self, cluster: Cluster, identity: str | None) -> str | None:
        if identity is None:
            return None
        if cluster.identity not in (None, identity):
            return "its kubeconfig leads to another Kubernetes cluster than before (namespace kube-system differs)"
        twins = sorted(
            other.name for other in self._clusters.values() if other is not cluster and other.identity == identity
        )
        return f"it is the same Kubernetes cluster as {', '.join(twins)}" if twins else None


async def _identity(connection: Connection) -> str | None:
    try:
        return await connection.identity()
    except KubernetesRefusal:
        return None  # the hub needs no right to namespace kube-system for anything else


def _missing(connection: Connection, present: set[str]) -> str | None:
    missing = [crd for crd in map(connection.crd, FlinkResource) if crd not in present]
    if not missing:
        return None
    return f"CRD {', '.join(missing)} is missing: install the Flink Kubernetes Operator on the cluster"
