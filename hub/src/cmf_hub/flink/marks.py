"""Labels and annotations by which an object on a cluster says whose it is, and of which generation. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cmf_hub.flink.savepoints import SAVEPOINT, environment_name
from cmf_hub.store import Key, Orphan, Record

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "cmf-hub"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Label selector of everything that the hub put on a cluster."""

_DOMAIN = "cmf-hub.io"
ENVIRONMENT_MARK = f"{_DOMAIN}/environment"
KIND_MARK = f"{_DOMAIN}/kind"
NAME_MARK = f"{_DOMAIN}/name"
UID_LABEL = f"{_DOMAIN}/uid"
SAVEPOINT_MARK = f"{_DOMAIN}/savepoint"
"""Scope and name of the savepoint that a FlinkStateSnapshot was made for."""
GENERATION_ANNOTATION = f"{_DOMAIN}/generation"
"""Generation of the resource that an object was made from."""

_LONGEST_LABEL = 63


def label_value(text: str) -> str:
    """Return a text as a label value: itself if it is short enough, else its beginning and a hash of it."""
    if len(text) <= _LONGEST_LABEL:
        return text
    return f"{text[:46].rstrip('.-')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def labels_of(record: Record) -> dict[str, str]:
    """Return the labels by which a resource's object says whose it is."""
    return {
        MANAGED_BY: MANAGER,
        ENVIRONMENT_MARK: label_value(environment_name(record.key.scope)),
        KIND_MARK: record.key.kind,
        NAME_MARK: label_value(record.name),
        UID_LABEL: record.uid,
    }


def annotations_of(record: Record) -> dict[str, str]:
    """Return the annotations of a resource's object: what labels have no room for, and its generation."""
    annotations = {ENVIRONMENT_MARK: environment_name(record.key.scope), GENERATION_ANNOTATION: str(record.generation)}
    if record.key.kind == SAVEPOINT:
        annotations[SAVEPOINT_MARK] = f"{record.key.scope}/{record.name}"
    return annotations


def owner(found: Mapping[str, Any]) -> tuple[Key, str] | None:
    """Return key and uid of the resource that an object says it belongs to; None for an object of others."""
    metadata = found["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    try:
        if labels[KIND_MARK] == SAVEPOINT:
            scope, _, name = annotations[SAVEPOINT_MARK].rpartition("/")
            return Key(SAVEPOINT, scope, name), labels[UID_LABEL]
        return Key(labels[KIND_MARK], annotations[ENVIRONMENT_MARK], metadata["name"]), labels[UID_LABEL]
    except KeyError:
        return None


def metadata_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's labels and annotations without those that the hub adds."""
    own = {MANAGED_BY, ENVIRONMENT_MARK, KIND_MARK, NAME_MARK, UID_LABEL, GENERATION_ANNOTATION}
    metadata = found["metadata"]
    kept = {
        field: {key: value for key, value in (metadata.get(field) or {}).items() if key not in own}
        for field in ("labels", "annotations")
    }
    return {"name": metadata["name"], **{field: values for field, values in kept.items() if values}}


def generation_of(found: Mapping[str, Any]) -> int:
    """Return the generation of the resource that an object was made from; 1 if it does not say."""
    text = str((found["metadata"].get("annotations") or {}).get(GENERATION_ANNOTATION))
    return int(text) if text.isdecimal() else 1


def belongs(found: Mapping[str, Any], record: Record | Orphan) -> bool:
    """Tell whether an object was made for this very resource, not for a namesake before it or by others."""
    return bool((found["metadata"].get("labels") or {}).get(UID_LABEL) == record.uid)
