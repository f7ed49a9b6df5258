"""The kinds that there are. Each is stateless, so that one object serves every call of both fronts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pulumi_cmf.lifecycle.compute_pool import ComputePoolKind
from pulumi_cmf.lifecycle.environment import EnvironmentKind
from pulumi_cmf.lifecycle.flink_application import FlinkApplicationKind
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.kubernetes_cluster import KubernetesClusterKind
from pulumi_cmf.lifecycle.statement import StatementKind

KUBERNETES_CLUSTER = KubernetesClusterKind()
ENVIRONMENT = EnvironmentKind()
COMPUTE_POOL = ComputePoolKind()
FLINK_APPLICATION = FlinkApplicationKind()
STATEMENT = StatementKind()

KINDS: Final[Mapping[str, Kind[Any]]] = {
    kind.name: kind for kind in (KUBERNETES_CLUSTER, ENVIRONMENT, COMPUTE_POOL, FLINK_APPLICATION, STATEMENT)
}
"""All of them, by name."""
