"""EnvironmentSecretMapping."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import EnvironmentSecretMappingProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import Timeouts


class EnvironmentSecretMapping(CmfResource, module="cmf", name="EnvironmentSecretMapping"):
    """Which secret a connectionSecretId stands for in an environment (E37).

    Without one, the environment does not see the catalogs and databases that name this connectionSecretId. Its id
    is `ENVIRONMENT/NAME`.
    """

    environment: Output[str]
    secret_name: Output[str]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""

    _front = EnvironmentSecretMappingProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        secret_name: Input[str],
        name: Input[str] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a mapping.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environment: name of its environment.
            secret_name: name of the secret.
            name: the connectionSecretId. Default: `resource_name`.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            timeouts: seconds; `delete`, default 60.
        """
        inputs = {
            "environment": environment,
            "secret_name": secret_name,
            "name": resource_name if name is None else name,
            "labels": labels,
            "annotations": annotations,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> EnvironmentSecretMapping:  # noqa: A002
        """Read a mapping that is managed elsewhere; its id is `ENVIRONMENT/NAME`."""
        return EnvironmentSecretMapping._get(resource_name, id, opts)
