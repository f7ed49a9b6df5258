"""Advice on a FlinkDeployment's specification: what runs, and will be regretted (E17, E32, E34, E35, E48, E49, JAR).

`spec` is the effective one, the environment's defaults in it; `where` names it in messages. What the operator's own
defaults may supply is said to be so: they are not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from cmf_core.rules import operator
from cmf_core.rules.options import (
    CHECKPOINTS,
    SAVEPOINTS,
    high_availability,
    option,
    options_of,
    whole_number,
)
from cmf_core.rules.verdict import Advice, advice, rule
from cmf_core.units import cpu_cores, memory_bytes

MAIN_CONTAINER = "flink-main-container"
STORAGE_DIRECTORY = "high-availability.storageDir"
SLOTS = "taskmanager.numberOfTaskSlots"
LIMITS = (
    "slotmanager.number-of-slots.max",
    "slotmanager.max-total-resource.cpu",
    "slotmanager.max-total-resource.memory",
)
"""Options by which a Flink cluster limits itself: slots, cores of all task managers, memory of all task managers."""
USER_LIBRARY = "/opt/flink/usrlib"
"""Where Flink's images have the jars of users."""
_ON_HEAP = ("state.checkpoint-storage", "execution.checkpointing.storage")
_NODE_LOCAL = ("hostPath", "emptyDir")


def deployment_advice(where: str, spec: Mapping[str, Any]) -> list[Advice]:
    """Return all advice on a specification, the operator's conditions included."""
    return [
        *operator.unsure(where, spec),
        *advice(
            container_name(where, spec),
            availability_storage(where, spec),
            durable_state(where, spec),
            reachable_state(where, spec),
            cores_of_slots(where, spec),
            declared_limits(where, spec),
            hidden_jar(where, spec),
        ),
    ]


