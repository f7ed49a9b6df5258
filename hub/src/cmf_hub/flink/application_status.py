"""Status of an application by its FlinkDeployment. Pure."""

from __future__ import annotations

from cmf_hub.flink.observation import Observation, Status
from cmf_hub.flink.placement import Placement
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.store import Record

CURRENT_INSTANCE = "currentDeployedInstanceName"
"""Field of an application's status: the instance that runs on its cluster."""


def application_status(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
    """Return the status of an application, seen or not (None) on its cluster; `trouble` is why it is not changed."""
    record = placed.record
    status = _passed_through(record, seen) if seen else _without_object(placed)
    job = status.get("jobStatus") or {}
    status["jobStatus"] = {**job, "jobName": str(job.get("jobName") or ""), "state": str(job.get("state") or "")}
    message = trouble or (seen.terminating if seen else None)
    if record.deleting:
        status["lifecycleState"] = "DELETING"
    return status | {"message": message} if message else status


def _passed_through(record: Record, seen: Observation) -> Status:
    """Return the operator's status, with a job state that is true."""
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
    }


def _deployed(record: Record, seen: Observation) -> str | None:
    """Return the instance that the operator's status speaks of: while it upgrades, still the one before."""
    if seen.lifecycle == "UPGRADING":
        return (record.status or {}).get(CURRENT_INSTANCE)
    return seen.instance


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
