"""ComputePool: the Flink clusters that statements run on (P01-P66)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from cmf_core.calls import ENVIRONMENTS, Collection, compute_pools, statements
from cmf_core.errors import CmfError, Conflict
from cmf_core.merge import merged
from cmf_core.models import ComputePool, Environment, PoolPhase, PoolState, PoolType, StatementPhase
from cmf_core.rules import Advice, Verdict, advice, names, pools, restarts, specs
from cmf_core.rules.deployments import deployment_advice

from pulumi_cmf import types
from pulumi_cmf.lifecycle.contained import ContainedInputs, ContainedKind, seen_line
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.generations import Reconciled, generations_agree
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import Going, Operation
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.lifecycle.waiting import Look, wait_until

_HOPELESS = (PoolPhase.FAILED, PoolPhase.DELETING)
_ORDER = (
    "Pulumi changes a pool before the statements on it, and deletes last of all: what this same update does with them "
    'comes too late. Stop or delete them in an update of their own, or set on_blocked="wait" and let them end'
)


class ComputePoolInputs(ContainedInputs):
    """What a user says of a pool."""

    type: types.PoolType
    cluster_spec: dict[str, Any]
    state: types.PoolState | None = None
    wait_for: Literal["ready", "accepted"] | None = None
    on_blocked: Literal["fail", "wait"] | None = None


class ComputePoolKind(ContainedKind[ComputePoolInputs, ComputePool]):
    """Life cycle of pools. The type cannot change (P15): that replaces."""

    name = "ComputePool"
    outputs = ("uid", "phase")
    immutable = ("type",)
    nested: ClassVar[Mapping[str, Any]] = {"cluster_spec": types.FlinkClusterSpec}
    defaults: ClassVar[Mapping[str, Any]] = {"state": PoolState.RUNNING.value}
    rule_ids: ClassVar[Mapping[str, str]] = {"type": "P14", "cluster_spec": "P06"}

    def __init__(self) -> None:
        super().__init__(ComputePoolInputs)

    def rules(self, inputs: ComputePoolInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on name, state and clusterSpec."""
        spec = self.model(inputs, None).spec
        yield "name", names.resource_name(self.name, inputs.name)
        if spec.type is PoolType.SHARED:
            yield "name", names.deployment_name(self.name, inputs.name)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "cluster_spec", specs.deployment_spec(f"{self.name} '{inputs.name}': spec.clusterSpec", spec.cluster_spec)
        verdict = pools.valid_spec(inputs.name, spec)
        yield ("state" if verdict is not None and verdict.rule == "P16" else "cluster_spec"), verdict

    def deployment(self, inputs: ComputePoolInputs, environment: Environment) -> tuple[str, Mapping[str, Any]]:
        """Return the clusterSpec with the environment's defaults over it (D17), without what CMF ignores (P23)."""
        defaults = (environment.compute_pool_defaults or {}).get("spec") or {}
        spec = merged(inputs.cluster_spec, defaults.get("clusterSpec"))
        managers = spec.get("taskManager")
        if spec.get("mode", "native") == "native" and isinstance(managers, dict):
            managers.pop("replicas", None)
        return f"{self.name} '{inputs.name}': spec.clusterSpec", spec

    def advice(self, inputs: ComputePoolInputs, environment: Environment) -> list[Advice]:
        """Return the advice on image (P12), high availability (P59) and cluster."""
        where, spec = self.deployment(inputs, environment)
        own = advice(pools.image(inputs.name, spec), pools.availability(inputs.name, PoolType(inputs.type), spec))
        return [*own, *deployment_advice(where, spec)]

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return CMF's advice too, that a session cluster restarts, and which statements an update will wait for."""
        told = await super().advise(facts, olds, news)
        environment, name = str(news["environment"]), str(news["name"])
        found = (await facts.all(self.collection(environment))).get(name)
        if olds and found is not None and not contains_unknown(dict(news)):
            told += await self._restarts(facts, found, olds, self.parse(news))
        if not olds or news.get("on_blocked") != "wait":
            return told
        held = None if found is None else await self._held(facts, environment, found)
        if held is None:
            return told
        limit = (news.get("timeouts") or {}).get("update") or self.ready_seconds
        text = (
            f"{held.message}. The update waits for that, for {limit:g} s at most; what this program itself does with "
            "these statements comes after the pool"
        )
        return [*told, Advice(text, held.rule)]

    async def _restarts(
        self, facts: Facts, found: ComputePool, olds: Mapping[str, Any], inputs: ComputePoolInputs
    ) -> list[Advice]:
        """Return that the session cluster of a SHARED pool restarts; the clusters of a DEDICATED one do not."""
        before = (await facts.all(ENVIRONMENTS)).get(inputs.environment)
        after = await self._environment(facts, inputs.environment)
        runs = found.status is not None and found.status.phase is PoolPhase.RUNNING
        if before is None or after is None or not runs or _phase(inputs) is not PoolPhase.RUNNING:
            return []
        old, new = self.deployment(self.of_state(olds), before), self.deployment(inputs, after)
        what = self.what(inputs.environment, inputs.name)
        return advice(restarts.session_cluster_advice(what, old[1], new[1]))

    async def blocked(
        self, facts: Facts, environment: str, found: ComputePool, inputs: ComputePoolInputs | None
    ) -> Verdict:
        """Return the statements that block an update (P38-P41), if their end is not waited for, and the ways out."""
        held = await self._held(facts, environment, found)
        if held is None or (inputs is not None and inputs.on_blocked == "wait"):
            return None
        return replace(held, message=f"{held.message}. {_ORDER}")

    async def _held(self, facts: Facts, environment: str, found: ComputePool) -> Verdict:
        if found.status is None:
            return None
        on_pool = await _on_pool(facts, environment, found.name)
        return pools.updatable(found.name, found.spec.type, found.status.phase, on_pool)

    async def in_use(self, facts: Facts, going: Going, environment: str, found: ComputePool) -> Verdict:
        """Return the statements that block a deletion, by force too (P49, P53)."""
        if found.status is None:
            return None
        on_pool = await _on_pool(facts, environment, found.name)
        on_pool += _new_on_pool(facts, environment, found.name, [statement.name for statement in on_pool])
        left = [statement for statement in on_pool if not going("Statement", f"{environment}/{statement.name}")]
        return pools.deletable(found.name, found.spec.type, found.status.phase, left)

    def has_object(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether it is a session cluster; dedicated pools have no object of their own (P04)."""
        return inputs.get("type") == PoolType.SHARED

    def wants_deployment(self, inputs: ComputePoolInputs) -> bool:
        """Tell whether it is a session cluster that runs."""
        return _phase(inputs) is PoolPhase.RUNNING

    def is_deleting(self, found: ComputePool) -> bool:
        """Tell whether a pool is on its way out."""
        return found.status is not None and found.status.phase is PoolPhase.DELETING

    def collection(self, environment: str) -> Collection[ComputePool]:
        """Return the pools of an environment."""
        return compute_pools(environment)

    def body(self, inputs: ComputePoolInputs) -> dict[str, Any]:
        """Return type, state and clusterSpec."""
        return {"type": inputs.type, "state": inputs.state, "clusterSpec": inputs.cluster_spec}

    def parsed(self, data: dict[str, Any]) -> ComputePool:
        """Return the model of a document."""
        return ComputePool.parse(data)

    async def write(self, hub: Hub, inputs: ComputePoolInputs, sent: ComputePool, operation: Operation) -> ComputePool:
        """Update by the full resource (P36); where it is asked for, once no statement blocks it any more (P47)."""
        answer: ComputePool | CmfError | None = None

        async def look() -> Look:
            nonlocal answer
            try:
                answer = await hub.client.send(compute_pools(inputs.environment).put(inputs.name, sent)) or sent
            except CmfError as error:
                answer = error
                waits = isinstance(error, Conflict) and inputs.on_blocked == "wait"
                return Look(str(error), done=not waits)
            return Look("written", done=True)

        limit = (inputs.timeouts.update if inputs.timeouts else None) or self.ready_seconds
        what = self.what(inputs.environment, inputs.name)
        await wait_until(look, what, "free to change", limit=limit, clock=hub.clock, progress=operation.progress)
        if isinstance(answer, CmfError):
            raise answer
        assert answer is not None
        return answer

    def leaves(self, state: Mapping[str, Any]) -> str | None:
        """Return what a shared pool has on its cluster; a dedicated one has nothing there."""
        return "session FlinkDeployment" if state.get("type") == PoolType.SHARED else None

    def goal(self, inputs: ComputePoolInputs) -> str | None:
        """Return the phase that is asked for."""
        return None if inputs.wait_for == "accepted" else _phase(inputs).value

    def judge(self, found: ComputePool, inputs: ComputePoolInputs, baseline: Reconciled | None) -> Look:
        """Tell whether the pool has the phase that is asked for, with its present spec."""
        status = found.status
        phase = status.phase if status else None
        fresh = generations_agree(found.metadata, status.wire() if status else {}) is not False
        return Look(self.line(found), done=fresh and phase is _phase(inputs), hopeless=fresh and phase in _HOPELESS)

    def line(self, found: ComputePool) -> str:
        """Return phase, message and warning."""
        status = found.status
        return seen_line(f"phase {status.phase}", status.message, status.warning) if status else "no status yet"

    def present(self, found: ComputePool) -> dict[str, Any]:
        """Return the inputs of the spec."""
        spec = found.spec
        return {"type": spec.type.value, "state": spec.state and spec.state.value, "cluster_spec": spec.cluster_spec}

    def computed(self, found: ComputePool) -> dict[str, Any]:
        """Return the phase."""
        return {"phase": found.status.phase.value if found.status else None}


async def _on_pool(facts: Facts, environment: str, pool: str) -> list[pools.StatementFact]:
    found = (await facts.all(statements(environment))).values()
    return [
        pools.StatementFact(statement.name, statement.status.phase)
        for statement in found
        if statement.spec.compute_pool_name == pool and statement.status is not None
    ]


def _new_on_pool(facts: Facts, environment: str, pool: str, known: Iterable[str]) -> list[pools.StatementFact]:
    """Return the statements that this update puts on a pool, unless it makes the pool anew: they are about to start."""
    if facts.creates("ComputePool", f"{environment}/{pool}"):
        return []
    names_there = [
        str(planned.inputs["name"])
        for planned in facts.all_changed("Statement").values()
        if (planned.inputs["environment"], planned.inputs.get("compute_pool_name")) == (environment, pool)
    ]
    return [pools.StatementFact(name, StatementPhase.PENDING) for name in names_there if name not in {*known}]


def _phase(inputs: ComputePoolInputs) -> PoolPhase:
    """Return the phase that a pool shall reach."""
    if inputs.type == PoolType.DEDICATED:
        return PoolPhase.DEDICATED
    return PoolPhase(inputs.state or PoolState.RUNNING.value)
