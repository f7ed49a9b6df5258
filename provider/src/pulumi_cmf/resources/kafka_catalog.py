"""KafkaCatalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import ConnectionArgs, TimeoutsArgs
from pulumi_cmf.dynamic.providers import KafkaCatalogProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import Connection, Timeouts


class KafkaCatalog(CmfResource, module="cmf", name="KafkaCatalog"):
    """A Schema Registry, and the databases in it, for SQL statements (E38).

    Its databases are resources of their own; CMF refuses to delete a catalog that has some. Its id is its name.
    """

    sr_instance: Output[Any]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    environments_with_access: Output[Any]
    """Environments that see it."""

    _front = KafkaCatalogProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        sr_instance: Input[ConnectionArgs | Connection],
        name: Input[str] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a catalog.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            sr_instance: how to reach the Schema Registry.
            name: 4 to 253 characters. Default: `resource_name`.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            timeouts: seconds; `delete`, default 60.
        """
        inputs = {
            "sr_instance": sr_instance,
            "name": resource_name if name is None else name,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> KafkaCatalog:  # noqa: A002
        """Read a catalog that is managed elsewhere; its id is its name."""
        return KafkaCatalog._get(resource_name, id, opts)
