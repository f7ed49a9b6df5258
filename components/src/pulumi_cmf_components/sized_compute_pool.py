"""A compute pool as big as the work of its statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pulumi
from pulumi import Input, Output
from pulumi_cmf import ComputePool
from pulumi_cmf.types import FlinkClusterSpec, PoolType

from pulumi_cmf_components.sizing import Rates, Workload, estimate
from pulumi_cmf_components.sizing.specification import sized


class SizedComputePool(pulumi.ComponentResource):
    """A ComputePool whose processes, memory and checkpoints follow from what runs on it (Z01-Z17).

    The workload is that of all statements of a SHARED pool together, and of one statement of a DEDICATED one.
    """

    pool: ComputePool
    estimate: Output[dict[str, Any]]
    """Sizes, the reason of each, and what was assumed."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        type: Input[PoolType],  # noqa: A002 - CMF's name of the field
        workload: Workload,
        cluster_spec: Mapping[str, Any],
        rates: Rates | None = None,
        **pool: Any,
    ) -> None:
        """Describe a pool.

        Args:
            resource_name: name in the Pulumi program, and of the pool.
            opts: options of every Pulumi resource.
            environment: name of its environment.
            type: DEDICATED or SHARED.
            workload: what it has to do.
            cluster_spec: image and version, as for ComputePool; the estimate gives the sizes.
            rates: what is assumed of hardware and Flink; those of the rules if not given.
            pool: more arguments of ComputePool, such as `state`.
        """
        super().__init__("cmf:components:SizedComputePool", resource_name, {}, opts)
        size = estimate(workload, rates)
        self.pool = ComputePool(
            resource_name,
            pulumi.ResourceOptions(parent=self),
            environment=environment,
            type=type,
            cluster_spec=cast(FlinkClusterSpec, sized(cluster_spec, size)),
            **pool,
        )
        self.estimate = Output.from_input(size.output())
        self.register_outputs({"pool": self.pool.id, "estimate": self.estimate})
