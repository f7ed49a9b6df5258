"""A namespace that Flink runs in."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from pulumi_cmf_components import rights

JOB_ACCOUNT = "flink"
OPERATOR_ACCOUNT = "flink-operator"
_RBAC = "rbac.authorization.k8s.io"


class FlinkNamespace(pulumi.ComponentResource):
    """A namespace that the Flink Kubernetes Operator watches, with the accounts and roles that this takes (E43, E60).

    It has the service account `flink` for Flink's pods, its role, and the role of the operator. They are those of the
    operator's Helm chart, by the same names.
    """

    namespace: pulumi.Output[str]
    """Its name, known when everything in it is there."""
    service_account: pulumi.Output[str]
    """Service account of Flink's pods."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        namespace: str,
        operator_namespace: str = OPERATOR_ACCOUNT,
        create: bool = True,
    ) -> None:
        """Describe a namespace.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the cluster.
            namespace: its name.
            operator_namespace: where the operator runs, whose service account `flink-operator` gets a role here.
            create: make the namespace; False takes one that is there.
        """
        super().__init__("cmf:components:FlinkNamespace", resource_name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        if create:
            made = Namespace(resource_name, metadata={"name": namespace}, opts=inside)
            inside = pulumi.ResourceOptions(parent=self, depends_on=[made])
        account = ServiceAccount(
            f"{resource_name}-{JOB_ACCOUNT}", metadata={"name": JOB_ACCOUNT, "namespace": namespace}, opts=inside
        )
        bindings = []
        for name, granted, place in (
            (JOB_ACCOUNT, rights.JOBS, namespace),
            (OPERATOR_ACCOUNT, rights.OPERATOR, operator_namespace),
        ):
            role = Role(
                f"{resource_name}-{name}",
                metadata={"name": name, "namespace": namespace},
                rules=rights.rules(granted),
                opts=inside,
            )
            bindings.append(
                RoleBinding(
                    f"{resource_name}-{name}",
                    metadata={"name": f"{name}-role-binding", "namespace": namespace},
                    role_ref={"api_group": _RBAC, "kind": "Role", "name": name},
                    subjects=[{"kind": "ServiceAccount", "name": name, "namespace": place}],
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[role, account]),
                )
            )
        done = pulumi.Output.all(*(binding.id for binding in bindings))
        self.namespace = done.apply(lambda _: namespace)
        self.service_account = done.apply(lambda _: JOB_ACCOUNT)
        self.register_outputs({"namespace": self.namespace, "service_account": self.service_account})
