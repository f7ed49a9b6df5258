"""An estimate in a specification: what a program gives wins, but for what makes the size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.rules.sizing import GIB

from pulumi_cmf_components.sizing.estimate import Estimate


def sized(spec: Mapping[str, Any], size: Estimate) -> dict[str, Any]:
    """Return a specification with processes, memory and checkpoints of an estimate.

    Args:
        spec: image, version, job, as for FlinkApplication or ComputePool, in Python's spelling. Options in its
            `flink_configuration` win over those of the estimate; sizes of task managers and parallelism do not.
        size: the estimate.
    """
    made = dict(spec)
    slots = size.flink_configuration["taskmanager.numberOfTaskSlots"]
    made["flink_configuration"] = {
        **size.flink_configuration, **(spec.get("flink_configuration") or {}), "taskmanager.numberOfTaskSlots": slots,
    }  # fmt: skip
    made["task_manager"] = {
        **(spec.get("task_manager") or {}),
        "replicas": size.task_managers,
        "resource": {"cpu": size.cores, "memory": f"{size.memory_bytes // GIB}g"},
    }
    manager = {"cpu": size.job_manager.cores, "memory": f"{size.job_manager.memory_bytes // GIB}g"}
    made["job_manager"] = {"resource": manager, **(spec.get("job_manager") or {})}
    if spec.get("job") is not None:
        made["job"] = {**spec["job"], "parallelism": size.parallelism}
    return made
