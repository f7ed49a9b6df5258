"""Environments that a preview would create in a namespace that their cluster does not have (E02).

Only the program's process knows what an environment waits for: what is no resource of CMF may make the namespace
first, and then nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from cmf_core.rules.environments import known_namespace, placement

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import refused


async def missing_namespaces(
    facts: Facts, new: Mapping[str, pulumi.Resource], made: Sequence[pulumi.ResourceTransformationArgs]
) -> list[str]:
    """Return what CMF will refuse of the environments of an update, a sentence each.

    Args:
        facts: what is known, with what the update makes of them.
        new: those that it creates, by name.
        made: all resources of the program.

    Raises:
        CmfError: CMF cannot be asked.
    """
    sentences = {resource: told for name, resource in new.items() if (told := await _refusal(facts, name))}
    if not sentences:
        return []
    waits = {each.resource: await _waits_for(each) for each in made}
    return [sentence for resource, sentence in sentences.items() if not _others(resource, waits)]


async def _refusal(facts: Facts, environment: str) -> str | None:
    """Return what CMF says to a new environment, unless something makes its namespace before."""
    planned = facts.planned("Environment", environment)
    namespace = planned.inputs.get("kubernetes_namespace") if planned else None
    if planned is None or namespace is None:
        return None
    cluster = placement(planned.inputs.get("kubernetes_cluster_name"))
    verdict = known_namespace(namespace, exists=await facts.namespace_exists(cluster, namespace) is not False)
    if verdict is None:
        return None
    return (
        f"Environment '{environment}' would be created: {refused('', verdict).reason}: create it on Kubernetes "
        f"cluster '{cluster}', or let what makes it be among the environment's `depends_on`"
    )


async def _waits_for(described: pulumi.ResourceTransformationArgs) -> set[pulumi.Resource | None]:
    """Return what Pulumi makes before a resource, of CMF's and of components around it; None stands for all else."""
    first: set[Any] = set(await pulumi.Output.from_input(dict(described.props)).resources())
    depends_on, parent = described.opts.depends_on, described.opts.parent
    if depends_on is not None:
        found: Any = await pulumi.Output.from_input(depends_on).future()
        first |= {*(found if isinstance(found, list) else [found])}
    around = {parent} if isinstance(parent, pulumi.ComponentResource) else set()
    if parent is not None:
        first |= {parent} - around
    return around | {each if hasattr(each, "_front") else None for each in first}


def _others(resource: pulumi.Resource, waits: Mapping[pulumi.Resource, set[pulumi.Resource | None]]) -> bool:
    """Tell whether a resource waits for any that is not CMF's, over any number of others."""
    reached: set[pulumi.Resource | None] = set()
    ahead: list[pulumi.Resource | None] = [resource]
    while ahead:
        each = ahead.pop()
        if each is None:
            return True
        if each not in reached:
            reached.add(each)
            ahead += waits.get(each, ())
    return False
