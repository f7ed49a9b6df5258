"""Whose a resource is that is there already: ours, if its creation was under way and its answer was lost.

Environments and applications are created by an upsert, which would take over what somebody else made; pools
and statements answer 409, also to the one whose first request did arrive. A mark in the annotations, which
only a repeat of the same create has, tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.calls import Collection
from cmf_core.errors import CmfError, Conflict, HubUnreachable, NotFound
from cmf_core.models import Metadata, Model
from cmf_core.rules import Refusal, Verdict
from cmf_core.rules.existence import not_taken

from pulumi_cmf.lifecycle.facts import Facts, M
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import Refused

MARK = "pulumi-cmf/creation"
"""Annotation that holds the mark."""


def with_mark(annotations: Mapping[str, str] | None, mark: str | None) -> dict[str, str] | None:
    """Return annotations that carry a mark."""
    if mark is None:
        return dict(annotations) if annotations is not None else None
    return {**(annotations or {}), MARK: mark}


def without_mark(annotations: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the user's annotations."""
    return {key: value for key, value in (annotations or {}).items() if key != MARK} or None


def mark_of(metadata: Metadata) -> str | None:
    """Return the mark of a resource."""
    return (metadata.annotations or {}).get(MARK)


async def find(hub: Hub, collection: Collection[M], name: str) -> M | None:
    """Return a resource, or None if there is none."""
    try:
        return await hub.client.send(collection.get(name))
    except NotFound:
        return None


async def refreshed(hub: Hub, collection: Collection[M], name: str, state: Mapping[str, Any]) -> M | None:
    """Return a resource for `read`: one that has a state, as a list said a moment ago, if there is such a list."""
    listed = await hub.recent.get(collection, name) if state else None
    return await find(hub, collection, name) if listed is None else listed


async def create_once(hub: Hub, collection: Collection[M], what: str, name: str, resource: M, mark: str | None) -> M:
    """Post a resource that must be new, or is there from an earlier attempt of this same create.

    Args:
        hub: where.
        collection: its collection.
        what: kind and place, for messages, as in `ComputePool 'p' in environment 'e'`.
        name: its name.
        resource: what to post; its annotations carry `mark`.
        mark: the creation's mark.

    Raises:
        Refused: somebody else's resource has the name.
        CmfError: the server refused it, or cannot be reached.
    """
    if (refusal := foreign(what, await find(hub, collection, name), mark)) is not None:
        raise Refused(refusal.message)
    return await _post(hub, collection, name, resource, mark, again=True)


async def _post(hub: Hub, collection: Collection[M], name: str, resource: M, mark: str | None, *, again: bool) -> M:
    try:
        return await hub.client.send(collection.post(resource))
    except (Conflict, HubUnreachable) as error:
        # The request may have arrived although its answer did not.
        try:
            present = await find(hub, collection, name)
        except CmfError:
            raise error from None
        if present is not None and _ours(present, mark):
            return present
        if present is not None or isinstance(error, Conflict) or not again:
            raise
    # The hub ended before it took the request. Should that arrive yet, it is ours and says the same.
    return await _post(hub, collection, name, resource, mark, again=False)


def foreign(what: str, present: Model | None, mark: str | None) -> Verdict:
    """Refuse to create what is there and does not come from this same create."""
    return not_taken(what, present=present is not None, ours=present is not None and _ours(present, mark))


async def taken(
    facts: Facts, collection: Collection[M], kind: str, id_: str, what: str, name: str, mark: str | None
) -> Verdict:
    """Foretell the same; while not all inputs are known, and so no mark, ours are those that carry any.

    Raises:
        CmfError: the facts cannot be had.
    """
    twin = facts.planned(kind, id_)
    if twin is not None and mark is not None and twin.mark != mark:
        return not_taken(what, present=True, ours=False)
    if facts.is_going(kind, id_):
        return None
    present = (await facts.all(collection)).get(name)
    if mark is None and present is not None and mark_of(present.metadata) is not None:
        return None
    return foreign(what, present, mark)


def gone(what: str) -> Refusal:
    """Return why a resource that CMF has no more cannot be updated."""
    return Refusal(404, f"{what} is gone from CMF: run `pulumi refresh`, then `pulumi up` creates it again", "EXISTS")


def _ours(present: Model, mark: str | None) -> bool:
    metadata: Metadata = present.metadata  # type: ignore[attr-defined]
    return mark is not None and mark_of(metadata) == mark
