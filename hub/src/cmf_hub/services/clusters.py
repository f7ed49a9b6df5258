"""Kubernetes clusters: the registry does the work; what REST may change of them is here."""

from __future__ import annotations

from cmf_core.models import KubernetesCluster, KubernetesNamespace

from cmf_hub.clusters.records import KIND as CLUSTER
from cmf_hub.services.writes import Writes, existing
from cmf_hub.store import Key


class ClusterService:
    """Operations on clusters. Registration is by kubeconfig files (C09, C10)."""

    def __init__(self, writes: Writes) -> None:
        self._store = writes.store
        self._registry = writes.registry

    async def update(self, name: str, sent: KubernetesCluster) -> KubernetesCluster:
        """Set life cycle, labels and annotations; parts that are absent stay (C40-C47, D12).

        Raises:
            NotFound: there is no such cluster.
            BadRequest: it is to be decommissioned while environments are bound to it.
        """
        key = Key(CLUSTER, "", name)
        existing(self._store.get(key), key)
        return await self._registry.update(name, sent)

    async def namespace(self, cluster: str, name: str) -> KubernetesNamespace:
        """Tell whether a cluster has a namespace (E02).

        Raises:
            NotFound: there is no such cluster.
            ClusterUnavailable: it is not CONNECTED, or did not answer.
            KubernetesRefusal: the hub may not read its namespaces.
        """
        key = Key(CLUSTER, "", cluster)
        existing(self._store.get(key), key)
        connection = self._registry.require_writable(cluster)
        return KubernetesNamespace(name=name, exists=await connection.namespace_exists(name))
