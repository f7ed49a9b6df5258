"""KubernetesCluster."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import KubernetesClusterProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import LifecycleState, Timeouts


class KubernetesCluster(CmfResource, module="cmf", name="KubernetesCluster"):
    """A spoke cluster, registered with CMF by its kubeconfig (C09-C15).

    The kubeconfig is put where CMF looks for it: the directory of `cmf:kubeconfigDirectory`, or the Kubernetes
    Secret of `cmf:kubeconfigSecret`. A changed kubeconfig replaces the old one, the cluster's uid stays (C15).
    Deletion decommissions the cluster, which bound environments refuse (C41), and removes the kubeconfig. The
    cluster that CMF runs on, `default-k8s-cluster`, is always there and cannot be created (C02-C04). Its id
    is its name.
    """

    kubeconfig: Output[str]
    """A secret."""
    lifecycle_state: Output[str | None]
    uid: Output[str | None]
    """CMF's id of the cluster; it survives rotation."""
    state: Output[str | None]
    """CONNECTED, DISCONNECTED or DECOMMISSIONED, after the last operation (C31)."""
    kubernetes_version: Output[str | None]
    """Version of its API server, as in `v1.34.1` (C30)."""

    _front = KubernetesClusterProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        kubeconfig: Input[str],
        name: Input[str] | None = None,
        lifecycle_state: Input[LifecycleState] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a cluster.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            kubeconfig: text of its kubeconfig, at most 10 MB (C16). Kept as a secret.
            name: lower-case DNS name of at most 253 characters (C11, C12). Default: `resource_name`.
            lifecycle_state: ACTIVE (default) or DECOMMISSIONED (C40, C43, C62).
            labels: CMF's labels of the cluster. CMF replaces the whole set and cannot clear it (C44-C46).
            annotations: CMF's annotations of the cluster, likewise (C47).
            timeouts: seconds; `create` and `update`, default 180: until it is CONNECTED; `delete`, default 120.
        """
        inputs = {
            "name": resource_name if name is None else name,
            "kubeconfig": Output.secret(kubeconfig),
            "lifecycle_state": lifecycle_state,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> KubernetesCluster:  # noqa: A002
        """Read a cluster that is managed elsewhere, `default-k8s-cluster` too; its id is its name."""
        return KubernetesCluster._get(resource_name, id, opts)
