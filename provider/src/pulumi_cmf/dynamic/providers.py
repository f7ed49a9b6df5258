"""The dynamic providers, one a kind. Stacks name these classes in their state: neither move nor rename them."""

from __future__ import annotations

from pulumi_cmf.dynamic.front import Front
from pulumi_cmf.lifecycle import kinds


class KubernetesClusterProvider(Front):
    """Clusters."""

    kind = kinds.KUBERNETES_CLUSTER


class EnvironmentProvider(Front):
    """Environments."""

    kind = kinds.ENVIRONMENT


class ComputePoolProvider(Front):
    """Compute pools."""

    kind = kinds.COMPUTE_POOL


class FlinkApplicationProvider(Front):
    """Applications."""

    kind = kinds.FLINK_APPLICATION


class StatementProvider(Front):
    """Statements."""

    kind = kinds.STATEMENT


class SavepointProvider(Front):
    """Savepoints."""

    kind = kinds.SAVEPOINT


class DetachedSavepointProvider(Front):
    """Detached savepoints."""

    kind = kinds.DETACHED_SAVEPOINT


class SecretProvider(Front):
    """Secrets."""

    kind = kinds.SECRET


class EnvironmentSecretMappingProvider(Front):
    """Secret mappings of environments."""

    kind = kinds.ENVIRONMENT_SECRET_MAPPING


class KafkaCatalogProvider(Front):
    """Catalogs."""

    kind = kinds.KAFKA_CATALOG


class KafkaDatabaseProvider(Front):
    """Databases of catalogs."""

    kind = kinds.KAFKA_DATABASE
