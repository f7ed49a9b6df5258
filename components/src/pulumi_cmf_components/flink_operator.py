"""The Flink Kubernetes Operator on one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.core.v1 import Namespace, ServiceAccount
from pulumi_kubernetes.helm.v3 import Release

from pulumi_cmf_components.charts import Chart, merged, release
from pulumi_cmf_components.flink_namespace import JOB_ACCOUNT, OPERATOR_ACCOUNT, FlinkNamespace

WATCHED = "cmf.components/watched-namespaces"
"""Annotation of the operator's pods: when it changes they are replaced (E13), as the chart alone does not do."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FlinkOperator(pulumi.ComponentResource):
    """The Flink Kubernetes Operator, the namespaces that it watches, and the accounts and roles in them.

    One more or less in `namespaces` makes or removes what belongs to that namespace, and restarts the operator, which
    reads the list only when it starts (E13). What runs in the other namespaces goes on meanwhile.
    """

    operator_namespace: pulumi.Output[str]
    namespaces: pulumi.Output[list[str]]
    """The watched namespaces, known when the operator has been told of them (E12)."""
    service_account: pulumi.Output[str]
    """Service account of Flink's pods in each of them."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        chart: Chart,
        namespaces: Sequence[str],
        operator_namespace: str = "flink-operator",
        create_namespaces: bool = True,
        webhook: bool = True,
        cert_manager: Chart | None = None,
        crds: Sequence[str | Path] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe an operator.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource; its provider of `kubernetes` is the cluster.
            chart: the operator's Helm chart, Apache's or Confluent's.
            namespaces: namespaces that it watches, at least one. The operator can watch all, and then has rights on
                all of them, which this component does not give it.
            operator_namespace: where it runs itself.
            create_namespaces: make these namespaces; False takes those that are there.
            webhook: run its webhook, which refuses wrong specifications at once; without, they show in
                `status.error`. It needs cert-manager on the cluster.
            cert_manager: chart of cert-manager, to install it too; None if it is there, or there is no webhook.
            crds: files of the operator's custom resource definitions; they are kept at destroy, because all Flink
                resources would go with them. Default: Helm installs those of the chart, and never changes them: name
                the files of a new version to upgrade (E14).
            values: more values of the chart; they win.

        Raises:
            ValueError: no namespace, or one twice.
        """
        if not namespaces or len(set(namespaces)) != len(namespaces):
            raise ValueError(f"FlinkOperator '{resource_name}': name each namespace to watch once, and at least one")
        super().__init__("cmf:components:FlinkOperator", resource_name, {}, opts)
        made: list[pulumi.Resource] = []
        if create_namespaces and operator_namespace not in namespaces:
            made.append(
                Namespace(
                    f"{resource_name}-{operator_namespace}",
                    metadata={"name": operator_namespace},
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        watched = {
            namespace: FlinkNamespace(
                f"{resource_name}-{namespace}",
                pulumi.ResourceOptions(parent=self),
                namespace=namespace,
                operator_namespace=operator_namespace,
                create=create_namespaces,
            )
            for namespace in namespaces
        }
        home = watched.get(operator_namespace)
        account = ServiceAccount(
            f"{resource_name}-{OPERATOR_ACCOUNT}",
            metadata={"name": OPERATOR_ACCOUNT, "namespace": operator_namespace},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*made, *([home] if home else [])]),
        )
        made += [account, *watched.values(), *self._crds(resource_name, crds or ())]
        if cert_manager:
            made.append(self._cert_manager(resource_name, cert_manager))
        installed = release(
            resource_name,
            chart,
            operator_namespace,
            merged(_values(namespaces, webhook=webhook), values or {}),
            pulumi.ResourceOptions(parent=self, depends_on=made),
            skip_crds=bool(crds),
        )
        self.operator_namespace = installed.id.apply(lambda _: operator_namespace)
        self.namespaces = installed.id.apply(lambda _: list(namespaces))
        self.service_account = installed.id.apply(lambda _: JOB_ACCOUNT)
        self.register_outputs(
            {
                "operator_namespace": self.operator_namespace,
                "namespaces": self.namespaces,
                "service_account": self.service_account,
            }
        )

    def _crds(self, resource_name: str, files: Sequence[str | Path]) -> list[pulumi.Resource]:
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        made: list[pulumi.Resource] = []
        for file in files:
            definition = yaml.load(Path(file).read_text(), _LOADER)  # noqa: S506 - both loaders are safe ones
            metadata = definition["metadata"]
            made.append(
                CustomResourceDefinition(
                    f"{resource_name}-{metadata['name']}", metadata=metadata, spec=definition["spec"], opts=kept
                )
            )
        return made

    def _cert_manager(self, resource_name: str, chart: Chart) -> Release:
        name = f"{resource_name}-cert-manager"
        namespace = Namespace(name, metadata={"name": "cert-manager"}, opts=pulumi.ResourceOptions(parent=self))
        opts = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        return release(name, chart, "cert-manager", {"crds": {"enabled": True}}, opts)


def _values(namespaces: Sequence[str], *, webhook: bool) -> dict[str, Any]:
    """Return the chart's values; accounts and roles are this component's, so that they come and go one by one."""
    return {
        "watchNamespaces": list(namespaces),
        "rbac": {"create": False},
        "operatorServiceAccount": {"create": False, "name": OPERATOR_ACCOUNT},
        "jobServiceAccount": {"create": False, "name": JOB_ACCOUNT},
        "webhook": {"create": webhook},
        "operatorPod": {"annotations": {WATCHED: ",".join(namespaces)}},
    }
