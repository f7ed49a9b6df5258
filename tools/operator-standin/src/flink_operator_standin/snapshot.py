"""FlinkStateSnapshot: savepoints and checkpoints as objects.

Operator 1.7.0 does not act on them; this follows operator 1.10, whose CRD they come from.
"""

from datetime import UTC, datetime

from flink_operator_standin import flink_conf, validation
from flink_operator_standin.effects import Context, Decision, Emit, Json, Kind, Part, Replace, Steps


def reconcile(ctx: Context) -> Steps:
    """Trigger the snapshot, complete it, and give up where its job is gone."""
    status = ctx.status
    yield from _save(ctx)
    yield from _label(ctx)
    if status["state"] in ("COMPLETED", "ABANDONED") or (status["state"] == "FAILED" and not _may_retry(ctx)):
        return None
    if status["state"] == "FAILED":
        wait: float = ctx.timings.snapshot_retry * 2 ** (int(status["failures"]) - 1)
        if left := ctx.left(wait):
            return left
        status["state"] = "TRIGGER_PENDING"
        yield from _save(ctx)
    target = _target(ctx)
    problem = validation.snapshot(ctx.spec, status, ctx.namespace, target)
    if problem:
        yield from ctx.tell_once(Emit("Warning", "ValidationError", "Operator", problem))
        return None
    savepoint = ctx.spec.get("savepoint") or {}
    if savepoint.get("alreadyExists"):
        _complete(ctx, savepoint.get("path"))
    elif target is None or not _runs(target):
        yield from _abandon(ctx)
    elif status["state"] == "TRIGGER_PENDING":
        yield from _trigger(ctx, target)
    elif not ctx.left(ctx.timings.savepoint):
        yield from _end(ctx, target)
    yield from _save(ctx)
    yield from _label(ctx)
    if status["state"] == "IN_PROGRESS":
        return ctx.left(ctx.timings.savepoint)
    return 0.0 if status["state"] == "FAILED" else None


def cleanup(ctx: Context) -> Decision:
    """Dispose of a completed savepoint if its spec says so; whether that is done."""
    savepoint = ctx.spec.get("savepoint")
    if savepoint is None or not savepoint.get("disposeOnDelete", True) or not ctx.spec.get("jobReference"):
        return True
    if ctx.status["state"] == "IN_PROGRESS":
        yield from reconcile(ctx)
        return False
    if ctx.status["state"] == "COMPLETED" and ctx.status.get("path"):
        target = _target(ctx)
        if target is None or not _runs(target):
            why = "cannot be found" if target is None else "is not running"
            message = f"Cannot dispose of snapshot because referenced Flink job {why}!"
            yield from ctx.tell_once(Emit("Warning", "CleanupFailed", "Snapshot", message))
            return False
    return True


def _target(ctx: Context) -> Json | None:
    reference = ctx.spec.get("jobReference") or {}
    if not reference.get("name"):
        return None
    kind: Kind = reference.get("kind") or "FlinkDeployment"
    return ctx.siblings.get(kind, ctx.namespace, reference["name"])


def _runs(target: Json) -> bool:
    job = (target.get("status") or {}).get("jobStatus") or {}
    return bool(job.get("state") == "RUNNING") and "deletionTimestamp" not in target["metadata"]


def _trigger(ctx: Context, target: Json) -> Part:
    if ctx.spec.get("savepoint") is not None and not _directory(ctx, target):
        yield from _fail(
            ctx,
            "Either the savepoint path in the spec or configuration state.savepoints.dir in the Flink resource has to "
            "be supplied",
        )
        return
    ctx.status |= {"state": "IN_PROGRESS", "triggerId": ctx.new_id(), "triggerTimestamp": _timestamp(ctx)}


def _end(ctx: Context, target: Json) -> Part:
    if ctx.commands.fail_savepoint:
        yield from _fail(ctx, "the stand-in was told to fail this snapshot")
        return
    job_id = target["status"]["jobStatus"]["jobId"]
    if ctx.spec.get("savepoint") is not None:
        _complete(ctx, f"{_directory(ctx, target)}/savepoint-{job_id[:6]}-{ctx.new_id()[:12]}")
    else:
        directory = _configuration(ctx, target).get(flink_conf.CHECKPOINT_DIRECTORY, "").rstrip("/")
        _complete(ctx, f"{directory}/{job_id}/chk-1")


def _configuration(ctx: Context, target: Json) -> dict[str, str]:
    layers = [target["spec"].get("flinkConfiguration")]
    if target["spec"].get("deploymentName"):
        cluster = ctx.siblings.get("FlinkDeployment", ctx.namespace, target["spec"]["deploymentName"])
        layers.insert(0, cluster["spec"].get("flinkConfiguration") if cluster else None)
    return flink_conf.merged(*layers)


def _directory(ctx: Context, target: Json) -> str | None:
    path = ctx.spec["savepoint"].get("path") or _configuration(ctx, target).get(flink_conf.SAVEPOINT_DIRECTORY)
    return path.rstrip("/") if path else None


def _complete(ctx: Context, path: str | None) -> None:
    ctx.status |= {"state": "COMPLETED", "path": path, "resultTimestamp": _timestamp(ctx)}
    ctx.status.pop("error", None)


def _abandon(ctx: Context) -> Part:
    reference = ctx.spec["jobReference"]
    message = f"Snapshot {ctx.name} is abandoned: the referenced job {reference['name']} is not running"
    yield Emit("Warning", "SnapshotAbandoned", "Snapshot", message)
    ctx.status |= {"state": "ABANDONED", "error": message, "resultTimestamp": _timestamp(ctx)}


def _fail(ctx: Context, message: str) -> Part:
    reason = "CheckpointError" if ctx.spec.get("savepoint") is None else "SavepointError"
    yield Emit("Warning", reason, "Snapshot", message)
    ctx.status |= {
        "state": "FAILED",
        "error": message,
        "failures": ctx.status["failures"] + 1,
        "resultTimestamp": _timestamp(ctx),
    }


def _may_retry(ctx: Context) -> bool:
    limit = int(ctx.spec.get("backoffLimit", -1))
    return limit < 0 or int(ctx.status["failures"]) <= limit


def _timestamp(ctx: Context) -> str:
    return datetime.fromtimestamp(ctx.clock.epoch(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _save(ctx: Context) -> Part:
    ctx.enter((ctx.status["state"],))
    effect = ctx.changed_status()
    if effect:
        yield effect


def _label(ctx: Context) -> Part:
    """Keep the labels by which snapshots are selected."""
    metadata = ctx.resource["metadata"]
    reference = ctx.spec.get("jobReference") or {}
    labels = {
        "snapshot.type": "CHECKPOINT" if ctx.spec.get("savepoint") is None else "SAVEPOINT",
        "snapshot.state": ctx.status["state"],
        "snapshot.trigger-type": (metadata.get("labels") or {}).get("snapshot.trigger-type", "MANUAL"),
    }
    if reference.get("name"):
        labels["job-reference.kind"] = reference.get("kind") or "FlinkDeployment"
        labels["job-reference.name"] = reference["name"]
    if any((metadata.get("labels") or {}).get(name) != value for name, value in labels.items()):
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        yield Replace(ctx.resource)
