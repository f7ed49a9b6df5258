"""Statement: one SQL statement on one compute pool (P01, P02, `cmf.md` 1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from cmf_core.calls import Collection, compute_pools, statements
from cmf_core.models import PoolPhase, PoolState, PoolType, Statement, StatementPhase
from cmf_core.rules import Verdict, names
from cmf_core.rules.statements import accepting_pool, allowed_change, known_pool
from pydantic import Field

from pulumi_cmf.lifecycle.contained import ContainedInputs, ContainedKind, seen_line
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.generations import Reconciled, generations_agree
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import Operation
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.spelling import texts
from pulumi_cmf.lifecycle.waiting import Look

_P = StatementPhase
_MAPS = ("properties", "flink_configuration")


class StatementInputs(ContainedInputs):
    """What a user says of a statement."""

    statement: str
    compute_pool_name: str
    properties: dict[str, str] | None = None
    flink_configuration: dict[str, str] | None = None
    parallelism: int | None = Field(default=None, ge=1)
    stopped: bool | None = None
    wait_for: Literal["started", "completed", "accepted"] | None = None


class StatementKind(ContainedKind[StatementInputs, Statement]):
    """Life cycle of statements. Text and pool cannot change: that replaces."""

    name = "Statement"
    searched = ("name", "statement")
    outputs = ("uid", "phase", "detail")
    immutable = ("statement", "compute_pool_name")
    defaults: ClassVar[Mapping[str, Any]] = {"parallelism": 1, "stopped": False}
    rule_ids: ClassVar[Mapping[str, str]] = {"compute_pool_name": "P01"}

    def __init__(self) -> None:
        super().__init__(StatementInputs)

    def spelled(self, key: str, value: Any) -> Any:
        """Return an input as it is kept; configuration values are texts."""
        return texts(value) if key in _MAPS else super().spelled(key, value)

    def rules(self, inputs: StatementInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on names."""
        yield "name", names.resource_name(self.name, inputs.name)
        yield "name", names.deployment_name(self.name, inputs.name)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "compute_pool_name", names.resource_name("ComputePool", inputs.compute_pool_name)

    async def unfit(self, facts: Facts, inputs: StatementInputs) -> Verdict:
        """Return why its pool does not take it (P01, P21)."""
        environment, pool = inputs.environment, inputs.compute_pool_name
        present = (await facts.all(compute_pools(environment))).get(pool)
        there = present is not None or facts.changes("ComputePool", f"{environment}/{pool}")
        return known_pool(inputs.name, pool, exists=there, environment=environment) or await self._accepting(
            facts, environment, inputs.name, pool
        )

    async def blocked(
        self, facts: Facts, environment: str, found: Statement, inputs: StatementInputs | None
    ) -> Verdict:
        """Return why its phase does not allow to stop, resume or rescale it, or why its pool does not take it back."""
        if inputs is None or found.status is None:
            return None
        refusal = allowed_change(found.name, found.status.phase, found.spec, self.model(inputs, None).spec)
        if refusal is not None or not found.spec.stopped or inputs.stopped:
            return refusal
        return await self._accepting(facts, environment, found.name, found.spec.compute_pool_name)

    async def _accepting(self, facts: Facts, environment: str, statement: str, pool: str) -> Verdict:
        """Return why a pool takes no statements, as this update leaves it; what it becomes may not be known."""
        id_, found = f"{environment}/{pool}", (await facts.all(compute_pools(environment))).get(pool)
        planned = facts.planned("ComputePool", id_)
        if planned is not None and planned.changed:
            if planned.inputs.get("state") != PoolState.SUSPENDED:
                return None
            return accepting_pool(statement, pool, PoolType.SHARED, PoolPhase.SUSPENDED)
        if found is None or found.status is None or facts.is_going("ComputePool", id_):
            return None
        return accepting_pool(statement, pool, found.spec.type, found.status.phase)

    def is_deleting(self, found: Statement) -> bool:
        """Tell whether a statement is on its way out."""
        return found.status is not None and found.status.phase is _P.DELETING

    def collection(self, environment: str) -> Collection[Statement]:
        """Return the statements of an environment."""
        return statements(environment)

    def body(self, inputs: StatementInputs) -> dict[str, Any]:
        """Return the spec, with its defaults."""
        return {
            "statement": inputs.statement,
            "computePoolName": inputs.compute_pool_name,
            "properties": inputs.properties,
            "flinkConfiguration": inputs.flink_configuration,
            "parallelism": 1 if inputs.parallelism is None else inputs.parallelism,
            "stopped": bool(inputs.stopped),
        }

    def parsed(self, data: dict[str, Any]) -> Statement:
        """Return the model of a document."""
        return Statement.parse(data)

    async def write(self, hub: Hub, inputs: StatementInputs, sent: Statement, operation: Operation) -> Statement:
        """Stop, resume, rescale or reconfigure; CMF answers that without a body."""
        return await hub.client.send(statements(inputs.environment).put(inputs.name, sent)) or sent

    def leaves(self, state: Mapping[str, Any]) -> str | None:
        """Return what a statement may have on its cluster, by the type of its pool."""
        return "FlinkDeployment or FlinkSessionJob"

    def goal(self, inputs: StatementInputs) -> str | None:
        """Return the phases that are asked for."""
        return " or ".join(_phases(inputs)) or None

    def judge(self, found: Statement, inputs: StatementInputs, baseline: Reconciled | None) -> Look:
        """Tell whether the statement has a phase that is asked for, with its present spec."""
        status = found.status
        phase, goal = (status.phase if status else None), _phases(inputs)
        hopeless = {_P.FAILED, _P.DELETING, _P.COMPLETED} - {*goal}
        fresh = generations_agree(found.metadata, status.wire() if status else {}) is not False
        return Look(self.line(found), done=fresh and phase in goal, hopeless=fresh and phase in hopeless)

    def line(self, found: Statement) -> str:
        """Return phase, detail and warning."""
        status = found.status
        return seen_line(f"phase {status.phase}", status.detail, status.warning) if status else "no status yet"

    def present(self, found: Statement) -> dict[str, Any]:
        """Return the inputs of the spec."""
        spec = found.spec
        return {
            "statement": spec.statement,
            "compute_pool_name": spec.compute_pool_name,
            "properties": spec.properties or None,
            "flink_configuration": spec.flink_configuration or None,
            "parallelism": spec.parallelism,
            "stopped": spec.stopped,
        }

    def computed(self, found: Statement) -> dict[str, Any]:
        """Return phase and detail."""
        status = found.status
        return {"phase": status.phase.value, "detail": status.detail} if status else {}


def _phases(inputs: StatementInputs) -> tuple[StatementPhase, ...]:
    """Return the phases that are waited for; none if nothing is."""
    if inputs.wait_for == "accepted":
        return ()
    if inputs.stopped:
        return (_P.STOPPED,)
    return (_P.COMPLETED,) if inputs.wait_for == "completed" else (_P.RUNNING, _P.COMPLETED)
