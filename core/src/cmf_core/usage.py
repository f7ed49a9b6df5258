"""CPU and memory that a FlinkDeployment's specification asks for. Pure.

Flink and its operator decide in this order: the resource that the specification names, the Flink
configuration, Flink's default. A value that cannot be read counts nothing: the operator does not run it either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cmf_core.models import ProcessUsage, ResourceUsageSummary
from cmf_core.rules.deployments import process_resource, task_slots
from cmf_core.rules.options import option, options_of, whole_number
from cmf_core.units import cpu_cores, memory_bytes

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
    return ResourceUsageSummary(task_manager=_times(_task_manager(spec), math.ceil(parallelism / task_slots(spec))))


def _task_managers(spec: Mapping[str, Any], parallelism: int | None) -> int:
    """Return how many: as many as named, else as the slots in use need, else one in standalone mode (P24-P26)."""
    replicas = _replicas(spec, "taskManager")
    if replicas is not None:
        return replicas
    job = spec.get("job")
    if parallelism is None and isinstance(job, Mapping):
        parallelism = whole_number(job.get("parallelism")) or whole_number(_option(spec, "parallelism.default")) or 1
    elif spec.get("mode") == "standalone":
        return 1
    return math.ceil((parallelism or 0) / task_slots(spec))


def _task_manager(spec: Mapping[str, Any]) -> ProcessUsage:
    return _process(spec, "taskManager", float(task_slots(spec)))


def _process(spec: Mapping[str, Any], part: str, default_cpu: float) -> ProcessUsage:
    """Return what one JobManager or TaskManager is given."""
    named, process = process_resource(spec, part), part.lower()
    memory = named.get("memory") or _option(spec, f"{process}.memory.process.size") or _DEFAULT_MEMORY[process]
    cpu = named.get("cpu")
    if cpu is None:
        cpu = _option(spec, f"kubernetes.{process}.cpu.amount") or default_cpu
    return ProcessUsage(cpu=cpu_cores(cpu) or 0.0, memory=memory_bytes(memory) or 0, count=1)


def _times(process: ProcessUsage, count: int) -> ProcessUsage:
    return ProcessUsage(cpu=process.cpu * count, memory=process.memory * count, count=count)


def _replicas(spec: Mapping[str, Any], part: str) -> int | None:
    holder = spec.get(part)
    return whole_number(holder.get("replicas")) if isinstance(holder, Mapping) else None


def _option(spec: Mapping[str, Any], key: str) -> str | None:
    return option(options_of(spec), key)
