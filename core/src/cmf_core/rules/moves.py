"""Applications that move to another environment, and so to another cluster: by a savepoint, and never twice (E51)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from cmf_core.rules.applications import is_suspended
from cmf_core.rules.options import SAVEPOINTS, option, options_of
from cmf_core.rules.restarts import upgrade_mode
from cmf_core.rules.savepoints import durable_path
from cmf_core.rules.verdict import Advice, Refusal, Verdict, rule

NO_FALLBACK = {"kubernetes.operator.job.upgrade.last-state-fallback.enabled": "false"}
"""Flink configuration by which the operator takes a savepoint or none: what it could fall back on stays behind."""


def keeps_state(spec: Mapping[str, Any]) -> bool:
    """Tell whether a job takes its state along: one of upgradeMode stateless does not ask for it."""
    return upgrade_mode(spec) != "stateless"


def left(spec: Mapping[str, Any], *, savepoint: bool) -> dict[str, Any]:
    """Return the specification by which a job ends where it was: with a savepoint, or as its upgradeMode says."""
    job = {**(spec.get("job") or {}), "state": "suspended"}
    if not savepoint:
        return {**spec, "job": job}
    configuration = {**options_of(spec), **NO_FALLBACK}
    return {**spec, "flinkConfiguration": configuration, "job": {**job, "upgradeMode": "savepoint"}}


@rule("E51", "E33")
def leavable(what: str, spec: Mapping[str, Any], effective: Mapping[str, Any], lifecycle: str) -> Verdict:
    """A job takes its state along by a savepoint, which has a folder.

    Args:
        what: kind, name and place.
        spec: the application's own specification.
        effective: that with the environment's defaults over it.
        lifecycle: the operator's lifecycleState.
    """
    if not keeps_state(effective) or (is_suspended(spec) and lifecycle == "SUSPENDED"):
        return None
    if option(options_of(effective), *SAVEPOINTS):
        return None
    text = (
        f"{what} cannot take its state along: it has no {SAVEPOINTS[0]} in flinkConfiguration: set it there or in the "
        "environment's defaults, to a folder that both clusters reach"
    )
    return Refusal(422, text, "E33")


@rule("E51")
def there_to_leave(what: str, last: str | None, *, present: bool) -> Verdict:
    """What moves is there: else nobody knows where to go on from.

    Args:
        what: kind, name and place.
        last: the savepoint that it started from there; None if from none.
        present: whether it is there.
    """
    if present:
        return None
    known = f"; there it had started from {last}" if last else ""
    text = f"{what} is not there any more, nor is its state: say in restore_from what to go on from{known}"
    return Refusal(409, text, "E51")


@rule("E51")
def returns(source: Mapping[str, Any] | None, target: Mapping[str, Any] | None, last: str | None) -> bool:
    """A move that came to nothing is taken back: the job never ran there, and its state still waits where it was.

    Args:
        source: status of the application that it leaves; None if there is none.
        target: status of the suspended one to which it comes back; None if there is none.
        last: the savepoint that was taken along.
    """
    ran = source is not None and (_has(source, "lastStableSpec") or _job(source).get("state") == "RUNNING")
    if ran or last is None or target is None or target.get("lifecycleState") != "SUSPENDED":
        return False
    return savepoint_left("", target) == last


@rule("E07", "E51")
def alone(application: str, environment: str, others: Collection[str]) -> Verdict:
    """An application that starts in one environment is in no other of those where it may live."""
    if not others:
        return None
    text = (
        f"FlinkApplication '{application}' cannot start in environment '{environment}': it is also in "
        f"{', '.join(sorted(others))}, and would run twice: place it there first and move it, or delete it there"
    )
    return Refusal(409, text, "E51")


@rule("E07", "E51")
def twice(old: str, new: str) -> Advice:
    """A replacement is no move: the new application starts before the old one ends, and without its state.

    Args:
        old: kind, name and place of the one that goes.
        new: the same of the one that comes.
    """
    text = (
        f"{new} starts without the state of {old}, and before that ends: both run for a while. The component Placement "
        "moves an application with its state"
    )
    return Advice(text, "E51")


@rule("E51")
def savepoint_left(what: str, status: Mapping[str, Any]) -> str | Refusal:
    """Where a suspended job left its state: in the savepoint that it was suspended with, and in no older one."""
    job = _job(status)
    path = job.get("upgradeSavepointPath") or ((job.get("savepointInfo") or {}).get("lastSavepoint") or {}).get(
        "location"
    )
    mode = _suspended_by(status)
    if mode in (None, "savepoint") and path and durable_path(what, path, required=True) is None:
        return str(path)
    by = f" by upgradeMode {mode}" if mode else ""
    text = (
        f"{what} is suspended{by} and left no savepoint that another cluster could start from: let it run again and "
        "move it then, or say in restore_from what to go on from"
    )
    return Refusal(409, text, "E51")


def _job(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return status.get("jobStatus") or {}


def _has(status: Mapping[str, Any], field: str) -> bool:
    return bool((status.get("reconciliationStatus") or {}).get(field))


def _suspended_by(status: Mapping[str, Any]) -> str | None:
    """Return the upgrade mode that the operator suspended a job with; None if it does not say."""
    text = (status.get("reconciliationStatus") or {}).get("lastReconciledSpec")
    try:
        spec = json.loads(text).get("spec") if text else None
    except ValueError:
        spec = None
    mode = ((spec or {}).get("job") or {}).get("upgradeMode")
    return str(mode).lower() if mode else None
