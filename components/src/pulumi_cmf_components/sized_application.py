"""An application as big as its work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pulumi
from pulumi import Input, Output
from pulumi_cmf import FlinkApplication
from pulumi_cmf.types import FlinkApplicationSpec

from pulumi_cmf_components.sizing import Rates, Workload, estimate
from pulumi_cmf_components.sizing.specification import sized


class SizedApplication(pulumi.ComponentResource):
    """A FlinkApplication whose processes, memory and checkpoints follow from what it has to do (Z01-Z17)."""

    application: FlinkApplication
    estimate: Output[dict[str, Any]]
    """Sizes, the reason of each, and what was assumed."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environment: Input[str],
        workload: Workload,
        spec: Mapping[str, Any],
        rates: Rates | None = None,
        **application: Any,
    ) -> None:
        """Describe an application.

        Args:
            resource_name: name in the Pulumi program, and of the application.
            opts: options of every Pulumi resource.
            environment: name of its environment.
            workload: what it has to do.
            spec: image, version and job, as for FlinkApplication; the estimate gives the sizes.
            rates: what is assumed of hardware and Flink; those of the rules if not given.
            application: more arguments of FlinkApplication, such as `wait_for`.
        """
        super().__init__("cmf:components:SizedApplication", resource_name, {}, opts)
        size = estimate(workload, rates)
        self.application = FlinkApplication(
            resource_name,
            pulumi.ResourceOptions(parent=self),
            environment=environment,
            spec=cast(FlinkApplicationSpec, sized(spec, size)),
            **application,
        )
        self.estimate = Output.from_input(size.output())
        self.register_outputs({"application": self.application.id, "estimate": self.estimate})
