"""Resources of the CMF API as they travel: camelCase JSON or YAML outside, typed objects inside."""

from cmf_core.models.application import FlinkApplication, FlinkApplicationEvent, FlinkApplicationInstance
from cmf_core.models.base import API_VERSION, Metadata, Model, Page, Resource, timestamp
from cmf_core.models.catalog import KafkaCatalog, KafkaDatabase
from cmf_core.models.compute_pool import (
    ComputePool,
    ComputePoolSpec,
    ComputePoolStatus,
    PoolPhase,
    PoolState,
    PoolType,
)
from cmf_core.models.environment import Environment, EnvironmentStatus, StatementDefaults
from cmf_core.models.information import (
    LicenseInformation,
    LicenseStatus,
    ProcessUsage,
    ResourceInformation,
    ResourceInformationStatus,
    Resources,
    ResourcesByStatusAndType,
    ResourceSummary,
    ResourceUsageSummary,
    SystemInformation,
    SystemInformationStatus,
)
from cmf_core.models.kubernetes_cluster import (
    DEFAULT_CLUSTER,
    CleanedOrphans,
    ClusterState,
    KubernetesCluster,
    KubernetesClusterSpec,
    KubernetesClusterStatus,
    LifecycleState,
    OrphanedObject,
)
from cmf_core.models.secret import EnvironmentSecretMapping, Secret
from cmf_core.models.statement import Statement, StatementPhase, StatementSpec, StatementStatus

__all__ = [
    "API_VERSION",
    "DEFAULT_CLUSTER",
    "CleanedOrphans",
    "ClusterState",
    "ComputePool",
    "ComputePoolSpec",
    "ComputePoolStatus",
    "Environment",
    "EnvironmentSecretMapping",
    "EnvironmentStatus",
    "FlinkApplication",
    "FlinkApplicationEvent",
    "FlinkApplicationInstance",
    "KafkaCatalog",
    "KafkaDatabase",
    "KubernetesCluster",
    "KubernetesClusterSpec",
    "KubernetesClusterStatus",
    "LicenseInformation",
    "LicenseStatus",
    "LifecycleState",
    "Metadata",
    "Model",
    "OrphanedObject",
    "Page",
    "PoolPhase",
    "PoolState",
    "PoolType",
    "ProcessUsage",
    "Resource",
    "ResourceInformation",
    "ResourceInformationStatus",
    "ResourceSummary",
    "ResourceUsageSummary",
    "Resources",
    "ResourcesByStatusAndType",
    "Secret",
    "Statement",
    "StatementDefaults",
    "StatementPhase",
    "StatementSpec",
    "StatementStatus",
    "SystemInformation",
    "SystemInformationStatus",
    "timestamp",
]
