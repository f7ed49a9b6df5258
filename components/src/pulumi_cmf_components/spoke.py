"""Spoke: a Kubernetes cluster made ready for Flink, and registered with the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Required, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output
from pulumi_cmf import KubernetesCluster
from pulumi_cmf.types import Timeouts
from pulumi_kubernetes.core.v1 import Namespace, ServiceAccount
from pulumi_kubernetes.rbac.v1 import SubjectArgsDict

from pulumi_cmf_components.charts import Chart
from pulumi_cmf_components.flink_namespace import FlinkNamespace
from pulumi_cmf_components.flink_operator import FlinkOperator
from pulumi_cmf_components.hub_access import HubAccess
from pulumi_cmf_components.kubeconfig import Credential, HubKubeconfig
from pulumi_cmf_components.rights import WebUi


class Operator(TypedDict, total=False):
    """The Flink Kubernetes Operator of a cluster: the arguments of FlinkOperator."""

    chart: Required[Chart]
    operator_namespace: str
    webhook: bool
    cert_manager: Chart
    crds: Sequence[str | Path]
    values: Mapping[str, Any]


class Spoke(pulumi.ComponentResource):
    """A cluster with the operator, the namespaces of its environments, and an account of the hub's, registered.

    Its parts are made in the order in which they need each other, and removed the other way round: the hub lets go of
    the cluster while it still may, and the operator goes last, because it finishes what is deleted.
    """

    name: Output[str]
    """Name of the cluster at the hub, for `kubernetes_cluster_name` of environments."""
    state: Output[str | None]
    """CONNECTED, DISCONNECTED or DECOMMISSIONED."""
    expires: Output[str]
    """When the hub's credential ends, RFC 3339."""
    namespaces: dict[str, Output[str]]
    """Each namespace's name, known when operator and hub can use it: for `kubernetes_namespace` of environments."""
    kubernetes: kubernetes.Provider
    """The cluster, for what else goes onto it."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        kubeconfig: Input[str],
        namespaces: Sequence[str],
        operator: Operator | None = None,
        create_namespaces: bool = True,
        hub_namespace: str = "cmf-hub",
        hub_account: str = "cmf-hub",
        credential: Credential = "token",
        lifetime_seconds: int = 30 * 24 * 3600,
        server: Input[str] | None = None,
        rotate: Input[str] | None = None,
        web_ui: WebUi = "read-only",
        sql: bool = True,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Describe a spoke.

        Args:
            resource_name: name in the Pulumi program, and of the cluster at the hub.
            opts: options of every Pulumi resource. The cluster's own provider of `kubernetes` is made here.
            kubeconfig: text of an administrator's kubeconfig of the cluster. Kept as a secret; the hub never sees it.
            namespaces: namespaces of environments.
            operator: the operator to install; None if somebody else does that.
            create_namespaces: make the namespaces; False takes those that are there.
            hub_namespace: namespace of the hub's service account, which is made.
            hub_account: that service account; for a certificate, the user. Roles have this name too.
            credential: `token` or `certificate`.
            lifetime_seconds: life of the credential; a `pulumi up` in its second half makes a new one.
            server: address of the API server as the hub sees it. Default: that of `kubeconfig`.
            rotate: any text; another one makes a new credential now.
            web_ui: what of Flink's web UIs the hub passes on.
            sql: whether the hub plans and runs SQL there.
            labels: CMF's labels of the cluster.
            annotations: CMF's annotations of the cluster.
            timeouts: of the registration, as for KubernetesCluster.
        """
        super().__init__("cmf:components:Spoke", resource_name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self.kubernetes = kubernetes.Provider(resource_name, kubeconfig=Output.secret(kubeconfig), opts=inside)
        there = pulumi.ResourceOptions(parent=self, providers=[self.kubernetes])
        ready: list[pulumi.Resource]
        if operator:
            ready = [FlinkOperator(resource_name, there, namespaces=namespaces, create_namespaces=create_namespaces,
                                   **operator)]  # fmt: skip
        else:
            ready = [
                FlinkNamespace(f"{resource_name}-{namespace}", there, namespace=namespace, create=create_namespaces)
                for namespace in namespaces
            ]
        access = HubAccess(
            resource_name,
            pulumi.ResourceOptions.merge(there, pulumi.ResourceOptions(depends_on=ready)),
            subject=self._subject(resource_name, credential, hub_namespace, hub_account),
            namespaces=namespaces,
            role_name=hub_account,
            web_ui=web_ui,
            sql=sql,
        )
        minted = HubKubeconfig(
            resource_name,
            pulumi.ResourceOptions(parent=self, depends_on=[access]),
            admin_kubeconfig=kubeconfig,
            namespace=hub_namespace,
            account=hub_account,
            namespaces=namespaces,
            credential=credential,
            lifetime_seconds=lifetime_seconds,
            server=server,
            web_ui=web_ui,
            sql=sql,
            rotate=rotate,
        )
        cluster = KubernetesCluster(
            resource_name,
            pulumi.ResourceOptions(parent=self, depends_on=ready),
            kubeconfig=minted.kubeconfig,
            labels=labels,
            annotations=annotations,
            timeouts=timeouts,
        )
        self.name, self.state, self.expires = cluster.name, cluster.state, minted.expires
        self.namespaces = access.namespaces
        self.register_outputs(
            {"name": self.name, "state": self.state, "expires": self.expires, "namespaces": self.namespaces}
        )

    def _subject(self, resource_name: str, credential: Credential, namespace: str, account: str) -> SubjectArgsDict:
        """Return who the hub is; for a token, its service account is made."""
        if credential == "certificate":
            return {"api_group": "rbac.authorization.k8s.io", "kind": "User", "name": account}
        there = pulumi.ResourceOptions(parent=self, provider=self.kubernetes)
        place = Namespace(f"{resource_name}-{namespace}", metadata={"name": namespace}, opts=there)
        made = ServiceAccount(
            f"{resource_name}-hub",
            metadata={"name": account, "namespace": namespace},
            opts=pulumi.ResourceOptions(parent=self, provider=self.kubernetes, depends_on=[place]),
        )
        return {"kind": "ServiceAccount", "name": made.metadata["name"], "namespace": namespace}
