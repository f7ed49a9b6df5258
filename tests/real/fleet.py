"""Two clusters on which pods run, with the real operator; and what their administrator sees."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cmf_localfleet import ensure_artifact
from cmf_localfleet.connection import connect
from cmf_localfleet.node import NodeCluster
from cmf_localfleet.operator import install_operator, wait_for_operator
from kubernetes.client import CoreV1Api

from tests.support.hub import Hub, Spoke

NAMESPACE = "flink"
DATA = "/flink-data"
"""Where pods see the folder that all clusters share."""


class RealSpoke(Spoke):
    """A cluster with pods."""

    def __init__(self, cluster: NodeCluster) -> None:
        super().__init__(cluster)
        self.node = cluster

    def pods(self, **labels: str) -> list[Any]:
        """Return the pods of the namespace that are not on their way out."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        with connect(self.cluster.kubeconfig) as client:
            listed: Any = CoreV1Api(client).list_namespaced_pod(NAMESPACE, label_selector=selector, _request_timeout=10)
        return [pod for pod in listed.items if pod.metadata.deletion_timestamp is None]

    def kill_pod(self, name: str) -> None:
        """Delete a pod without grace."""
        with connect(self.cluster.kubeconfig) as client:
            CoreV1Api(client).delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0, _request_timeout=10)


class RealFleet:
    """The clusters `home` and `spoke`, and the folder that their pods share."""

    def __init__(self, clusters: Mapping[str, RealSpoke], data: Path) -> None:
        self.clusters = clusters
        self.data = data

    @property
    def pod_template(self) -> dict[str, Any]:
        """Pod template that mounts the shared folder."""
        return {
            "spec": {
                "terminationGracePeriodSeconds": 3,
                "containers": [{"name": "flink-main-container", "volumeMounts": [{"name": "data", "mountPath": DATA}]}],
                "volumes": [{"name": "data", "hostPath": {"path": str(self.data), "type": "Directory"}}],
            }
        }


@contextmanager
def running(folder: Path) -> Iterator[RealFleet]:
    """Run the fleet below a folder; everything ends with the block, or with this process."""
    images = ensure_artifact("images")
    data = folder / "data"
    data.mkdir()
    clusters = {name: NodeCluster(folder / name, die_with_parent=True) for name in ("home", "spoke")}
    with ExitStack() as stack:
        for cluster in clusters.values():
            stack.callback(cluster.kill)
            cluster.launch()
        for cluster in clusters.values():
            cluster.wait_ready()
            for image in ("pause", "operator", "flink"):
                cluster.import_image(images / f"{image}.tar")
            cluster.create_namespace(NAMESPACE)
            install_operator(cluster.kubeconfig, [NAMESPACE])
        for cluster in clusters.values():
            wait_for_operator(cluster.kubeconfig)
        yield RealFleet({name: RealSpoke(cluster) for name, cluster in clusters.items()}, data)


def start_hub(fleet: RealFleet, folder: Path, settings: Mapping[str, str] | None = None) -> Hub:
    """Start a hub whose own cluster is `home`."""
    hub = Hub(
        folder,
        {
            "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet.clusters["home"].cluster.kubeconfig),
            "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
            "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "2",
            "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "1.5",
            **(settings or {}),
        },
    )
    hub.start()
    hub.connected("default-k8s-cluster")
    return hub
