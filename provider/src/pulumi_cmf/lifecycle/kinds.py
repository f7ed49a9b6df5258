"""The kinds that there are. Each is stateless, so that one object serves every call of both fronts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pulumi_cmf.lifecycle.compute_pool import ComputePoolKind
from pulumi_cmf.lifecycle.detached_savepoint import DetachedSavepointKind
from pulumi_cmf.lifecycle.environment import EnvironmentKind
from pulumi_cmf.lifecycle.flink_application import FlinkApplicationKind
from pulumi_cmf.lifecycle.kafka_catalog import KafkaCatalogKind
from pulumi_cmf.lifecycle.kafka_database import KafkaDatabaseKind
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kubernetes_cluster import KubernetesClusterKind
from pulumi_cmf.lifecycle.savepoint import SavepointKind
from pulumi_cmf.lifecycle.secret import SecretKind
from pulumi_cmf.lifecycle.secret_mapping import EnvironmentSecretMappingKind
from pulumi_cmf.lifecycle.statement import StatementKind

KUBERNETES_CLUSTER = KubernetesClusterKind()
ENVIRONMENT = EnvironmentKind()
COMPUTE_POOL = ComputePoolKind()
FLINK_APPLICATION = FlinkApplicationKind()
STATEMENT = StatementKind()
SAVEPOINT = SavepointKind()
DETACHED_SAVEPOINT = DetachedSavepointKind()
SECRET = SecretKind()
ENVIRONMENT_SECRET_MAPPING = EnvironmentSecretMappingKind()
KAFKA_CATALOG = KafkaCatalogKind()
KAFKA_DATABASE = KafkaDatabaseKind()

KINDS: Final[Mapping[str, KeptKind[Any]]] = {
    kind.name: kind
    for kind in (
        KUBERNETES_CLUSTER,
        ENVIRONMENT,
        COMPUTE_POOL,
        FLINK_APPLICATION,
        STATEMENT,
        SAVEPOINT,
        DETACHED_SAVEPOINT,
        SECRET,
        ENVIRONMENT_SECRET_MAPPING,
        KAFKA_CATALOG,
        KAFKA_DATABASE,
    )
}
"""All of them, by name."""
