"""Whether a resource's Kubernetes object should be on its cluster. Pure."""

from __future__ import annotations

from enum import Enum, auto

from cmf_core.models import StatementPhase
from cmf_core.rules.applications import is_suspended

from cmf_hub.flink.placement import Placement, is_query_statement, is_shared, is_suspended_pool
from cmf_hub.store import Record

_ENDED = frozenset({"FINISHED", "CANCELED"})


class Presence(Enum):
    """What should be true of a resource's object on its cluster."""

    PRESENT = auto()
    """It is there and as the resource wants it."""
    IF_PRESENT = auto()
    """If it is there, it is as the resource wants it; none is made: a suspended job has nothing to run."""
    UNTOUCHED = auto()
    """It is left as it is, there or not: its job has ended, and touching it could run the job again."""
    ABSENT = auto()
    """It is not there."""


def presence(placed: Placement) -> Presence:
    """Return what should be true of a resource's object."""
    record = placed.record
    if record.deleting:
        return Presence.ABSENT
    match record.key.kind:
        case "FlinkApplication":
            if _has_ended(record):
                return Presence.UNTOUCHED
            return Presence.IF_PRESENT if is_suspended(record.spec) else Presence.PRESENT
        case "ComputePool":
            return Presence.ABSENT if is_suspended_pool(record) else Presence.PRESENT
        case "Savepoint":
            return Presence.PRESENT if record.dirty else Presence.UNTOUCHED  # made once: another is another savepoint
    return _presence_of_statement(record, placed.pool)


def _presence_of_statement(record: Record, pool: Record | None) -> Presence:
    if pool is None:
        return Presence.UNTOUCHED
    if is_shared(pool) and (pool.deleting or is_suspended_pool(pool)):
        return Presence.ABSENT  # the operator keeps a session cluster as long as it has session jobs
    phase = (record.status or {}).get("phase")
    if phase == StatementPhase.COMPLETED or (phase == StatementPhase.FAILED and _is_observed(record)):
        return Presence.UNTOUCHED
    if record.spec.get("stopped"):
        return Presence.ABSENT if is_query_statement(record) else Presence.IF_PRESENT
    return Presence.PRESENT


def _has_ended(record: Record) -> bool:
    """Tell whether the job of an application's present spec ran to its end."""
    status = record.status or {}
    state = (status.get("jobStatus") or {}).get("state")
    return state in _ENDED and status.get("lifecycleState") in ("STABLE", "DEPLOYED") and _is_observed(record)


def _is_observed(record: Record) -> bool:
    return (record.status or {}).get("observedGeneration") == record.generation
