"""Placement: an application in one of several environments, which moves with its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import pulumi
from pulumi import Input, Output, dynamic
from pulumi_cmf import FlinkApplication
from pulumi_cmf.dynamic.front import Front
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.types import FlinkApplicationSpec, Timeouts

from pulumi_cmf_components.handover import HandoverKind

_OURS = ("initial_savepoint_path", "initialSavepointPath", "savepoint_redeploy_nonce", "savepointRedeployNonce")


class HandoverProvider(Front):
    """Handovers. Stacks name this class in their state: neither move nor rename it."""

    kind: ClassVar[Kind[Any]] = HandoverKind()


class Handover(dynamic.Resource, module="cmf-components", name="Handover"):
    """What an application takes along when it moves. Part of Placement, which is what programs use."""

    savepoint_path: Output[str]
    """Savepoint that the application starts from where it is; empty if it started without state."""
    starts: Output[int]
    """How often the application was told to start somewhere or from something."""

    def __init__(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Describe a handover; `inputs` are those of HandoverInputs."""
        properties = {**dict.fromkeys(HandoverProvider.kind.outputs), **inputs}
        super().__init__(HandoverProvider(), resource_name, properties, opts)


class Placement(pulumi.ComponentResource):
    """A FlinkApplication that lives in one of several environments, and never in two (E51).

    Another `at` moves it in one update: its job is suspended with a savepoint where it is, starts from that in the new
    environment, and once it runs there, what is left in the old one is removed. If it does not start there, it is not
    removed here, and the former `at` brings it back. Both environments keep state in storage that both reach.

    It takes over what was a FlinkApplication of the same resource name, without a parent, in the same environment.

    Where the old cluster is away, that cannot be: `restore_from` then says what to go on from, and `force_delete`,
    recorded by an update before, lets CMF forget what is there. It may still run: nobody can know.
    """

    application: FlinkApplication
    """The application where it is."""
    environment: Output[str]
    """Name of the environment where it is."""
    savepoint_path: Output[str | None]
    """Savepoint that it started from there; None if it started without state."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        environments: Mapping[str, Input[str]],
        at: str,
        spec: FlinkApplicationSpec | Mapping[str, Any],
        name: str | None = None,
        restore_from: Input[str] | None = None,
        force_delete: Input[bool] | None = None,
        timeouts: Input[Timeouts] | None = None,
        **application: Any,
    ) -> None:
        """Describe an application and where it is.

        Args:
            resource_name: name in the Pulumi program.
            opts: options of every Pulumi resource.
            environments: names of the environments where it may live, by a name of yours for each, such as a region.
            at: which of them it is in. Another one moves it.
            spec: Flink cluster and job, as for FlinkApplication, without savepoint to start from.
            name: name of the application, the same in all environments. Default: `resource_name`.
            restore_from: savepoint or checkpoint to start from instead of the state that it has: on the first update
                that says it, and not again.
            force_delete: as for FlinkApplication; where the old cluster is away it has to be recorded before the move.
            timeouts: seconds; `create` and `update` also of the end of the job where it was, default 600.
            application: more arguments of FlinkApplication, such as `wait_for` and `labels`.

        Raises:
            ValueError: `at` is none of the environments, or `spec` names a savepoint.
        """
        if at not in environments:
            places = ", ".join(environments)
            raise ValueError(f"Placement '{resource_name}': at '{at}' is none of its environments: {places}")
        job: Any = cast(Mapping[str, Any], spec).get("job") or {}
        if given := [key for key in _OURS if key in job]:
            text = f"spec.job.{given[0]} is this component's to set: say restore_from instead"
            raise ValueError(f"Placement '{resource_name}': {text}")
        super().__init__("cmf:components:Placement", resource_name, {}, opts)
        name = resource_name if name is None else name
        inputs = {
            "name": name,
            "environment": environments[at],
            "others": [environment for place, environment in sorted(environments.items()) if place != at],
            "restore_from": restore_from,
            "timeouts": timeouts,
        }
        handover = Handover(resource_name, inputs, pulumi.ResourceOptions(parent=self))
        self.savepoint_path = handover.savepoint_path.apply(lambda path: path or None)
        nonce = Output.all(handover.savepoint_path, handover.starts).apply(lambda known: known[1] if known[0] else None)
        start = {"initial_savepoint_path": self.savepoint_path, "savepoint_redeploy_nonce": nonce}
        before = pulumi.Alias(name=resource_name, parent=pulumi.ROOT_STACK_RESOURCE)
        self.application = FlinkApplication(
            f"{resource_name}-{at}",
            pulumi.ResourceOptions(parent=self, aliases=[before]),
            name=name,
            environment=environments[at],
            spec=cast(FlinkApplicationSpec, {**spec, "job": {**job, **start}}),
            force_delete=force_delete,
            timeouts=timeouts,
            **application,
        )
        self.environment = self.application.environment
        self.register_outputs({"environment": self.environment, "savepoint_path": self.savepoint_path})
