"""The operator's DefaultValidator (1.7.0): the first rule that is broken, in its order and words.

The numbers are those of the rule list kept with the project's reference on the operator. Rule 34 (schemes and hosts of
jarURI) came with a later operator and is not here; rule 2 is checked before validation, by `unsupported_version`.
"""

import re
from collections.abc import Mapping

from flink_operator_standin import flink_conf, specs, statuses
from flink_operator_standin.effects import Json

_NAME = re.compile(r"[a-z]([-a-z\d]{0,43}[a-z\d])?")
_FORBIDDEN = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")
_LOG_FILES = ("log4j-console.properties", "logback-console.xml")
_VERSION = re.compile(r"v(\d+)_(\d+)")
_OLDEST_VERSION = (1, 15)

_JOBMANAGER_MEMORY = (
    ("jobmanager.memory.process.size",),
    ("jobmanager.memory.flink.size",),
    ("jobmanager.memory.heap.size",),
    ("jobmanager.heap.size",),
)
_TASKMANAGER_MEMORY = (
    ("taskmanager.memory.process.size",),
    ("taskmanager.memory.flink.size",),
    ("taskmanager.memory.task.heap.size", "taskmanager.memory.managed.size"),
)
_AUTOSCALER_NOT_NEGATIVE = (
    "job.autoscaler.scale-down.max-factor",
    "job.autoscaler.scale-up.max-factor",
    "job.autoscaler.target.utilization",
    "job.autoscaler.target.utilization.boundary",
)


def unsupported_version(deployment: Json | None) -> str | None:
    """Why the operator does not handle a deployment, or a session job of it, at all; None if it does.

    Unlike operator 1.7.0, versions after v1_19 are accepted: the CRDs that are installed decide.
    """
    version = ((deployment or {}).get("spec") or {}).get("flinkVersion")
    match = _VERSION.fullmatch(version or "")
    if match and (int(match[1]), int(match[2])) >= _OLDEST_VERSION:
        return None
    return f"Flink version {version or 'null'} is not supported by this operator version"


def deployment(resource: Json, spec: Json, status: Json) -> str | None:
    """Rules 1-30 for a FlinkDeployment."""
    conf = flink_conf.merged(spec.get("flinkConfiguration"))
    return (
        _name(resource["metadata"]["name"])
        or _version_change(spec, status)
        or _configuration(conf)
        or _ingress(spec.get("ingress"))
        or _logging(spec.get("logConfiguration"))
        or _job(spec.get("job"), spec.get("taskManager"), conf)
        or _job_manager(spec.get("jobManager") or {}, conf)
        or _task_manager(spec.get("taskManager") or {}, conf)
        or _spec_change(spec, statuses.last_spec(status))
        or _service_account(spec)
        or _autoscaler(conf)
    )


def session_job(spec: Json, status: Json, cluster: Json | None) -> str | None:
    """Rules 31-38 for a FlinkSessionJob."""
    last = statuses.last_spec(status)
    problem = _name(spec.get("deploymentName") or "")
    if problem is None and spec.get("job") is None:
        problem = "The job spec should not be empty"
    if problem is None and last is not None and last["deploymentName"] != spec["deploymentName"]:
        problem = "The deploymentName can't be changed"
    if problem is not None or cluster is None:
        return problem
    if cluster["spec"].get("job") is not None:
        return "Can not submit session job to application cluster"
    conf = flink_conf.merged(cluster["spec"].get("flinkConfiguration"), spec.get("flinkConfiguration"))
    return _job(spec["job"], None, conf) or _autoscaler(conf)


def snapshot(spec: Json, status: Json, namespace: str, target: Json | None) -> str | None:
    """Rules 39-42 for a FlinkStateSnapshot."""
    savepoint, checkpoint = spec.get("savepoint"), spec.get("checkpoint")
    if (savepoint is None) == (checkpoint is None):
        return "Exactly one of checkpoint or savepoint configurations has to be set."
    if savepoint is not None and savepoint.get("alreadyExists"):
        return None
    reference = spec.get("jobReference") or {}
    if not reference.get("name"):
        return "Job reference must be supplied for this snapshot"
    if target is None and status["state"] == "TRIGGER_PENDING":
        return f"Target for snapshot {namespace}/{reference['name']} was not found"
    return None


def _name(name: str) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return (
        f"The FlinkDeployment name: {name} is invalid, must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123'), "
        "and the length must be no more than 45 characters."
    )


def _version_change(spec: Json, status: Json) -> str | None:
    last = statuses.last_spec(status)
    if not last or not last.get("job") or not spec.get("job") or spec["job"].get("upgradeMode") == "stateless":
        return None
    after_last_state = specs.suspended(last) and last["job"].get("upgradeMode") == "last-state"
    if after_last_state and last.get("flinkVersion") != spec.get("flinkVersion"):
        return (
            "Changing flinkVersion after last-state suspend is not allowed. Restore your cluster with the current "
            "flinkVersion and perform the version upgrade afterwards."
        )
    return None


def _configuration(conf: Mapping[str, str]) -> str | None:
    for key in _FORBIDDEN:
        if key in conf:
            return f"Forbidden Flink config key: {key}"
    rollback = flink_conf.flag(conf, "kubernetes.operator.deployment.rollback.enabled")
    if rollback and not flink_conf.high_availability(conf):
        return "HA must be enabled for rollback support."
    recovery = "kubernetes.operator.jm-deployment-recovery.enabled"
    health = "kubernetes.operator.cluster.health-check.enabled"
    if flink_conf.flag(conf, health) and conf.get(recovery, "true").strip().lower() != "true":
        return f"Deployment recovery ({recovery}) must be enabled for job health check ({health}) support."
    return None


