"""Environments: placement, immutability, deletion (C05-C07, C52, E01-E07)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from cmf_core.models.environment import Environment
from cmf_core.models.kubernetes_cluster import DEFAULT_CLUSTER
from cmf_core.rules import operator
from cmf_core.rules.verdict import Advice, Refusal, Verdict, rule


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


@rule("E02")
def namespace_to_come(environment: str, namespace: str, cluster: str, *, exists: bool) -> Advice | None:
    """A namespace that is missing may be made before its environment, by what is no resource of CMF."""
    if known_namespace(namespace, exists=exists) is None:
        return None
    text = (
        f"Namespace '{namespace}' does not exist on Kubernetes cluster '{cluster}' yet: CMF will refuse Environment "
        f"'{environment}' unless this update makes the namespace first: let the environment depend on what makes it"
    )
    return Advice(text, "E02")


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


@rule("E04")
def new_defaults(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Advice | None:
    """Defaults with which no operator takes an application that is there are told beforehand.

    Args:
        what: kind, name and place of the application.
        before: its specification with the present defaults.
        after: its specification with the new ones.
    """
    where = f"{what}: spec"
    refusal = operator.refused(where, after)
    if refusal is None or operator.refused(where, before) is not None:
        return None
    text = "No operator takes that from these defaults: its job runs on as it is, and not even its deletion may end"
    return Advice(f"{refusal.message}. {text}", refusal.rule)


@rule("C52")
def deletable(environment: str, contents: Mapping[str, int]) -> Verdict:
    """An environment is deleted after all its resources, with force or without."""
    held = [f"{count} {kind}" for kind, count in contents.items() if count]
    if not held:
        return None
    text = f"Environment '{environment}' is not empty ({', '.join(held)}): delete its resources first"
    return Refusal(409, text, "C52")
