"""Where resources say how a Flink cluster is to be: their own specification, or an environment's defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_cmf_policy.resources import Described

SPECS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "FlinkApplication": (("spec",),),
    "ComputePool": (("cluster_spec",),),
    "Environment": (("flink_application_defaults", "spec"), ("compute_pool_defaults", "spec", "clusterSpec")),
}
"""Paths of the specifications that a kind has, or that it lays over others."""


def stated(resource: Described) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each specification that a resource states, with its name for messages; an effective one is among them."""
    for path in SPECS.get(resource.kind, ()):
        yield f"{resource.title}: {'.'.join(path)}", resource.object(*path)
