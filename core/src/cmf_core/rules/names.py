"""Names: what CMF, Kubernetes and the Flink Kubernetes Operator accept (`cmf.md` 1.3)."""

from __future__ import annotations

import re

from cmf_core.models.kubernetes_cluster import DEFAULT_CLUSTER
from cmf_core.rules.verdict import Refusal, Verdict, rule

_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_OPERATOR = re.compile(r"[a-z]([-a-z\d]{0,43}[a-z\d])?")
MAX_LENGTH = 253


@rule("NAME")
def resource_name(kind: str, name: str, minimum: int = 4) -> Verdict:
    """Names are lower-case DNS names of 4 to 253 characters."""
    if not name:
        return Refusal(400, f"{kind} has no name: set metadata.name", "NAME")
    if not minimum <= len(name) <= MAX_LENGTH:
        return Refusal(400, f"name: size must be between {minimum} and {MAX_LENGTH} ({kind} '{name}')", "NAME")
    if not _DNS_SUBDOMAIN.fullmatch(name):
        text = (
            f"{kind} name '{name}' is not valid: use lower-case letters, digits, '-' and '.', "
            "beginning and ending with a letter or digit"
        )
        return Refusal(400, text, "NAME")
    return None


@rule("FKO1")
def deployment_name(kind: str, name: str) -> Verdict:
    """What becomes a FlinkDeployment or FlinkSessionJob has a name that its operator accepts."""
    if _OPERATOR.fullmatch(name):
        return None
    text = (
        f"{kind} name '{name}' cannot be used for its Kubernetes resource: the Flink Kubernetes Operator takes at "
        "most 45 characters, a letter first, then lower-case letters, digits and '-', no dots"
    )
    return Refusal(422, text, "FKO1")


@rule("OBJECT")
def free_object_name(resource: str, namespace: str, holder: str | None) -> Verdict:
    """A namespace of a cluster holds each name once, over applications, statements and shared pools."""
    if holder is None:
        return None
    text = (
        f"{resource} cannot be created: {holder} has a Kubernetes object of this name in namespace '{namespace}': "
        "choose another name"
    )
    return Refusal(409, text, "OBJECT")


@rule("C04", "C11", "C12")
def cluster_name(name: str) -> Verdict:
    """A cluster is named exactly as its kubeconfig file, and `default-k8s-cluster` is reserved."""
    if name == DEFAULT_CLUSTER:
        text = f"'{DEFAULT_CLUSTER}' is reserved for the cluster where the manager runs: rename the kubeconfig file"
        return Refusal(400, text, "C04")
    return resource_name("KubernetesCluster", name, minimum=1)
