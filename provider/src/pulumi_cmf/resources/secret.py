"""Secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import SecretProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import Timeouts


class Secret(CmfResource, module="cmf", name="Secret"):
    """Credentials of connections, which environments use by a mapping (E37).

    CMF keeps the values encrypted and never sends them back; that somebody else changed them is seen by the
    version, and the next update sends them again. Its id is its name.
    """

    data: Output[Any]
    """A secret."""
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    version: Output[str | None]
    """Number of the last change of the values."""
    environments: Output[Any]
    """Environments with a mapping to it."""

    _front = SecretProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        data: Input[Mapping[str, Input[str]]],
        name: Input[str] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a secret.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            data: the values by name, such as `sasl.jaas.config`. Kept as a secret.
            name: 4 to 253 characters. Default: `resource_name`.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            timeouts: seconds; `delete`, default 60.
        """
        inputs = {
            "data": Output.secret(data),
            "name": resource_name if name is None else name,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> Secret:  # noqa: A002
        """Read a secret that is managed elsewhere; its id is its name."""
        return Secret._get(resource_name, id, opts)
