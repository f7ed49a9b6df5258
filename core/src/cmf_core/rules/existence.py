"""Whether a resource is there: what is used or changed has to be, and what is created must not."""

from __future__ import annotations

from cmf_core.calls import PREFIX
from cmf_core.rules.verdict import Advice, Refusal, Verdict, rule


@rule("EXISTS")
def exists(what: str, where: str = "", *, present: bool) -> Verdict:
    """A resource that is changed, or that another one is in, is there.

    Args:
        what: kind and name, as in `Environment 'prod'`.
        where: what it is in, with a blank before it; empty if it is global.
        present: whether it is there.
    """
    return None if present else Refusal(404, f"{what} does not exist{where}.", "EXISTS")


@rule("TAKEN")
def not_taken(what: str, *, present: bool, ours: bool) -> Verdict:
    """A resource takes over nothing that another one, a person or another stack has made.

    Args:
        what: kind, name and place.
        present: whether there is one of this name.
        ours: whether it comes from an earlier attempt of this very create.
    """
    if not present or ours:
        return None
    text = (
        f"{what} exists already and was not created by this resource: choose another name, delete it first, or take it "
        "over with `pulumi import`"
    )
    return Refusal(409, text, "TAKEN")


@rule("DELETING")
def not_deleting(what: str, *, deleting: bool) -> Verdict:
    """A resource that is being deleted is not changed."""
    if not deleting:
        return None
    return Refusal(
        409, f"{what} is being deleted: wait until it is gone, or remove its record with force=true", "DELETING"
    )


@rule("C53")
def left_behind(resource: str, former: str | None, object_: str, name: str, namespace: str, cluster: str) -> Verdict:
    """What a forced deletion left on a cluster is not taken over; it keeps its name until it is cleaned or adopted.

    Args:
        resource: kind and key of what wants the name, as in `FlinkApplication prod/orders`.
        former: kind of the resource whose deletion left an object of this kind and name there; None if none did.
        object_: kind of the object, as in `FlinkDeployment`.
        name: the object's name.
        namespace: its namespace.
        cluster: name of its Kubernetes cluster.
    """
    if former is None:
        return None
    calls = _orphans(cluster)
    ways_out = [f"delete what was left there with POST {calls}/clean"]
    if former == "FlinkApplication":
        ways_out.append(f"take it back with POST {calls}/{namespace}/{name}/adopt")
    text = (
        f"{object_} '{name}' in namespace '{namespace}' of Kubernetes cluster '{cluster}' exists and was left behind "
        f"by a deleted resource: {resource} does not take it over; {', '.join(ways_out)}, or choose another name"
    )
    return Refusal(409, text, "C53")


@rule("C53")
def perhaps_left_behind(resource: str, former: str, namespace: str, cluster: str) -> Advice:
    """What a forced deletion left keeps a new resource of its name from its object, if theirs are of one kind.

    Args:
        resource: kind and key of what wants the name, as in `Statement prod/orders`.
        former: kind of the resource whose deletion left an object of this name there.
        namespace: its namespace.
        cluster: name of its Kubernetes cluster.
    """
    text = (
        f"a deleted {former} left an object of this name in namespace '{namespace}' of Kubernetes cluster '{cluster}': "
        f"{resource} may be refused because of it; delete what was left there with POST {_orphans(cluster)}/clean, or "
        "choose another name"
    )
    return Advice(text, "C53")


def _orphans(cluster: str) -> str:
    return f"{PREFIX}/kubernetes-clusters/{cluster}/orphans"
