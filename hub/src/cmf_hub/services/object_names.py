"""Names of Kubernetes objects: one namespace of one cluster holds each name once."""

from __future__ import annotations

from cmf_core.rules import enforce, names

from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, POOL, STATEMENT, is_shared
from cmf_hub.services.writes import place
from cmf_hub.store import Condition, Key, Query, Record, Transaction


def enforce_free(transaction: Transaction, key: Key, environment: Record) -> None:
    """Refuse a name that another resource with an object in the same namespace has.

    Raises:
        Conflict: the name is taken.
    """
    cluster, namespace = place(environment)
    conditions = (
        Condition((("kubernetesNamespace",),), "in", (namespace,)),
        Condition((("kubernetesClusterName",),), "in", (cluster,)),
    )
    for neighbour in transaction.page(Query(ENVIRONMENT, "", conditions)):
        for kind in (APPLICATION, POOL, STATEMENT):
            holder = transaction.get(Key(kind, neighbour.key.name, key.name))
            if holder is not None and holder.key != key and has_object(holder):
                enforce(names.free_object_name(str(key), namespace, str(holder.key)))


def has_object(record: Record) -> bool:
    """Tell whether a resource has a Kubernetes object of its own; dedicated pools have none (P04)."""
    return record.key.kind != POOL or is_shared(record)
