"""What a change does to what runs: whether it restarts, and whether its state is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from cmf_core.rules import moves, restarts
from cmf_core.rules.restarts import Happens
from pulumi_policy.proxy import UnknownValueError

from pulumi_cmf_policy.comment.stacks import Fleet, text
from pulumi_cmf_policy.deployments import suspended
from pulumi_cmf_policy.resources import Described


class Weight(IntEnum):
    """How much a change means for what runs."""

    NOTHING = 0
    STARTS = 1
    RESTARTS = 2
    LOSES = 3


@dataclass(frozen=True)
class Effect:
    """A sentence, and its weight."""

    sentence: str
    weight: Weight = Weight.NOTHING


NOTHING = Effect("nothing restarts")
_PLACED = "cmf:components:Placement$"
"""In the URN of an application that moves by suspending it first."""
_SUSPENDED = Effect("suspended, nothing runs")
_UNKNOWN = Effect("may restart: something of it is known at `up` only", Weight.RESTARTS)


def effect(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    """Return what an action on a resource does."""
    resource = after.resources.get(urn) or before.resources.get(urn)
    judge = _JUDGES.get(resource.kind) if resource else None
    if judge is None:
        return Effect("")
    try:
        return judge(action, urn, before, after)
    except UnknownValueError:
        return _UNKNOWN


def _application(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    old, new = before.deployment(urn), after.deployment(urn)
    if action == "replace":
        return Effect("its job ends and a new one starts, **without its state**", Weight.LOSES)
    if old is None or new is None:
        if moved := _moved(urn, before, after):
            return moved
        if new is None:
            return Effect("its job ends; only savepoints that were taken remain", Weight.LOSES)
        return _SUSPENDED if suspended(new) else Effect("a job starts", Weight.STARTS)
    restart = restarts.of_job(old.spec, new.spec)
    kept, weight = restart.kept, Weight.RESTARTS
    if restart.loses_state:
        kept, weight = f"**{kept}**", Weight.LOSES
    match restart.happens:
        case Happens.STAYS_SUSPENDED:
            return _SUSPENDED
        case Happens.RESUMES:
            return Effect(f"resumes: {kept}", weight if restart.loses_state else Weight.STARTS)
        case Happens.SUSPENDS:
            return Effect(f"suspends: the job ends, {kept}", weight)
        case Happens.STARTS_ANEW:
            return Effect("its job starts anew from another savepoint, **its state since is lost**", Weight.LOSES)
        case Happens.NOTHING:
            return NOTHING
    return Effect(f"JobManager and TaskManagers restart; {kept}", weight)


def _moved(urn: str, before: Fleet, after: Fleet) -> Effect | None:
    """Return what happens to an application that a Placement takes to another environment; None if none does."""
    goes = urn in before.resources
    here, there = (before, after) if goes else (after, before)
    own = here.resources[urn]
    others = [
        each
        for other, each in there.resources.items()
        if _PLACED in other and other not in here.resources and (each.kind, each.name) == (own.kind, own.name)
    ]
    if _PLACED not in urn or not others:
        return None
    environment = others[0].properties["environment"]
    leaving = own if goes else others[0]
    keeps = moves.keeps_state(leaving.object("spec"))
    how = "by a savepoint" if keeps else "**without its state** (upgradeMode stateless)"
    where = f"moves to environment '{environment}'" if goes else f"moves here from environment '{environment}'"
    return Effect(f"{where}, {how}", Weight.RESTARTS if keeps else Weight.LOSES)


def _pool(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    old, new = before.deployment(urn), after.deployment(urn)
    pool = new or old
    assert pool is not None, f"{urn} is no pool"
    if action == "replace":
        return Effect("its statements end with it, **without their state**", Weight.LOSES)
    if pool.resource.properties["type"] != "SHARED":
        if action in ("create", "delete"):
            return NOTHING
        return Effect("statements take this up when they start next")
    if old is None or new is None:
        if new is None:
            return Effect("its session cluster ends", Weight.LOSES)
        return _SUSPENDED if suspended(new) else Effect("a session cluster starts", Weight.STARTS)
    was, stays = suspended(old), suspended(new)
    match restarts.of_session_cluster(old.spec, new.spec, was_suspended=was, suspended=stays).happens:
        case Happens.STAYS_SUSPENDED:
            return _SUSPENDED
        case Happens.RESUMES:
            return Effect("its session cluster starts", Weight.STARTS)
        case Happens.SUSPENDS:
            return Effect("its session cluster ends until it is resumed", Weight.RESTARTS)
        case Happens.NOTHING:
            return NOTHING
    return Effect("its session cluster restarts, JobManager and TaskManagers", Weight.RESTARTS)


def _statement(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    if action == "create":
        return _stopped(after.resources[urn]) or Effect("its job starts", Weight.STARTS)
    if action == "delete":
        return Effect("its job ends, **its state is lost**", Weight.LOSES)
    if action == "replace":
        return Effect("its job ends and a new one starts, **without its state**", Weight.LOSES)
    old, new = before.resources[urn], after.resources[urn]
    match _stopped(old) is not None, _stopped(new) is not None:
        case False, True:
            return Effect("its job stops until it is resumed", Weight.RESTARTS)
        case True, False:
            return Effect("its job is resumed", Weight.STARTS)
    if old.properties.get("parallelism", 1) != new.properties.get("parallelism", 1):
        return Effect("its job restarts with the new parallelism", Weight.RESTARTS)
    return NOTHING


def _environment(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    match action:
        case "create":
            return NOTHING
        case "delete":
            return Effect("taken only when it is empty")
        case "replace":
            return Effect("everything in it is made anew, **without its state**", Weight.LOSES)
    old, new = before.resources[urn], after.resources[urn]
    names = ("flink_application_defaults", "compute_pool_defaults")
    if all(dict.get(old.properties, name) == dict.get(new.properties, name) for name in names):
        return NOTHING
    return Effect("what is in it takes the new defaults over at once")


def _cluster(action: str, urn: str, before: Fleet, after: Fleet) -> Effect:
    match action:
        case "create":
            return Effect("registered with CMF; nothing runs on it yet")
        case "delete" | "replace":
            return Effect("retired: taken only without environments", Weight.LOSES)
    if text(after.resources[urn], "lifecycle_state") == "DECOMMISSIONED":
        return Effect("retired: taken only without environments", Weight.LOSES)
    return NOTHING


_JUDGES: Mapping[str, Callable[[str, str, Fleet, Fleet], Effect]] = {
    "FlinkApplication": _application,
    "ComputePool": _pool,
    "Statement": _statement,
    "Environment": _environment,
    "KubernetesCluster": _cluster,
}


def _stopped(statement: Described) -> Effect | None:
    return Effect("stopped, nothing runs") if statement.properties.get("stopped") else None