def _ingress(ingress: Json | None) -> str | None:
    if ingress is not None and ingress.get("template") is None:
        return "Ingress template must be defined"
    return None


def _logging(logging: Json | None) -> str | None:
    for key in logging or {}:
        if key not in _LOG_FILES:
            return f"Invalid log config key: {key}. Allowed keys are [{', '.join(_LOG_FILES)}]"
    return None


def _job(job: Json | None, task_manager: Json | None, conf: Mapping[str, str]) -> str | None:
    if job is None:
        return None
    mode = job.get("upgradeMode", "stateless")
    if mode == "last-state" and not flink_conf.high_availability(conf):
        return "Job could not be upgraded with last-state while HA disabled"
    if mode != "stateless" and not flink_conf.text(conf, flink_conf.CHECKPOINT_DIRECTORY):
        return (
            f"Checkpoint directory[{flink_conf.CHECKPOINT_DIRECTORY}] must be defined for last-state and savepoint "
            "upgrade modes"
        )
    if not flink_conf.text(conf, flink_conf.SAVEPOINT_DIRECTORY):
        problem = _without_savepoint_directory(job, mode, conf)
        if problem:
            return problem
    replicas = (task_manager or {}).get("replicas")
    if replicas is not None and replicas < 1:
        return "TaskManager replicas must be larger than 0"
    if replicas is None and (job.get("parallelism") or 0) < 1:
        return "Job parallelism must be larger than 0"
    return None


def _without_savepoint_directory(job: Json, mode: str, conf: Mapping[str, str]) -> str | None:
    unset = f"config key[{flink_conf.SAVEPOINT_DIRECTORY}]"
    if mode == "savepoint":
        return f"Job could not be upgraded with savepoint while {unset} is not set"
    if job.get("savepointTriggerNonce") is not None:
        return f"Savepoint could not be manually triggered for the running job while {unset} is not set"
    if "kubernetes.operator.periodic.savepoint.interval" in conf:
        return f"Periodic savepoints cannot be enabled when {unset} is not set"
    if "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age" in conf:
        return (
            f"In order to use max-checkpoint age functionality {unset} must be set to allow triggering savepoint "
            "upgrades."
        )
    return None


def _job_manager(job_manager: Json, conf: Mapping[str, str]) -> str | None:
    problem = _resource("JobManager", "jobManager", job_manager.get("resource") or {}, _JOBMANAGER_MEMORY, conf)
    replicas = job_manager.get("replicas", 1)
    if problem is None and replicas < 1:
        problem = "JobManager replicas should not be configured less than one."
    if problem is None and replicas > 1 and not flink_conf.high_availability(conf):
        problem = "High availability should be enabled when starting standby JobManagers."
    return problem


def _task_manager(task_manager: Json, conf: Mapping[str, str]) -> str | None:
    problem = _resource("TaskManager", "taskManager", task_manager.get("resource") or {}, _TASKMANAGER_MEMORY, conf)
    replicas = task_manager.get("replicas")
    if problem is None and replicas is not None and replicas < 1:
        problem = "TaskManager replicas should not be configured less than one."
    return problem


def _resource(
    component: str, path: str, resource: Json, options: tuple[tuple[str, ...], ...], conf: Mapping[str, str]
) -> str | None:
    if not resource.get("memory"):
        if any(all(key in conf for key in keys) for keys in options):
            return None
        return f"{component} resource memory must be defined using `spec.{path}.resource.memory`"
    problems = []
    for name, label in (("memory", "memory"), ("ephemeralStorage", "ephemeral storage")):
        if resource.get(name):
            try:
                flink_conf.memory_bytes(str(resource[name]))
            except ValueError as error:
                problems.append(f"{component} resource {label} parse error: {error}")
    return "".join(problems) or None


def _spec_change(spec: Json, last: Json | None) -> str | None:
    if last is None:
        return None
    job, old_job = spec.get("job"), last.get("job")
    if job is not None and old_job is None:
        return "Cannot switch from session to job cluster"
    if job is None and old_job is not None:
        return "Cannot switch from job to session cluster"
    if specs.standalone(spec) and not specs.standalone(last):
        return "Cannot switch from native kubernetes to standalone kubernetes cluster"
    if specs.standalone(last) and not specs.standalone(spec):
        return "Cannot switch from standalone kubernetes to native kubernetes cluster"
    if job is not None and old_job is not None:
        nonce = job.get("savepointRedeployNonce")
        redeploy = nonce is not None and nonce != old_job.get("savepointRedeployNonce")
        if redeploy and not (job.get("initialSavepointPath") or "").strip():
            return "InitialSavepointPath must not be empty for savepoint redeployment"
    return None


def _service_account(spec: Json) -> str | None:
    if spec.get("serviceAccount") is None:
        return (
            "spec.serviceAccount must be defined. If you use helm, its value should be the same with the name of "
            "jobServiceAccount."
        )
    return None


def _autoscaler(conf: Mapping[str, str]) -> str | None:
    if not flink_conf.flag(conf, "job.autoscaler.enabled"):
        return None
    for key in _AUTOSCALER_NOT_NEGATIVE:
        if key not in conf:
            continue
        try:
            number = float(conf[key])
        except ValueError:
            return f"Invalid value in the autoscaler config {key}"
        if number < 0:
            return f"The AutoScalerOption {key} is invalid, it should be a value within the range [0.0, +Infinity]"
    return None
