"""What applications and session jobs share: upgrades by mode, savepoints, and how a job's state goes on."""

from collections.abc import Callable

from flink_operator_standin import flink_conf, specs, statuses
from flink_operator_standin.effects import Context, Emit, Json, Part

Step = Callable[[Context, str], Part]

SUSPENDING = Emit("Normal", "Suspended", "JobManagerDeployment", "Suspending existing deployment.")

_NO_RESTART = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy"
_NO_STATE = (
    "Job is in terminal state but last checkpoint is unknown, possibly due to an unrecoverable restore error. "
    "Manual restore required."
)


def deploy_first(ctx: Context, deploy: Step) -> Part:
    """Deploy for the first time: without state, or from `initialSavepointPath`."""
    mode = "stateless"
    path = ctx.spec["job"].get("initialSavepointPath")
    if path:
        mode = "savepoint"
        statuses.add_savepoint(ctx, "UNKNOWN", "UNKNOWN", path)
    statuses.record_attempt(ctx, mode)
    yield from statuses.save(ctx)
    yield from deploy(ctx, mode)


def change(ctx: Context, last: Json, difference: specs.Difference, deploy: Step, cancel: Step) -> Part:
    """Bring a deployed or suspended job to a new spec: suspend it first, restore it in the next reconciliation."""
    to_be_suspended = specs.suspended(ctx.spec)
    if difference.change is specs.Change.SAVEPOINT_REDEPLOY and not to_be_suspended:
        yield SUSPENDING
        yield from cancel(ctx, "stateless")
        statuses.add_savepoint(ctx, "UNKNOWN", "UNKNOWN", ctx.spec["job"]["initialSavepointPath"])
        statuses.record_attempt(ctx, "savepoint")
    elif not specs.suspended(last):
        yield from _suspend(ctx, last, cancel)
    elif not to_be_suspended:
        mode = ctx.spec["job"]["upgradeMode"]
        if mode != "stateless":
            mode = last["job"]["upgradeMode"]
        if not (statuses.upgrading(ctx.status) and statuses.last_generation(ctx.status) == ctx.generation):
            statuses.record_attempt(ctx, mode)
            yield from statuses.save(ctx)
        yield from deploy(ctx, mode)
    else:
        statuses.record_deployed(ctx, last["job"]["upgradeMode"])


def _suspend(ctx: Context, last: Json, cancel: Step) -> Part:
    mode = _available_mode(ctx, last)
    if mode == "lost":
        ctx.status["error"] = statuses.error_json("RecoveryFailureException", _NO_STATE)
        yield from ctx.tell_once(Emit("Warning", "UpgradeFailed", "JobManagerDeployment", _NO_STATE))
        return
    if mode is None:
        return
    if mode == "savepoint" and ctx.commands.fail_savepoint and not statuses.job_ended(ctx.status):
        message = "java.util.concurrent.CompletionException: the stand-in was told to fail savepoints"
        ctx.status["error"] = statuses.error_json("ReconciliationException", message)
        yield from ctx.tell_once(Emit("Warning", "SavepointError", "Job", message))
        return
    yield SUSPENDING
    yield from cancel(ctx, mode)
    if specs.suspended(ctx.spec):
        statuses.record_deployed(ctx, mode)
    else:
        statuses.record_attempt(ctx, mode)


def _available_mode(ctx: Context, last: Json) -> str | None:
    """The upgrade mode that is possible now: None is "not yet", "lost" is "never, without a person's help"."""
    status, wanted = ctx.status, str(ctx.spec["job"]["upgradeMode"])
    if wanted == "stateless":
        return "stateless"
    if statuses.job_ended(status):
        return "savepoint" if status["jobStatus"]["savepointInfo"].get("lastSavepoint") else "lost"
    had_ha = ctx.kind == "FlinkDeployment" and flink_conf.high_availability(
        flink_conf.merged(last.get("flinkConfiguration"))
    )
    if statuses.job_state(status) == "RUNNING":
        version_changed = last.get("flinkVersion") != ctx.spec.get("flinkVersion")
        return "last-state" if wanted == "last-state" and had_ha and not version_changed else "savepoint"
    if not statuses.is_stable(status) and status.get("jobManagerDeploymentStatus") in ("DEPLOYING", "ERROR"):
        return str(last["job"]["upgradeMode"])
    return "last-state" if had_ha else None


def savepoint_location(ctx: Context, configuration: dict[str, str]) -> str:
    """Where a savepoint of the job goes: a new folder, named as Flink names it.

    It is under the savepoint directory, or under the checkpoint directory where an upgrade by last-state turned into
    one by savepoint and only that is configured.
    """
    keys = (flink_conf.SAVEPOINT_DIRECTORY, flink_conf.CHECKPOINT_DIRECTORY)
    directory = next(found for key in keys if (found := flink_conf.text(configuration, key)))
    return f"{directory.rstrip('/')}/savepoint-{ctx.status['jobStatus']['jobId'][:6]}-{ctx.new_id()[:12]}"


def savepoint_format(configuration: dict[str, str]) -> str:
    """The configured savepoint format."""
    return configuration.get("kubernetes.operator.savepoint.format.type", "CANONICAL").upper()


