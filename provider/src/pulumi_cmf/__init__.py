"""Flink fleets as code: the resources of the CMF REST API for Pulumi.

What a program uses is exported here; nested inputs are typed dictionaries of ``types`` or classes of ``args``, as
you like. ``lifecycle`` is what each resource does, without Pulumi; ``dynamic`` and ``plugin`` carry that to Pulumi's
engine, as dynamic providers or as a native one: `pulumi config set cmf:plugin true` moves a stack from the first to
the second. Imports cmf_core only; importing it has no effect. Independent: not affiliated with Confluent or the
Apache Software Foundation.
"""

from pulumi_cmf import functions
from pulumi_cmf.functions import *  # noqa: F403 - its __all__ is generated
from pulumi_cmf.resources.compute_pool import ComputePool
from pulumi_cmf.resources.detached_savepoint import DetachedSavepoint
from pulumi_cmf.resources.environment import Environment
from pulumi_cmf.resources.environment_secret_mapping import EnvironmentSecretMapping
from pulumi_cmf.resources.flink_application import FlinkApplication
from pulumi_cmf.resources.kafka_catalog import KafkaCatalog
from pulumi_cmf.resources.kafka_database import KafkaDatabase
from pulumi_cmf.resources.kubernetes_cluster import KubernetesCluster
from pulumi_cmf.resources.provider import Provider
from pulumi_cmf.resources.savepoint import Savepoint
from pulumi_cmf.resources.secret import Secret
from pulumi_cmf.resources.statement import Statement

__all__ = [
    "ComputePool",
    "DetachedSavepoint",
    "Environment",
    "EnvironmentSecretMapping",
    "FlinkApplication",
    "KafkaCatalog",
    "KafkaDatabase",
    "KubernetesCluster",
    "Provider",
    "Savepoint",
    "Secret",
    "Statement",
]
__all__ += functions.__all__
