"""ComputePool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
from pulumi import Input, Output

from pulumi_cmf.args import FlinkClusterSpecArgs, TimeoutsArgs
from pulumi_cmf.dynamic.providers import ComputePoolProvider
from pulumi_cmf.resources.base import CmfResource
from pulumi_cmf.types import FlinkClusterSpec, PoolState, PoolType, Timeouts


class ComputePool(CmfResource, module="cmf", name="ComputePool"):
    """The Flink clusters that statements run on.

    DEDICATED: an application cluster a statement (P04). SHARED: one session cluster for all its statements,
    made with the pool (P05). Its id is `ENVIRONMENT/NAME`. Statements block updates and deletion of their
    pool in certain phases (P38-P53), and Pulumi updates a pool before the statements on it.
    """

    environment: Output[str]
    type: Output[str]
    cluster_spec: Output[Any]
    state: Output[str | None]
    wait_for: Output[str | None]
    on_blocked: Output[str | None]
    force_delete: Output[bool | None]
    uid: Output[str | None]
    """CMF's id of it, if CMF gives one."""
    phase: Output[str | None]
    """Phase after the last operation (P27)."""

    _front = ComputePoolProvider

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        type: Input[PoolType],  # noqa: A002 - CMF's name of the field
        cluster_spec: Input[FlinkClusterSpecArgs | FlinkClusterSpec],
        name: Input[str] | None = None,
        state: Input[PoolState] | None = None,
        labels: Input[Mapping[str, Input[str]]] | None = None,
        annotations: Input[Mapping[str, Input[str]]] | None = None,
        wait_for: Input[Literal["ready", "accepted"]] | None = None,
        on_blocked: Input[Literal["fail", "wait"]] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[TimeoutsArgs | Timeouts] | None = None,
    ) -> None:
        """Describe a pool.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environment: name of its environment.
            type: DEDICATED or SHARED (P14); a change replaces the pool (P15).
            cluster_spec: the Flink clusters; without service account and job, which are CMF's (P06-P08). The
                image must be based on cp-flink-sql to run SQL (P12), of build cp7 or later if SHARED (P13).
            name: 4 to 253 characters; of a SHARED pool at most 45 without dots (FKO1). Default: `resource_name`.
            state: RUNNING or SUSPENDED, of SHARED pools only (P16). Default: RUNNING (P17).
            labels: CMF's labels of the pool.
            annotations: CMF's annotations of the pool.
            wait_for: what ends create and update: `ready` (default), the pool is RUNNING, or SUSPENDED if so
                asked, with its new specification; `accepted`, CMF has taken it.
            on_blocked: what an update does while statements block it (P38-P41): `fail` (default), at preview already,
                or `wait` until they have ended, at most the `update` of `timeouts` (P47). Statements that the same
                update stops or deletes do not end in time: Pulumi changes them after their pool.
            force_delete: if its cluster is not available at deletion, or does not remove it in time, remove
                CMF's record alone; a session cluster may stay. Statements block it all the same (P52, P53).
                Default: false. Takes effect once an update has recorded it.
            timeouts: seconds; `create`, `update` and `delete`, default 300 each.
        """
        inputs = {
            "name": resource_name if name is None else name,
            "environment": environment,
            "type": type,
            "cluster_spec": cluster_spec,
            "state": state,
            "labels": labels,
            "annotations": annotations,
            "wait_for": wait_for,
            "on_blocked": on_blocked,
            "force_delete": force_delete,
            "timeouts": timeouts,
        }
        super().__init__(resource_name, inputs, opts)

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> ComputePool:  # noqa: A002
        """Read a pool that is managed elsewhere; its id is `ENVIRONMENT/NAME`."""
        return ComputePool._get(resource_name, id, opts)
