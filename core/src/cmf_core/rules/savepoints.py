"""Savepoints: how they are taken, and what can be started from (E25-E27, E33, E51)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cmf_core.models.savepoint import SavepointFormat, SavepointSpec, SavepointState, SavepointStatus
from cmf_core.models.statement import StartFromSavepoint, StatementPhase
from cmf_core.rules.options import SAVEPOINTS, option
from cmf_core.rules.verdict import Refusal, Verdict, rule

_PATH = re.compile(r"(/|[A-Za-z][A-Za-z0-9+.-]*:/)[^\x00-\x20\x7f]*")
_LONGEST_PATH = 4096
_RESTARTABLE = frozenset(
    {StatementPhase.PENDING, StatementPhase.RUNNING, StatementPhase.FAILING, StatementPhase.STOPPED}
)


@rule("E25", "E27")
def by_snapshot(savepoint: str, cluster: str, method: str, *, has_crd: bool) -> bool | Refusal:
    """A FlinkStateSnapshot takes a savepoint where the cluster has its CRD, else a savepointTriggerNonce.

    Args:
        savepoint: its name.
        cluster: the cluster that its job runs on.
        method: `auto`, or `snapshot` or `nonce` for one of them alone.
        has_crd: the cluster has the CRD.

    Returns:
        Whether by snapshot; a refusal if only that is allowed and cannot be.
    """
    if method == "snapshot" and not has_crd:
        text = (
            f"Savepoint '{savepoint}': Kubernetes cluster '{cluster}' has no CRD for FlinkStateSnapshot: install the "
            "Flink Kubernetes Operator 1.10 or later, or set CMF_SAVEPOINT_METHOD=auto"
        )
        return Refusal(422, text, "E27")
    return method != "nonce" and has_crd


@rule("E25")
def within_a_nonce(savepoint: str, cluster: str, spec: SavepointSpec) -> Verdict:
    """A savepointTriggerNonce can name neither a folder nor a format: they are those of the job's configuration."""
    asked = "spec.path" if spec.path else "spec.formatType" if spec.format_type is not SavepointFormat.CANONICAL else ""
    if not asked:
        return None
    text = (
        f"Savepoint '{savepoint}': {asked} cannot be chosen on Kubernetes cluster '{cluster}', where savepoints are "
        "taken by savepointTriggerNonce: leave it out (an operator from 1.10 on with its CRDs can do it)"
    )
    return Refusal(422, text, "E25")


@rule("E25")
def one_at_a_time(savepoint: str, job: str, running: str | None) -> Verdict:
    """A job takes one savepoint by nonce at a time: a second nonce would take the place of the first."""
    if running is None:
        return None
    text = f"Savepoint '{savepoint}': {job} is taking savepoint '{running}': wait until that has ended, or delete it"
    return Refusal(409, text, "E25")


@rule("E27")
def job_to_run(savepoint: str, job: str, *, is_to_run: bool) -> Verdict:
    """A savepoint is taken of a job that runs or is about to."""
    if is_to_run:
        return None
    text = f"Savepoint '{savepoint}': the job of {job} is suspended, stopped or has ended: start it first"
    return Refusal(422, text, "E27")


@rule("E27")
def operated(job: str, *, has_object: bool) -> Verdict:
    """Savepoints are of jobs that the operator runs; a query on a SHARED pool and a DDL statement have none."""
    if has_object:
        return None
    text = f"{job} has no job that the Flink Kubernetes Operator runs, so it neither has savepoints nor starts from one"
    return Refusal(422, text, "E27")


@rule("E33")
def has_directory(savepoint: str, job: str, spec: SavepointSpec, configuration: Mapping[str, Any]) -> Verdict:
    """A savepoint has a folder to go to: its own path, or its job's state.savepoints.dir.

    `configuration` is the Flink configuration of the job, environment defaults included.
    """
    if spec.path or option(configuration, *SAVEPOINTS):
        return None
    text = (
        f"Savepoint '{savepoint}': {job} has no state.savepoints.dir in its flinkConfiguration: set it there or in the "
        "environment's defaults, or give the savepoint a spec.path"
    )
    return Refusal(422, text, "E33")


@rule("E51")
def durable_path(savepoint: str, path: str | None, *, required: bool) -> Verdict:
    """A path is that of a file system that every cluster reaches: a URI or an absolute path, without blanks."""
    if path is None and not required:
        return None
    if not path:
        return Refusal(422, f"Savepoint '{savepoint}': spec.path is missing: say where its data are", "E51")
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        text = (
            f"Savepoint '{savepoint}': spec.path '{path[:200]}' is neither a URI such as s3://bucket/folder nor an "
            f"absolute path, of at most {_LONGEST_PATH} characters and without blanks"
        )
        return Refusal(422, text, "E51")
    return None


@rule("E51")
def detachable(savepoint: str, status: SavepointStatus, *, deleting: bool) -> Verdict:
    """A savepoint is detached once it is COMPLETED: before that it has no data of its own."""
    if status.state is SavepointState.COMPLETED and status.path and not deleting:
        return None
    state = "being deleted" if deleting else status.state
    return Refusal(409, f"Savepoint '{savepoint}' is {state}: only a COMPLETED one can be detached", "E51")


@rule("E26")
def restorable(resource: str, savepoint: str, status: SavepointStatus, *, deleting: bool) -> Verdict:
    """A job is started from a COMPLETED savepoint that nobody is deleting."""
    if status.state is SavepointState.COMPLETED and status.path and not deleting:
        return None
    state = "being deleted" if deleting else status.state
    text = f"{resource} cannot start from savepoint '{savepoint}', which is {state}: it must be COMPLETED"
    return Refusal(422, text, "E26")


@rule("E26")
def start_of_statement(
    name: str, phase: StatementPhase, start: StartFromSavepoint, *, new: bool, stopped: bool
) -> Verdict:
    """A statement starts from the one savepoint that an update names, while it runs or as it resumes.

    Args:
        name: of the statement.
        phase: its present one.
        start: what the update says.
        new: whether the statement did not say the same before.
        stopped: whether it is to be stopped after the update.
    """
    if not (start.savepoint_name or start.uid or start.initial_savepoint_path):
        text = (
            f"Statement '{name}': spec.startFromSavepoint names no savepoint: give it a savepointName, a uid or an "
            "initialSavepointPath"
        )
        return Refusal(422, text, "E26")
    if start.initial_savepoint_path and (start.savepoint_name or start.uid):
        text = (
            f"Statement '{name}': spec.startFromSavepoint has an initialSavepointPath and names a Savepoint too: "
            "leave one of them out"
        )
        return Refusal(422, text, "E26")
    if new and stopped:
        text = f"Statement '{name}': spec.startFromSavepoint is for a statement that runs: set stopped to false with it"
        return Refusal(422, text, "E26")
    if new and phase not in _RESTARTABLE:
        return Refusal(409, f"Statement '{name}' is {phase}: it cannot be started again from a savepoint", "E26")
    return None


@rule("E26")
def known_to_statement(statement: str, savepoint: str, *, exists: bool) -> Verdict:
    """The savepoint that a statement starts from is its own or a detached one."""
    if exists:
        return None
    text = (
        f"Statement '{statement}': Savepoint '{savepoint}' does not exist: it has none of that name or uid, "
        "and there is no detached one"
    )
    return Refusal(422, text, "E26")
