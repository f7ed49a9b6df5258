"""Status of an application by its FlinkDeployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cmf_core.models import timestamp
from cmf_core.rules.options import high_availability, options_of

from cmf_hub.flink.manifests import application_spec
from cmf_hub.flink.observation import Observation, Status
from cmf_hub.flink.placement import Placement
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.store import Record

CURRENT_INSTANCE = "currentDeployedInstanceName"
"""Field of an application's status: the instance that runs on its cluster."""

STATE_LOST = "stateLost"
"""Field of an application's status: what a JobManager without high availability took with it, until the next change."""


def application_status(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
    """Return the status of an application, seen or not (None) on its cluster; `trouble` is why it is not changed."""
    record = placed.record
    status = _passed_through(placed, seen) if seen else _without_object(placed)
    job = status.get("jobStatus") or {}
    status["jobStatus"] = {**job, "jobName": str(job.get("jobName") or ""), "state": str(job.get("state") or "")}
    message = trouble or (seen.terminating if seen else None)
    if record.deleting:
        status["lifecycleState"] = "DELETING"
    return status | {"message": message} if message else status


def _passed_through(placed: Placement, seen: Observation) -> Status:
    """Return the operator's status, with a job state that is true."""
    record = placed.record
    job = {key: value for key, value in (seen.status.get("jobStatus") or {}).items() if value is not None}
    state = seen.job
    if state == "RUNNING" and seen.job_manager != "READY":
        state = "RECONCILING"  # E28
    return {
        **{key: value for key, value in seen.status.items() if value is not None},
        "lifecycleState": seen.lifecycle,
        "jobStatus": {**job, "state": state},
        "observedGeneration": seen.observed(record),
        **({CURRENT_INSTANCE: instance} if (instance := _deployed(record, seen)) else {}),
        **({STATE_LOST: loss} if (loss := _loss(placed, seen)) else {}),
    }


def _deployed(record: Record, seen: Observation) -> str | None:
    """Return the instance that the operator's status speaks of: while it upgrades, still the one before."""
    if seen.lifecycle == "UPGRADING":
        return (record.status or {}).get(CURRENT_INSTANCE)
    return seen.instance


def _loss(placed: Placement, seen: Observation) -> str | None:
    """Return what is lost because the job began anew although nobody deployed it anew (E31).

    With high availability, a new JobManager goes on from the last checkpoint; without, it runs the job as it was
    deployed.
    """
    before = placed.record.status or {}
    if _deployed_at(before) is None or _deployed_at(before) != _deployed_at(seen.status):
        return None
    began, begins = _started_at(before), _started_at(seen.status)
    if not began or not begins or began == begins:
        return before.get(STATE_LOST)
    available = high_availability(options_of(application_spec(placed)))
    if available:
        return None
    unless = "" if available is False else ", unless the operator's defaults switch high availability on"
    return (
        "The JobManager was lost and, without high availability, its successor started the job anew at "
        f"{_time(begins)}, from where it was deployed: what the job had kept since {_time(began)} is lost{unless}. Set "
        "high-availability.type and high-availability.storageDir"
    )


def _deployed_at(status: Mapping[str, Any]) -> Any:
    return (status.get("reconciliationStatus") or {}).get("reconciliationTimestamp")


def _started_at(status: Mapping[str, Any]) -> str:
    return str((status.get("jobStatus") or {}).get("startTime") or "")


def _time(millis: str) -> str:
    return timestamp(datetime.fromtimestamp(int(millis) / 1000, UTC)) if millis.isdecimal() else millis


def _without_object(placed: Placement) -> Status:
    record = placed.record
    before = {key: value for key, value in (record.status or {}).items() if key not in ("message", "warning")}
    wanted = presence(placed)
    if wanted is Presence.UNTOUCHED:
        return before | {"message": "The job has ended and its FlinkDeployment is gone; it is not started again."}
    if wanted is Presence.IF_PRESENT:
        job = {**(before.get("jobStatus") or {}), "state": "SUSPENDED"}
        return {"lifecycleState": "SUSPENDED", "jobStatus": job, "observedGeneration": record.generation}
    if wanted is Presence.ABSENT:
        return before
    return {"lifecycleState": "CREATED", "observedGeneration": 0}
