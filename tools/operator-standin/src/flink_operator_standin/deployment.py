"""FlinkDeployment: applications and session clusters."""

from flink_operator_standin import flink_conf, job_upgrade, specs, statuses, validation
from flink_operator_standin.effects import Context, Decision, Emit, Json, Part, Steps, Wait

_SUBMIT = Emit("Normal", "Submit", "JobManagerDeployment", "Starting deployment")
_VERSIONS = {"v1_18": "1.18.1", "v1_19": "1.19.1", "v1_20": "1.20.1"}


def reconcile(ctx: Context) -> Steps:
    """Observe, validate, and bring the deployment to its spec."""
    unsupported = validation.unsupported_version(ctx.resource)
    if unsupported:
        yield from ctx.tell_once(Emit("Warning", "UnsupportedFlinkVersion", "Operator", unsupported))
        return None
    yield from _observe(ctx)
    problem = validation.deployment(ctx.resource, ctx.spec, ctx.status)
    accepted = yield from accept(ctx, problem)
    yield from statuses.save(ctx)
    if accepted:
        yield from _reconcile_spec(ctx)
        yield from statuses.save(ctx)
    return _due(ctx)


def accept(ctx: Context, problem: str | None) -> Decision:
    """Record a broken rule; whether there is a good spec to go on with, which `ctx.spec` is from then on."""
    if problem is None:
        return True
    yield from ctx.tell_once(Emit("Warning", "ValidationError", "Operator", problem))
    ctx.status["error"] = statuses.error_json("ValidationException", problem)
    last = statuses.last_spec(ctx.status)
    if last is None:
        return False
    if statuses.upgrading(ctx.status) and last.get("job"):
        last["job"]["state"] = "running"
    ctx.spec, ctx.generation = last, statuses.last_generation(ctx.status)
    return True


def cleanup(ctx: Context) -> Decision:
    """Delete what the deployment stands for; whether it is gone. What the operator cannot delete hangs for ever."""
    yield from ctx.tell_once(Emit("Normal", "Cleanup", "Operator", "Cleaning up FlinkDeployment"))
    jobs = sorted(job["metadata"]["name"] for job in ctx.siblings.session_jobs(ctx.namespace, ctx.name))
    if jobs and ctx.spec.get("job") is None:
        message = f"The session jobs [{', '.join(jobs)}] should be deleted first"
        yield from ctx.tell_once(Emit("Warning", "CleanupFailed", "Operator", message))
        return False
    if validation.unsupported_version(ctx.resource) or not _memory_readable(ctx.spec):
        return False
    if ctx.status["jobManagerDeploymentStatus"] != "MISSING":
        yield Wait(ctx.timings.cluster_delete + ctx.commands.delay)
    return True


def _memory_readable(spec: Json) -> bool:
    """Whether the operator can build the deployment's configuration, which it does before it deletes."""
    for component in ("jobManager", "taskManager"):
        memory = ((spec.get(component) or {}).get("resource") or {}).get("memory")
        if memory:
            try:
                flink_conf.memory_bytes(str(memory))
            except ValueError:
                return False
    return True


def _due(ctx: Context) -> float | None:
    """Seconds until there is something to observe; None if only a change of an object brings it."""
    length = _phase_length(ctx)
    return None if length is None else ctx.left(length)


def _phase_length(ctx: Context) -> float | None:
    status, commands, timings = ctx.status, ctx.commands, ctx.timings
    last = statuses.last_spec(status)
    if last is None:
        return None
    if statuses.upgrading(status):
        return 0.0
    match status["jobManagerDeploymentStatus"]:
        case "DEPLOYING":
            if _pod_trouble(ctx):
                return timings.image_error if commands.image_missing else timings.crash_back_off
            restarted = statuses.is_stable(status)
            return (timings.jobmanager_restart if restarted else timings.jobmanager_start) + commands.delay
        case "ERROR":
            return None if _pod_trouble(ctx) else 0.0
        case "DEPLOYED_NOT_READY":
            return timings.rest_ready
        case "READY":
            if _jobmanager_dies(ctx):
                return 0.0
            if last.get("job") is None:
                return None if statuses.is_stable(status) else timings.reconcile_interval
            if specs.suspended(last):
                return None
            return job_upgrade.ready_length(ctx)
    return None


