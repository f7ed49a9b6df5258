"""Environments: placement, immutability, deletion (C05-C07, C52, E01-E07)."""

from __future__ import annotations

from collections.abc import Container, Mapping

from cmf_core.models.environment import Environment
from cmf_core.models.kubernetes_cluster import DEFAULT_CLUSTER
from cmf_core.rules.verdict import Refusal, Verdict, rule


@rule("C05")
def placement(cluster: str | None) -> str:
    """An environment without kubernetesClusterName is on the hub."""
    return cluster or DEFAULT_CLUSTER


@rule("C06", "C07")
def known_cluster(cluster: str, registered: Container[str]) -> Verdict:
    """An environment is bound to a registered cluster."""
    if cluster in registered:
        return None
    return Refusal(400, f"Environment's kubernetesClusterName '{cluster}' does not exist.", "C07")


@rule("E02")
def known_namespace(namespace: str, *, exists: bool) -> Verdict:
    """The environment's namespace exists on its cluster; CMF does not create it."""
    if exists:
        return None
    return Refusal(400, f"Environment's kubernetesNamespace '{namespace}' does not exist.", "E02")


@rule("E40")
def immutable_placement(present: Environment, sent: Environment) -> Verdict:
    """An environment cannot move: namespace and cluster stay as created; absent fields keep."""
    pairs = (
        ("kubernetesNamespace", present.kubernetes_namespace, sent.kubernetes_namespace),
        ("kubernetesClusterName", placement(present.kubernetes_cluster_name), sent.kubernetes_cluster_name),
    )
    for field, old, new in pairs:
        if new and new != old:
            text = (
                f"Environment '{present.name}': {field} is immutable ('{old}' to '{new}'): create another environment "
                "and move its resources there"
            )
            return Refusal(400, text, "E40")  # the only refusal that CMF declares for environments
    return None


@rule("C52")
def deletable(environment: str, contents: Mapping[str, int]) -> Verdict:
    """An environment is deleted after all its resources, with force or without."""
    held = [f"{count} {kind}" for kind, count in contents.items() if count]
    if not held:
        return None
    text = f"Environment '{environment}' is not empty ({', '.join(held)}): delete its resources first"
    return Refusal(409, text, "C52")
