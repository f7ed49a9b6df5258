"""What the Pulumi engine does with a program, without the engine: the same calls of the life cycles, in its order.

Check and diff of every resource as the program names them, which is all that a preview asks a provider; then creates
and updates in that order; deletions last, dependents first. Where a resource is deleted before it is made anew, what
would have to be made anew with it goes first. `test_engine` holds this order to the real engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_core.errors import CmfError
from pulumi_cmf.lifecycle.deletions import Entry, foretell_deletions
from pulumi_cmf.lifecycle.facts import Facts, Planned
from pulumi_cmf.lifecycle.foretelling import foretell_change, foretell_create
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.operations import NotReady, Operation, Refused
from pulumi_cmf.lifecycle.unknowns import UNKNOWN
from pulumi_cmf.lifecycle.waiting import WaitFailed


@dataclass(frozen=True)
class Declared:
    """A resource of a program.

    Attributes:
        name: in the program.
        kind: name of its kind.
        inputs: what it says.
        uses: inputs that are outputs of other resources of the program, and the names of these.
    """

    name: str
    kind: str
    inputs: Mapping[str, Any]
    uses: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the resources whose outputs it uses."""
        return tuple(self.uses.values())

    @property
    def life(self) -> Kind[Any]:
        """The life cycle of its kind."""
        return KINDS[self.kind]


