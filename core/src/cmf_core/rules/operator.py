"""What the Flink Kubernetes Operator validates of a FlinkDeployment, as far as that shows without the cluster.

The numbers are those of its DefaultValidator (`catalogue.toml`, section FKO). The operator lays the specification
over a default configuration of its own, which only it knows. So what the specification itself contradicts is
refused, with 422: no operator takes it, and without the operator's webhook it would stay as an error in the
status. What the specification lacks, and that default may have, is advice. Upper bounds and sets of versions
differ between operators and are theirs to tell; nothing here refuses what some release accepts.

`spec` is always the effective one, the environment's defaults in it; `where` names it in messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from cmf_core.rules.options import (
    CHECKPOINTS,
    SAVEPOINTS,
    high_availability,
    is_true,
    option,
    options_of,
    whole_number,
)
from cmf_core.rules.verdict import Advice, Refusal, Verdict, advice, first, rule
from cmf_core.units import cpu_cores

FORBIDDEN_OPTIONS = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")
LOG_FILES = ("log4j-console.properties", "logback-console.xml")
STATEFUL = ("savepoint", "last-state")
ROLLBACK = "kubernetes.operator.deployment.rollback.enabled"
HEALTH_CHECK = "kubernetes.operator.cluster.health-check.enabled"
RECOVERY = "kubernetes.operator.jm-deployment-recovery.enabled"
PERIODIC_SAVEPOINTS = "kubernetes.operator.periodic.savepoint.interval"
CHECKPOINT_AGE = "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age"
AUTOSCALER = "job.autoscaler.enabled"
AUTOSCALER_NUMBERS = (
    "job.autoscaler.scale-down.max-factor",
    "job.autoscaler.scale-up.max-factor",
    "job.autoscaler.target.utilization",
    "job.autoscaler.target.utilization.boundary",
)
_MEMORY_OPTIONS = {
    "jobManager": (
        ("jobmanager.memory.process.size",),
        ("jobmanager.memory.flink.size",),
        ("jobmanager.memory.heap.size",),
        ("jobmanager.heap.size",),
    ),
    "taskManager": (
        ("taskmanager.memory.process.size",),
        ("taskmanager.memory.flink.size",),
        ("taskmanager.memory.task.heap.size", "taskmanager.memory.managed.size"),
    ),
}
_SIZE = re.compile(
    r"(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*"
    r"(b|bytes|[kmgtp]i?b?|(?-i:E)|ei|ei?b|(kibi|mebi|gibi|tebi)bytes|n|u)?",
    re.IGNORECASE,
)
"""A size in Flink's or in Kubernetes' notation, as wide as any release reads it; `1e` is a broken exponent."""


def refused(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Return the first rule that the specification contradicts, whatever the operator's own configuration says."""
    return first(
        flink_version(where, spec),
        forbidden_options(where, spec),
        contradictions(where, spec),
        ingress(where, spec),
        log_files(where, spec),
        blank_directories(where, spec),
        parallelism(where, spec),
        replicas(where, spec),
        sizes(where, spec),
        quantities(where, spec),
        autoscaler(where, spec),
    )


def unsure(where: str, spec: Mapping[str, Any]) -> list[Advice]:
    """Return what the operator refuses unless its own configuration supplies it."""
    return advice(
        rollback_availability(where, spec),
        standby_availability(where, spec),
        durable_directories(where, spec),
        memory(where, spec, "jobManager"),
        memory(where, spec, "taskManager"),
    )


@rule("FKO2")
def flink_version(where: str, spec: Mapping[str, Any]) -> Verdict:
    """FlinkVersion is set; no operator has a default, and without it the status stays empty for ever."""
    if str(spec.get("flinkVersion") or "").strip():
        return None
    return Refusal(422, f"{where}.flinkVersion is missing: set it, as in v1_20", "FKO2")