def _pod_trouble(ctx: Context) -> tuple[str, str] | None:
    """Reason and message of the container's waiting state, if the JobManager cannot start."""
    if ctx.commands.image_missing:
        image = ctx.spec.get("image", "")
        return (
            "ErrImagePull",
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": not found',
        )
    if ctx.commands.crash_jobmanager or (ctx.commands.jar_missing and ctx.spec.get("job") is not None):
        pod = f"{ctx.name}-{ctx.resource['metadata']['uid'][:8]}_{ctx.namespace}"
        return "CrashLoopBackOff", f"back-off 10s restarting failed container=flink-main-container pod={pod}"
    return None


def _jobmanager_dies(ctx: Context) -> bool:
    killed = ctx.commands.kill_jobmanager
    return ctx.commands.crash_jobmanager or bool(killed and killed != ctx.memory.killed)


def _observe(ctx: Context) -> Part:
    status = ctx.status
    last = statuses.last_spec(status)
    if last is None:
        return
    if statuses.upgrading(status):
        if statuses.first_deployment(status):
            del status["reconciliationStatus"]["lastReconciledSpec"]
        return
    if specs.suspended(last) and status["jobManagerDeploymentStatus"] == "MISSING":
        if not specs.suspended(ctx.spec):
            status["jobStatus"]["state"] = "RECONCILING"
        return
    length = _phase_length(ctx)
    if length is not None and not ctx.left(length):
        yield from _advance_jobmanager(ctx)
    if status["jobManagerDeploymentStatus"] == "READY":
        if last.get("job") is None:
            status.pop("error", None)
            statuses.mark_stable(status)
        elif not specs.suspended(last):
            yield from job_upgrade.observe_job(ctx, statuses.configuration(ctx))


def _advance_jobmanager(ctx: Context) -> Part:
    status = ctx.status
    match status["jobManagerDeploymentStatus"]:
        case "DEPLOYING":
            trouble = _pod_trouble(ctx)
            status["jobManagerDeploymentStatus"] = "ERROR" if trouble else "DEPLOYED_NOT_READY"
            if trouble:
                reason, message = trouble
                status["error"] = statuses.error_json("DeploymentFailedException", message, metadata={"reason": reason})
                yield Emit("Warning", reason, "JobManagerDeployment", message)
        case "ERROR":
            status["jobManagerDeploymentStatus"] = "DEPLOYING"
        case "DEPLOYED_NOT_READY":
            status["jobManagerDeploymentStatus"] = "READY"
            status["clusterInfo"] = _cluster_info(ctx)
        case "READY" if _jobmanager_dies(ctx):
            ctx.memory.killed = ctx.commands.kill_jobmanager
            status["jobManagerDeploymentStatus"] = "DEPLOYING"
            if ctx.spec.get("job") is not None:
                status["jobStatus"]["state"] = "RECONCILING"


def _cluster_info(ctx: Context) -> dict[str, str]:
    """What the JobManager's REST API would tell of itself; the revision says that nobody did."""
    conf = statuses.configuration(ctx)
    cpu, memory = 0.0, 0
    task_managers = (ctx.status.get("taskManager") or {}).get("replicas", 0)
    for component, key, count in (
        ("jobManager", "jobmanager", (ctx.spec.get("jobManager") or {}).get("replicas", 1)),
        ("taskManager", "taskmanager", task_managers),
    ):
        resource = (ctx.spec.get(component) or {}).get("resource") or {}
        cpu += count * float(resource.get("cpu") or 1) * float(conf.get(f"kubernetes.{key}.cpu.limit-factor", "1"))
        memory += count * flink_conf.memory_bytes(str(resource.get("memory") or "0"))
    version = ctx.spec["flinkVersion"]
    return {
        "flink-version": _VERSIONS.get(version, version.removeprefix("v").replace("_", ".") + ".0"),
        "flink-revision": "operator stand-in",
        "total-cpu": f"{cpu:.3g}",
        "total-memory": str(memory),
    }


