"""What may be done on a cluster by whom: the operator, Flink's pods, and the hub. Kubernetes' RBAC, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

FLINK = "flink.apache.org"
HUB_KINDS = ("flinkdeployments", "flinksessionjobs", "flinkstatesnapshots")
"""The operator's kinds that the hub writes."""
_OPERATOR_KINDS = (*HUB_KINDS, "flinkbluegreendeployments")

WebUi = Literal["off", "read-only", "full"]
"""What of Flink's web UI the hub passes on: its setting CMF_FLINK_WEB_UI."""


@dataclass(frozen=True)
class Right:
    """A right on resources of one API group.

    Attributes:
        group: API group; empty for Kubernetes' core.
        resource: plural name, with its subresource (`services/proxy`).
        verbs: what may be done.
        name: the one object that may be touched; empty for all.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    name: str = ""

    def single(self) -> Iterator[Right]:
        """Yield the rights of one verb each that this one is made of."""
        for verb in self.verbs:
            yield Right(self.group, self.resource, (verb,), self.name)

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{', '.join(self.verbs)} {resource}" + (f" '{self.name}'" if self.name else "")


OPERATOR = (
    *(Right("", resource, ("*",)) for resource in ("pods", "services", "events", "configmaps", "secrets")),
    *(Right("apps", resource, ("*",)) for resource in ("deployments", "deployments/finalizers", "replicasets")),
    Right("apps", "deployments/scale", ("get", "update", "patch")),
    Right("networking.k8s.io", "ingresses", ("*",)),
    Right("coordination.k8s.io", "leases", ("*",)),
    *(Right(FLINK, f"{kind}{part}", ("*",)) for kind in _OPERATOR_KINDS for part in ("", "/status", "/finalizers")),
)
"""The operator in each namespace that it watches: what its chart's role `flink-operator` has."""

JOBS = (
    *(Right("", resource, ("*",)) for resource in ("pods", "configmaps")),
    *(Right("apps", resource, ("*",)) for resource in ("deployments", "deployments/finalizers")),
)
"""Flink's pods in their namespace: a JobManager makes TaskManagers, and keeps leaders in ConfigMaps."""

HUB_EVERYWHERE = (
    *(Right(FLINK, kind, ("list", "watch")) for kind in HUB_KINDS),
    Right("", "namespaces", ("get",), "kube-system"),
)
"""The hub on a whole cluster: one watch a kind, and what tells it that two names are one cluster."""


def hub_in_namespace(web_ui: WebUi = "read-only", *, sql: bool = True) -> tuple[Right, ...]:
    """Return what the hub needs in each namespace of its environments.

    Args:
        web_ui: how much of Flink's web UI it passes on; reading is also how it sees exceptions of jobs.
        sql: it talks to the SQL gateways of session clusters, which plan statements and answer queries.
    """
    rights = [
        Right("", "namespaces", ("get",)),
        Right("", "serviceaccounts", ("get",)),
        Right("", "pods", ("list",)),
        Right("", "events", ("list",)),
        Right("", "secrets", ("get", "create", "delete")),
        *(Right(FLINK, kind, ("get", "create", "patch", "delete")) for kind in HUB_KINDS),
    ]
    if web_ui != "off":
        verbs = ("get",) if web_ui == "read-only" else ("get", "create", "update", "patch", "delete")
        rights.append(Right("", "services/proxy", verbs))
    if sql:
        rights.append(Right("", "pods/proxy", ("get", "create", "delete")))
    return tuple(rights)


def rules(rights: Iterable[Right]) -> list[PolicyRuleArgsDict]:
    """Return rights as the rules of a Role or ClusterRole."""
    result: list[PolicyRuleArgsDict] = []
    for right in rights:
        rule: PolicyRuleArgsDict = {
            "api_groups": [right.group],
            "resources": [right.resource],
            "verbs": list(right.verbs),
        }
        if right.name:
            rule["resource_names"] = [right.name]
        result.append(rule)
    return result
