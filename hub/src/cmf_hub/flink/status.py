"""What a resource's Kubernetes object means for its status. Pure.

The operator (1.7.0) reconciles a changed spec some time after it was applied, and meanwhile reports the old
one as STABLE. Each status therefore carries `observedGeneration`: the status speaks of the resource's
present spec if and only if it equals the resource's generation (`metadata.generation`). Until then a pool
that is not broken is PENDING, and an application's STABLE means the spec before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_core.models import PoolPhase, PoolType, StatementPhase
from cmf_core.rules import advice
from cmf_core.rules.deployments import deployment_advice
from cmf_core.rules.pools import availability, image

from cmf_hub.flink.annotations import instance_of
from cmf_hub.flink.objects import (
    APPLICATION,
    GENERATION_ANNOTATION,
    POOL,
    STATEMENT,
    Placement,
    Presence,
    application_spec,
    is_query_statement,
    is_shared,
    is_suspended_pool,
    pool_spec,
    presence,
    sql_part,
)
from cmf_hub.flink.savepoint_status import savepoint_status
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT
from cmf_hub.store import Record

Status = dict[str, Any]
CURRENT_INSTANCE = "currentDeployedInstanceName"
"""Field of an application's status: the instance that runs on its cluster."""
_P, _S = PoolPhase, StatementPhase
_FINAL = (_S.COMPLETED, _S.FAILED)
_UNCERTAIN = (_S.PENDING, _S.RUNNING, _S.STOPPED)


@dataclass(frozen=True)
class Observation:
    """An object of the operator, read: what it is in, and of which generation.

    Attributes:
        status: the operator's status as it is.
        made_from: generation of the resource that the object was made from.
        current: the operator has taken up the object's newest spec.
        terminating: why the object is not gone although its deletion was asked for, or None.
        instance: the application's instance that is deployed according to the operator, or None.
    """

    status: Mapping[str, Any]
    made_from: int
    current: bool
    terminating: str | None
    instance: str | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Observation:
        """Read an object as the API server returns it."""
        metadata, status = found["metadata"], found.get("status") or {}
        last = _reconciled(status, "lastReconciledSpec")
        rolled_back = (status.get("reconciliationStatus") or {}).get("state") in ("ROLLING_BACK", "ROLLED_BACK")
        deployed = _reconciled(status, "lastStableSpec") if rolled_back else last
        return cls(
            status=status,
            made_from=_number((metadata.get("annotations") or {}).get(GENERATION_ANNOTATION)),
            current=_is_current(metadata, last),
            terminating=_terminating(found),
            instance=instance_of(deployed.get("spec") or {}),
        )

    @property
    def lifecycle(self) -> str:
        """The operator's lifecycleState; CREATED before there is one."""
        return str(self.status.get("lifecycleState") or "CREATED")

    @property
    def job_manager(self) -> str:
        """The operator's jobManagerDeploymentStatus; session jobs have none."""
        return str(self.status.get("jobManagerDeploymentStatus") or "")

    @property
    def job(self) -> str:
        """State of the Flink job, or an empty text."""
        return str((self.status.get("jobStatus") or {}).get("state") or "")

    @property
    def error(self) -> str | None:
        """The operator's error as a sentence."""
        return error_text(self.status.get("error"))

    def observed(self, record: Record) -> int:
        """Return the newest generation of the resource that the operator has taken up."""
        if self.current:
            return self.made_from
        before = (record.status or {}).get("observedGeneration") or 0
        return min(int(before), self.made_from - 1)


def reported(placed: Placement, found: Mapping[str, Any] | None, trouble: str | None = None) -> Status:
    """Return the status of a resource; an application's always has a job name and a job state, be it "".

    Args:
        placed: the resource, its environment and pool.
        found: its object on the cluster, or None if there is none; that of its job for a savepoint by nonce.
        trouble: why the hub could not make the cluster match, for the user.
    """
    kind, seen = placed.record.key.kind, Observation.of(found) if found else None
    if kind == SAVEPOINT:
        terminating, made_from = (seen.terminating, seen.made_from) if seen else (None, 0)
        return savepoint_status(placed.record, found, terminating, made_from, trouble)
    if kind == SNAPSHOT:
        return placed.record.status or {}
    if kind == STATEMENT:
        return _statement(placed, seen, trouble)
    status = (_application if kind == APPLICATION else _pool)(placed, seen, trouble)
    status.pop("advice", None)  # of a former specification
    told = advice_on(placed)
    return status | {"advice": told} if told else status


def waits(placed: Placement, found: Mapping[str, Any] | None) -> bool:
    """Tell whether a resource's object is on its cluster and not up, and the operator does not say why."""
    kind, seen = placed.record.key.kind, Observation.of(found) if found else None
    if seen is None or seen.terminating or seen.error or kind not in (APPLICATION, POOL, STATEMENT):
        return False
    if seen.lifecycle in ("SUSPENDED", "FAILED"):
        return False
    return seen.job_manager != "READY" if kind == POOL else seen.job in _WAITING_JOBS


