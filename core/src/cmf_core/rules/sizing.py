"""How big a Flink job must be (Z01-Z17): what one core, one node and one checkpoint can do.

Each rule decides one thing from the workload and the rates that are assumed. `pulumi_cmf_components.sizing` composes
them to an estimate. All of them are monotone: more work, or stricter demands, never give fewer resources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cmf_core.rules.verdict import Advice, rule

GIB = 1024**3
MB = 1_000_000


class Complexity(StrEnum):
    """What the statements or the job do to a record."""

    SIMPLE = "simple"
    """Filters, projections, enrichment without state."""
    MEDIUM = "medium"
    """Windowed aggregations, deduplication."""
    COMPLEX = "complex"
    """Joins of streams, analytics."""


class Skew(StrEnum):
    """How unevenly records spread over keys."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class SizingError(ValueError):
    """A workload or a rate is no number that makes sense; the text names the field."""


@dataclass(frozen=True)
class Workload:
    """What a job has to do.

    Attributes:
        records_per_second: peak rate of records over all sources.
        message_bytes: mean size of a record, bytes. Default 1000.
        distinct_keys: keys that are live at a time. Default 0: not keyed.
        complexity: what is done to a record. Default simple.
        latency_seconds: a record's time through the job. Default 10.
        skew: how unevenly keys are used. Default low.
        state_bytes: state of the whole job, bytes. Default 0.
        recovery_seconds: time in which state must be back after a failure. Default 300.

    Raises:
        SizingError: a negative or endless number, or a latency or recovery time that is not above 0.
    """

    records_per_second: float
    message_bytes: float = 1000
    distinct_keys: int = 0
    complexity: Complexity = Complexity.SIMPLE
    latency_seconds: float = 10.0
    skew: Skew = Skew.LOW
    state_bytes: float = 0
    recovery_seconds: float = 300.0

    def __post_init__(self) -> None:
        _at_least_zero(self, "records_per_second", "message_bytes", "distinct_keys", "state_bytes")
        _above_zero(self, "latency_seconds", "recovery_seconds")


@dataclass(frozen=True)
class Rates:
    """What is assumed of hardware and Flink; measure yours and put it here.

    Attributes:
        records_per_core: records a second that a core handles when all is easy (Z01).
        complexity: by how much each complexity divides that rate (Z03).
        skew: by how much each skew does (Z02): the busiest task has that much more to do than the mean one.
        node_cores: cores of a usual node (Z06).
        node_memory_bytes: its memory, bytes (Z06).
        node_bytes_per_second: least and most that such a node handles, bytes a second (Z07).
        most_cores_per_node: Z05.
        least_nodes: Z04.
        storage_bytes_per_second: what one task manager writes to, or reads from, the store of checkpoints.
        checkpoint_share: part of the checkpoint interval in which a checkpoint must be done.
    """

    records_per_core: float = 10_000
    complexity: Mapping[Complexity, float] = field(
        default_factory=lambda: {Complexity.SIMPLE: 1.0, Complexity.MEDIUM: 2.0, Complexity.COMPLEX: 4.0}
    )
    skew: Mapping[Skew, float] = field(default_factory=lambda: {Skew.LOW: 1.0, Skew.MEDIUM: 1.25, Skew.HIGH: 1.6})
    node_cores: int = 4
    node_memory_bytes: int = 16 * GIB
    node_bytes_per_second: tuple[float, float] = (20 * MB, 50 * MB)
    most_cores_per_node: int = 8
    least_nodes: int = 3
    storage_bytes_per_second: float = 100 * MB
    checkpoint_share: float = 0.5

    def __post_init__(self) -> None:
        _above_zero(
            self, "records_per_core", "node_cores", "node_memory_bytes", "storage_bytes_per_second", "checkpoint_share"
        )
        if self.least_nodes < 3:
            raise SizingError(f"least_nodes is {self.least_nodes}: a cluster has at least 3 nodes [Z04]")
        if not 1 <= self.most_cores_per_node <= 8:
            raise SizingError(f"most_cores_per_node is {self.most_cores_per_node}: it is 1 to 8 [Z05]")


@dataclass(frozen=True)
class Tier:
    """What a latency asks for.

    Attributes:
        rule: id of the rule.
        cpu: factor on cores.
        memory: factor on memory, for buffers.
        checkpoint_seconds: interval of checkpoints.
        managed_fraction: part of Flink's memory for state; the stricter the latency, the more is left to buffers.
        network_fraction: part of Flink's memory for network buffers.
    """

    rule: str
    cpu: float
    memory: float
    checkpoint_seconds: int
    managed_fraction: float
    network_fraction: float


@dataclass(frozen=True)
class Size:
    """Cores and memory (bytes) of one process."""

    name: str
    cores: float
    memory_bytes: int


