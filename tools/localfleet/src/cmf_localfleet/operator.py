"""The real Flink Kubernetes Operator on a cluster with a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import AppsV1Api
from kubernetes.dynamic import DynamicClient

from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.connection import connect
from cmf_localfleet.crds import apply_crds
from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.node_builds import OPERATOR_IMAGE
from cmf_localfleet.waiting import wait_until
from cmf_localfleet.workspace import Workspace

NAMESPACE = "flink-operator"
NAME = "flink-kubernetes-operator"
_CONFIGURATION = ("flink-conf.yaml", "log4j-console.properties", "log4j-operator.properties")
_REQUEST_TIMEOUT = 60.0  # all of a cluster starts at once


def install_operator(kubeconfig: Path, namespaces: list[str]) -> None:
    """Install the operator's CRDs, the operator, and in each namespace the account that Flink runs with.

    May be repeated. The namespaces exist already; the image has been given to the node.
    """
    apply_crds(kubeconfig, ensure_artifact("images") / "crds")
    source = Workspace.find().tools / "container-images"
    configuration = {name: (source / name).read_text() for name in _CONFIGURATION}
    manifests = list(yaml.safe_load_all((source / "operator.yaml").read_text()))
    accounts = list(yaml.safe_load_all((source / "flink-account.yaml").read_text()))
    with connect(kubeconfig) as client:
        cache = kubeconfig.with_suffix(".discovery")  # by default it would stay in the folder for temporary files
        dynamic: Any = DynamicClient(client, cache_file=str(cache))  # type: ignore[no-untyped-call]
        for manifest in manifests:
            if manifest["kind"] == "ConfigMap":
                manifest["data"] = configuration
            if manifest["kind"] == "Deployment":
                manifest["spec"]["template"]["spec"]["containers"][0]["image"] = OPERATOR_IMAGE
            _apply(dynamic, manifest)
        for namespace in namespaces:
            for manifest in accounts:
                manifest["metadata"]["namespace"] = namespace
                _apply(dynamic, manifest)


def wait_for_operator(kubeconfig: Path, timeout: float = 180.0) -> None:
    """Wait until the operator works.

    Raises:
        LocalFleetError: It does not after ``timeout`` seconds.
    """
    with connect(kubeconfig) as client:
        apps = AppsV1Api(client)

        def available() -> bool:
            status = apps.read_namespaced_deployment(NAME, NAMESPACE, _request_timeout=_REQUEST_TIMEOUT).status
            return bool(status and status.available_replicas)

        if not wait_until(available, timeout, interval=0.5):
            raise LocalFleetError(f"{NAME} on the cluster of {kubeconfig} was not available after {timeout:.0f} s.")


def _apply(client: Any, manifest: dict[str, Any]) -> None:
    resource = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
    client.server_side_apply(
        resource,
        body=manifest,
        name=manifest["metadata"]["name"],
        namespace=manifest["metadata"].get("namespace"),
        field_manager="localfleet",
        force_conflicts=True,
        _request_timeout=_REQUEST_TIMEOUT,
    )
