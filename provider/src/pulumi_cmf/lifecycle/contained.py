"""Kinds that live in an environment: applications, compute pools and statements go through life alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from cmf_core.calls import Collection
from cmf_core.models import ComputePool, Environment, FlinkApplication, Statement
from cmf_core.rules import Advice, Verdict, operator
from cmf_core.rules.existence import not_deleting

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.generations import Reconciled
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kind import state_of
from pulumi_cmf.lifecycle.object_names import left_behind, object_name, perhaps_left_behind
from pulumi_cmf.lifecycle.operations import Created, Found, Going, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.ownership import create_once, find, gone, mark_of, refreshed, taken, with_mark, without_mark
from pulumi_cmf.lifecycle.removal import orphan, remove
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, wait_until


class ContainedInputs(Labelled):
    """Inputs of everything in an environment."""

    environment: str
    force_delete: bool | None = None


I = TypeVar("I", bound=ContainedInputs)  # noqa: E741
M = TypeVar("M", FlinkApplication, ComputePool, Statement)


class ContainedKind(KeptKind[I], Generic[I, M]):
    """The life cycle of a kind in an environment; its subclasses say what differs."""

    identity = ("environment", "name")

    ready_seconds: ClassVar[float] = 300.0
    """Limit of the waits after create and update, where `timeouts` says nothing."""

    delete_seconds: ClassVar[float] = 300.0
    """Limit of the wait for a deletion, where `timeouts` says nothing."""

    @abstractmethod
    def collection(self, environment: str) -> Collection[M]:
        """Return where the kind is in the API."""

    @abstractmethod
    def body(self, inputs: I) -> dict[str, Any]:
        """Return the spec to send."""

    @abstractmethod
    def parsed(self, data: dict[str, Any]) -> M:
        """Return the model of a document."""

    @abstractmethod
    def present(self, found: M) -> dict[str, Any]:
        """Return what CMF has for the inputs of the spec."""

    @abstractmethod
    def computed(self, found: M) -> dict[str, Any]:
        """Return outputs that are no inputs."""

    @abstractmethod
    def line(self, found: M) -> str:
        """Return what a resource is doing, for the user."""

    @abstractmethod
    def goal(self, inputs: I) -> str | None:
        """Return what is waited for after a write, for the user; None if nothing is."""

    @abstractmethod
    def judge(self, found: M, inputs: I, baseline: Reconciled | None) -> Look:
        """Tell whether a resource is what is waited for."""

    @abstractmethod
    async def write(self, hub: Hub, inputs: I, sent: M, operation: Operation) -> M:
        """Update a resource that is there, and return it as far as CMF answers it."""

    def leaves(self, state: Mapping[str, Any]) -> str | None:
        """Return which Kubernetes object a forced deletion may leave; None if there is none."""
        return "FlinkDeployment"

    async def baseline(self, hub: Hub, inputs: I, found: M | None) -> Reconciled | None:
        """Return what the operator had taken up before a write, if that is needed to tell old from new."""
        return None

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Foretell what stands in its way: its environment's cluster, its own specification, and its name."""
        environment, name = str(news["environment"]), str(news["name"])
        inputs = None if contains_unknown(dict(news)) else self.parse(news)
        what, id_ = self.what(environment, name), f"{environment}/{name}"
        return (
            await taken(facts, self.collection(environment), self.name, id_, what, name, mark)
            or await facts.writable_environment(environment)
            or (None if inputs is None else await self.unfit(facts, inputs))
            or (None if inputs is None else await self._refused(facts, inputs))
            or (await object_name(facts, self.name, environment, name) if self.has_object(news) else None)
            or await self._left_behind(facts, inputs)
        )

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that it is gone, that its environment's cluster takes no writes, and what `blocked` says."""
        environment, name = str(news["environment"]), str(news["name"])
        found = (await facts.all(self.collection(environment))).get(name)
        what = self.what(environment, name)
        if found is None:
            return gone(what)
        inputs = None if contains_unknown(dict(news)) else self.parse(news)
        if inputs is not None:
            asked = inputs.model_dump(exclude_none=True)
            if not self.to_write(self.all_present(environment, found), asked, olds):
                return None
        return (
            await facts.writable_environment(environment)
            or not_deleting(what, deleting=self.is_deleting(found))
            or await self.blocked(facts, environment, found, inputs)
            or (None if inputs is None else await self._refused(facts, inputs))
            or await self._left_behind(facts, inputs)
        )

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that its cluster takes no writes, unless by force, and what `in_use` says."""
        environment, name = place["environment"], place["name"]
        found = (await facts.all(self.collection(environment))).get(name)
        if found is None:
            return None
        held = None if state.get("force_delete") else await facts.writable_environment(environment)
        return held or await self.in_use(facts, going, environment, found)

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return the advice of CMF on a resource that is written."""
        environment, name = str(news["environment"]), str(news["name"])
        told: list[Advice] = []
        if not olds and (left := await perhaps_left_behind(facts, self.name, environment, name)) is not None:
            told.append(left)
        found = await self._environment(facts, environment)
        if found is not None and not contains_unknown(dict(news)):
            told += self.advice(self.parse(news), found)
        return told

    def advice(self, inputs: I, environment: Environment) -> list[Advice]:
        """Return the advice on a resource in its environment."""
        return []

    def deployment(self, inputs: I, environment: Environment) -> tuple[str, Mapping[str, Any]] | None:
        """Return name and contents of the FlinkDeployment specification that is asked for; None if there is none."""
        return None

    async def _refused(self, facts: Facts, inputs: I) -> Verdict:
        """Foretell what no operator takes, with the environment's defaults over it (D17)."""
        environment = await self._environment(facts, inputs.environment)
        asked = None if environment is None else self.deployment(inputs, environment)
        return None if asked is None else operator.refused(*asked)

    async def _left_behind(self, facts: Facts, inputs: I | None) -> Verdict:
        """Foretell that what a forced deletion left has the name of the FlinkDeployment that is asked for."""
        if inputs is None or not self.wants_deployment(inputs):
            return None
        return await left_behind(facts, self.name, inputs.environment, inputs.name)

    async def _environment(self, facts: Facts, name: str) -> Environment | None:
        """Return the environment; None if it is not there, or if not all of its defaults are known."""
        return await facts.environment(name) if facts.knows_defaults(name) else None

    async def unfit(self, facts: Facts, inputs: I) -> Verdict:
        """Return what of the things it names refuses its creation."""
        return None

    async def blocked(self, facts: Facts, environment: str, found: M, inputs: I | None) -> Verdict:
        """Return what of its present state refuses an update; `inputs` is None if not all of them are known."""
        return None

    async def in_use(self, facts: Facts, going: Going, environment: str, found: M) -> Verdict:
        """Return what refuses its deletion, by force too."""
        return None

    def has_object(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether there is a Kubernetes object of its name."""
        return True

    def wants_deployment(self, inputs: I) -> bool:
        """Tell whether CMF looks for a FlinkDeployment of its name when it is written."""
        return False

    @abstractmethod
    def is_deleting(self, found: M) -> bool:
        """Tell whether a resource is on its way out."""

    def sent(self, inputs: I) -> M:
        """Return the resource to send, without a mark."""
        return self.model(inputs, None)

    def what(self, environment: str, name: str) -> str:
        """Return kind, name and place, for messages."""
        return f"{self.name} '{name}' in environment '{environment}'"

    def model(self, inputs: I, mark: str | None) -> M:
        """Return the resource to send."""
        metadata = {"name": inputs.name, "labels": inputs.labels, "annotations": with_mark(inputs.annotations, mark)}
        return self.parsed({"metadata": metadata, "spec": self.body(inputs)})

    async def create(self, hub: Hub, inputs: I, operation: Operation) -> Created:
        """Create, and wait as `wait_for` says."""
        what = self.what(inputs.environment, inputs.name)
        collection = self.collection(inputs.environment)
        baseline = await self.baseline(hub, inputs, None)
        sent = self.model(inputs, operation.mark)
        answer = await create_once(hub, collection, what, inputs.name, sent, operation.mark)
        limit = inputs.timeouts.create if inputs.timeouts else None
        id_ = f"{inputs.environment}/{inputs.name}"
        return Created(id_, await self._settled(hub, id_, inputs, answer, baseline, limit, operation))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has."""
        place = self.named(id_)
        found = await refreshed(hub, self.collection(place["environment"]), place["name"], state)
        if found is None:
            return None
        inputs = self.seen(state, self.all_present(place["environment"], found))
        return Found(id_, {**inputs, **self._computed(found)}, inputs)

    def listed_in(self, place: Mapping[str, Any]) -> Collection[M]:
        """Return where a list of them is: in an environment."""
        return self.collection(place["environment"])

    def of_list(self, place: Mapping[str, Any], found: M) -> Found:
        """Return what a list tells of one."""
        inputs = self.seen({}, self.all_present(place["environment"], found))
        return Found(f"{place['environment']}/{found.name}", {**inputs, **self._computed(found)}, inputs)

    async def update(self, hub: Hub, id_: str, olds: State, inputs: I, operation: Operation) -> State:
        """Write what differs, and wait as after create; with `force_delete` alone nothing is written or awaited."""
        found = await find(hub, self.collection(inputs.environment), inputs.name)
        if found is None:
            raise Refused(gone(self.what(inputs.environment, inputs.name)).message)
        asked = inputs.model_dump(exclude_none=True)
        baseline = await self.baseline(hub, inputs, found)
        if self.to_write(self.all_present(inputs.environment, found), asked, olds):
            found = await self.write(hub, inputs, self.model(inputs, mark_of(found.metadata)), operation)
        elif self.diff(olds, asked).changed == {"force_delete"}:
            return self._state(inputs, found)
        limit = inputs.timeouts.update if inputs.timeouts else None
        return await self._settled(hub, id_, inputs, found, baseline, limit, operation)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete, and wait until its Kubernetes object is gone."""
        place = self.named(id_)
        environment, name = place["environment"], place["name"]
        force, left = bool(state.get("force_delete")), self.leaves(state)
        await remove(
            hub,
            self.collection(environment),
            name,
            what=self.what(environment, name),
            describe=self.line,
            limit=(state.get("timeouts") or {}).get("delete") or self.delete_seconds,
            force=force,
            leaves=await orphan(hub, environment, left, name) if force and left else None,
            operation=operation,
        )

    async def _settled(
        self,
        hub: Hub,
        id_: str,
        inputs: I,
        answer: M,
        baseline: Reconciled | None,
        limit: float | None,
        operation: Operation,
    ) -> State:
        """Wait until the resource is what is asked for, and return its state."""
        last = answer
        goal = self.goal(inputs)
        if goal is None:
            return self._state(inputs, last)

        async def look() -> Look:
            nonlocal last
            last = await hub.client.send(self.collection(inputs.environment).get(inputs.name))
            return self.judge(last, inputs, baseline)

        what = self.what(inputs.environment, inputs.name)
        seconds = limit or self.ready_seconds
        try:
            await wait_until(look, what, goal, limit=seconds, clock=hub.clock, progress=operation.progress)
        except WaitFailed as failed:
            raise NotReady(id_, self._state(inputs, last), str(failed)) from failed
        return self._state(inputs, last)

    def all_present(self, environment: str, found: M) -> dict[str, Any]:
        """Return what CMF has for all inputs that it knows."""
        labels, annotations = found.metadata.labels or None, without_mark(found.metadata.annotations)
        head = {"environment": environment, "name": found.name, "labels": labels, "annotations": annotations}
        return head | self.present(found)

    def _computed(self, found: M) -> dict[str, Any]:
        computed = {"uid": found.metadata.uid, **self.computed(found)}
        return {key: value for key, value in computed.items() if value is not None}

    def _state(self, inputs: I, found: M) -> State:
        return state_of(inputs, **self._computed(found))


def seen_line(state: str, *told: Any) -> str:
    """Return a line on a resource: what it is in, and what there is to say on it."""
    return ": ".join([state, *(str(text) for text in told if text)])