@dataclass
class Kept:
    """A resource in the state of a stack."""

    declared: Declared
    id: str
    state: dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What was refused: of which resource, and the words."""

    name: str
    text: str


@dataclass(frozen=True)
class Foretold:
    """What a preview says.

    Attributes:
        refused: what will be refused, in order; the engine shows the first of the program's.
        unordered: deletions that will be refused unless Pulumi happens to do another one first: warnings.
    """

    refused: list[Refusal]
    unordered: list[Refusal]


@dataclass
class Stack:
    """The state of a stack, and what is done with it."""

    hub: Hub
    kept: dict[str, Kept] = field(default_factory=dict)

    async def preview(self, program: list[Declared]) -> Foretold:
        """Return what a preview says."""
        facts, said = Facts(self.hub), []
        going = set(self.kept) - {declared.name for declared in program}
        for declared in program:
            refusal = await self._foretold(facts, declared, going)
            if refusal is not None:
                said.append(Refusal(declared.name, refusal))
        deletions = await self._deletions(program, going)
        return Foretold([*said, *deletions.refused], deletions.unordered)

    async def _foretold(self, facts: Facts, declared: Declared, going: set[str]) -> str | None:
        """Return why a resource of the program will be refused, and add to what goes what it replaces."""
        kind, kept = declared.life, self.kept.get(declared.name)
        checked = kind.check(declared.inputs, self.hub.settings)
        if checked.failures:
            return "; ".join(failure.reason for failure in checked.failures)
        if kept is not None and declared.name not in going:
            difference = kind.diff(kept.state, checked.inputs)
            refusal = await foretell_change(kind, facts, kept.state, checked.inputs, difference, _nobody)
            if refusal is not None or not difference.replaces:
                return refusal
            going.add(declared.name)
            if difference.delete_first:
                for each in self._replaced_with(declared.name):
                    going.add(each.declared.name)
                    life, unknown = each.declared.life, _unknown(each, going)
                    difference = life.diff(each.state, unknown)
                    assert await foretell_change(life, facts, each.state, unknown, difference, _nobody) is None
        return await foretell_create(kind, facts, checked.inputs, _mark(declared), _nobody)

    def _replaced_with(self, name: str) -> Iterator[Kept]:
        """Yield what has to be made anew if a resource is, as the outputs that it uses may be others then."""
        replaced = {name}
        for each in self.kept.values():
            declared, uses = each.declared, replaced & {*each.declared.needs}
            if uses and declared.life.diff(each.state, _unknown(each, replaced)).replaces:
                replaced.add(declared.name)
                yield each

    async def _deletions(self, program: list[Declared], going: set[str]) -> Foretold:
        facts = Facts(self.hub)
        for declared in program:
            inputs, kept = declared.inputs, self.kept.get(declared.name)
            id_ = declared.life.id_of(inputs)
            new = kept is None or declared.name in going
            if id_ is not None:
                changed = new or (declared.kind == "KubernetesCluster" and not _same(declared, kept))
                facts.plan(declared.kind, id_, Planned(inputs, {} if new else {"name": inputs["name"]}, changed))
        told = await foretell_deletions(facts, [self._entry(kept) for kept in self.kept.values()], going)
        refused, unordered = (
            [Refusal(*line.split(" would be deleted: ", 1)) for line in lines]
            for lines in (told.refused, told.unordered)
        )
        return Foretold(refused, unordered)

    def _entry(self, kept: Kept) -> Entry:
        return Entry.of(
            {
                "urn": kept.declared.name,
                "type": f"cmf:index:{kept.declared.kind}",
                "id": kept.id,
                "outputs": kept.state,
                "dependencies": list(kept.declared.needs),
            }
        )

    async def up(self, program: list[Declared]) -> Refusal | None:
        """Carry an update out up to its first refusal, and return that; what only is not ready goes on."""
        left: list[Kept] = []
        for declared in program:
            try:
                refusal = await self._carried_out(declared, left)
            except (CmfError, Refused, WaitFailed) as error:
                return Refusal(declared.name, str(error))
            if refusal is not None:
                return refusal
        names = {declared.name for declared in program}
        left += [kept for name, kept in self.kept.items() if name not in names]
        return await self._deleted(left)

    async def _deleted(self, left: list[Kept]) -> Refusal | None:
        """Delete resources, the last ones first; return the first refusal."""
        for kept in reversed(left):
            name = kept.declared.name
            try:
                await kept.declared.life.delete(self.hub, kept.id, kept.state, _operation(None))
            except (CmfError, Refused, WaitFailed) as error:
                return Refusal(name, str(error))
            if self.kept.get(name) is kept:
                del self.kept[name]
        return None

    async def _carried_out(self, declared: Declared, left: list[Kept]) -> Refusal | None:
        """Create or change a resource; return the refusal of a deletion that comes first, raise its own."""
        kind, kept = declared.life, self.kept.get(declared.name)
        checked = kind.check(declared.inputs, self.hub.settings)
        if checked.failures:
            raise Refused("; ".join(failure.reason for failure in checked.failures))
        inputs = kind.parse(checked.inputs)
        if kept is not None:
            difference = kind.diff(kept.state, checked.inputs)
            if not difference.replaces:
                await self._updated(declared, kept, inputs, changed=bool(difference.changed))
                return None
            if difference.delete_first:
                refusal = await self._deleted([kept, *self._replaced_with(declared.name)])
                if refusal is not None:
                    return refusal
            else:
                left.append(kept)
        try:
            made = await kind.create(self.hub, inputs, _operation(_mark(declared)))
            self.kept[declared.name] = Kept(declared, made.id, made.state)
        except NotReady as error:
            self.kept[declared.name] = Kept(declared, error.id, error.state)
        return None

    async def _updated(self, declared: Declared, kept: Kept, inputs: Any, *, changed: bool) -> None:
        state = kept.state
        if changed:
            try:
                state = await declared.life.update(self.hub, kept.id, kept.state, inputs, _operation(None))
            except NotReady as error:
                state = error.state
        self.kept[declared.name] = Kept(declared, kept.id, state)


def _unknown(kept: Kept, replaced: set[str]) -> dict[str, Any]:
    """Return the inputs of a resource, where those that others give are not known yet."""
    uses = kept.declared.uses
    inputs = kept.declared.life.inputs_in(kept.state)
    return {given: UNKNOWN if uses.get(given) in replaced else value for given, value in inputs.items()}


def _same(declared: Declared, kept: Kept | None) -> bool:
    return kept is not None and not declared.life.diff(kept.state, declared.inputs).changed


def _mark(declared: Declared) -> str:
    return f"mark-of-{declared.name}"


def _operation(mark: str | None) -> Operation:
    return Operation(_nobody, _nobody, mark)


def _nobody(_: str) -> None:
    """Hear a line that no test asks for."""
