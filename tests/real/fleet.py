"""Two clusters on which pods run, with the real operator; and what their administrator sees.

By default they are made here, of namespaces of the kernel. `E2E_KUBECONFIGS=home.yaml:spoke.yaml` names others, of
kind, k3d or a cloud: the operator watches their namespace `flink`, and on the first one `scenarios`, which have its
service account `flink`; their nodes have the image `E2E_FLINK_IMAGE` (by default what `localfleet build images`
makes, with busybox), and see the folder `E2E_DATA` of this machine at the same path.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from cmf_localfleet import LocalCluster, ensure_artifact
from cmf_localfleet.connection import connect
from cmf_localfleet.node import NodeCluster
from cmf_localfleet.node_builds import FLINK_IMAGE
from cmf_localfleet.operator import install_operator, wait_for_operator
from kubernetes.client import (
    ApiException,
    AuthenticationV1TokenRequest,
    CoreV1Api,
    RbacAuthorizationV1Api,
    RbacV1Subject,
    V1ClusterRoleBinding,
    V1ObjectMeta,
    V1RoleRef,
    V1ServiceAccount,
    V1TokenRequestSpec,
)
from urllib3.exceptions import HTTPError

from tests.support.hub import Hub, Spoke

NAMES = ("home", "spoke")
NAMESPACE = "flink"
SCENARIO_NAMESPACE = "scenarios"
"""Where the scenarios are played that the stand-in plays too."""
DATA = "/flink-data"
"""Where pods see the folder that all clusters share."""

JARS = "/opt/flink/usrlib"
"""Where Flink's image has the jars of jobs."""

COUNTING_JAR = f"local://{JARS}/counting.jar"


class RealSpoke(Spoke):
    """A cluster with pods."""

    @property
    def node(self) -> NodeCluster:
        """The cluster with its node; the test is skipped if it was given, and so is not ours to harm."""
        if not isinstance(self.cluster, NodeCluster):
            pytest.skip("a cluster that was given is neither stopped nor cut off")
        return self.cluster

    def pods(self, **labels: str) -> list[Any]:
        """Return the pods of the namespace that are not on their way out."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        with connect(self.cluster.kubeconfig) as client:
            listed: Any = CoreV1Api(client).list_namespaced_pod(NAMESPACE, label_selector=selector, _request_timeout=10)
        return [pod for pod in listed.items if pod.metadata.deletion_timestamp is None]

    def told(self) -> str:
        """Return phase and last words of each pod, and the events of the namespace: for whoever reads a failure."""
        try:
            with connect(self.cluster.kubeconfig) as client:
                core = CoreV1Api(client)
                pods: Any = core.list_namespaced_pod(NAMESPACE, _request_timeout=10)
                events: Any = core.list_namespaced_event(NAMESPACE, _request_timeout=10)
                lines = []
                for pod in pods.items:
                    lines.append(f"-- pod {pod.metadata.name}: {pod.status.phase}")
                    if pod.status.phase in {"Running", "Failed"}:
                        said: Any = core.read_namespaced_pod_log(
                            pod.metadata.name, NAMESPACE, tail_lines=30, _request_timeout=10
                        )
                        lines.append(said)
        except (HTTPError, ApiException) as error:
            return f"the API server does not answer: {error}"
        recent = sorted(events.items, key=lambda each: str(each.last_timestamp))[-40:]
        return "\n".join([*lines, *(f"{one.involved_object.name}: {one.reason}: {one.message}" for one in recent)])

    def kill_pod(self, name: str) -> None:
        """Delete a pod without grace."""
        with connect(self.cluster.kubeconfig) as client:
            CoreV1Api(client).delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0, _request_timeout=10)

    def kill_operator(self) -> None:
        """Delete the operator's pod without grace; its Deployment starts another one."""
        with connect(self.cluster.kubeconfig) as client:
            core = CoreV1Api(client)
            listed: Any = core.list_pod_for_all_namespaces(_request_timeout=10)
            (pod,) = [pod for pod in listed.items if pod.metadata.name.startswith("flink-kubernetes-operator-")]
            place = (pod.metadata.name, pod.metadata.namespace)
            core.delete_namespaced_pod(*place, grace_period_seconds=0, _request_timeout=10)

    def make_token(self, account: str) -> str:
        """Make a service account that may do everything, and return a kubeconfig with a token of it."""
        with connect(self.cluster.kubeconfig) as client:
            core = CoreV1Api(client)
            core.create_namespaced_service_account(
                NAMESPACE, V1ServiceAccount(metadata=V1ObjectMeta(name=account)), _request_timeout=10
            )
            binding = V1ClusterRoleBinding(
                metadata=V1ObjectMeta(name=account),
                role_ref=V1RoleRef(kind="ClusterRole", name="cluster-admin", api_group="rbac.authorization.k8s.io"),
                subjects=[RbacV1Subject(kind="ServiceAccount", name=account, namespace=NAMESPACE)],
            )
            RbacAuthorizationV1Api(client).create_cluster_role_binding(binding, _request_timeout=10)
            request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[], expiration_seconds=7200))
            made: Any = core.create_namespaced_service_account_token(account, NAMESPACE, request, _request_timeout=10)
        document = yaml.safe_load(self.cluster.kubeconfig.read_text())
        for user in document["users"]:
            user["user"] = {"token": made.status.token}
        return yaml.safe_dump(document)

    def delete_account(self, account: str) -> None:
        """Delete what :meth:`make_token` made: its tokens are worth nothing any more."""
        with connect(self.cluster.kubeconfig) as client:
            CoreV1Api(client).delete_namespaced_service_account(account, NAMESPACE, _request_timeout=10)
            RbacAuthorizationV1Api(client).delete_cluster_role_binding(account, _request_timeout=10)


