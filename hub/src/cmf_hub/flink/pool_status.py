"""Phase of a compute pool by the FlinkDeployment of its session cluster. Pure."""

from __future__ import annotations

from cmf_core.models import PoolPhase

from cmf_hub.flink.observation import Observation, Status
from cmf_hub.flink.placement import Placement, is_shared, is_suspended_pool
from cmf_hub.store import Record

_P = PoolPhase


def pool_status(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
    """Return the status of a pool, seen or not (None) on its cluster; `trouble` is why it is not changed."""
    phase, message = _pool_phase(placed.record, seen)
    status: Status = {"phase": str(phase)}
    if trouble or message:
        status["message"] = trouble or message
    if is_shared(placed.record):
        if seen is not None:
            status["additional"] = {"lifecycleState": seen.lifecycle, "jobManagerDeploymentStatus": seen.job_manager}
        status["observedGeneration"] = seen.observed(placed.record) if seen else 0
        if seen is None and is_suspended_pool(placed.record):
            status["observedGeneration"] = placed.record.generation
    return status


def _pool_phase(record: Record, seen: Observation | None) -> tuple[PoolPhase, str | None]:
    if record.deleting:
        return _P.DELETING, seen.terminating if seen else None
    if not is_shared(record):
        return _P.DEDICATED, None
    if is_suspended_pool(record):
        return (_P.SUSPENDED, None) if seen is None else (_P.PENDING, seen.terminating or "Session cluster is stopping")
    if seen is None:
        return _P.PENDING, "Session cluster is being created"
    if seen.terminating:
        return _P.PENDING, seen.terminating
    if seen.lifecycle == "FAILED":
        return _P.FAILED, seen.error or "The operator reports the session cluster as FAILED"
    if seen.error:
        return _P.FAILING, seen.error
    if seen.job_manager == "ERROR" or seen.lifecycle in ("ROLLING_BACK", "ROLLED_BACK"):
        return _P.FAILING, f"Session cluster is {seen.lifecycle}, its JobManager {seen.job_manager}"
    if not seen.current or seen.made_from != record.generation:
        return _P.PENDING, "Waiting for the operator to take up the new specification"
    if seen.job_manager == "READY" and seen.lifecycle in ("STABLE", "DEPLOYED"):
        return _P.RUNNING, None
    if seen.lifecycle == "STABLE":
        return _P.FAILING, f"JobManager is {seen.job_manager or 'missing'}"
    return _P.PENDING, f"Session cluster is {seen.lifecycle}, its JobManager {seen.job_manager or 'not there yet'}"