@rule("FKO3")
def forbidden_options(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Namespace and cluster id are the operator's to set."""
    for key in FORBIDDEN_OPTIONS:
        if option(options_of(spec), key) is not None:
            return Refusal(422, f"{where}.flinkConfiguration.{key} is the operator's to set: remove it", "FKO3")
    return None


@rule("FKO4", "FKO5", "FKO19")
def contradictions(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Rollback and standby JobManagers need high availability, the health check needs JobManager recovery."""
    configuration = options_of(spec)
    if high_availability(configuration) is False:
        if is_true(configuration, ROLLBACK):
            text = f"{where}.flinkConfiguration: {ROLLBACK} needs high availability, which is switched off there"
            return Refusal(422, text, "FKO4")
        if (_replicas(spec, "jobManager") or 1) > 1:
            text = f"{where}.jobManager.replicas over 1 needs high availability, which is switched off there"
            return Refusal(422, text, "FKO19")
    if is_true(configuration, HEALTH_CHECK) and is_true(configuration, RECOVERY) is False:
        text = f"{where}.flinkConfiguration: {HEALTH_CHECK} needs {RECOVERY}, which is switched off there"
        return Refusal(422, text, "FKO5")
    return None


@rule("FKO4")
def rollback_availability(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """Rollback needs high availability, which the operator's defaults may switch on."""
    configuration = options_of(spec)
    if not is_true(configuration, ROLLBACK) or high_availability(configuration) is not None:
        return None
    text = f"{where}.flinkConfiguration: {ROLLBACK} needs high-availability.type, here or in the operator's defaults"
    return Advice(text, "FKO4")


@rule("FKO19")
def standby_availability(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """Standby JobManagers need high availability, which the operator's defaults may switch on."""
    if (_replicas(spec, "jobManager") or 1) <= 1 or high_availability(options_of(spec)) is not None:
        return None
    text = f"{where}.jobManager.replicas over 1 needs high-availability.type, here or in the operator's defaults"
    return Advice(text, "FKO19")


@rule("FKO6")
def ingress(where: str, spec: Mapping[str, Any]) -> Verdict:
    """An ingress has a template; whether it becomes an address is the operator's to see."""
    given = spec.get("ingress")
    if isinstance(given, Mapping) and given.get("template") is None:
        return Refusal(422, f"{where}.ingress.template is missing: add it, or remove the ingress", "FKO6")
    return None


@rule("FKO7")
def log_files(where: str, spec: Mapping[str, Any]) -> Verdict:
    """LogConfiguration has the two files that Flink's images read."""
    given = spec.get("logConfiguration")
    unknown = [key for key in given if key not in LOG_FILES] if isinstance(given, Mapping) else []
    if not unknown:
        return None
    text = f"{where}.logConfiguration.{unknown[0]} is not one of {', '.join(LOG_FILES)}: rename or remove it"
    return Refusal(422, text, "FKO7")


@rule("E33", "FKO8", "FKO9", "FKO10", "FKO11", "FKO12")
def blank_directories(where: str, spec: Mapping[str, Any]) -> Verdict:
    """A directory that upgrades or savepoints need is not set to nothing: that wins over the operator's defaults."""
    for keys, because, rule_id in _needed_directories(spec):
        if option(options_of(spec), *keys) == "":
            return Refusal(422, f"{where}: {because} needs {keys[0]}, which is empty in flinkConfiguration", rule_id)
    return None


@rule("E33", "FKO8", "FKO9", "FKO10", "FKO11", "FKO12")
def durable_directories(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """Stateful upgrades and savepoints need directories, which the operator's defaults may name."""
    for keys, because, rule_id in _needed_directories(spec):
        if option(options_of(spec), *keys) is None:
            text = (
                f"{where}: {because} needs {keys[0]} in flinkConfiguration, here, in the environment's defaults or in "
                "the operator's: without it the operator keeps what runs, and status.error says why"
            )
            return Advice(text, rule_id)
    return None


def _needed_directories(spec: Mapping[str, Any]) -> list[tuple[tuple[str, str], str, str]]:
    """Return the option that each feature in use needs, the feature, and its rule."""
    job, configuration = spec.get("job"), options_of(spec)
    if not isinstance(job, Mapping):
        return []
    mode, needed = job.get("upgradeMode"), []
    if mode in STATEFUL:
        needed.append((CHECKPOINTS, f"upgradeMode {mode}", "FKO8"))
    if mode == "savepoint":
        needed.append((SAVEPOINTS, "upgradeMode savepoint", "FKO9"))
    if job.get("savepointTriggerNonce") is not None:
        needed.append((SAVEPOINTS, "savepointTriggerNonce", "FKO10"))
    for key, rule_id in ((PERIODIC_SAVEPOINTS, "FKO11"), (CHECKPOINT_AGE, "FKO12")):
        if option(configuration, key) is not None:
            needed.append((SAVEPOINTS, key, rule_id))
    return needed


@rule("E19", "FKO14")
def parallelism(where: str, spec: Mapping[str, Any]) -> Verdict:
    """A job has a parallelism of 1 or more, unless the number of task managers says it."""
    job = spec.get("job")
    if not isinstance(job, Mapping) or _replicas(spec, "taskManager") is not None:
        return None
    given = job.get("parallelism")
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return None
    shown = "is missing" if given is None else f"'{given}' is not a number of 1 or more"
    return Refusal(422, f"{where}.job.parallelism {shown}: set it to the number of parallel subtasks", "FKO14")


@rule("FKO13", "FKO18", "FKO23")
def replicas(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Numbers of JobManagers and TaskManagers are 1 or more."""
    has_job = isinstance(spec.get("job"), Mapping)
    for part, rule_id in (("jobManager", "FKO18"), ("taskManager", "FKO13" if has_job else "FKO23")):
        number = _replicas(spec, part)
        if number is not None and number < 1:
            return Refusal(422, f"{where}.{part}.replicas {number} is less than 1: raise or remove it", rule_id)
    return None


@rule("FKO16", "FKO21")
def sizes(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Memory and ephemeral storage are sizes."""
    for part, rule_id in (("jobManager", "FKO16"), ("taskManager", "FKO21")):
        given = _resource(spec, part)
        for field in ("memory", "ephemeralStorage"):
            value = given.get(field)
            if value not in (None, "") and not _SIZE.fullmatch(str(value).strip()):
                text = f"{where}.{part}.resource.{field} '{value}' is not a size: write it as in 2048m or 2Gi"
                return Refusal(422, text, rule_id)
    return None


@rule("FKO17", "FKO22")
def quantities(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Requests and limits of newer operators' `resources` are quantities over 0, and no request is over its limit."""
    for part, rule_id in (("jobManager", "FKO17"), ("taskManager", "FKO22")):
        amounts: dict[str, dict[str, float]] = {}
        for side in ("requests", "limits"):
            for name, value in _inside(spec, part, "resources", side).items():
                amount = cpu_cores(value)
                if amount is None or amount <= 0:
                    what = f"{where}.{part}.resources.{side}.{name} '{value}'"
                    return Refusal(422, f"{what} is not a quantity over 0: write it as in 500m or 2Gi", rule_id)
                amounts.setdefault(name, {})[side] = amount
        for name, each in amounts.items():
            if each.get("requests", 0) > each.get("limits", math.inf):
                text = f"{where}.{part}.resources.requests.{name} is over its limit: lower it, or raise the limit"
                return Refusal(422, text, rule_id)
    return None


@rule("FKO15", "FKO20")
def memory(where: str, spec: Mapping[str, Any], part: str) -> Advice | None:
    """Each process has memory, by its resource or by Flink's options, which the operator's defaults may set."""
    if _resource(spec, part).get("memory"):
        return None
    configuration = options_of(spec)
    if any(all(option(configuration, key) for key in keys) for keys in _MEMORY_OPTIONS[part]):
        return None
    text = f"{where}.{part}.resource.memory is missing: the operator takes that only if its own defaults say how much"
    return Advice(text, "FKO15" if part == "jobManager" else "FKO20")


@rule("FKO30")
def autoscaler(where: str, spec: Mapping[str, Any]) -> Verdict:
    """Numbers of an autoscaler that is switched on are numbers, and not negative."""
    configuration = options_of(spec)
    if not is_true(configuration, AUTOSCALER):
        return None
    for key in AUTOSCALER_NUMBERS:
        text = option(configuration, key)
        if text is not None and not _not_negative(text):
            return Refusal(422, f"{where}.flinkConfiguration.{key} '{text}' is not a number of 0 or more", "FKO30")
    return None


@rule("FKO26", "FKO27", "FKO28")
def change(where: str, spec: Mapping[str, Any], deployed: Mapping[str, Any] | None) -> Verdict:
    """What is deployed keeps its mode, and starts anew from a savepoint only with that savepoint's path.

    Args:
        where: for messages.
        spec: the effective specification that is asked for.
        deployed: the one that the operator last took up; None before there is one.
    """
    if deployed is None:
        return None
    modes = [str(each.get("mode") or "native").lower() for each in (deployed, spec)]
    if modes[0] != modes[1]:
        text = f"{where}.mode cannot change from {modes[0]} to {modes[1]} on what is deployed: delete it, create anew"
        return Refusal(422, text, "FKO26" if modes[1] == "standalone" else "FKO27")
    job, before = spec.get("job") or {}, deployed.get("job") or {}
    nonce = job.get("savepointRedeployNonce")
    if nonce is None or nonce == before.get("savepointRedeployNonce"):
        return None
    if str(job.get("initialSavepointPath") or "").strip():
        return None
    text = f"{where}.job.savepointRedeployNonce is new and initialSavepointPath is empty: name the savepoint"
    return Refusal(422, text, "FKO28")


def _replicas(spec: Mapping[str, Any], part: str) -> int | None:
    holder = spec.get(part)
    value = holder.get("replicas") if isinstance(holder, Mapping) else None
    return value if isinstance(value, int) else whole_number(value)


def _resource(spec: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    return _inside(spec, part, "resource")


def _inside(spec: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path; an empty one where there is none."""
    for step in path:
        value = spec.get(step)
        spec = value if isinstance(value, Mapping) else {}
    return spec


def _not_negative(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