_WAITING_JOBS = ("", "INITIALIZING", "CREATED", "RECONCILING", "RESTARTING")


def advice_on(placed: Placement) -> list[str]:
    """Return what is allowed and probably a mistake about an application or a pool (E17, E34, P12, ...)."""
    record = placed.record
    if record.key.kind == APPLICATION:
        found = deployment_advice(f"{record.key.kind} '{record.name}': spec", application_spec(placed))
        return [str(each) for each in found]
    spec, kind = pool_spec(record.spec["clusterSpec"], placed.environment), PoolType(record.spec["type"])
    found = deployment_advice(f"{record.key.kind} '{record.name}': spec.clusterSpec", spec)
    return [str(each) for each in (*advice(image(record.name, spec), availability(record.name, kind, spec)), *found)]


def _application(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
    record = placed.record
    status = _passed_through(record, seen) if seen else _without_object(placed)
    job = status.get("jobStatus") or {}
    status["jobStatus"] = {**job, "jobName": str(job.get("jobName") or ""), "state": str(job.get("state") or "")}
    message = trouble or (seen.terminating if seen else None)
    if record.deleting:
        status["lifecycleState"] = "DELETING"
    return status | {"message": message} if message else status


def _passed_through(record: Record, seen: Observation) -> Status:
    """Return the operator's status, with a job state that is true."""
    job = {key: value for key, value in (seen.status.get("jobStatus") or {}).items() if value is not None}
    state = seen.job
    if state == "RUNNING" and seen.job_manager != "READY":
        state = "RECONCILING"  # E28
    return {
        **{key: value for key, value in seen.status.items() if value is not None},
        "lifecycleState": seen.lifecycle,
        "jobStatus": {**job, "state": state},
        "observedGeneration": seen.observed(record),
        **({CURRENT_INSTANCE: instance} if (instance := _deployed(record, seen)) else {}),
    }


def _deployed(record: Record, seen: Observation) -> str | None:
    """Return the instance that the operator's status speaks of: while it upgrades, still the one before."""
    if seen.lifecycle == "UPGRADING":
        return (record.status or {}).get(CURRENT_INSTANCE)
    return seen.instance


def _without_object(placed: Placement) -> Status:
    record = placed.record
    before = {key: value for key, value in (record.status or {}).items() if key not in ("message", "warning")}
    wanted = presence(placed)
    if wanted is Presence.UNTOUCHED:
        return before | {"message": "The job has ended and its FlinkDeployment is gone; it is not started again."}
    if wanted is Presence.IF_PRESENT:
        job = {**(before.get("jobStatus") or {}), "state": "SUSPENDED"}
        return {"lifecycleState": "SUSPENDED", "jobStatus": job, "observedGeneration": record.generation}
    if wanted is Presence.ABSENT:
        return before
    return {"lifecycleState": "CREATED", "observedGeneration": 0}


def _pool(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
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


def _statement(placed: Placement, seen: Observation | None, trouble: str | None) -> Status:
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


def _number(text: str | None) -> int:
    """Return the number in an annotation, which anybody may have edited; 0 if there is none."""
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def _reconciled(status: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return what is in one of the operator's texts that hold a spec and its generation; empty if there is none."""
    try:
        value = json.loads((status.get("reconciliationStatus") or {}).get(field) or "{}")
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_current(metadata: Mapping[str, Any], reconciled: Mapping[str, Any]) -> bool:
    """Tell whether the operator has taken up an object's newest spec; before the first deployment it has none.

    The deletion of an object counts one generation up without changing its spec.
    """
    newest = metadata.get("generation", 0) - (1 if metadata.get("deletionTimestamp") else 0)
    try:
        return bool(reconciled["resource_metadata"]["metadata"]["generation"] == newest)
    except (KeyError, TypeError):
        return False


def deployed_spec(record: Record) -> Mapping[str, Any] | None:
    """Return the specification that the operator last took up of an application; None before there is one."""
    spec = _reconciled(record.status or {}, "lastReconciledSpec").get("spec")
    return spec if isinstance(spec, Mapping) and spec else None


def _terminating(found: Mapping[str, Any]) -> str | None:
    metadata = found["metadata"]
    since = metadata.get("deletionTimestamp")
    if not since:
        return None
    held = ", ".join(metadata.get("finalizers") or [])
    what = f"{found.get('kind', 'Object')} '{metadata['name']}' in namespace '{metadata['namespace']}'"
    error = error_text((found.get("status") or {}).get("error"))
    text = f"{what} is being deleted since {since}" + (f", held by finalizer {held}" if held else "")
    return f"{text}; last error: {error}" if error else text


def error_text(error: Any) -> str | None:
    """Return the operator's error as a sentence: it is JSON of an exception, with the causes in a list."""
    if not error:
        return None
    try:
        document = json.loads(error)
        messages = [document["message"], *(cause.get("message") for cause in document.get("throwableList") or [])]
    except (ValueError, TypeError, KeyError, AttributeError):
        return str(error)
    distinct = dict.fromkeys(str(message) for message in messages if message)
    return ": ".join(distinct) or str(error)
