"""Savepoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import TimeoutsArgs
from pulumi_cmf.dynamic.providers import SavepointProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import SavepointFormat, Timeouts


class Savepoint(CmfResource, module="cmf", name="Savepoint"):
    """An image of the state of a running Flink job, of an application or a statement (E25-E27).

    It is taken when the resource is created. CMF has no update of it: every change takes another one. Its id is
    `ENVIRONMENT/applications/APPLICATION/NAME` or `ENVIRONMENT/statements/STATEMENT/NAME`.
    """

    environment: Output[str]
    application: Output[str | None]
    statement: Output[str | None]
    path: Output[str | None]
    format_type: Output[str | None]
    backoff_limit: Output[int | None]
    wait_for: Output[str | None]
    force_delete: Output[bool | None]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    state: Output[str | None]
    """State after the last operation, such as COMPLETED."""
    location: Output[str | None]
    """Where the data are."""

    _front = SavepointProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        application: Input[str] | None = None,
        statement: Input[str] | None = None,
        name: Input[str] | None = None,
        path: Input[str] | None = None,
        format_type: Input[SavepointFormat] | None = None,
        backoff_limit: Input[int] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        wait_for: Input[Literal["completed", "accepted"]] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a savepoint.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environment: name of the environment.
            application: name of the application; this or `statement`.
            statement: name of the statement; this or `application`.
            name: 4 to 253 characters. Default: `resource_name`.
            path: folder for it. Default: the job's `state.savepoints.dir`.
            format_type: CANONICAL (default) can be read by every state backend, NATIVE only by the one of the job.
            backoff_limit: how often a failed one is tried again. Default: -1, until it succeeds.
            labels: CMF's labels of it.
            annotations: CMF's annotations of it.
            wait_for: what ends create: `completed` (default), or `accepted`, CMF has taken it.
            force_delete: if its cluster does not remove it, remove CMF's record alone. Default: false.
            timeouts: seconds; `create`, default 600; `delete`, default 300.
        """
        inputs = {
            "environment": environment,
            "application": application,
            "statement": statement,
            "name": resource_name if name is None else name,
            "path": path,
            "format_type": format_type,
            "backoff_limit": backoff_limit,
            "labels": labels,
            "annotations": annotations,
            "wait_for": wait_for,
            "force_delete": force_delete,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> Savepoint:  # noqa: A002
        """Read a savepoint that is managed elsewhere; its id is that of the class."""
        return Savepoint._get(resource_name, id, opts)
