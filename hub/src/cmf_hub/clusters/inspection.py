"""What a cluster should have and need not have: the operator's CRDs, and one name only. Advisory (C20-C24)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from cmf_core.errors import CmfError

from cmf_hub.clusters.cluster import Cluster
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FLINK_STATE_SNAPSHOT, FlinkResource

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
        before = cluster.identity
        try:
            async with asyncio.timeout(limit):
                missing, identity = await asyncio.gather(_missing(connection), _identity(connection))
        except (CmfError, TimeoutError) as error:
            _note(cluster, "operator", f"the Flink Kubernetes Operator could not be looked for: {error}")
        else:
            _note(cluster, "operator", missing)
            moved = identity is not None and before not in (None, identity)
            _note(cluster, "moved", _MOVED if moved else None)
            cluster.identity = identity or before
        for each in {before, cluster.identity}:
            self.compare(each)
        cluster.inspection_due = "operator" in cluster.notes

    def compare(self, identity: str | None) -> None:
        """Note on each cluster of this identity under which other names it is registered too."""
        if identity is None:
            return
        same = [cluster for cluster in self._clusters.values() if cluster.identity == identity]
        for cluster in same:
            twins = sorted(twin.name for twin in same if twin is not cluster)
            text = f"it is the same Kubernetes cluster as {', '.join(twins)}: {_ONE_NAME}" if twins else None
            _note(cluster, "identity", text)


_MOVED = "its kubeconfig leads to another Kubernetes cluster than before (namespace kube-system differs)"
_ONE_NAME = "keep one of the names, and move the environments of the others"


def _note(cluster: Cluster, topic: str, text: str | None) -> None:
    before = cluster.notes.pop(topic, None)
    if text is not None:
        cluster.notes[topic] = text
        if text != before:
            log.warning("cluster is connected, with a warning", cluster=cluster.name, warning=text)


async def _identity(connection: Connection) -> str | None:
    try:
        return await connection.identity()
    except KubernetesRefusal:
        return None  # the hub needs no right to namespace kube-system for anything else


async def _missing(connection: Connection) -> str | None:
    """Return what of the operator's CRDs is missing, in which case other versions are looked for (C20, E14)."""
    present = await connection.crds()
    missing = [crd for crd in map(connection.crd, FlinkResource) if crd not in present]
    if not missing:
        return None
    if missing == [connection.crd(FLINK_STATE_SNAPSHOT)]:
        return (
            f"CRD {missing[0]} is missing, as it is before version 1.10 of the Flink Kubernetes Operator: savepoints "
            "are taken by a savepointTriggerNonce of their job"
        )
    served = [] if present else await connection.served_versions()
    if served:
        return (
            f"its Flink CRDs are served as {', '.join(served)}, and not as {connection.api_version}, which this hub "
            "speaks: install an operator that serves it"
        )
    return f"CRD {', '.join(missing)} is missing: install the Flink Kubernetes Operator on the cluster"