def savepoint_pending(status: Json) -> bool:
    """Whether a savepoint was triggered and has not ended."""
    return bool(status["jobStatus"]["savepointInfo"].get("triggerId"))


def trigger_savepoint(ctx: Context, last: Json, configuration: dict[str, str]) -> None:
    """Trigger a savepoint if `savepointTriggerNonce` was changed and the job runs."""
    nonce = ctx.spec["job"].get("savepointTriggerNonce")
    if nonce is None or nonce == last["job"].get("savepointTriggerNonce"):
        return
    if statuses.job_state(ctx.status) == "RUNNING" and not savepoint_pending(ctx.status):
        ctx.status["jobStatus"]["savepointInfo"] |= {
            "triggerId": ctx.new_id(),
            "triggerTimestamp": ctx.millis(),
            "triggerType": "MANUAL",
            "formatType": savepoint_format(configuration),
        }


def end_savepoint(ctx: Context, configuration: dict[str, str]) -> Part:
    """Complete the pending savepoint once its time is over; the nonce counts as reconciled from then on."""
    if not savepoint_pending(ctx.status) or ctx.left(ctx.timings.savepoint):
        return
    last = statuses.last_spec(ctx.status) or {}
    nonce = ctx.spec["job"].get("savepointTriggerNonce")
    info = ctx.status["jobStatus"]["savepointInfo"]
    if ctx.commands.fail_savepoint:
        for name in ("triggerId", "triggerTimestamp", "triggerType", "formatType"):
            info.pop(name)
        message = f"Savepoint failed for savepointTriggerNonce: {nonce}"
        yield from ctx.tell_once(Emit("Warning", "SavepointError", "Operator", message))
    else:
        statuses.add_savepoint(ctx, "MANUAL", info["formatType"], savepoint_location(ctx, configuration), nonce)
    last["job"]["savepointTriggerNonce"] = nonce
    statuses.rewrite_last_spec(ctx, last)


def ready_length(ctx: Context) -> float | None:
    """Seconds that a job which can be observed stays as it is; None if only a change of the object moves it."""
    state, commands = statuses.job_state(ctx.status), ctx.commands
    if state in ("CREATED", "RESTARTING"):
        if commands.pending_taskmanager:
            return None
        return commands.taskmanager_delay if state == "CREATED" else 0.0
    if state != "RUNNING":
        return None
    if commands.fail_job or commands.finish_job or commands.pending_taskmanager:
        return 0.0
    if savepoint_pending(ctx.status):
        return ctx.timings.savepoint
    return None if statuses.is_stable(ctx.status) else ctx.timings.reconcile_interval


def observe_job(ctx: Context, configuration: dict[str, str]) -> Part:
    """Move the job's state on, complete what is pending, and mark the spec stable if it runs."""
    job = ctx.status["jobStatus"]
    state = _next_state(ctx)
    if state != job.get("state"):
        yield from statuses.set_job_state(ctx, state)
        job["jobName"] = _job_name(ctx, configuration)
        job["updateTime"] = str(ctx.millis())
        if state in ("CREATED", "RUNNING") or "startTime" not in job:
            job["startTime"] = job["updateTime"]
        if state == "FAILED":
            ctx.status["error"] = statuses.error_json("org.apache.flink.util.SerializedThrowable", _NO_RESTART)
        if statuses.job_ended(ctx.status):
            _keep_checkpoint(ctx, configuration)
    if state == "RUNNING":
        ctx.status.pop("error", None)
    statuses.mark_stable_if_running(ctx.status)
    yield from end_savepoint(ctx, configuration)


def _next_state(ctx: Context) -> str:
    state, commands = statuses.job_state(ctx.status) or "RECONCILING", ctx.commands
    if state in ("CREATED", "RESTARTING"):
        length = ready_length(ctx)
        if length is None or ctx.left(length):
            return state
    elif state == "RECONCILING":
        if commands.pending_taskmanager or commands.taskmanager_delay:
            return "CREATED"
    elif state != "RUNNING":
        return state
    if commands.fail_job:
        return "FAILED"
    if state == "RUNNING" and commands.finish_job:
        return "FINISHED"
    return "RESTARTING" if state == "RUNNING" and commands.pending_taskmanager else "RUNNING"


def _keep_checkpoint(ctx: Context, configuration: dict[str, str]) -> None:
    """A job that ended by itself leaves its last checkpoint as the state to restore from, if it made any."""
    directory = flink_conf.text(configuration, flink_conf.CHECKPOINT_DIRECTORY)
    interval = flink_conf.text(configuration, "execution.checkpointing.interval")
    if directory and interval and statuses.is_stable(ctx.status):
        location = f"{directory.rstrip('/')}/{ctx.status['jobStatus']['jobId']}/chk-1"
        statuses.add_savepoint(ctx, "UNKNOWN", "UNKNOWN", location)


def _job_name(ctx: Context, configuration: dict[str, str]) -> str:
    """`pipeline.name`, else the entry class or the jar: what a real job would choose is in its code."""
    name = flink_conf.text(configuration, "pipeline.name")
    job = ctx.spec["job"]
    code = (job.get("entryClass") or "").rpartition(".")[2]
    jar = (job.get("jarURI") or "").rpartition("/")[2].removesuffix(".jar")
    return name or code or jar or ctx.name
