"""Environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import ApplicationDefaultsArgs, PoolDefaultsArgs, StatementDefaultsArgs, TimeoutsArgs
from pulumi_cmf.dynamic.providers import EnvironmentProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import ApplicationDefaults, PoolDefaults, StatementDefaults, Timeouts


class Environment(CmfResource, module="cmf", name="Environment"):
    """An environment: a namespace of a Kubernetes cluster, and what everything in it shares (E01-E07).

    Its id is its name. Namespace and cluster cannot change (E40): a change replaces the environment.
    """

    kubernetes_namespace: Output[str]
    kubernetes_cluster_name: Output[str | None]
    flink_application_defaults: Output[Any]
    compute_pool_defaults: Output[Any]
    statement_defaults: Output[Any]
    force_delete: Output[bool | None]
    created_time: Output[str | None]
    """When CMF created it, RFC 3339."""

    _front = EnvironmentProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        kubernetes_namespace: Input[str],
        name: Input[str] | None = None,
        kubernetes_cluster_name: Input[str] | None = None,
        flink_application_defaults: Input[ApplicationDefaultsArgs | ApplicationDefaults] | None = None,
        compute_pool_defaults: Input[PoolDefaultsArgs | PoolDefaults] | None = None,
        statement_defaults: Input[StatementDefaultsArgs | StatementDefaults] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe an environment.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            kubernetes_namespace: namespace that its Flink clusters run in; it must exist (E02).
            name: 4 to 253 characters of a lower-case DNS name. Default: `resource_name`.
            kubernetes_cluster_name: registered cluster (C06, C07). Default: `default-k8s-cluster` (C05).
            flink_application_defaults: laid over each application (E03, E04).
            compute_pool_defaults: laid over each compute pool.
            statement_defaults: Flink configuration that statements start from.
            labels: CMF's labels of the environment.
            annotations: CMF's annotations of the environment.
            force_delete: if its cluster is not available at deletion, remove CMF's record alone; it must be
                empty all the same (C52). Default: false. Takes effect once an update has recorded it.
            timeouts: `delete`: seconds to wait until it is gone, default 60.
        """
        inputs = {
            "name": resource_name if name is None else name,
            "kubernetes_namespace": kubernetes_namespace,
            "kubernetes_cluster_name": kubernetes_cluster_name,
            "flink_application_defaults": flink_application_defaults,
            "compute_pool_defaults": compute_pool_defaults,
            "statement_defaults": statement_defaults,
            "labels": labels,
            "annotations": annotations,
            "force_delete": force_delete,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> Environment:  # noqa: A002
        """Read an environment that is managed elsewhere; its id is its name."""
        return Environment._get(resource_name, id, opts)
