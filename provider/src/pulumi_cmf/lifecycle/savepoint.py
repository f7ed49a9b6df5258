"""Savepoint: an image of the state of a running Flink job, of an application or a statement (E25-E27)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

from cmf_core.calls import Collection, application_savepoints, statement_savepoints
from cmf_core.models import Savepoint, SavepointState
from cmf_core.models.savepoint import SavepointSpec
from cmf_core.rules import Verdict, names
from cmf_core.rules.savepoints import durable_path
from pydantic import Field, model_validator

from pulumi_cmf.lifecycle.contained import seen_line
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Labelled
from pulumi_cmf.lifecycle.operations import Created, Going, NotReady, Operation, Refused, State
from pulumi_cmf.lifecycle.ownership import gone
from pulumi_cmf.lifecycle.recorded import RecordedKind
from pulumi_cmf.lifecycle.removal import remove
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.snapshot_jobs import unable
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, wait_until
from pulumi_cmf.types import SavepointFormat

_OWNERS = {"applications": "application", "statements": "statement"}
"""Part of an id, and the input that names the owner of the savepoint."""
_READY_SECONDS = 600.0
_DELETE_SECONDS = 300.0
_HOPELESS = (SavepointState.FAILED, SavepointState.ABANDONED)


class SavepointInputs(Labelled):
    """What a user says of a savepoint."""

    environment: str
    application: str | None = None
    statement: str | None = None
    path: str | None = None
    format_type: SavepointFormat | None = None
    backoff_limit: int | None = Field(default=None, ge=-1)
    wait_for: Literal["completed", "accepted"] | None = None
    force_delete: bool | None = None

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if (self.application is None) == (self.statement is None):
            raise ValueError("give application or statement, the one whose state it is")
        return self


class SavepointKind(RecordedKind[SavepointInputs, Savepoint]):
    """Life cycle of savepoints. CMF has no update of them: every change takes another one."""

    name = "Savepoint"
    identity = ("environment", "application", "statement", "name")
    outputs = ("uid", "state", "location")
    lasting = ("uid", "location")
    immutable = ("path", "format_type", "backoff_limit", "labels", "annotations")
    defaults: ClassVar[Mapping[str, Any]] = {"format_type": "CANONICAL", "backoff_limit": -1}

    def __init__(self) -> None:
        super().__init__(SavepointInputs)

    def rules(self, inputs: SavepointInputs, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield the rules on names."""
        yield "name", names.resource_name(self.name, inputs.name, minimum=1)
        yield "environment", names.resource_name("Environment", inputs.environment)
        yield "path", durable_path(inputs.name, inputs.path, required=False)

    async def unfit(self, facts: Facts, news: Mapping[str, Any], found: Savepoint | None) -> Verdict:
        """Return why its job takes no savepoint: its cluster, what it is, or that there is no folder (E27, E33)."""
        environment = str(news["environment"])
        refusal = await facts.writable_environment(environment)
        if refusal is not None or found is not None or contains_unknown(dict(news)):
            return refusal
        inputs = self.parse(news)
        return await unable(facts, inputs.name, environment, *_owner(news), SavepointSpec.parse(self.body(inputs)))

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Foretell that it is gone; else an update only waits."""
        present = str(news["name"]) in await facts.all(self.collection(news))
        return None if present else gone(self.what(news))

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Foretell that its cluster takes no writes; `force` helps only with one that is on its way out."""
        found = (await facts.all(self.collection(place))).get(place["name"])
        ends = found is not None and found.status is not None and found.status.pending_deletion
        if found is None or (ends and state.get("force_delete")):
            return None
        return await facts.writable_environment(place["environment"])

    def id_of(self, place: Mapping[str, Any]) -> str | None:
        """Return the id that inputs give; None if a part of it is not known yet."""
        owner, _ = _owner(place)
        parts = (place.get("environment"), f"{owner}s", place.get(owner), place.get("name"))
        return "/".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None

    def named(self, id_: str) -> dict[str, str]:
        """Return the inputs that an id is made of: ENVIRONMENT/applications/APPLICATION/NAME, or .../statements/... .

        Raises:
            Refused: the text is not such an id.
        """
        parts = id_.split("/")
        if len(parts) != 4 or not all(parts) or parts[1] not in _OWNERS:
            raise Refused(
                f"'{id_}' is not the id of a Savepoint: it is ENVIRONMENT/applications/APPLICATION/NAME or "
                "ENVIRONMENT/statements/STATEMENT/NAME"
            )
        return {"environment": parts[0], _OWNERS[parts[1]]: parts[2], "name": parts[3]}

    def what(self, place: Mapping[str, Any]) -> str:
        """Return kind, name and place, for messages."""
        owner, name = _owner(place)
        return f"Savepoint '{place['name']}' of {owner} '{name}' in environment '{place['environment']}'"

    def collection(self, place: Mapping[str, Any]) -> Collection[Savepoint]:
        """Return the savepoints of an application or statement."""
        owner, name = _owner(place)
        made = application_savepoints if owner == "application" else statement_savepoints
        return made(place["environment"], name)

    def parsed(self, data: dict[str, Any]) -> Savepoint:
        """Return the model of a document."""
        return Savepoint.parse(data)

    def body(self, inputs: SavepointInputs) -> dict[str, Any]:
        """Return where it shall be, in which format, and how often a failed one is tried again."""
        body = {"path": inputs.path, "formatType": inputs.format_type, "backoffLimit": inputs.backoff_limit}
        return {key: value for key, value in body.items() if value is not None}

    def present(self, found: Savepoint) -> dict[str, Any]:
        """Return the same of what CMF has."""
        spec = found.spec
        return {"path": spec.path, "format_type": spec.format_type.value, "backoff_limit": spec.backoff_limit}

    def computed(self, found: Savepoint) -> dict[str, Any]:
        """Return the state, and where the data are."""
        status = found.status
        return {"state": status.state.value, "location": status.path} if status else {}

    async def create(self, hub: Hub, inputs: SavepointInputs, operation: Operation) -> Created:
        """Take the savepoint, and wait until it is complete."""
        created = await super().create(hub, inputs, operation)
        return Created(created.id, await self._complete(hub, created.id, inputs, created.state, operation))

    async def update(self, hub: Hub, id_: str, olds: State, inputs: SavepointInputs, operation: Operation) -> State:
        """Wait for a savepoint that was not complete; there is nothing else that can change."""
        return await self._complete(
            hub, id_, inputs, await super().update(hub, id_, olds, inputs, operation), operation
        )

    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete, and wait until its Kubernetes object is gone; by force CMF's record alone, if it does not go."""
        place = self.named(id_)
        await remove(
            hub,
            self.collection(place),
            place["name"],
            what=self.what(place),
            describe=_line,
            limit=(state.get("timeouts") or {}).get("delete") or _DELETE_SECONDS,
            force=bool(state.get("force_delete")),
            leaves="a FlinkStateSnapshot may still be there: delete it once the cluster is back",
            operation=operation,
        )

    async def _complete(self, hub: Hub, id_: str, inputs: SavepointInputs, state: State, operation: Operation) -> State:
        place = inputs.model_dump()
        if inputs.wait_for == "accepted":
            return state

        async def look() -> Look:
            nonlocal state
            found = await hub.client.send(self.collection(place).get(inputs.name))
            state = self._state(inputs, found)
            reached = found.status.state if found.status else None
            return Look(_line(found), done=reached == SavepointState.COMPLETED, hopeless=reached in _HOPELESS)

        limit = (inputs.timeouts.create if inputs.timeouts else None) or _READY_SECONDS
        what = self.what(place)
        try:
            await wait_until(look, what, "COMPLETED", limit=limit, clock=hub.clock, progress=operation.progress)
        except WaitFailed as failed:
            raise NotReady(id_, state, str(failed)) from failed
        return state

    def all_present(self, place: Mapping[str, Any], found: Savepoint, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what CMF has for all inputs that it knows."""
        owner, name = _owner(place)
        return super().all_present({"application": None, "statement": None, **place, owner: name}, found, state)


def _owner(place: Mapping[str, Any]) -> tuple[str, str]:
    """Return the input that names the owner, and its name."""
    owner = "application" if place.get("application") else "statement"
    return owner, str(place[owner])


def _line(found: Savepoint) -> str:
    status = found.status
    if status is None:
        return "state unknown"
    return seen_line(f"state {status.state.value}", status.error, status.warning)
