"""What the operator's objects mean for the status of a savepoint. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cmf_core.models import SavepointState, timestamp

from cmf_hub.flink.observation import Status
from cmf_hub.store import Record

_S = SavepointState
_ENDED = frozenset({"FAILED", "FINISHED", "CANCELED"})
_LONGEST = 2000
"""Characters of an operator's text that are kept: it may come from a hostile or broken cluster."""

NEW: Status = {"state": str(_S.TRIGGER_PENDING), "failures": 0, "pendingDeletion": False}
"""Status of a savepoint that nobody has worked on yet."""


def savepoint_status(
    record: Record, found: Mapping[str, Any] | None, terminating: str | None, made_from: int, trouble: str | None
) -> Status:
    """Return the status of a savepoint.

    Args:
        record: the savepoint.
        found: its FlinkStateSnapshot, or its job's object if it is taken by a nonce; None if that is gone.
        terminating: why `found` is not gone although its deletion was asked for, or None.
        made_from: generation of the resource that `found` was made from.
        trouble: why the hub could not ask for it, or why nobody works on it.
    """
    before = {**NEW, **(record.status or {}), "pendingDeletion": record.deleting}
    if "nonce" in (record.private or {}):
        return _by_nonce(record, before, found, terminating, made_from, trouble)
    return _of_snapshot(record, before, found, terminating, trouble)


def _of_snapshot(
    record: Record, before: Status, found: Mapping[str, Any] | None, terminating: str | None, trouble: str | None
) -> Status:
    if found is None:
        if record.dirty or record.deleting or before["state"] not in (_S.TRIGGER_PENDING, _S.IN_PROGRESS):
            return before
        name = (record.private or {}).get("object")
        return before | {"state": str(_S.ABANDONED), "error": f"FlinkStateSnapshot '{name}' was deleted on the cluster"}
    if terminating and record.deleting:
        hint = "the operator deletes data only while their job runs; force=true gives up and keeps them"
        return before | {"error": f"{terminating}; {hint}"}
    if before["state"] == _S.COMPLETED:
        return before
    reported = found.get("status")
    reported = reported if isinstance(reported, Mapping) else {}
    if reported.get("state") not in list(_S):
        return before | ({"error": trouble} if trouble else {})
    status: Status = {"state": reported["state"], "failures": _whole(reported.get("failures")) or 0}
    for field in ("path", "triggerTimestamp", "resultTimestamp", "error"):
        if reported.get(field):
            status[field] = str(reported[field])[:_LONGEST]
    return status | {"pendingDeletion": record.deleting}


def _by_nonce(
    record: Record,
    before: Status,
    found: Mapping[str, Any] | None,
    terminating: str | None,
    made_from: int,
    trouble: str | None,
) -> Status:
    if before["state"] not in (_S.TRIGGER_PENDING, _S.IN_PROGRESS):
        return before
    private = record.private or {}
    nonce, status = private["nonce"], _mapping((found or {}).get("status"))
    info = _mapping(_mapping(status.get("jobStatus")).get("savepointInfo"))
    for savepoint in _savepoints(info):
        if savepoint.get("triggerNonce") == nonce and savepoint.get("location"):
            path = str(savepoint["location"])[:_LONGEST]
            ended = {"state": str(_S.COMPLETED), "path": path, **_time("resultTimestamp", savepoint.get("timeStamp"))}
            return _without_error(before) | ended
    why = _abandoned(found, status, terminating)
    if why:
        return before | {"state": str(_S.ABANDONED), "error": why}
    if made_from < private["generation"]:
        return before | ({"error": trouble} if trouble else {})  # it is from before the nonce
    job = _mapping(_mapping((found or {}).get("spec")).get("job"))
    if job.get("savepointTriggerNonce") != nonce:
        return before | {"state": str(_S.ABANDONED), "error": "another savepointTriggerNonce took the place of its own"}
    if info.get("triggerId"):
        started = _time("triggerTimestamp", info.get("triggerTimestamp"))
        return _without_error(before) | {"state": str(_S.IN_PROGRESS), **started}
    if _reconciled_nonce(status) == nonce:
        why = "the operator gave the savepoint up, or the job was deployed anew meanwhile: see the operator's events"
        return before | {"state": str(_S.FAILED), "failures": 1, "error": why}
    return before | ({"error": trouble} if trouble else {})


def _abandoned(found: Mapping[str, Any] | None, status: Mapping[str, Any], terminating: str | None) -> str | None:
    """Return why a job takes no savepoint any more."""
    if found is None:
        return "its job's object is gone"
    if terminating:
        return "its job is being deleted"
    if _mapping(_mapping(found.get("spec")).get("job")).get("state") == "suspended":
        return "its job was suspended"
    state = _mapping(status.get("jobStatus")).get("state")
    return f"its job is {state}" if state in _ENDED else None


def _savepoints(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _mapping(info.get("lastSavepoint"))
    history = info.get("savepointHistory")
    yield from (_mapping(entry) for entry in (history if isinstance(history, list) else ()))


def _reconciled_nonce(status: Mapping[str, Any]) -> Any:
    text = _mapping(status.get("reconciliationStatus")).get("lastReconciledSpec")
    try:
        return json.loads(text or "{}")["spec"]["job"]["savepointTriggerNonce"]
    except (ValueError, KeyError, TypeError):
        return None


def _without_error(status: Status) -> Status:
    return {key: value for key, value in status.items() if key != "error"}


def _time(field: str, millis: Any) -> Status:
    try:
        return {field: timestamp(datetime.fromtimestamp(int(millis) / 1000, UTC))}
    except (ValueError, TypeError, OverflowError, OSError):
        return {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
