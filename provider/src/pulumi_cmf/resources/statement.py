"""Statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import StatementProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import Timeouts


class Statement(CmfResource, module="cmf", name="Statement"):
    """One SQL statement on one compute pool (P01, P02).

    Its id is `ENVIRONMENT/NAME`. Text and pool cannot change: a change replaces the statement, the old one
    first. Stopping, resuming and rescaling are updates.
    """

    environment: Output[str]
    statement: Output[str]
    compute_pool_name: Output[str]
    properties: Output[Any]
    flink_configuration: Output[Any]
    parallelism: Output[int | None]
    stopped: Output[bool | None]
    wait_for: Output[str | None]
    force_delete: Output[bool | None]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    phase: Output[str | None]
    """Phase after the last operation, such as RUNNING."""
    detail: Output[str | None]
    """What CMF says on the phase."""

    _front = StatementProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        statement: Input[str],
        compute_pool_name: Input[str],
        name: Input[str] | None = None,
        properties: Input[Mapping[str, Input[str]]] | None = None,
        flink_configuration: Input[Mapping[str, Input[str | int | float | bool]]] | None = None,
        parallelism: Input[int] | None = None,
        stopped: Input[bool] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        wait_for: Input[Literal["started", "completed", "accepted"]] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a statement.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environment: name of its environment.
            statement: the SQL text.
            compute_pool_name: name of its pool, in the same environment; a SHARED one must be RUNNING (P21).
            name: name of its Kubernetes object too: at most 45 characters, no dots (FKO1). Default: `resource_name`.
            properties: such as `sql.current-catalog` and `sql.current-database`.
            flink_configuration: Flink's own keys; values are taken as text.
            parallelism: at least 1. Default: 1.
            stopped: true stops the statement with a savepoint, false resumes from it. Default: false.
            labels: CMF's labels of the statement.
            annotations: CMF's annotations of the statement.
            wait_for: what ends create and update: `started` (default), it is RUNNING or COMPLETED; `completed`;
                `accepted`, CMF has taken it. A statement that is to be stopped is waited for until it is.
            force_delete: if its cluster is not available at deletion, or does not remove it in time, remove
                CMF's record alone; the job may go on (C51). Default: false. Takes effect once an update has
                recorded it.
            timeouts: seconds; `create`, `update` and `delete`, default 300 each.
        """
        inputs = {
            "name": resource_name if name is None else name,
            "environment": environment,
            "statement": statement,
            "compute_pool_name": compute_pool_name,
            "properties": properties,
            "flink_configuration": flink_configuration,
            "parallelism": parallelism,
            "stopped": stopped,
            "labels": labels,
            "annotations": annotations,
            "wait_for": wait_for,
            "force_delete": force_delete,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> Statement:  # noqa: A002
        """Read a statement that is managed elsewhere; its id is `ENVIRONMENT/NAME`."""
        return Statement._get(resource_name, id, opts)