def _reconcile_spec(ctx: Context) -> Part:
    last = statuses.last_spec(ctx.status)
    is_session = ctx.spec.get("job") is None
    if last is None:
        if is_session:
            statuses.record_attempt(ctx, None)
            yield from statuses.save(ctx)
            yield from _deploy_session(ctx)
        elif not specs.suspended(ctx.spec):
            yield from job_upgrade.deploy_first(ctx, _deploy)
        return
    if job_upgrade.savepoint_pending(ctx.status):
        return
    difference = specs.difference(ctx.kind, last, ctx.spec)
    if difference.change <= specs.Change.IGNORE and not statuses.upgrading(ctx.status):
        statuses.record_generation(ctx)
        if not is_session:
            job_upgrade.trigger_savepoint(ctx, last, statuses.configuration(ctx))
        return
    yield from tell_difference(ctx, difference)
    if is_session:
        if not statuses.upgrading(ctx.status):
            yield Wait(ctx.timings.cluster_delete + ctx.commands.delay)
            ctx.status["jobManagerDeploymentStatus"] = "MISSING"
            ctx.status["jobStatus"]["state"] = "FINISHED"
            statuses.record_attempt(ctx, None)
            yield from statuses.save(ctx)
        yield from _deploy_session(ctx)
    else:
        yield from job_upgrade.change(ctx, last, difference, _deploy, _cancel)


def tell_difference(ctx: Context, difference: specs.Difference) -> Part:
    """Tell of a spec change, unless it is one that is being carried out already."""
    if statuses.last_generation(ctx.status) != ctx.generation:
        message = f"{difference.change.name} change(s) detected ({difference}), starting reconciliation."
        yield from ctx.tell_once(Emit("Normal", "SpecChanged", "JobManagerDeployment", message))


def _deploy_session(ctx: Context) -> Part:
    yield _SUBMIT
    yield Wait(ctx.timings.submit)
    ctx.status["jobManagerDeploymentStatus"] = "DEPLOYING"
    statuses.record_deployed(ctx, None)


def _deploy(ctx: Context, mode: str) -> Part:
    status = ctx.status
    if status["jobManagerDeploymentStatus"] != "MISSING":
        yield Wait(ctx.timings.cluster_delete)
        status["jobManagerDeploymentStatus"] = "MISSING"
        yield from statuses.save(ctx)
    if mode == "stateless" or not status["jobStatus"].get("jobId"):
        status["jobStatus"]["jobId"] = ctx.new_id()
        yield from statuses.save(ctx)
    yield _SUBMIT
    yield Wait(ctx.timings.submit)
    status["jobManagerDeploymentStatus"] = "DEPLOYING"
    status["jobStatus"]["state"] = "RECONCILING"
    statuses.record_deployed(ctx, mode)


def _cancel(ctx: Context, mode: str) -> Part:
    status = ctx.status
    yield Wait(ctx.timings.cancel + ctx.commands.delay)
    running = status["jobManagerDeploymentStatus"] == "READY"
    if mode == "savepoint" and running and not statuses.job_ended(status):
        conf = statuses.configuration(ctx)
        location = job_upgrade.savepoint_location(ctx, conf)
        statuses.add_savepoint(ctx, "UPGRADE", job_upgrade.savepoint_format(conf), location)
    if mode != "savepoint" or not running or specs.standalone(ctx.spec):
        yield Wait(ctx.timings.cluster_delete)
        status["jobManagerDeploymentStatus"] = "MISSING"
    if not statuses.job_ended(status):
        status["jobStatus"]["state"] = "FINISHED"
