"""Deletions of an update, for a preview: Pulumi asks no provider about them, so they are found in the stack's state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmf_core.rules import Verdict

from pulumi_cmf.lifecycle.facts import Facts
from pulumi_cmf.lifecycle.inputs import refused
from pulumi_cmf.lifecycle.kind import Kind
from pulumi_cmf.lifecycle.kinds import KINDS
from pulumi_cmf.lifecycle.operations import Refused


@dataclass(frozen=True)
class Entry:
    """A resource in a stack's state.

    Attributes:
        urn: its URN.
        type: its type, as in `cmf:index:Environment`.
        id: its id; empty for components.
        state: what the state knows of it.
        parent: URN of its parent, or an empty text.
        needs: URNs of what it depends on, its parent among them.
        deleted: an update deletes it, or what it replaced, in CMF too.
        pending: it was replaced by an earlier update, and is still to be deleted.
    """

    urn: str
    type: str
    id: str
    state: Mapping[str, Any] = field(repr=False)
    parent: str
    needs: frozenset[str]
    deleted: bool
    pending: bool

    @classmethod
    def of(cls, exported: Mapping[str, Any]) -> Entry:
        """Return the entry of one resource of `pulumi stack export`."""
        parent = str(exported.get("parent") or "")
        by_property = (exported.get("propertyDependencies") or {}).values()
        needs = [parent, *(exported.get("dependencies") or []), *(urn for urns in by_property for urn in urns or [])]
        kept = (exported.get("retainOnDelete"), exported.get("external"), exported.get("deletedWith"))
        return cls(
            urn=str(exported["urn"]),
            type=str(exported["type"]),
            id=str(exported.get("id") or ""),
            state=exported.get("outputs") or {},
            parent=parent,
            needs=frozenset(urn for urn in needs if urn),
            deleted=not any(kept),
            pending=bool(exported.get("delete")),
        )

    @property
    def kind(self) -> Kind[Any] | None:
        """Its kind, on either front; None if it is none of ours."""
        ours = self.type.startswith(("pulumi-python:dynamic/cmf:", "cmf:index:"))
        return KINDS.get(self.type.rpartition(":")[2]) if ours else None

    @property
    def key(self) -> tuple[str, str]:
        """Its kind and id, which are the same on both fronts and under every URN."""
        return self.type.rpartition(":")[2], self.id


@dataclass(frozen=True)
class Foretold:
    """What is known of the deletions of an update.

    Attributes:
        refused: what CMF will refuse, a sentence each.
        unordered: what it will refuse unless Pulumi happens to delete in the right order.
    """

    refused: list[str]
    unordered: list[str]


async def foretell_deletions(facts: Facts, entries: Iterable[Entry], deleted: Collection[str]) -> Foretold:
    """Return what CMF would refuse of the deletions of an update.

    Args:
        facts: what is known, with what the update makes of what stays.
        entries: the stack's state.
        deleted: URNs of those that the update deletes or replaces.

    Raises:
        CmfError: the facts cannot be had.
    """
    state = list(entries)
    leaving = [entry for entry in state if entry.deleted and entry.kind and (entry.pending or entry.urn in deleted)]
    everything = {entry.key for entry in leaving}
    result = Foretold([], [])
    for entry in leaving:
        before = {other.key for other in leaving if entry.urn in _reached(other, state)}
        certain = await _verdict(facts, entry, before)
        if certain is None:
            continue
        at_best = await _verdict(facts, entry, everything)
        said = f"{entry.urn.rpartition('::')[2]} would be deleted: {refused('', at_best or certain).reason}"
        (result.refused if at_best else result.unordered).append(said)
    return result


async def _verdict(facts: Facts, entry: Entry, gone: Collection[tuple[str, str]]) -> Verdict:
    assert entry.kind is not None
    try:
        place = entry.kind.named(entry.id)
    except Refused:
        return None  # no id of ours: a state that was edited by hand, and whose deletion says so

    def going(kind: str, id_: str) -> bool:
        return (kind, id_) in gone

    return await entry.kind.foretell_delete(facts, going, place, _named(entry))


def _named(entry: Entry) -> dict[str, Any]:
    """Return the state with names as in Python; the plugin's are in camelCase."""
    given = dict(entry.state)
    return {"force_delete": given.get("force_delete") is True or given.get("forceDelete") is True}


def _reached(entry: Entry, state: Iterable[Entry]) -> set[str]:
    """Return the URNs of all that an entry depends on, over any number of others."""
    needs = {other.urn: other.needs for other in state}
    reached: set[str] = set()
    ahead = [*entry.needs]
    while ahead:
        urn = ahead.pop()
        if urn not in reached:
            reached.add(urn)
            ahead += needs.get(urn, ())
    return reached
