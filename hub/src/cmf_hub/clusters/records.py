"""Clusters in the store: their life cycle, labels and uid outlive restarts, rotations and lost files.

Each function is the work of one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cmf_core.errors import NotFound
from cmf_core.models import API_VERSION, KubernetesCluster, KubernetesClusterStatus, LifecycleState
from cmf_core.rules import clusters, enforce
from cmf_core.rules.environments import placement

from cmf_hub.store import Key, Record, Transaction

KIND = "KubernetesCluster"


def key(name: str) -> Key:
    """Return the key of a cluster's record."""
    return Key(KIND, "", name)


def create(transaction: Transaction, name: str, uid: str, now: str) -> Record:
    """Write the record of a new cluster (C25)."""
    metadata = {"name": name, "uid": uid, "creationTimestamp": now, "updateTimestamp": now}
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {"lifecycleState": LifecycleState.ACTIVE.value},
    }
    return transaction.put(Record(key(name), uid, 1, now, now, document))


def update(transaction: Transaction, name: str, sent: KubernetesCluster, now: str, *, empty_clears: bool) -> Record:
    """Set life cycle, labels and annotations; what is absent stays (C40-C47, D12).

    Raises:
        NotFound: there is no such cluster.
        BadRequest: it is to be decommissioned while environments are bound to it.
    """
    present = transaction.get(key(name))
    if present is None:
        raise NotFound(f"{KIND} '{name}' does not exist.")
    lifecycle = sent.spec.lifecycle_state or present.spec["lifecycleState"]
    if lifecycle == LifecycleState.DECOMMISSIONED:
        enforce(clusters.decommission(name, bound(transaction, name)))
    metadata = dict(present.document["metadata"])
    for field, given in (("labels", sent.metadata.labels), ("annotations", sent.metadata.annotations)):
        merged = clusters.merged_labels(metadata.pop(field, None), given, empty_clears=empty_clears)
        if merged is not None:
            metadata[field] = merged
    document = {**present.document, "metadata": metadata, "spec": {"lifecycleState": str(lifecycle)}}
    if document == present.document:
        return present
    metadata["updateTimestamp"] = now
    return transaction.put(replace(present, document=document, generation=present.generation + 1, updated=now))


def remove_unbound(transaction: Transaction, name: str) -> list[str]:
    """Remove a cluster's record unless environments are bound to it; return their names (cmf.md 8.1)."""
    environments = bound(transaction, name)
    if not environments:
        transaction.delete(key(name))
    return environments


def bound(transaction: Transaction, name: str) -> list[str]:
    """Return the names of the environments that are bound to a cluster."""
    return [
        record.name
        for record in transaction.list("Environment")
        if placement(record.document.get("kubernetesClusterName")) == name
    ]


def save_status(transaction: Transaction, name: str, uid: str, status: KubernetesClusterStatus) -> None:
    """Keep the status of a cluster, unless it is gone or another one by now."""
    present = transaction.get(key(name))
    if present is not None and present.uid == uid and present.status != status.wire():
        transaction.put(replace(present, status=status.wire()))
