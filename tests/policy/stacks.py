"""Resources as the engine hands them to policies, of either front, and what a policy says of them."""

from collections.abc import Mapping
from typing import Any

from pulumi_cmf_policy.pack import POLICIES
from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE as UNKNOWN
from pulumi_policy.proxy import unknown_checking_proxy

__all__ = ["FRONTS", "UNKNOWN", "Resource", "options", "policy", "said"]

FRONTS = ("dynamic", "plugin")
_NAMES = {
    "cluster_spec": "clusterSpec",
    "compute_pool_name": "computePoolName",
    "flink_application_defaults": "flinkApplicationDefaults",
    "compute_pool_defaults": "computePoolDefaults",
    "force_delete": "forceDelete",
    "kubernetes_cluster_name": "kubernetesClusterName",
    "lifecycle_state": "lifecycleState",
}


def options(*, protect: bool = False) -> PolicyResourceOptions:
    """Return Pulumi's options of a resource that has none of its own, but perhaps protect."""
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


class Resource:
    """A resource of CMF, with inputs named as in Python; `protect` is Pulumi's option."""

    def __init__(self, kind: str, name: str, *, protect: bool = False, **inputs: Any) -> None:
        self.kind = kind
        self.protect = protect
        self.inputs = {"name": name, **inputs}

    def type(self, front: str) -> str:
        """Return Pulumi's type of it."""
        if ":" in self.kind:
            return self.kind  # another provider's
        return f"pulumi-python:dynamic/cmf:{self.kind}" if front == "dynamic" else f"cmf:index:{self.kind}"

    def props(self, front: str) -> dict[str, Any]:
        """Return its inputs as a front names them."""
        if front == "dynamic":
            return self.inputs
        return {_NAMES.get(key, key): value for key, value in self.inputs.items()}

    def urn(self, front: str, stack: str) -> str:
        """Return Pulumi's name of it."""
        return f"urn:pulumi:{stack}::fleet::{self.type(front)}::{self.inputs['name']}"


def policy(name: str) -> Any:
    """Return a policy of the pack."""
    return next(each for each in POLICIES if each.name == name)


def said(
    name: str,
    front: str,
    *resources: Resource,
    config: Mapping[str, Any] | None = None,
    stack: str = "dev",
    into: list[str] | None = None,
) -> list[str]:
    """Return what a policy reports of a stack with these resources; `into` has it even if the policy fails."""
    found = [] if into is None else into
    chosen = policy(name)

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    props = [unknown_checking_proxy(resource.props(front)) for resource in resources]
    if isinstance(chosen, StackValidationPolicy):
        listed = [
            PolicyResource(
                each.type(front), given, each.urn(front, stack), each.inputs["name"], options(), None, None, [], {}
            )
            for each, given in zip(resources, props, strict=True)
        ]
        chosen.validate(StackValidationArgs(listed, config), report)
        return found
    assert isinstance(chosen, ResourceValidationPolicy)
    for each, given in zip(resources, props, strict=True):
        own, name = options(protect=each.protect), each.inputs["name"]
        args = ResourceValidationArgs(each.type(front), given, each.urn(front, stack), name, own, None, config)
        chosen.validate(args, report)
    return found
