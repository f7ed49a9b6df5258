"""ComputePool: the Flink clusters that statements run on (P01-P66)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from cmf_core.models.base import Model, Resource
from cmf_core.models.information import ResourcesByStatusAndType, ResourceUsageSummary


class PoolType(StrEnum):
    """DEDICATED: an application cluster a statement (P04). SHARED: one session cluster for all (P05)."""

    DEDICATED = "DEDICATED"
    SHARED = "SHARED"


class PoolState(StrEnum):
    """Desired state of a shared pool (P16, P17)."""

    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"


class PoolPhase(StrEnum):
    """Phase of a pool (P27-P35); dedicated pools are always DEDICATED but while being deleted."""

    DEDICATED = "DEDICATED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    FAILING = "FAILING"
    FAILED = "FAILED"
    DELETING = "DELETING"


class ComputePoolSpec(Model):
    """Desired pool. `cluster_spec` mirrors FlinkDeploymentSpec less what CMF manages (P06-P08)."""

    type: PoolType
    state: PoolState | None = None
    cluster_spec: dict[str, Any]


class ComputePoolStatus(Model):
    """Phase of a pool, why, and whether the data may be stale (P61).

    `advice`, which is no part of CMF's API, says what is allowed and probably a mistake, a sentence each.
    """

    phase: PoolPhase
    message: str | None = None
    warning: str | None = None
    advice: list[str] | None = None
    resources: ResourcesByStatusAndType | None = None
    resource_summary: ResourceUsageSummary | None = None


class ComputePool(Resource):
    """A compute pool."""

    kind: Literal["ComputePool"] = "ComputePool"
    spec: ComputePoolSpec
    status: ComputePoolStatus | None = None
