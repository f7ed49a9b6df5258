"""The estimate: the rules Z01 to Z17, composed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cmf_core.rules import Advice, advice
from cmf_core.rules import sizing as rules
from cmf_core.rules.sizing import GIB, MB, Rates, Workload


@dataclass(frozen=True)
class Estimate:
    """What a job needs.

    Attributes:
        task_managers: how many; one runs on one node.
        cores: of a task manager.
        slots: of a task manager, one a core (E48).
        memory_bytes: of a task manager.
        managed_fraction: part of Flink's memory for RocksDB.
        network_fraction: part of Flink's memory for network buffers.
        checkpoint_seconds: interval of checkpoints.
        recovery_seconds: time to read the state back, which the estimate expects.
        job_manager: its size.
        decisions: why, each with the id of its rule.
        workload: what was asked.
        rates: what was assumed.
    """

    task_managers: int
    cores: int
    slots: int
    memory_bytes: int
    managed_fraction: float
    network_fraction: float
    checkpoint_seconds: int
    recovery_seconds: float
    job_manager: rules.Size
    decisions: tuple[Advice, ...]
    workload: Workload
    rates: Rates

    @property
    def parallelism(self) -> int:
        """Slots of all task managers."""
        return self.task_managers * self.slots

    @property
    def total_cores(self) -> float:
        """Cores of task managers and JobManager."""
        return self.task_managers * self.cores + self.job_manager.cores

    @property
    def total_memory_bytes(self) -> int:
        """Memory of task managers and JobManager."""
        return self.task_managers * self.memory_bytes + self.job_manager.memory_bytes

    @property
    def flink_configuration(self) -> dict[str, str]:
        """Options of Flink that the estimate decides; state is in RocksDB, and its checkpoints are incremental."""
        return {
            "taskmanager.numberOfTaskSlots": str(self.slots),
            "taskmanager.memory.managed.fraction": f"{self.managed_fraction:g}",
            "taskmanager.memory.network.fraction": f"{self.network_fraction:g}",
            "execution.checkpointing.interval": f"{self.checkpoint_seconds} s",
            "state.backend.type": "rocksdb",
            "execution.checkpointing.incremental": "true",
        }

    def output(self) -> dict[str, Any]:
        """Return it as plain values: for a stack's outputs, with what was assumed and why."""
        plain = asdict(self)
        plain["decisions"] = [str(each) for each in self.decisions]
        return plain | {"parallelism": self.parallelism, "total_cores": self.total_cores,
                        "total_memory_bytes": self.total_memory_bytes}  # fmt: skip


def estimate(workload: Workload, rates: Rates | None = None) -> Estimate:
    """Return what a job needs. The same inputs give the same estimate; more work never gives less.

    Args:
        workload: what it has to do.
        rates: what is assumed of hardware and Flink; those of the rules if not given.
    """
    rates = rates or Rates()
    tier = rules.latency_tier(workload.latency_seconds)
    core_rate = rules.records_per_core(workload, rates)
    needed = workload.records_per_second / core_rate * tier.cpu
    by_cores, cores = rules.nodes_for(needed, rates)
    by_recovery, by_checkpoint = rules.nodes_for_state(workload, rates)
    count = max(by_cores, by_recovery, by_checkpoint)
    memory = rules.memory_for(cores, workload, rates)
    job_manager = rules.job_manager_size(workload.distinct_keys)
    traffic = workload.records_per_second * workload.message_bytes
    decisions = [
        Advice(f"a core handles {core_rate:,.0f} records a second of this kind", "Z01"),
        Advice(f"{needed:.2f} cores for {workload.records_per_second:,.0f} records a second, "
               f"latency factor {tier.cpu:g} in it", tier.rule),
        Advice(f"{by_cores} task managers of {cores} cores: nodes grow to {rates.most_cores_per_node} cores before "
               f"their number does, which is at least {rates.least_nodes}", "Z08"),
        Advice(f"checkpoints every {tier.checkpoint_seconds} s, memory factor {tier.memory:g} for buffers", tier.rule),
        Advice(f"{memory // GIB} GiB a task manager: {rates.node_memory_bytes / rates.node_cores / GIB:g} GiB a core, "
               f"and more for {workload.state_bytes / GIB:,.1f} GiB of state", "Z16"),
        Advice(f"state back within {workload.recovery_seconds:g} s takes {by_recovery} task managers, checkpoints in "
               f"time take {by_checkpoint}, at {rates.storage_bytes_per_second / MB:g} MB a second each", "Z14"),
        Advice(f"JobManager of size {job_manager.name}", "Z17"),
        *advice(rules.node_throughput(traffic, count * cores, rates) if traffic else None, rules.caution()),
    ]  # fmt: skip
    return Estimate(
        task_managers=count,
        cores=cores,
        slots=cores,
        memory_bytes=memory,
        managed_fraction=tier.managed_fraction,
        network_fraction=tier.network_fraction,
        checkpoint_seconds=tier.checkpoint_seconds,
        recovery_seconds=math.ceil(
            workload.state_bytes * rates.skew[workload.skew] / count / rates.storage_bytes_per_second
        ),
        job_manager=job_manager,
        decisions=tuple(decisions),
        workload=workload,
        rates=rates,
    )
