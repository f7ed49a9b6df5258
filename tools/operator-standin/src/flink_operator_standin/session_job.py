"""FlinkSessionJob: a job on a session cluster."""

from flink_operator_standin import flink_conf, job_upgrade, specs, statuses, validation
from flink_operator_standin.deployment import accept, tell_difference
from flink_operator_standin.effects import Context, Decision, Emit, Json, Part, Steps, Wait

_SUBMIT = Emit("Normal", "Submit", "Job", "Starting deployment")
_MISSING = "Missing Session Job"
_UNSUPPORTED_SCHEME = "org.apache.flink.core.fs.UnsupportedFileSystemSchemeException"


class SubmissionFailedError(Exception):
    """The job's jar could not be fetched."""

    def __init__(self, *causes: tuple[str, str]) -> None:
        super().__init__(causes[0][1])
        self.causes = causes


def reconcile(ctx: Context) -> Steps:
    """Observe, validate, and bring the job to its spec; without its cluster, only an event tells."""
    cluster = _cluster(ctx)
    unsupported = validation.unsupported_version(cluster)
    if unsupported:
        yield from ctx.tell_once(Emit("Warning", "UnsupportedFlinkVersion", "Operator", unsupported))
        return None
    assert cluster is not None
    ready = _ready(cluster)
    if ready:
        yield from _observe(ctx, cluster)
    problem = validation.session_job(ctx.spec, ctx.status, cluster)
    accepted = yield from accept(ctx, problem)
    yield from statuses.save(ctx)
    if not accepted or not ready:
        return None
    try:
        yield from _reconcile_spec(ctx, cluster)
    except SubmissionFailedError as failure:
        kind, message = failure.causes[0]
        yield Emit("Warning", "SessionJobException", "Job", message)
        ctx.status["error"] = statuses.error_json("ReconciliationException", f"{kind}: {message}", failure.causes)
        yield from statuses.save(ctx)
        return ctx.timings.retry
    yield from statuses.save(ctx)
    return _due(ctx)


def cleanup(ctx: Context) -> Decision:
    """Cancel the job if its cluster is there; always done."""
    yield from ctx.tell_once(Emit("Normal", "Cleanup", "Operator", "Cleaning up FlinkSessionJob"))
    cluster = _cluster(ctx)
    if cluster is not None and statuses.job_state(ctx.status) and not statuses.job_ended(ctx.status):
        yield Wait(ctx.timings.cancel + ctx.commands.delay)
    return True


def _cluster(ctx: Context) -> Json | None:
    return ctx.siblings.get("FlinkDeployment", ctx.namespace, ctx.spec.get("deploymentName") or "")


def _ready(cluster: Json) -> bool:
    return bool((cluster.get("status") or {}).get("jobManagerDeploymentStatus") == "READY")


def _configuration(ctx: Context, cluster: Json) -> dict[str, str]:
    return flink_conf.merged(cluster["spec"].get("flinkConfiguration"), ctx.spec.get("flinkConfiguration"))


def _due(ctx: Context) -> float | None:
    length = _phase_length(ctx)
    return None if length is None else ctx.left(length)


def _phase_length(ctx: Context) -> float | None:
    last = statuses.last_spec(ctx.status)
    if last is None:
        return None
    if statuses.upgrading(ctx.status):
        return 0.0
    if specs.suspended(last):
        return ctx.timings.reconcile_interval if statuses.job_state(ctx.status) == "FINISHED" else None
    if statuses.job_state(ctx.status) == "RECONCILING":
        return None if ctx.status.get("error") else ctx.timings.reconcile_interval + ctx.commands.delay
    return job_upgrade.ready_length(ctx)


