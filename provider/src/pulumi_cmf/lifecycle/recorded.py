"""Kinds that CMF alone keeps, without an object on a cluster: secrets, mappings, catalogs, databases and the like."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from cmf_core.calls import Collection
from cmf_core.models import EnvironmentSecretMapping, KafkaCatalog, KafkaDatabase, Savepoint, Secret
from cmf_core.rules import Verdict

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.kept import KeptKind
from pulumi_cmf.lifecycle.kind import state_of
from pulumi_cmf.lifecycle.operations import Created, Found, Operation, Refused, State
from pulumi_cmf.lifecycle.ownership import create_once, find, gone, mark_of, refreshed, taken, with_mark, without_mark
from pulumi_cmf.lifecycle.removal import remove

_DELETE_SECONDS = 60.0

I = TypeVar("I", bound=Labelled)  # noqa: E741
M = TypeVar("M", Secret, EnvironmentSecretMapping, KafkaCatalog, KafkaDatabase, Savepoint)


class RecordedKind(KeptKind[I], Generic[I, M]):
    """The life cycle of such a kind; its subclasses say what differs."""

    place: ClassVar[str | None] = None
    """Input that names what the resource is in, before its name in the id; None if it is global."""

    @abstractmethod
    def collection(self, place: Mapping[str, Any]) -> Collection[M]:
        """Return where the kind is in the API, of inputs or of the parts of an id."""

    @abstractmethod
    def parsed(self, data: dict[str, Any]) -> M:
        """Return the model of a document."""

    @abstractmethod
    def body(self, inputs: I) -> dict[str, Any]:
        """Return the spec to send."""

    @abstractmethod
    def present(self, found: M) -> dict[str, Any]:
        """Return what CMF has for the inputs of the spec."""

    def computed(self, found: M) -> dict[str, Any]:
        """Return outputs that are no inputs, beside the uid."""
        return {}

    def what(self, place: Mapping[str, Any]) -> str:
        """Return kind, name and place, for messages."""
        inside = f" in {self.place} '{place[self.place]}'" if self.place else ""
        return f"{self.name} '{place['name']}'{inside}"

    def sent(self, inputs: I) -> M:
        """Return the resource to send, without a mark."""
        return self._model(inputs, None)

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Foretell that its name is taken, and what `unfit` says."""
        name, collection = str(news["name"]), self.collection(news)
        refusal = await taken(facts, collection, self.name, str(self.id_of(news)), self.what(news), name, mark)
        return refusal or await self.unfit(facts, news, None)

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that it is gone, and what `unfit` says."""
        found = (await facts.all(self.collection(news))).get(str(news["name"]))
        return gone(self.what(news)) if found is None else await self.unfit(facts, news, found)

    async def unfit(self, facts: Facts, news: Mapping[str, Any], found: M | None) -> Verdict:
        """Return what of the things it names refuses a create or an update; `found` is what CMF has."""
        return None

    async def create(self, hub: Hub, inputs: I, operation: Operation) -> Created:
        """Create; there is nothing to wait for."""
        place = inputs.model_dump()
        sent = self._model(inputs, operation.mark)
        answer = await create_once(hub, self.collection(place), self.what(place), inputs.name, sent, operation.mark)
        return Created(str(self.id_of(place)), self._state(inputs, answer))

    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has."""
        place = self.named(id_)
        found = await refreshed(hub, self.collection(place), place["name"], state)
        if found is None:
            return None
        inputs = self.seen(state, self.all_present(place, found, state))
        return Found(id_, {**inputs, **self._computed(found)}, inputs)

    def listed_in(self, place: Mapping[str, Any]) -> Collection[M]:
        """Return where a list of them is."""
        return self.collection(place)

    def of_list(self, place: Mapping[str, Any], found: M) -> Found:
        """Return what a list tells of one."""
        place = {**place, "name": found.name}
        inputs = self.seen({}, self.all_present(place, found, {}))
        return Found(str(self.id_of(place)), {**inputs, **self._computed(found)}, inputs)

    async def update(self, hub: Hub, id_: str, olds: State, inputs: I, operation: Operation) -> State:
        """Write what differs."""
        place = inputs.model_dump()
        collection = self.collection(place)
        found = await find(hub, collection, inputs.name)
        if found is None:
            raise Refused(gone(self.what(place)).message)
        if self.to_write(self.all_present(place, found, olds), inputs.model_dump(exclude_none=True), olds):
            sent = self._model(inputs, mark_of(found.metadata))
            await hub.client.send(collection.put(inputs.name, sent))
            found = await hub.client.send(collection.get(inputs.name))  # some kinds answer an update without a body
        return self._state(inputs, found)

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete."""
        place = self.named(id_)
        await remove(
            hub,
            self.collection(place),
            place["name"],
            what=self.what(place),
            describe=lambda _: "still there",
            limit=(state.get("timeouts") or {}).get("delete") or _DELETE_SECONDS,
            force=False,
            leaves=None,
            operation=operation,
        )

    def all_present(self, place: Mapping[str, Any], found: M, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what CMF has for all inputs that it knows."""
        labels, annotations = found.metadata.labels or None, without_mark(found.metadata.annotations)
        head = {name: place[name] for name in self.identity}
        return head | {"labels": labels, "annotations": annotations} | self.present(found)

    def _model(self, inputs: I, mark: str | None) -> M:
        metadata = {"name": inputs.name, "labels": inputs.labels, "annotations": with_mark(inputs.annotations, mark)}
        return self.parsed({"metadata": metadata, "spec": self.body(inputs)})

    def _computed(self, found: M) -> dict[str, Any]:
        computed = {"uid": found.metadata.uid, **self.computed(found)}
        return {key: value for key, value in computed.items() if value is not None}

    def _state(self, inputs: I, found: M) -> State:
        return state_of(inputs, **self._computed(found))