@rule("Z09", "Z10", "Z11", "Z12")
def latency_tier(latency_seconds: float) -> Tier:
    """Stricter latency takes more CPU, more memory for buffers and more frequent checkpoints."""
    if latency_seconds < 0.5:
        return Tier("Z09", 1.5, 1.25, 10, 0.32, 0.18)
    if latency_seconds < 1:
        return Tier("Z10", 1.2, 1.2, 30, 0.35, 0.15)
    if latency_seconds < 5:
        return Tier("Z11", 1.1, 1.1, 60, 0.38, 0.12)
    return Tier("Z12", 1.0, 1.0, 60, 0.4, 0.1)


@rule("Z01", "Z02", "Z03")
def records_per_core(workload: Workload, rates: Rates) -> float:
    """A core handles about 10,000 records a second, and fewer if messages, keys, skew or state make it hard.

    A message counts by its size above 1000 bytes; state by a tenth for each power of ten of gigabytes, keys by a
    twentieth for each power of ten above a million.
    """
    messages = max(1.0, workload.message_bytes / 1000)
    state = 1 + 0.1 * math.log10(1 + workload.state_bytes / GIB)
    keys = 1 + 0.05 * math.log10(max(1.0, workload.distinct_keys / 1_000_000))
    hard = rates.complexity[workload.complexity] * rates.skew[workload.skew]
    return rates.records_per_core / (messages * state * keys * hard)


@rule("Z04", "Z05", "Z08")
def nodes_for(cores: float, rates: Rates) -> tuple[int, int]:
    """Nodes grow up to 8 cores before their number does, which is at least 3; return number and cores of each."""
    each = min(rates.most_cores_per_node, max(1, math.ceil(cores / rates.least_nodes)))
    return max(rates.least_nodes, math.ceil(cores / each)), each


@rule("Z03", "Z06", "Z16")
def memory_for(cores: int, workload: Workload, rates: Rates) -> int:
    """A node has 4 GiB a core as the usual one of 4 cores and 16 GiB has, and more for state, joins and buffers."""
    complexity = 1 + 0.1 * math.log2(max(1.0, rates.complexity[workload.complexity]))
    state = 1 + 0.25 * math.log10(1 + workload.state_bytes / GIB)
    tier = latency_tier(workload.latency_seconds)
    wanted = cores * (rates.node_memory_bytes / rates.node_cores) * complexity * state * tier.memory
    return math.ceil(wanted / GIB) * GIB


@rule("Z13", "Z14")
def nodes_for_state(workload: Workload, rates: Rates) -> tuple[int, int]:
    """Task managers are added until state is back in time, and a checkpoint written; return how many each needs.

    The busiest task manager has more than the mean of the state, by the skew. A checkpoint holds what has changed
    since the last one: what has come in, and not more than the state.
    """
    per_node = rates.storage_bytes_per_second / rates.skew[workload.skew]
    interval = latency_tier(workload.latency_seconds).checkpoint_seconds
    changed = min(workload.state_bytes, workload.records_per_second * workload.message_bytes * interval)
    recovery = workload.state_bytes / (per_node * workload.recovery_seconds)
    checkpoint = changed / (per_node * interval * rates.checkpoint_share)
    return math.ceil(recovery), math.ceil(checkpoint)


@rule("Z07")
def node_throughput(bytes_per_second: float, cores: float, rates: Rates) -> Advice | None:
    """A usual node handles 20 to 50 MB a second: an estimate outside of that is to be measured first."""
    least, most = rates.node_bytes_per_second
    node = bytes_per_second / cores * rates.node_cores
    if least <= node <= most:
        return None
    text = (
        f"a node of {rates.node_cores} cores would handle {node / MB:.1f} MB a second, where {least / MB:g} to "
        f"{most / MB:g} are usual: measure with your data before you trust this"
    )
    return Advice(text, "Z07")


@rule("Z15")
def caution() -> Advice:
    """An estimate is advice: start with it, measure, adjust."""
    return Advice("an estimate is where to start: test it with your workload, watch it, and adjust", "Z15")


@rule("Z17")
def job_manager_size(distinct_keys: int) -> Size:
    """A JobManager is small up to 10 million keys, medium up to 100 million, large above."""
    if distinct_keys <= 10_000_000:
        return Size("S", 1, 2 * GIB)
    if distinct_keys <= 100_000_000:
        return Size("M", 2, 4 * GIB)
    return Size("L", 4, 8 * GIB)


@rule("Z17")
def control_plane_size(deployments: int) -> Size:
    """CMF, and the operator of a cluster, are small up to 50 Flink deployments, medium up to 500, large above."""
    if deployments <= 50:
        return Size("S", 0.5, 1 * GIB)
    if deployments <= 500:
        return Size("M", 1, 2 * GIB)
    return Size("L", 2, 4 * GIB)


def _at_least_zero(holder: object, *fields: str) -> None:
    for name in fields:
        value = getattr(holder, name)
        if not (math.isfinite(value) and value >= 0):
            raise SizingError(f"{name} is {value}: give a number from 0")


def _above_zero(holder: object, *fields: str) -> None:
    for name in fields:
        value = getattr(holder, name)
        if not (math.isfinite(value) and value > 0):
            raise SizingError(f"{name} is {value}: give a number above 0")
