"""Statements: where they may start, and which changes their phase allows (P01, P21, `cmf.md` 1.4)."""

from __future__ import annotations

from cmf_core.models.compute_pool import PoolPhase, PoolType
from cmf_core.models.statement import StatementPhase, StatementSpec
from cmf_core.rules.verdict import Refusal, Verdict, rule

_P = StatementPhase
STOPPABLE = frozenset({_P.PENDING, _P.RUNNING, _P.FAILING})
RESCALABLE = frozenset({_P.PENDING, _P.RUNNING, _P.STOPPED, _P.FAILING})


@rule("P01", "P02")
def known_pool(statement: str, pool: str, *, exists: bool, environment: str) -> Verdict:
    """A statement references one compute pool of its environment."""
    if exists:
        return None
    text = (
        f"Statement '{statement}': ComputePool '{pool}' does not exist in environment '{environment}': create it first"
    )
    return Refusal(422, text, "P01")


@rule("P21")
def accepting_pool(statement: str, pool: str, kind: PoolType, phase: PoolPhase) -> Verdict:
    """A shared pool takes statements only while it is RUNNING; no pool takes them while it is DELETING."""
    if phase is PoolPhase.DELETING or (kind is PoolType.SHARED and phase is not PoolPhase.RUNNING):
        text = f"Statement '{statement}': ComputePool '{pool}' is {phase}: it must be RUNNING to take statements"
        return Refusal(409, text, "P21")
    return None


@rule("STATEMENT")
def allowed_change(name: str, phase: StatementPhase, present: StatementSpec, sent: StatementSpec) -> Verdict:
    """A statement may be stopped, resumed and rescaled in the phases that allow it; its text and pool stay."""
    if sent.statement != present.statement:
        return Refusal(
            422, f"Statement '{name}': spec.statement is immutable: delete it and create another", "STATEMENT"
        )
    if sent.compute_pool_name != present.compute_pool_name:
        return Refusal(
            422, f"Statement '{name}': spec.computePoolName is immutable: delete it and create another", "STATEMENT"
        )
    if sent.stopped and not present.stopped and phase not in STOPPABLE:
        return Refusal(
            409,
            f"Statement '{name}' is {phase}: only PENDING, RUNNING and FAILING statements can be stopped",
            "STATEMENT",
        )
    if present.stopped and not sent.stopped and phase is not _P.STOPPED:
        return Refusal(409, f"Statement '{name}' is {phase}: only STOPPED statements can be resumed", "STATEMENT")
    if sent.parallelism != present.parallelism and phase not in RESCALABLE:
        return Refusal(409, f"Statement '{name}' is {phase}: its parallelism cannot be changed any more", "STATEMENT")
    return None
