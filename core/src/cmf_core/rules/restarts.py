"""What a change of a specification does to what runs: what restarts, why, and whether state is kept (E20, E47, E50).

All specifications are effective ones, the environment's defaults in them (D17).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cmf_core.models import ProcessUsage
from cmf_core.rules.applications import UPGRADE_MODES, is_suspended
from cmf_core.rules.deployments import SLOTS
from cmf_core.rules.verdict import Advice, rule
from cmf_core.usage import deployment_usage

_NO_NEW_PODS = ("imagePullPolicy", "ingress")
_NO_NEW_PODS_JOB = (
    "upgradeMode",
    "savepointTriggerNonce",
    "checkpointTriggerNonce",
    "initialSavepointPath",
    "allowNonRestoredState",
)
_NO_NEW_PODS_CONFIGURATION = ("kubernetes.operator.", "job.autoscaler.")
"""What the operator (1.7.0 to 1.15.0) takes up without stopping the job."""
_NO_NEW_PODS_IF_REMOVED, _REDEPLOY = "restartNonce", "savepointRedeployNonce"
_CONFIGURATION = "flinkConfiguration"
_GIGABYTE = 1024**3


class Happens(StrEnum):
    """What a change does to a job, or to the session cluster of a pool."""

    NOTHING = "nothing"
    STAYS_SUSPENDED = "stays suspended"
    RESUMES = "resumes"
    SUSPENDS = "suspends"
    RESTARTS = "restarts"
    STARTS_ANEW = "starts anew"
    """From `initialSavepointPath`, because of another savepointRedeployNonce."""


@dataclass(frozen=True)
class Restart:
    """What a change does.

    Attributes:
        happens: to the job or cluster.
        mode: how state is kept: `savepoint`, `last-state` or `stateless`, which keeps none.
        because: fields that need new pods, as in `taskManager.resource.memory`, in the order of their names.
    """

    happens: Happens
    mode: str = "stateless"
    because: tuple[str, ...] = ()

    @property
    def loses_state(self) -> bool:
        """Whether the state that the job has now is not there afterwards."""
        if self.happens in (Happens.NOTHING, Happens.STAYS_SUSPENDED):
            return False
        return self.mode == "stateless" or self.happens is Happens.STARTS_ANEW

    @property
    def kept(self) -> str:
        """What becomes of the job's state, for messages."""
        if self.happens is Happens.SUSPENDS:
            return "its state is lost" if self.loses_state else f"its state is kept ({self.mode})"
        return _KEPT[self.mode]


