"""What a preview says beforehand: refusals as failures, advice as warnings, and once that CMF could not be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from cmf_core.errors import CmfError
from cmf_core.rules import Advice, Verdict

from pulumi_cmf.lifecycle.facts import Facts, Planned
from pulumi_cmf.lifecycle.inputs import refused
from pulumi_cmf.lifecycle.kind import UNSENT, Kind
from pulumi_cmf.lifecycle.operations import Difference
from pulumi_cmf.lifecycle.unknowns import contains_unknown
from pulumi_cmf.lifecycle.waiting import Progress

T = TypeVar("T")


async def foretell_create(
    kind: Kind[Any], facts: Facts, news: Mapping[str, Any], mark: str | None, warn: Progress
) -> str | None:
    """Return why a resource cannot be created; None if nothing is known against it.

    Args:
        kind: its kind.
        facts: what is known; the creation is added to its plan.
        news: its checked inputs.
        mark: the creation's mark.
        warn: takes advice, and what could not be checked.
    """
    id_ = kind.id_of(news)
    if id_ is None:
        return None
    known = None if contains_unknown(dict(news)) else mark
    refusal = await _told(kind, facts, {}, news, lambda: kind.foretell_create(facts, news, known), warn)
    facts.plan(kind.name, id_, Planned(news, mark=mark))
    return refusal


async def foretell_change(
    kind: Kind[Any],
    facts: Facts,
    olds: Mapping[str, Any],
    news: Mapping[str, Any],
    difference: Difference,
    warn: Progress,
) -> str | None:
    """Return why a resource cannot be updated; as `foretell_create`. A replacement is checked as a creation later."""
    before, id_ = kind.id_of(olds), kind.id_of(news)
    if difference.replaces:
        for each in kind.replacing(olds, news):
            warn(str(each))
        if before is not None and (difference.delete_first or id_ is None):
            facts.goes(kind.name, before)
        return None
    if id_ is None:
        return None
    refusal = None
    if difference.changed - UNSENT:
        refusal = await _told(kind, facts, olds, news, lambda: kind.foretell_update(facts, olds, news), warn)
    facts.plan(kind.name, id_, Planned(news, olds, changed=bool(difference.changed - UNSENT)))
    return refusal


async def warn_of_lacking(kind: Kind[Any], facts: Facts, news: Mapping[str, Any], warn: Progress) -> None:
    """Warn of what a creation needs and what is not there, though other resources of the update may make it first.

    For a preview: before the step itself, `up` finds what the steps before it have made.
    """
    for each in await _asked(facts, lambda: kind.lacking(facts, news), warn) or ():
        warn(str(each))


async def _told(
    kind: Kind[Any],
    facts: Facts,
    olds: Mapping[str, Any],
    news: Mapping[str, Any],
    foretell: Callable[[], Awaitable[Verdict]],
    warn: Progress,
) -> str | None:
    async def ask() -> tuple[Verdict, list[Advice]]:
        return await foretell(), await kind.advise(facts, olds, news)

    verdict, advice = await _asked(facts, ask, warn) or (None, [])
    for each in advice:
        warn(str(each))
    return refused("", verdict).reason if verdict else None


async def _asked(facts: Facts, ask: Callable[[], Awaitable[T]], warn: Progress) -> T | None:
    """Return what facts tell; None if CMF cannot be asked, which is told once."""
    if facts.unasked:
        return None
    try:
        return await ask()
    except CmfError as error:
        if not facts.unasked:  # calls of a preview run side by side
            warn(f"what CMF may refuse is not checked beforehand: {error}")
        facts.unasked = True
        return None
