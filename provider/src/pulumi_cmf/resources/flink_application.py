"""FlinkApplication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import FlinkApplicationSpecArgs, TimeoutsArgs
from pulumi_cmf.dynamic.providers import FlinkApplicationProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import FlinkApplicationSpec, Timeouts


class FlinkApplication(CmfResource, module="cmf", name="FlinkApplication"):
    """One Flink job in a Flink cluster of its own (E02-E07).

    Its id is `ENVIRONMENT/NAME`. A change of either replaces it; all else is updated in place, and the update
    waits until the Flink operator runs the new specification.
    """

    environment: Output[str]
    spec: Output[Any]
    wait_for: Output[str | None]
    force_delete: Output[bool | None]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    lifecycle_state: Output[str | None]
    """The Flink operator's lifecycleState after the last operation, such as STABLE."""
    job_state: Output[str | None]
    """State of the Flink job after the last operation, such as RUNNING."""
    job_id: Output[str | None]
    """Flink's id of the job."""

    _front = FlinkApplicationProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        spec: Input[FlinkApplicationSpecArgs | FlinkApplicationSpec],
        name: Input[str] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        wait_for: Input[Literal["stable", "running", "accepted"]] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe an application.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environment: name of its environment (E07).
            spec: the Flink cluster and its job (E19-E21); the environment's defaults win over it (D17).
            name: name of the FlinkDeployment too: at most 45 characters, no dots (FKO1). Default: `resource_name`.
            labels: CMF's labels of the application.
            annotations: CMF's annotations of the application.
            wait_for: what ends create and update: `stable` (default), the operator has found the new
                specification good; `running`, the job runs; `accepted`, CMF has taken it. A job that is to be
                suspended is waited for until it is.
            force_delete: if its cluster is not available at deletion, or does not remove it in time, remove
                CMF's record alone; the job may go on (C49). Default: false. Takes effect once an update has
                recorded it.
            timeouts: seconds; `create` and `update`, default 600, `delete`, default 300.
        """
        inputs = {
            "name": resource_name if name is None else name,
            "environment": environment,
            "spec": spec,
            "labels": labels,
            "annotations": annotations,
            "wait_for": wait_for,
            "force_delete": force_delete,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> FlinkApplication:  # noqa: A002
        """Read an application that is managed elsewhere; its id is `ENVIRONMENT/NAME`."""
        return FlinkApplication._get(resource_name, id, opts)
