"""Handover: where an application is, and what it takes along when that changes. It starts nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from cmf_core.calls import application_savepoints, applications
from cmf_core.models import FlinkApplication, SavepointState
from cmf_core.rules import Advice, Refusal, Verdict, moves, names
from cmf_core.rules.applications import is_suspended
from cmf_core.rules.savepoints import durable_path
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.flink_application import effective_spec
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Inputs
from pulumi_cmf.lifecycle.kind import Kind, state_of
from pulumi_cmf.lifecycle.kinds import FLINK_APPLICATION
from pulumi_cmf.lifecycle.operations import Created, Difference, Found, Operation, State
from pulumi_cmf.lifecycle.ownership import find
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pydantic import Field

from pulumi_cmf_components.leaving import Leaving, Step, refuse, status_of

_SECONDS = 600.0


class HandoverInputs(Inputs):
    """What a user says of it; `name` is the application's."""

    environment: str
    others: list[str] = Field(default_factory=list)
    restore_from: str | None = None


class HandoverKind(Kind[HandoverInputs]):
    """Life cycle of handovers. CMF knows none of them: the state of the stack is all there is."""

    name = "Handover"
    identity = ("name",)
    outputs = ("savepoint_path", "starts")
    lasting: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__(HandoverInputs)

    def rules(self, inputs: HandoverInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on name and path."""
        yield "name", names.deployment_name("FlinkApplication", inputs.name)
        yield "restore_from", durable_path(inputs.name, inputs.restore_from, required=False)

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Difference:
        """Compare; a `restore_from` that is taken out again and other places to live change nothing."""
        found = super().diff(olds, news)
        idle = {"others", "timeouts"} | (set() if news.get("restore_from") else {"restore_from"})
        return Difference(found.changed - idle, found.replaces, found.delete_first)

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Foretell that the application is elsewhere already."""
        if contains_unknown(dict(news)):
            return None
        name, there = str(news["name"]), str(news["environment"])
        return moves.alone(name, there, [env for env in news.get("others") or [] if await _known(facts, env, name)])

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that it cannot leave where it is, cannot start where it goes, or is elsewhere too."""
        if contains_unknown(dict(news)):
            return None
        step, name = _step(olds, news), str(news["name"])
        if not step.moves:
            return None
        found, target = await _known(facts, step.source, name), await _known(facts, step.target, name)
        others = [env for env in news.get("others") or [] if env != step.source and await _known(facts, env, name)]
        others += [step.target] if target is not None and not is_suspended(target.spec) else []
        refusal = moves.alone(name, step.target, others) or await facts.writable_environment(step.target)
        what, last = FLINK_APPLICATION.what(step.source, name), _last(olds)
        if refusal is not None or step.restore is not None or moves.returns(status_of(found), status_of(target), last):
            return refusal
        place = await facts.environment(step.source)
        if found is None or place is None:
            return moves.there_to_leave(what, last, present=False)
        away = await facts.writable_environment(step.source)
        if away is not None:
            text = f"{what} cannot be moved: {away.message}. {await _ways(facts, step, name)}"
            return Refusal(away.status, text, away.rule)
        return moves.leavable(what, found.spec, effective_spec(found.spec, place), found.lifecycle_state)

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return what an update is going to do, in its order, and what that costs."""
        if not olds or contains_unknown(dict(news)):
            return []
        step, name = _step(olds, news), str(news["name"])
        if not step.moves:
            started = f"starts anew in environment '{step.target}' from {step.restore}; what it did since is given up"
            return [Advice(f"FlinkApplication '{name}' {started}", "E26")] if step.restore else []
        found, place = await _known(facts, step.source, name), await facts.environment(step.source)
        target = await _known(facts, step.target, name)
        if not step.restore and moves.returns(status_of(found), status_of(target), _last(olds)):
            text = f"FlinkApplication '{name}' never ran in environment '{step.source}' and resumes in '{step.target}'"
            return [Advice(text, "E51")]
        keeps = found is not None and place is not None and moves.keeps_state(effective_spec(found.spec, place))
        away = await facts.writable_environment(step.source)
        head = f"FlinkApplication '{name}' moves from environment '{step.source}' to '{step.target}'"
        if step.restore and away is not None:
            text = (
                f"{head} and starts there from {step.restore}, what it did since is done again or lost; its job in "
                f"'{step.source}' cannot be stopped ({away.message}) and runs twice if it still runs there"
            )
            return [Advice(text, "C53")]
        state = f"from {step.restore}" if step.restore else "from that" if keeps else "without its state"
        stops = "is suspended with a savepoint" if keeps and not step.restore else "is suspended"
        text = f"{head}: it {stops}, starts there {state}, and once it runs it is removed here; meanwhile it is down"
        return [Advice(text, "E51")]

    async def create(self, hub: Hub, inputs: HandoverInputs, operation: Operation) -> Created:
        """See that the application is nowhere else; there is nothing to take along yet but what is given."""
        await self._alone(hub, inputs, ())
        return Created(inputs.name, _state(inputs, inputs.restore_from, 1))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what is known: nobody else keeps it."""
        return Found(id_, dict(state), self.inputs_in(state))

    async def update(self, hub: Hub, id_: str, olds: State, inputs: HandoverInputs, operation: Operation) -> State:
        """End the job where it was, if it moves, and say what it is to start from."""
        step, starts = _step(olds, inputs.model_dump()), int(olds["starts"])
        if step.moves:
            await self._alone(hub, inputs, (step.source,))
            limit = (inputs.timeouts.update if inputs.timeouts else None) or _SECONDS
            path = await Leaving(hub, step, inputs.name, _last(olds), limit, operation).path()
        elif step.restore is None:
            return _state(inputs, _last(olds), starts)
        else:
            path = step.restore
        return _state(inputs, path, starts + 1)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Forget it; the application is a resource of its own."""

    async def _alone(self, hub: Hub, inputs: HandoverInputs, leaves: tuple[str, ...]) -> None:
        """Raise `Refused` if the application is where it neither leaves nor, suspended, comes back to."""
        there = {env: await find(hub, applications(env), inputs.name) for env in inputs.others if env not in leaves}
        others = [env for env, found in there.items() if found is not None]
        if leaves:
            target = await find(hub, applications(inputs.environment), inputs.name)
            others += [inputs.environment] if target is not None and not is_suspended(target.spec) else []
        refuse(moves.alone(inputs.name, inputs.environment, others))


async def _known(facts: Facts, environment: str, name: str) -> FlinkApplication | None:
    return (await facts.all(applications(environment))).get(name)


async def _ways(facts: Facts, step: Step, name: str) -> str:
    """Return the ways out where an application's cluster is away, with the last savepoint that CMF knows of."""
    taken = [
        (saved.status.result_timestamp or "", saved.status.path)
        for saved in (await facts.all(application_savepoints(step.source, name))).values()
        if saved.status is not None and saved.status.state is SavepointState.COMPLETED and saved.status.path
    ]
    when, path = max(taken, default=("", ""))
    known = f": CMF knows of {path}, taken {when}" if path else ", a savepoint or checkpoint"
    return f"Wait for it, or give up what it did last and say in restore_from what to go on from{known}"


def _step(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Step:
    """Return what an update does; a `restore_from` that has been used counts no more."""
    given = news.get("restore_from")
    used = given == olds.get("restore_from")
    return Step(str(olds["environment"]), str(news["environment"]), None if used else given)


def _last(olds: Mapping[str, Any]) -> str | None:
    """Return the savepoint that was taken along last."""
    return olds.get("savepoint_path") or None


def _state(inputs: HandoverInputs, path: str | None, starts: int) -> State:
    """Return the state; a text that is empty is known to a preview, and one that is missing is not."""
    return state_of(inputs, savepoint_path=path or "", starts=starts)
