"""KafkaDatabase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import ConnectionArgs, TimeoutsArgs
from pulumi_cmf.dynamic.providers import KafkaDatabaseProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import Connection, Timeouts


class KafkaDatabase(CmfResource, module="cmf", name="KafkaDatabase"):
    """A Kafka cluster in a catalog, whose topics are tables of SQL statements (E38).

    Its id is `CATALOG/NAME`.
    """

    catalog: Output[str]
    kafka_cluster: Output[Any]
    name: Output[str]
    ddl_environments: Output[Any]
    labels: Output[Any]
    annotations: Output[Any]
    timeouts: Output[Any]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    environments_with_access: Output[Any]
    """Environments that see it."""

    _front = KafkaDatabaseProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        catalog: Input[str],
        kafka_cluster: Input[ConnectionArgs | Connection],
        name: Input[str] | None = None,
        ddl_environments: Input[Sequence[Input[str]]] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a database.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            catalog: name of its catalog.
            kafka_cluster: how to reach the Kafka cluster.
            name: 4 to 253 characters. Default: `resource_name`.
            ddl_environments: environments whose statements may change its tables.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            timeouts: seconds; `delete`, default 60.
        """
        inputs = {
            "catalog": catalog,
            "kafka_cluster": kafka_cluster,
            "name": resource_name if name is None else name,
            "ddl_environments": ddl_environments,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> KafkaDatabase:  # noqa: A002
        """Read a database that is managed elsewhere; its id is `CATALOG/NAME`."""
        return KafkaDatabase._get(resource_name, id, opts)