def _observe(ctx: Context, cluster: Json) -> Part:
    status = ctx.status
    last = statuses.last_spec(status)
    if last is None:
        return
    if statuses.upgrading(status):
        if statuses.first_deployment(status):
            del status["reconciliationStatus"]["lastReconciledSpec"]
        return
    if specs.suspended(last):
        if statuses.job_state(status) == "FINISHED":
            yield from statuses.set_job_state(ctx, "CANCELED")
        return
    if _lost_with_cluster(ctx, cluster):
        status["jobStatus"]["state"] = "RECONCILING"
        status["error"] = statuses.error_json("MissingSessionJobException", _MISSING)
        yield from ctx.tell_once(Emit("Warning", "Missing", "Job", _MISSING))
        return
    if statuses.job_state(status) == "RECONCILING":
        length = _phase_length(ctx)
        if length is None or ctx.left(length):
            return
    yield from job_upgrade.observe_job(ctx, _configuration(ctx, cluster))


def _lost_with_cluster(ctx: Context, cluster: Json) -> bool:
    """Whether the cluster was deployed anew, without high availability, after the job was submitted."""
    deployed = cluster["status"]["reconciliationStatus"]["reconciliationTimestamp"]
    submitted = ctx.status["reconciliationStatus"]["reconciliationTimestamp"]
    keeps_jobs = flink_conf.high_availability(_configuration(ctx, cluster))
    return bool(deployed > submitted) and not keeps_jobs and not statuses.job_ended(ctx.status)


def _reconcile_spec(ctx: Context, cluster: Json) -> Part:
    last = statuses.last_spec(ctx.status)
    if last is None:
        if not specs.suspended(ctx.spec):
            yield from job_upgrade.deploy_first(ctx, _deploy)
        return
    if job_upgrade.savepoint_pending(ctx.status):
        return
    difference = specs.difference(ctx.kind, last, ctx.spec)
    if difference.change <= specs.Change.IGNORE and not statuses.upgrading(ctx.status):
        statuses.record_generation(ctx)
        job_upgrade.trigger_savepoint(ctx, last, _configuration(ctx, cluster))
        return
    yield from tell_difference(ctx, difference)
    yield from job_upgrade.change(ctx, last, difference, _deploy, _cancel)


def _deploy(ctx: Context, mode: str) -> Part:
    yield _SUBMIT
    _check_jar(ctx)
    yield Wait(ctx.timings.submit_session_job + ctx.commands.delay)
    ctx.status["jobStatus"] |= {"jobId": ctx.new_id(), "state": "RECONCILING"}
    statuses.record_deployed(ctx, mode)


def _check_jar(ctx: Context) -> None:
    """Raise SubmissionFailedError if the operator could not fetch the jar."""
    uri = ctx.spec["job"].get("jarURI") or ""
    scheme, _, path = uri.partition("://")
    if scheme == "local":
        message = (
            "Could not find a file system implementation for scheme 'local'. The scheme is not directly supported by "
            "Flink and no Hadoop file system to support this scheme could be loaded. For a full list of supported file "
            "systems, please see https://nightlies.apache.org/flink/flink-docs-stable/ops/filesystems/."
        )
        hadoop = (_UNSUPPORTED_SCHEME, "Hadoop is not in the classpath/dependencies.")
        raise SubmissionFailedError((_UNSUPPORTED_SCHEME, message), hadoop)
    if ctx.commands.jar_missing:
        raise SubmissionFailedError(("java.io.FileNotFoundException", f"{path} (No such file or directory)"))


def _cancel(ctx: Context, mode: str) -> Part:
    yield Wait(ctx.timings.cancel + ctx.commands.delay)
    if statuses.job_ended(ctx.status):
        return
    if mode == "savepoint":
        cluster = _cluster(ctx)
        conf = _configuration(ctx, cluster) if cluster else statuses.configuration(ctx)
        location = job_upgrade.savepoint_location(ctx, conf)
        statuses.add_savepoint(ctx, "UPGRADE", job_upgrade.savepoint_format(conf), location)
    ctx.status["jobStatus"]["state"] = "FINISHED"
