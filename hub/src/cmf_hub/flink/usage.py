"""CPU and memory that a FlinkDeployment's specification asks for. Pure.

Flink and its operator decide in this order: the resource that the specification names, the Flink
configuration, Flink's default. A value that cannot be read counts nothing: the operator does not run it either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cmf_core.models import ProcessUsage, ResourceUsageSummary
from cmf_core.units import cpu_cores, memory_bytes

from cmf_hub.flink.configuration import flat

_DEFAULT_MEMORY = {"jobmanager": "1600m", "taskmanager": "1728m"}
"""`<process>.memory.process.size` of the configuration that Flink is shipped with."""


def deployment_usage(spec: Mapping[str, Any], parallelism: int | None = None) -> ResourceUsageSummary:
    """Return what a FlinkDeployment uses while it runs.

    Args:
        spec: its specification, environment defaults included.
        parallelism: slots in use on a session cluster, all its jobs together; None: the specification's own job.
    """
    managers = _process(spec, "jobManager", 1.0)
    return ResourceUsageSummary(
        job_manager=_times(managers, _replicas(spec, "jobManager") or 1),
        task_manager=_times(_task_manager(spec), _task_managers(spec, parallelism)),
    )


def session_job_usage(spec: Mapping[str, Any], parallelism: int) -> ResourceUsageSummary:
    """Return the part of a session cluster that a job of this parallelism fills: task managers only."""
    return ResourceUsageSummary(task_manager=_times(_task_manager(spec), math.ceil(parallelism / _slots(spec))))


def _task_managers(spec: Mapping[str, Any], parallelism: int | None) -> int:
    """Return how many: as many as named, else as the slots in use need, else one in standalone mode (P24-P26)."""
    replicas = _replicas(spec, "taskManager")
    if replicas is not None:
        return replicas
    job = spec.get("job")
    if parallelism is None and isinstance(job, Mapping):
        parallelism = _whole(job.get("parallelism")) or _whole(_configuration(spec).get("parallelism.default")) or 1
    elif spec.get("mode") == "standalone":
        return 1
    return math.ceil((parallelism or 0) / _slots(spec))


def _task_manager(spec: Mapping[str, Any]) -> ProcessUsage:
    return _process(spec, "taskManager", float(_slots(spec)))


def _process(spec: Mapping[str, Any], part: str, default_cpu: float) -> ProcessUsage:
    """Return what one JobManager or TaskManager is given."""
    named, configuration, process = _resource(spec, part), _configuration(spec), part.lower()
    memory = named.get("memory") or configuration.get(f"{process}.memory.process.size") or _DEFAULT_MEMORY[process]
    cpu = named.get("cpu")
    if cpu is None:
        cpu = configuration.get(f"kubernetes.{process}.cpu.amount", default_cpu)
    return ProcessUsage(cpu=cpu_cores(cpu) or 0.0, memory=memory_bytes(memory) or 0, count=1)


def _times(process: ProcessUsage, count: int) -> ProcessUsage:
    return ProcessUsage(cpu=process.cpu * count, memory=process.memory * count, count=count)


def _slots(spec: Mapping[str, Any]) -> int:
    return _whole(_configuration(spec).get("taskmanager.numberOfTaskSlots")) or 1


def _replicas(spec: Mapping[str, Any], part: str) -> int | None:
    return _whole(_mapping(spec.get(part)).get("replicas"))


def _resource(spec: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    return _mapping(_mapping(spec.get(part)).get("resource"))


def _configuration(spec: Mapping[str, Any]) -> Mapping[str, str]:
    return flat(_mapping(spec.get("flinkConfiguration")))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: object) -> int | None:
    """Return a count, which users also write as text; None if it is none."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