def needs_new_pods(deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether the operator replaces all pods of a deployment, JobManager and task managers, for a new spec."""
    return bool(reasons(deployed, wanted))


def reasons(deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields whose change makes the operator replace all pods."""
    before, after = _of_pods(deployed), _of_pods(wanted)
    if _NO_NEW_PODS_IF_REMOVED not in after:
        before.pop(_NO_NEW_PODS_IF_REMOVED, None)
    if isinstance(before.get("job"), dict) and _REDEPLOY not in (after.get("job") or {}):
        before["job"].pop(_REDEPLOY, None)
    return tuple(sorted(_differing(before, after)))


def of_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> Restart:
    """Return what a change does to the job of an application."""
    mode = upgrade_mode(after)
    match is_suspended(before), is_suspended(after):
        case True, True:
            return Restart(Happens.STAYS_SUSPENDED, mode)
        case False, True:
            return Restart(Happens.SUSPENDS, mode)
    nonce = (after.get("job") or {}).get(_REDEPLOY)
    if nonce is not None and nonce != (before.get("job") or {}).get(_REDEPLOY):
        return Restart(Happens.STARTS_ANEW, mode, reasons(before, after))
    if is_suspended(before):
        return Restart(Happens.RESUMES, mode)
    because = reasons(before, after)
    if mode == "last-state" and before.get("flinkVersion") != after.get("flinkVersion"):
        mode = "savepoint"  # a checkpoint is for the version that made it
    return Restart(Happens.RESTARTS if because else Happens.NOTHING, mode, because)


def of_session_cluster(
    before: Mapping[str, Any], after: Mapping[str, Any], *, was_suspended: bool, suspended: bool
) -> Restart:
    """Return what a change does to the session cluster of a SHARED pool; whether it is suspended, its state says."""
    match was_suspended, suspended:
        case True, True:
            return Restart(Happens.STAYS_SUSPENDED)
        case True, False:
            return Restart(Happens.RESUMES)
        case False, True:
            return Restart(Happens.SUSPENDS)
    because = reasons(before, after)
    return Restart(Happens.RESTARTS if because else Happens.NOTHING, because=because)


def upgrade_mode(spec: Mapping[str, Any]) -> str:
    """Return how a change keeps the state of a job: `stateless`, `savepoint` or `last-state`."""
    mode = str((spec.get("job") or {}).get("upgradeMode") or "stateless").lower()
    return mode if mode in UPGRADE_MODES else "stateless"


_KEPT = {
    "savepoint": "its job goes on from a savepoint",
    "last-state": "its job goes on from its last checkpoint",
    "stateless": "its state is lost (upgradeMode stateless)",
}


@rule("E20", "E21", "E26", "E47", "E50")
def job_advice(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Advice | None:
    """An update says what becomes of the job and its state, and of what it uses.

    Args:
        what: kind, name and place of the application.
        before: what it is now.
        after: what it is to be.
    """
    restart, path = of_job(before, after), (after.get("job") or {}).get("initialSavepointPath")
    match restart.happens:
        case Happens.NOTHING | Happens.STAYS_SUSPENDED:
            return None
        case Happens.SUSPENDS:
            return Advice(f"{what} suspends: the job ends, {restart.kept}", "E21")
        case Happens.RESUMES:
            return Advice(f"{what} resumes: {restart.kept}", "E21")
        case Happens.STARTS_ANEW:
            return Advice(f"{what} starts anew from {path}: what its job did since that is given up", "E26")
    return Advice(f"{what}: {_restarts(restart, before, after)}; {restart.kept}", _cause(restart))


@rule("E47", "E50", "P38")
def session_cluster_advice(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Advice | None:
    """An update of a SHARED pool that runs says that its session cluster restarts."""
    restart = of_session_cluster(before, after, was_suspended=False, suspended=False)
    if restart.happens is Happens.NOTHING:
        return None
    return Advice(f"{what}: {_restarts(restart, before, after)} of its session cluster", _cause(restart, "P38"))


def _restarts(restart: Restart, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return f"JobManager and TaskManagers restart ({', '.join(restart.because)}{_used(before, after)})"


def _cause(restart: Restart, other: str = "E20") -> str:
    return "E47" if f"{_CONFIGURATION}.{SLOTS}" in restart.because else other


def _used(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return how many task managers there will be, of which size, if that changes."""
    old, new = deployment_usage(before).task_manager, deployment_usage(after).task_manager
    return "" if old is None or new is None or old == new else f": {_size(old)} to {_size(new)}"


def _size(managers: ProcessUsage) -> str:
    memory = managers.memory / _GIGABYTE
    return f"{managers.count} TaskManagers with {managers.cpu:g} cores and {memory:.3g} GiB"


def _of_pods(deployed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a deployed spec whose change needs new pods."""
    spec = {key: value for key, value in deployed.items() if key not in _NO_NEW_PODS}
    options = dict(_flat(spec.get(_CONFIGURATION) or {}))
    spec[_CONFIGURATION] = {k: v for k, v in options.items() if not k.startswith(_NO_NEW_PODS_CONFIGURATION)}
    if isinstance(spec.get("job"), Mapping):
        spec["job"] = {key: value for key, value in spec["job"].items() if key not in _NO_NEW_PODS_JOB}
    return spec


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield Flink's options, which may be nested, with their values as text."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", str(value).lower() if isinstance(value, bool) else str(value)


def _differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all values that differ; a mapping that is not there counts as an empty one."""
    if isinstance(before, Mapping | None) and isinstance(after, Mapping | None):
        for key in {*(before or {}), *(after or {})}:
            inner = f"{path}.{key}" if path else str(key)
            yield from _differing((before or {}).get(key), (after or {}).get(key), inner)
    elif before != after:
        yield path
