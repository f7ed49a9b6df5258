"""The dynamic providers, one a kind. Stacks name these classes in their state: neither move nor rename them."""

from __future__ import annotations

from pulumi_cmf.dynamic.front import Front
from pulumi_cmf.lifecycle.compute_pool import ComputePoolKind
from pulumi_cmf.lifecycle.environment import EnvironmentKind
from pulumi_cmf.lifecycle.flink_application import FlinkApplicationKind
from pulumi_cmf.lifecycle.kubernetes_cluster import KubernetesClusterKind
from pulumi_cmf.lifecycle.statement import StatementKind


class KubernetesClusterProvider(Front):
    """Clusters."""

    kind = KubernetesClusterKind()


class EnvironmentProvider(Front):
    """Environments."""

    kind = EnvironmentKind()


class ComputePoolProvider(Front):
    """Compute pools."""

    kind = ComputePoolKind()


class FlinkApplicationProvider(Front):
    """Applications."""

    kind = FlinkApplicationKind()


class StatementProvider(Front):
    """Statements."""

    kind = StatementKind()
