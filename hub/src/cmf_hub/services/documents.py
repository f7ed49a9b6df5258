"""Resources as the store keeps them: what the user sent, with the bookkeeping that only the hub writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from cmf_core.errors import BadRequest
from cmf_core.models import API_VERSION, Environment, Resource, timestamp

from cmf_hub.clock import Clock
from cmf_hub.flink.placement import APPLICATION, ENVIRONMENT, POOL, STATEMENT
from cmf_hub.flink.savepoints import SAVEPOINT
from cmf_hub.store import Key, Record

_BOOKKEEPING = ("name", "uid", "generation", "creationTimestamp", "updateTimestamp")
_ENVIRONMENT_BOOKKEEPING = ("name", "created_time", "updated_time")
_DELETING: dict[str, dict[str, Any]] = {
    APPLICATION: {"lifecycleState": "DELETING"},
    POOL: {"phase": "DELETING"},
    STATEMENT: {"phase": "DELETING"},
    SAVEPOINT: {"pendingDeletion": True},
}
"""What the status of a resource says while it is being deleted."""


def resource_content(sent: Resource) -> dict[str, Any]:
    """Return what a user decides of a resource: labels, annotations, spec, and fields that we do not know.

    Raises:
        BadRequest: its apiVersion is not CMF's.
    """
    if sent.api_version != API_VERSION:
        raise BadRequest(f"apiVersion '{sent.api_version}' is not {API_VERSION}")
    document = sent.wire()
    document.pop("status", None)
    document["metadata"] = _own_metadata(document.get("metadata") or {})
    return document


def environment_content(sent: Environment) -> dict[str, Any]:
    """Return what a user decides of an environment."""
    document = sent.wire()
    for field in ("name", "status", "secrets", "created_time", "updated_time"):
        document.pop(field, None)
    document["metadata"] = _own_metadata(document.get("metadata") or {})
    return document


def content_of(record: Record) -> dict[str, Any]:
    """Return the same part of a stored resource, as a copy that may be changed at its first two levels."""
    document = {key: value for key, value in record.document.items() if key not in _ENVIRONMENT_BOOKKEEPING}
    document["metadata"] = _own_metadata(document.get("metadata") or {})
    if isinstance(document.get("spec"), dict):
        document["spec"] = dict(document["spec"])
    return document


def created(
    key: Key, content: Mapping[str, Any], clock: Clock, *, uid: str | None = None, generation: int = 1
) -> Record:
    """Return the record of a new resource, or of one with a past: its uid and generation."""
    now = timestamp(clock.now())
    return _stamped(Record(key, uid or str(uuid4()), generation, now, now, dict(content)))


def changed(present: Record, content: Mapping[str, Any], clock: Clock) -> Record:
    """Return the record with another content; the same content leaves it as it is."""
    if content_of(present) == content:
        return present
    return regenerated(replace(present, document=dict(content), updated=timestamp(clock.now())))


def regenerated(record: Record) -> Record:
    """Return the record as its next generation, because its Kubernetes object is to be made anew."""
    return _stamped(replace(record, generation=record.generation + 1))


def marked_deleting(present: Record) -> Record:
    """Return the record of a resource that waits for its Kubernetes object to go."""
    if present.deleting:
        return present
    status = {**(present.status or {}), **_DELETING[present.key.kind]}
    return regenerated(replace(present, deleting=True, status=status))


def _stamped(record: Record) -> Record:
    """Return the record with the hub's bookkeeping in its document."""
    metadata: dict[str, Any] = {
        "name": record.name,
        "uid": record.uid,
        "generation": record.generation,
        "creationTimestamp": record.created,
        "updateTimestamp": record.updated,
    }
    metadata |= _own_metadata(record.document.get("metadata") or {})
    if record.key.kind == ENVIRONMENT:
        times = {"created_time": record.created, "updated_time": record.updated}
        return replace(record, document={"name": record.name, **record.document, "metadata": metadata, **times})
    head = {"apiVersion": API_VERSION, "kind": record.key.kind, "metadata": metadata}
    return replace(record, document={**head, **{k: v for k, v in record.document.items() if k not in head}})


def _own_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _BOOKKEEPING}