class RealFleet:
    """The clusters `home` and `spoke`, the folder that their pods share, and the image of Flink on their nodes."""

    def __init__(self, clusters: Mapping[str, LocalCluster], data: Path, image: str) -> None:
        self.clusters = {name: RealSpoke(cluster) for name, cluster in clusters.items()}
        self.data = data
        self.image = image

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
    clusters = {name: NodeCluster(folder / name, die_with_parent=True) for name in NAMES}
    with ExitStack() as stack:
        for cluster in clusters.values():
            stack.callback(cluster.kill)
            cluster.launch()
        for cluster in clusters.values():
            cluster.wait_ready()
            for image in ("pause", "operator", "flink"):
                cluster.import_image(images / f"{image}.tar")
            for namespace in (NAMESPACE, SCENARIO_NAMESPACE):
                cluster.create_namespace(namespace)
            install_operator(cluster.kubeconfig, [NAMESPACE, SCENARIO_NAMESPACE])
        for cluster in clusters.values():
            wait_for_operator(cluster.kubeconfig)
        yield RealFleet(clusters, data, FLINK_IMAGE)


@contextmanager
def given(folder: Path, kubeconfigs: str) -> Iterator[RealFleet]:
    """Return the fleet of `E2E_KUBECONFIGS`; their copies are below a folder."""
    paths = kubeconfigs.split(os.pathsep)
    assert len(paths) == len(NAMES), f"E2E_KUBECONFIGS has {len(paths)} paths, not {len(NAMES)} with a colon between"
    clusters = {}
    for name, path in zip(NAMES, paths, strict=True):
        clusters[name] = LocalCluster(folder / name)
        clusters[name].directory.mkdir()
        shutil.copyfile(path, clusters[name].kubeconfig)
    shared = Path(os.environ.get("E2E_DATA", "/tmp/flink-data"))
    shared.mkdir(exist_ok=True)
    # What pods write may be of other users.
    with TemporaryDirectory(dir=shared, prefix="run-", ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o777)
        yield RealFleet(clusters, Path(data), os.environ.get("E2E_FLINK_IMAGE", FLINK_IMAGE))


def start_hub(fleet: RealFleet, folder: Path, settings: Mapping[str, str] | None = None) -> Hub:
    """Start a hub whose own cluster is `home`."""
    hub = Hub(
        folder,
        {
            "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet.clusters["home"].cluster.kubeconfig),
            "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
            "CMF_K8S_HEARTBEAT_INTERVAL_SECONDS": "3",
            "CMF_K8S_HEARTBEAT_TIMEOUT_SECONDS": "3",
            **(settings or {}),
        },
    )
    hub.start()
    hub.connected("default-k8s-cluster")
    return hub


def flink(hub: Hub, resource: str, path: str) -> Any:
    """Return what the REST API of a JobManager says, through the hub."""
    answer = hub.get(f"{resource}/flink-web-ui/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()