@rule("E17")
def container_name(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """A pod template with containers names Flink's own; beside it there may be others."""
    for path, pod in pod_specs(spec):
        names = [str(container.get("name")) for container in objects_in(pod, "containers")]
        if names and MAIN_CONTAINER not in names:
            text = (
                f"{where}.{path} has containers {', '.join(names)} and no {MAIN_CONTAINER}: Flink's own takes nothing "
                "from them; rename the one that is meant for it"
            )
            return Advice(text, "E17")
    return None


@rule("E32")
def availability_storage(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """High availability keeps what a new JobManager needs in a storage directory."""
    configuration = options_of(spec)
    if not high_availability(configuration) or option(configuration, STORAGE_DIRECTORY):
        return None
    text = (
        f"{where}: high availability needs {STORAGE_DIRECTORY} in flinkConfiguration: without it no JobManager starts"
    )
    return Advice(text, "E32")


@rule("E34")
def durable_state(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """State outlives the pods: checkpoints have a directory, which is not in a pod's own file system."""
    configuration = options_of(spec)
    for key in _ON_HEAP:
        if (option(configuration, key) or "").lower() == "jobmanager":
            return Advice(f"{where}: {key} keeps checkpoints in the JobManager's memory: use a directory", "E34")
    if not option(configuration, *CHECKPOINTS):
        text = (
            f"{where} has no {CHECKPOINTS[0]} in flinkConfiguration: unless the operator's defaults name one, state is "
            "lost with the pods; use an object store"
        )
        return Advice(text, "E34")
    for key, directory in _local_directories(configuration):
        if _volume_at(spec, directory) is None:
            text = f"{where}: {key} {directory} is in the pod's own file system and goes with it: use an object store"
            return Advice(text, "E34")
    return None


@rule("E35")
def reachable_state(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """State is where all nodes find it: not on a volume of one node or of one pod."""
    for key, directory in _local_directories(options_of(spec)):
        volume = _volume_at(spec, directory)
        kind = next((each for each in _NODE_LOCAL if volume and each in volume), None)
        if volume and kind:
            text = (
                f"{where}: {key} {directory} is on the {kind} volume '{volume.get('name')}', which other nodes do not "
                "see: use an object store, or a volume that all nodes can write"
            )
            return Advice(text, "E35")
    return None


@rule("E48")
def cores_of_slots(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """A task manager has at least a core for each slot that is busy."""
    cores, slots = _cores(spec, "taskManager"), task_slots(spec)
    if cores is None:
        return None  # Flink then asks for a core a slot
    job = spec.get("job")
    parallelism = whole_number(job.get("parallelism")) if isinstance(job, Mapping) else None
    busy = min(slots, parallelism) if parallelism else slots
    if busy <= cores:
        return None
    text = (
        f"{where}: {busy} busy slots of a task manager share {cores:g} cores: raise taskManager.resource.cpu, or lower "
        f"{SLOTS}"
    )
    return Advice(text, "E48")


@rule("E49")
def declared_limits(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """The task managers that are asked for fit into the limits that the same configuration declares."""
    number, configuration = task_managers(spec), options_of(spec)
    if number is None:
        return None
    cores = _cores(spec, "taskManager")
    memory = memory_bytes(process_resource(spec, "taskManager").get("memory") or "")
    needed = (number * task_slots(spec), None if cores is None else number * cores, memory and number * memory)
    units = ("slots", "cores", "bytes of memory")
    for key, read, need, unit in zip(LIMITS, (whole_number, cpu_cores, memory_bytes), needed, units, strict=True):
        text = option(configuration, key)
        limit = None if text is None else read(text)
        if limit is not None and need is not None and need > limit:
            text = f"{where}: {number} task managers need {need:g} {unit}, over {key} {text}: the job waits for ever"
            return Advice(text, "E49")
    return None


@rule("JAR")
def hidden_jar(where: str, spec: Mapping[str, Any]) -> Advice | None:
    """A standalone application's jar is not where operators may lay an empty directory over those of the image."""
    job = spec.get("job")
    if str(spec.get("mode")).lower() != "standalone" or not isinstance(job, Mapping):
        return None
    path = _path(str(job.get("jarURI") or ""), "local")
    if path is None or not PurePosixPath(path).is_relative_to(USER_LIBRARY) or _volume_at(spec, path) is not None:
        return None
    text = (
        f"{where}.job.jarURI: in standalone mode some operators, 1.7 among them, lay an empty directory over "
        f"{USER_LIBRARY}, so that no job is found: have the jar elsewhere in the image, or on a volume that "
        "podTemplate mounts there"
    )
    return Advice(text, "JAR")


def pod_specs(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path and the pod's specification of each pod template (E18)."""
    for path, holder in (
        ("", spec),
        ("jobManager.", spec.get("jobManager")),
        ("taskManager.", spec.get("taskManager")),
    ):
        template = holder.get("podTemplate") if isinstance(holder, Mapping) else None
        pod = template.get("spec") if isinstance(template, Mapping) else None
        if isinstance(pod, Mapping):
            yield f"{path}podTemplate", pod


def objects_in(holder: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """Return the objects in a list; what is neither list nor object is Kubernetes' to refuse."""
    items = holder.get(field)
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _local_directories(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield option and path of each state directory in a pod's file system: a file: URI, or a bare path."""
    for keys in (CHECKPOINTS, SAVEPOINTS, (STORAGE_DIRECTORY,)):
        directory = _path(option(configuration, *keys) or "", "file")
        if directory:
            yield keys[0], directory


def _path(uri: str, scheme: str) -> str | None:
    """Return the path of a bare path or of a URI of a scheme; None of what is neither."""
    given, separator, rest = uri.partition(":")
    if uri.startswith("/"):
        return uri
    return "/" + rest.lstrip("/") if separator and given.lower() == scheme else None


def _volume_at(spec: Mapping[str, Any], directory: str) -> Mapping[str, Any] | None:
    """Return the volume that a directory is on, the innermost if several; None if it is on none."""
    volumes: dict[Any, Mapping[str, Any]] = {}
    found, deepest = None, -1
    for _, pod in pod_specs(spec):
        volumes |= {volume.get("name"): volume for volume in objects_in(pod, "volumes")}
    path = PurePosixPath(directory)
    for _, pod in pod_specs(spec):
        for container in objects_in(pod, "containers"):
            for mount in objects_in(container, "volumeMounts"):
                at = PurePosixPath(str(mount.get("mountPath", "")))
                if path.is_relative_to(at) and len(at.parts) > deepest:
                    deepest, found = len(at.parts), volumes.get(mount.get("name"), mount)
    return found


def process_resource(spec: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    """Return cpu and memory of `jobManager` or `taskManager`, as far as they are given."""
    holder = spec.get(part)
    given = holder.get("resource") if isinstance(holder, Mapping) else None
    return given if isinstance(given, Mapping) else {}


def _cores(spec: Mapping[str, Any], part: str) -> float | None:
    given = process_resource(spec, part).get("cpu")
    if given is None:
        given = option(options_of(spec), f"kubernetes.{part.lower()}.cpu.amount")
    return None if given is None else cpu_cores(given)


def task_slots(spec: Mapping[str, Any]) -> int:
    """Return the slots of a task manager."""
    return whole_number(option(options_of(spec), SLOTS)) or 1


def task_managers(spec: Mapping[str, Any]) -> int | None:
    """Return how many are asked for; None where that depends on jobs to come."""
    holder = spec.get("taskManager")
    named = whole_number(holder.get("replicas")) if isinstance(holder, Mapping) else None
    if named is not None:
        return named
    job = spec.get("job")
    parallelism = whole_number(job.get("parallelism")) if isinstance(job, Mapping) else None
    return math.ceil(parallelism / task_slots(spec)) if parallelism else None
