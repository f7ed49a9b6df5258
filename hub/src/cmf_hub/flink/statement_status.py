"""Phase of a statement by its job's object, or by what the SQL gateway said of a query. Pure."""

from __future__ import annotations

from cmf_core.models import StatementPhase

from cmf_hub.flink.observation import Observation, Status
from cmf_hub.flink.placement import Placement, is_query_statement, is_shared, sql_part
from cmf_hub.store import Record

_S = StatementPhase
_FINAL = (_S.COMPLETED, _S.FAILED)
_UNCERTAIN = (_S.PENDING, _S.RUNNING, _S.STOPPED)


def statement_status(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
    """Return the status of a statement, seen or not (None) on its cluster; `trouble` is why it is not changed."""
    record = placed.record
    phase, detail = _statement_phase(placed, seen)
    status: Status = {"phase": str(phase)}
    if traits := sql_part(record).get("traits"):
        status["traits"] = traits
    notice = sql_part(record).get("notice") if phase in _UNCERTAIN else None
    if said := [text for text in (trouble or detail, notice) if text]:
        status["detail"] = ". ".join(said)
    if seen is None and phase in (_S.STOPPED, *_FINAL):
        return status | {"observedGeneration": record.generation}
    return status | {"observedGeneration": seen.observed(record) if seen else 0}


def _statement_phase(placed: Placement, seen: Observation | None) -> tuple[StatementPhase, str | None]:
    record = placed.record
    if record.deleting:
        return _S.DELETING, seen.terminating if seen else None
    before, part = record.status or {}, sql_part(record)
    if outcome := part.get("outcome"):
        return _S(outcome["phase"]), outcome.get("detail")
    if is_query_statement(record):
        return _phase_of_query(placed, seen)
    if before.get("phase") == _S.COMPLETED:
        return _S.COMPLETED, before.get("detail")  # a restarted session cluster knows nothing of finished jobs
    if seen is None:
        return _phase_without_object(placed)
    phase, detail = _phase_with_object(placed, seen)
    if seen.terminating and phase not in _FINAL:
        return _S.PENDING, seen.terminating
    return phase, detail


def _phase_of_query(placed: Placement, seen: Observation | None) -> tuple[StatementPhase, str | None]:
    query = sql_part(placed.record).get("query") or {}
    phase, detail = _S(query.get("phase", _S.PENDING)), query.get("detail")
    if phase in _FINAL:
        return phase, detail
    if placed.pool is None:
        return _S.FAILED, f"ComputePool '{placed.record.spec['computePoolName']}' was deleted"
    if placed.record.spec.get("stopped"):
        return (
            (_S.STOPPED, None) if seen is None else (_S.PENDING, seen.terminating or "Its session cluster is stopping")
        )
    if phase is _S.PENDING and seen is not None and (seen.error or seen.terminating):
        return phase, seen.error or seen.terminating
    return phase, detail


def _phase_with_object(placed: Placement, seen: Observation) -> tuple[StatementPhase, str | None]:
    detail = seen.error
    if seen.lifecycle == "SUSPENDED":
        return (_S.STOPPED, detail) if placed.record.spec.get("stopped") else (_S.PENDING, detail or "Resuming")
    if seen.lifecycle == "FAILED":
        # A session job that cannot be submitted is FAILED for a moment, then the operator tries again.
        retried = not seen.job_manager and not seen.job
        return (_S.FAILING if retried else _S.FAILED), detail
    if seen.lifecycle in ("CREATED", "UPGRADING"):
        return (_S.FAILING if detail else _S.PENDING), detail
    return _phase_of_job(placed, seen)


def _phase_of_job(placed: Placement, seen: Observation) -> tuple[StatementPhase, str | None]:
    """Return the phase of a statement whose job was submitted."""
    healthy, trouble = _runs_on(placed, seen)
    match seen.job:
        case "FINISHED":
            return _S.COMPLETED, seen.error
        case "FAILED":
            return _S.FAILED, seen.error
        case "CANCELED":
            return _S.FAILED, seen.error or "The job was cancelled outside CMF"
        case "RUNNING" if healthy:
            return _S.RUNNING, seen.error
        case "RUNNING" | "RESTARTING" | "FAILING" | "CANCELLING":  # E28: no job runs without a JobManager
            return _S.FAILING, seen.error or trouble or f"The job is {seen.job}"
    if seen.error or seen.job_manager == "ERROR" or (seen.lifecycle == "STABLE" and not healthy):
        return _S.FAILING, seen.error or trouble
    return _S.PENDING, trouble


def _runs_on(placed: Placement, seen: Observation) -> tuple[bool, str | None]:
    """Tell whether the JobManager behind a statement's job is healthy, and if not what is wrong with it."""
    job_manager, where = seen.job_manager, ""
    if placed.pool is not None and is_shared(placed.pool):
        job_manager, where = session_job_manager(placed.pool), f" of ComputePool '{placed.pool.name}'"
    if job_manager == "READY":
        return True, None
    return False, f"JobManager{where} is {job_manager or 'not there'}"


def session_job_manager(pool: Record) -> str:
    """Return the JobManager's state in the last status of a shared pool; empty if there is none."""
    return str(((pool.status or {}).get("additional") or {}).get("jobManagerDeploymentStatus") or "")


def _phase_without_object(placed: Placement) -> tuple[StatementPhase, str | None]:
    record, before = placed.record, placed.record.status or {}
    if before.get("phase") in _FINAL:
        return _S(before["phase"]), before.get("detail")
    if placed.pool is None:
        return _S.FAILED, f"ComputePool '{record.spec['computePoolName']}' was deleted"
    if record.spec.get("stopped"):
        return _S.STOPPED, None
    return _S.PENDING, None
