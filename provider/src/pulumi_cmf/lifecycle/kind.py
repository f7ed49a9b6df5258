"""What the life cycles of all kinds have in common: check, diff, and the shape of the other operations.

A front (a Pulumi provider of either sort) gives plain dictionaries and gets plain dictionaries. Nothing here
knows Pulumi.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from cmf_core.rules import Advice, Verdict
from pydantic import ValidationError

from pulumi_cmf.lifecycle.comparison import holds, same
from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.inputs import Failure, Inputs, failures_of, refused
from pulumi_cmf.lifecycle.operations import Checked, Created, Difference, Found, Going, Operation, Refused, State
from pulumi_cmf.lifecycle.settings import Settings
from pulumi_cmf.lifecycle.shapes import misfits
from pulumi_cmf.lifecycle.spelling import SpelledTwice, as_cmf, whole
from pulumi_cmf.lifecycle.unknowns import contains_unknown, known_part, unknown_paths

I = TypeVar("I", bound=Inputs)  # noqa: E741 - I is for inputs, and stays in this module

UNSENT = frozenset({"timeouts", "wait_for", "force_delete", "on_blocked"})
"""Inputs that only the provider reads; CMF never sees them."""


class Kind(ABC, Generic[I]):
    """The life cycle of one kind of resource."""

    name: ClassVar[str]
    """Kind, as CMF calls it."""

    identity: ClassVar[tuple[str, ...]]
    """Inputs that make up the id, in its order."""

    immutable: ClassVar[tuple[str, ...]] = ()
    """Further inputs that cannot change on a resource that is there."""

    outputs: ClassVar[tuple[str, ...]]
    """What CMF says of a resource beside its inputs."""

    lasting: ClassVar[tuple[str, ...]] = ("uid",)
    """Those of them that an update leaves as they are."""

    nested: ClassVar[Mapping[str, Any]] = {}
    """Inputs that are objects of CMF's, whose fields may be spelled in snake_case: the typed dictionary of each."""

    defaults: ClassVar[Mapping[str, Any]] = {}
    """What CMF takes an input for that is not given."""

    secret: ClassVar[tuple[str, ...]] = ()
    """Inputs that no one may read in a state, a log or an error."""

    rule_ids: ClassVar[Mapping[str, str]] = {}
    """Rules that say which values an input may have."""

    def __init__(self, inputs: type[I]) -> None:
        self._inputs = inputs

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(self._inputs.model_fields)

    def check(self, inputs: Mapping[str, Any], settings: Settings | None = None) -> Checked:
        """Return inputs as they are kept, and what is wrong with them. Pure; unknown values pass.

        Args:
            inputs: as the user gave them.
            settings: the provider's, or None if they are not known.
        """
        clean: dict[str, Any] = {}
        for key, value in inputs.items():
            try:
                spelled = self.spelled(key, value)
            except SpelledTwice as error:
                return Checked(dict(inputs), [Failure(key, str(error))])
            if spelled is not None:
                clean[key] = spelled
        unknown = list(unknown_paths(clean))
        there = known_part(clean)
        try:
            known = self.parse(there)
        except ValidationError as error:
            return Checked(clean, failures_of(error, unknown, self.rule_ids))
        if not unknown:
            try:
                self.validate(known)
            except ValidationError as error:
                return Checked(clean, failures_of(error, (), {}))
        verdicts = self.rules(known, settings) if not unknown else ()
        refusals = [refused(name, verdict) for name, verdict in verdicts if verdict is not None]
        return Checked(clean, refusals or list(self._misfits(there)))

    def _misfits(self, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """Yield what in nested inputs is no field of theirs, or has another type."""
        for key, shape in self.nested.items():
            if key in inputs:
                yield from misfits(inputs[key], shape, key)

    def told(self, failure: Failure, given: Mapping[str, Any]) -> tuple[str, str]:
        """Return property and reason for Pulumi, which prints the value of a property that is named: no secret's."""
        name = failure.property
        if name in self.secret or "." in name or isinstance(given.get(name), dict | list):
            return "", f"{name}: {failure.reason}"
        return name, failure.reason

    def spelled(self, key: str, value: Any) -> Any:
        """Return an input as it is kept."""
        return as_cmf(value) if key in self.nested else whole(value)

    def parse(self, inputs: Mapping[str, Any]) -> I:
        """Return checked inputs as a typed object; raises `pydantic.ValidationError`."""
        return self._inputs.model_validate(whole(dict(inputs)))

    def of_state(self, state: Mapping[str, Any]) -> I:
        """Return the inputs that a state holds."""
        return self.parse(self.inputs_in(state))

    def inputs_in(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a state that are inputs."""
        return {key: state[key] for key in self._inputs.model_fields if state.get(key) is not None}

    def rules(self, inputs: I, settings: Settings | None) -> Iterable[tuple[str, Verdict]]:
        """Yield which input each rule is about, and its verdict."""
        return ()

    def _meant(self, field: str, value: Any) -> Any:
        return self.defaults.get(field) if value is None else value

    def holds(self, field: str, present: Any, asked: Any) -> bool:
        """Tell whether what CMF has for an input is what was asked for."""
        return holds(self._meant(field, present), self._meant(field, asked), field)

    def to_write(self, present: Mapping[str, Any], asked: Mapping[str, Any], olds: Mapping[str, Any]) -> set[str]:
        """Return the inputs that CMF does not have as asked.

        What was never asked for is CMF's to decide; what was asked for before, and is not now, has to go.
        """
        return {
            field
            for field in self._inputs.model_fields
            if field not in UNSENT
            and (asked.get(field) is not None or olds.get(field) is not None)
            and not self.holds(field, present.get(field), asked.get(field))
        }

    def seen(self, state: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs that would give what CMF has: the state's where CMF still has them.

        Args:
            state: the last known one; one without inputs takes all that CMF has.
            present: what CMF has for each input that it knows.
        """
        given = self.inputs_in(state)
        if not given:
            return {key: value for key, value in present.items() if value is not None}
        inputs = {key: value for key, value in given.items() if key in UNSENT}
        for name, value in present.items():
            if name in given and self.holds(name, value, given[name]):
                inputs[name] = given[name]
            elif value is not None and (name in given or not self.holds(name, value, self.defaults.get(name, value))):
                inputs[name] = value
        return inputs

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Difference:
        """Compare a state with new inputs. Pure; what is not known yet counts as changed."""
        fields = self._inputs.model_fields
        changed = {
            key
            for key in fields
            if contains_unknown(news.get(key))
            or not same(self._meant(key, olds.get(key)), self._meant(key, news.get(key)))
        }
        replaces = sorted(changed & {*self.identity, *self.immutable})
        return Difference(frozenset(changed), replaces, bool(replaces) and changed.isdisjoint(self.identity))

    async def foretell_create(self, facts: Facts, news: Mapping[str, Any], mark: str | None) -> Verdict:
        """Return what CMF or we would refuse about a create, as far as facts tell.

        Args:
            facts: what is known.
            news: the inputs; those of `identity` are known, others may not be.
            mark: the creation's mark; None while not all inputs are known.

        Raises:
            CmfError: the facts cannot be had.
        """
        return None

    async def foretell_update(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Verdict:
        """Return what CMF or we would refuse about an update; as `foretell_create`."""
        return None

    async def foretell_delete(self, facts: Facts, going: Going, place: Mapping[str, str], state: State) -> Verdict:
        """Return what CMF would refuse about a deletion, as far as facts tell.

        Args:
            facts: what is known.
            going: what is gone by then.
            place: the parts of its id.
            state: its present state.

        Raises:
            CmfError: the facts cannot be had.
        """
        return None

    async def advise(self, facts: Facts, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return what is probably a mistake about what a create or an update asks for, as far as facts tell.

        Raises:
            CmfError: the facts cannot be had.
        """
        return []

    async def lacking(self, facts: Facts, news: Mapping[str, Any]) -> list[Advice]:
        """Return what a creation lacks and what is no resource of CMF may make before; raises `CmfError`."""
        return []

    def replacing(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Advice]:
        """Return what is probably a mistake about a replacement."""
        return []

    def validate(self, inputs: I) -> None:
        """See that inputs make a resource; raises `pydantic.ValidationError`."""

    def id_of(self, place: Mapping[str, Any]) -> str | None:
        """Return the id that inputs give; None if a part of it is not known yet."""
        parts = [place.get(part) for part in self.identity]
        return "/".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None

    def named(self, id_: str) -> dict[str, str]:
        """Return the inputs that an id is made of.

        Raises:
            Refused: the text is not an id of this kind.
        """
        parts = id_.split("/")
        if len(parts) != len(self.identity) or not all(parts):
            raise Refused(f"'{id_}' is not the id of a {self.name}: it is {'/'.join(self.identity).upper()}")
        return dict(zip(self.identity, parts, strict=True))

    @abstractmethod
    async def create(self, hub: Hub, inputs: I, operation: Operation) -> Created:
        """Create, and wait until it is what was asked for.

        Raises:
            NotReady: it was created, and the wait failed.
            CmfError, Refused: nothing was created.
        """

    @abstractmethod
    async def read(self, hub: Hub, id_: str, state: Mapping[str, Any]) -> Found | None:
        """Return what CMF has, or None if there is no such resource any more.

        Args:
            hub: where to read.
            id_: its id.
            state: the last known one; without inputs, all that CMF has counts as input.
        """

    @abstractmethod
    async def update(self, hub: Hub, id_: str, olds: State, inputs: I, operation: Operation) -> State:
        """Make the resource what the inputs say, and wait for it.

        Raises:
            NotReady: it was written, and the wait failed.
            CmfError, Refused: nothing was written.
        """

    @abstractmethod
    async def delete(self, hub: Hub, id_: str, state: State, operation: Operation) -> None:
        """Delete, and wait until it is gone. One that is gone already is no error.

        Raises:
            CmfError, Refused, WaitFailed: it is still there.
        """


def unreadable(kind: Kind[Any], error: ValidationError) -> str:
    """Return what is told of values that are no inputs: without them, as they may be secret.

    Inputs are checked before they come to an operation: such values are in a state that another version has written.
    """
    fields = ", ".join(sorted({str(wrong["loc"][0]) for wrong in error.errors(include_input=False) if wrong["loc"]}))
    return f"this {kind.name}'s state is not readable ({fields}): it was written by another version of pulumi-cmf"


def state_of(inputs: Inputs, **computed: Any) -> State:
    """Return the state of a resource: its inputs, and what CMF said; nulls are left out."""
    given = inputs.model_dump(mode="json", exclude_none=True)
    return given | {key: value for key, value in computed.items() if value is not None}
