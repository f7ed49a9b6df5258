"""HubAccess: what the hub may do on a cluster."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding, SubjectArgsDict

from pulumi_cmf_components import rights

_RBAC = "rbac.authorization.k8s.io"


class HubAccess(pulumi.ComponentResource):
    """The least rights by which a hub manages a cluster: a role in each namespace of environments, and one over all.

    The one over all is for watching (`list`, `watch` of Flink's resources) and changes nothing.
    """

    namespaces: dict[str, pulumi.Output[str]]
    """Each namespace's name, known when the hub has its rights there."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        subject: SubjectArgsDict,
        namespaces: Sequence[str],
        role_name: str = "cmf-hub",
        web_ui: rights.WebUi = "read-only",
        sql: bool = True,
    ) -> None:
        """Describe the rights.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the cluster.
            subject: who the hub is there: a service account, or the user of a certificate.
            namespaces: those of environments; they must exist.
            role_name: name of all roles; another one for each hub that manages the same cluster.
            web_ui: what of Flink's web UIs the hub passes on (its setting CMF_FLINK_WEB_UI).
            sql: whether it plans and runs SQL on session clusters.
        """
        super().__init__("cmf:components:HubAccess", resource_name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        over_all = ClusterRole(
            resource_name, metadata={"name": role_name}, rules=rights.rules(rights.HUB_EVERYWHERE), opts=inside
        )
        watches = ClusterRoleBinding(
            resource_name,
            metadata={"name": role_name},
            role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": role_name},
            subjects=[subject],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[over_all]),
        )
        self.namespaces = {}
        for namespace in namespaces:
            role = Role(
                f"{resource_name}-{namespace}",
                metadata={"name": role_name, "namespace": namespace},
                rules=rights.rules(rights.hub_in_namespace(web_ui, sql=sql)),
                opts=inside,
            )
            binding = RoleBinding(
                f"{resource_name}-{namespace}",
                metadata={"name": role_name, "namespace": namespace},
                role_ref={"api_group": _RBAC, "kind": "Role", "name": role_name},
                subjects=[subject],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
            )
            done = pulumi.Output.all(binding.metadata, watches.id)
            self.namespaces[namespace] = done.apply(lambda made: str(made[0]["namespace"]))
        self.register_outputs({"namespaces": self.namespaces})
