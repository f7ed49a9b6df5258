"""The status that the operator writes: its defaults, the derived life cycle, and the steps of a reconciliation."""

import json
from typing import Any

from flink_operator_standin import flink_conf, specs
from flink_operator_standin.effects import Context, Emit, Json, Kind, Part

SAVEPOINT_HISTORY = 10
"""Savepoints kept in the history: `kubernetes.operator.savepoint.history.max.count`'s default."""

_EXCEPTION = "org.apache.flink.kubernetes.operator.exception."
_TERMINAL = {"FAILED", "FINISHED", "CANCELED"}
_LOST_STATE = (
    "Manual restore required.",
    "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.",
    "HA metadata is not available",
)


def default(kind: Kind) -> Json:
    """The status of an object that the operator has only just seen; it is not written by itself."""
    status: Json = {
        "jobStatus": {
            "savepointInfo": {"lastPeriodicSavepointTimestamp": 0, "savepointHistory": []},
            "checkpointInfo": {"lastPeriodicCheckpointTimestamp": 0},
        },
        "lifecycleState": "CREATED",
        "reconciliationStatus": {"reconciliationTimestamp": 0, "state": "UPGRADING"},
    }
    if kind == "FlinkDeployment":
        status |= {"clusterInfo": {}, "jobManagerDeploymentStatus": "MISSING"}
    return status


def last_spec(status: Json) -> Json | None:
    """The spec that was last reconciled, or None before the first deployment."""
    text = status["reconciliationStatus"].get("lastReconciledSpec")
    return dict(json.loads(text)["spec"]) if text else None


def last_generation(status: Json) -> int:
    """The generation of the spec that was last reconciled; 0 before the first deployment."""
    text = status["reconciliationStatus"].get("lastReconciledSpec")
    return int(json.loads(text)["resource_metadata"]["metadata"]["generation"]) if text else 0


def first_deployment(status: Json) -> bool:
    """Whether nothing but the first deployment was reconciled so far."""
    text = status["reconciliationStatus"].get("lastReconciledSpec")
    return bool(json.loads(text)["resource_metadata"]["firstDeployment"]) if text else True


def upgrading(status: Json) -> bool:
    """Whether a deployment was begun and has not been finished."""
    return bool(status["reconciliationStatus"]["state"] == "UPGRADING")


def job_state(status: Json) -> str | None:
    """The job's state as last observed."""
    state: str | None = status["jobStatus"].get("state")
    return state


def job_ended(status: Json) -> bool:
    """Whether the job is in a state that it does not leave."""
    return job_state(status) in _TERMINAL


def is_stable(status: Json) -> bool:
    """Whether the spec that was last reconciled is the one that last ran."""
    reconciled = status["reconciliationStatus"]
    return bool(reconciled.get("lastReconciledSpec") == reconciled.get("lastStableSpec"))


def lifecycle(status: Json) -> str:
    """The life cycle state, derived from the rest of the status (operator: CommonStatus.getLifecycleState)."""
    reconciled = status["reconciliationStatus"]
    error = status.get("error") or ""
    last = last_spec(status)
    if last is None:
        return "FAILED" if error else "CREATED"
    if reconciled["state"] == "UPGRADING":
        return "UPGRADING"
    if specs.suspended(last):
        return "SUSPENDED"
    if last.get("job") is not None and job_state(status) == "FAILED":
        return "FAILED"
    if status.get("jobManagerDeploymentStatus") in ("MISSING", "ERROR") and any(text in error for text in _LOST_STATE):
        return "FAILED"
    return "STABLE" if is_stable(status) else "DEPLOYED"


def error_json(kind: str, message: str, causes: tuple[tuple[str, str], ...] = (), metadata: Json | None = None) -> str:
    """An exception in the form of `status.error`; an unqualified kind is one of the operator's own exceptions."""
    return json.dumps(
        {
            "type": kind if "." in kind else _EXCEPTION + kind,
            "message": message,
            "additionalMetadata": metadata or {},
            "throwableList": [{"type": type_, "message": text, "additionalMetadata": {}} for type_, text in causes],
        },
        separators=(",", ":"),
    )


def save(ctx: Context) -> Part:
    """Write the status if it changed, and start the time of the phase that it shows."""
    ctx.status["lifecycleState"] = lifecycle(ctx.status)
    ctx.enter(phase(ctx.status))
    effect = ctx.changed_status()
    if effect:
        yield effect


def phase(status: Json) -> tuple[object, ...]:
    """What the object is waiting in; a change of it starts a new wait."""
    reconciled = status["reconciliationStatus"]
    return (
        status.get("jobManagerDeploymentStatus"),
        job_state(status),
        reconciled["state"],
        reconciled["reconciliationTimestamp"],
        status["jobStatus"]["savepointInfo"].get("triggerId"),
    )


