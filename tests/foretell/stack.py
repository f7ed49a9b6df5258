"""What the Pulumi engine does with a program, without the engine: the same calls of the life cycles, in its order.

Check and diff of every resource as the program names them, which is all that a preview asks a provider; then creates
and updates in that order; deletions last, dependents first. No test holds this order to the real engine yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_core.errors import CmfError
from pulumi_cmf.lifecycle.deletions import Entry, foretell_deletions
from pulumi_cmf.lifecycle.facts import Facts, Planned
from pulumi_cmf.lifecycle.foretelling import foretell_change, foretell_create
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.kind import Kind, NotReady, Operation, Refused
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.waiting import WaitFailed


@dataclass(frozen=True)
class Declared:
    """A resource of a program.

    Attributes:
        name: in the program.
        kind: name of its kind.
        inputs: what it says.
        needs: names of resources of the program whose outputs it uses.
    """

    name: str
    kind: str
    inputs: Mapping[str, Any]
    needs: tuple[str, ...] = ()

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


@dataclass
class Stack:
    """The state of a stack, and what is done with it."""

    hub: Hub
    kept: dict[str, Kept] = field(default_factory=dict)

    async def preview(self, program: list[Declared]) -> list[Refusal]:
        """Return what a preview says will be refused, in order; the engine shows the first."""
        facts, said = Facts(self.hub), []
        going = set(self.kept) - {declared.name for declared in program}
        for declared in program:
            refusal = await self._foretold(facts, declared)
            if refusal is not None:
                said.append(Refusal(declared.name, refusal))
            elif self._replaces(declared):
                going.add(declared.name)
        return [*said, *(await self._deletions(program, going))]

    def _replaces(self, declared: Declared) -> list[str]:
        kept = self.kept.get(declared.name)
        return declared.life.diff(kept.state, declared.inputs).replaces if kept else []

    async def _foretold(self, facts: Facts, declared: Declared) -> str | None:
        kind, kept = declared.life, self.kept.get(declared.name)
        checked = kind.check(declared.inputs, self.hub.settings)
        if checked.failures:
            return "; ".join(failure.reason for failure in checked.failures)
        if kept is not None:
            difference = kind.diff(kept.state, checked.inputs)
            refusal = await foretell_change(kind, facts, kept.state, checked.inputs, difference, _nobody)
            if refusal is not None or not difference.replaces:
                return refusal
        return await foretell_create(kind, facts, checked.inputs, _mark(declared), _nobody)

    async def _deletions(self, program: list[Declared], going: set[str]) -> list[Refusal]:
        facts = Facts(self.hub)
        for declared in program:
            inputs, kept = declared.inputs, self.kept.get(declared.name)
            id_ = declared.life.id_of(inputs)
            new = kept is None or declared.name in going
            if id_ is not None:
                changed = new or (declared.kind == "KubernetesCluster" and not _same(declared, kept))
                facts.plan(declared.kind, id_, Planned(inputs, {} if new else {"name": inputs["name"]}, changed))
        told = await foretell_deletions(facts, [self._entry(kept) for kept in self.kept.values()], going)
        return [Refusal(*line.split(" would be deleted: ", 1)) for line in told.refused]

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
                await self._carried_out(declared, left)
            except (CmfError, Refused, WaitFailed) as error:
                return Refusal(declared.name, str(error))
        names = {declared.name for declared in program}
        left += [kept for name, kept in self.kept.items() if name not in names]
        for kept in reversed(left):
            try:
                await kept.declared.life.delete(self.hub, kept.id, kept.state, _operation(None))
            except (CmfError, Refused, WaitFailed) as error:
                return Refusal(kept.declared.name, str(error))
            if self.kept.get(kept.declared.name) is kept:
                del self.kept[kept.declared.name]
        return None

    async def _carried_out(self, declared: Declared, left: list[Kept]) -> None:
        kind, kept = declared.life, self.kept.get(declared.name)
        checked = kind.check(declared.inputs, self.hub.settings)
        if checked.failures:
            raise Refused("; ".join(failure.reason for failure in checked.failures))
        inputs = kind.parse(checked.inputs)
        if kept is not None:
            difference = kind.diff(kept.state, checked.inputs)
            if not difference.replaces:
                state = kept.state
                if difference.changed:
                    try:
                        state = await kind.update(self.hub, kept.id, kept.state, inputs, _operation(None))
                    except NotReady as error:
                        state = error.state
                self.kept[declared.name] = Kept(declared, kept.id, state)
                return
            if difference.delete_first:
                await kind.delete(self.hub, kept.id, kept.state, _operation(None))
            else:
                left.append(kept)
        try:
            made = await kind.create(self.hub, inputs, _operation(_mark(declared)))
            self.kept[declared.name] = Kept(declared, made.id, made.state)
        except NotReady as error:
            self.kept[declared.name] = Kept(declared, error.id, error.state)


def _same(declared: Declared, kept: Kept | None) -> bool:
    return kept is not None and not declared.life.diff(kept.state, declared.inputs).changed


def _mark(declared: Declared) -> str:
    return f"mark-of-{declared.name}"


def _operation(mark: str | None) -> Operation:
    return Operation(_nobody, _nobody, mark)


def _nobody(_: str) -> None:
    """Hear a line that no test asks for."""