def set_job_state(ctx: Context, state: str) -> Part:
    """Record an observed job state, with the event that tells of the change."""
    before = job_state(ctx.status)
    ctx.status["jobStatus"]["state"] = state
    if before is not None and before != state:
        yield Emit("Normal", "JobStatusChanged", "Job", f"Job status changed from {before} to {state}")


def record_attempt(ctx: Context, upgrade_mode: str | None) -> None:
    """Record the spec that is about to be deployed, its job as suspended still, in state UPGRADING."""
    _record(ctx, "UPGRADING", "suspended", upgrade_mode, first=last_spec(ctx.status) is None)


def record_deployed(ctx: Context, upgrade_mode: str | None) -> None:
    """Record that the spec is deployed; one with a suspended job is stable at once."""
    state = None if ctx.spec.get("job") is None else ctx.spec["job"].get("state", "running")
    _record(ctx, "DEPLOYED", state, upgrade_mode, first=first_deployment(ctx.status))
    if state == "suspended":
        mark_stable(ctx.status)


def _record(ctx: Context, state: str, job_to_be: str | None, upgrade_mode: str | None, *, first: bool) -> None:
    recorded = dict(ctx.spec)
    if recorded.get("job") is not None:
        recorded["job"] = {**recorded["job"], "state": job_to_be, "upgradeMode": upgrade_mode}
    reconciled = ctx.status["reconciliationStatus"]
    reconciled["state"] = state
    reconciled["reconciliationTimestamp"] = ctx.millis()
    reconciled["lastReconciledSpec"] = specs.dump(ctx.kind, recorded, ctx.group, ctx.generation, first=first)
    ctx.status.pop("error", None)
    if ctx.kind == "FlinkDeployment" and recorded.get("job") is not None:
        ctx.status["taskManager"] = _task_managers(ctx, running=job_to_be == "running")


def _task_managers(ctx: Context, *, running: bool) -> Json:
    if not running:
        return {"labelSelector": "", "replicas": 0}
    replicas = (ctx.spec.get("taskManager") or {}).get("replicas") if specs.standalone(ctx.spec) else None
    if not replicas:
        per_taskmanager = flink_conf.slots(configuration(ctx))
        replicas = -(-int(ctx.spec["job"].get("parallelism") or 1) // per_taskmanager)
    return {"labelSelector": f"component=taskmanager,app={ctx.name}", "replicas": replicas}


def record_generation(ctx: Context) -> None:
    """Record that a generation asked for nothing new of the deployment."""
    if last_generation(ctx.status) != ctx.generation:
        rewrite_last_spec(ctx, last_spec(ctx.status) or {})


def rewrite_last_spec(ctx: Context, spec: Json) -> None:
    """Record `spec` as the last reconciled one, with the object's generation, and nothing else."""
    first = first_deployment(ctx.status)
    text = specs.dump(ctx.kind, spec, ctx.group, ctx.generation, first=first)
    ctx.status["reconciliationStatus"]["lastReconciledSpec"] = text


def mark_stable(status: Json) -> None:
    """The spec that was last reconciled has run."""
    reconciled = status["reconciliationStatus"]
    reconciled["lastStableSpec"] = reconciled["lastReconciledSpec"]


def mark_stable_if_running(status: Json) -> None:
    """Mark the spec stable if its job runs, or ended by itself."""
    last = last_spec(status) or {}
    if upgrading(status) or last.get("job") is None:
        return
    if job_state(status) == "RUNNING" or (job_state(status) == "FINISHED" and not specs.suspended(last)):
        mark_stable(status)


def configuration(ctx: Context) -> dict[str, str]:
    """The object's own Flink configuration."""
    return flink_conf.merged(ctx.spec.get("flinkConfiguration"))


def add_savepoint(ctx: Context, trigger: str, format_type: str, location: str, nonce: Any = None) -> None:
    """Record a savepoint as the last one and in the history, which is bounded."""
    savepoint: Json = {
        "location": location,
        "timeStamp": ctx.millis(),
        "triggerType": trigger,
        "formatType": format_type,
    }
    if nonce is not None:
        savepoint["triggerNonce"] = nonce
    info = ctx.status["jobStatus"]["savepointInfo"]
    info["lastSavepoint"] = savepoint
    info["savepointHistory"] = [*info.get("savepointHistory", []), savepoint][-SAVEPOINT_HISTORY:]
    for name in ("triggerId", "triggerTimestamp", "triggerType", "formatType"):
        info.pop(name, None)
