"""The machine: an object, the time and its commands give what the operator would do next. No I/O.

`begin` makes the context of one reconciliation, `reconcile` runs it, `wakes` and `dependants` say which changes of
objects make a reconciliation worth while.
"""

import copy
from collections.abc import Callable, Iterable, Iterator

from flink_operator_standin import commands, deployment, session_job, snapshot, specs, statuses
from flink_operator_standin.effects import (
    Clock,
    Context,
    Decision,
    Emit,
    Json,
    Kind,
    Memory,
    Part,
    Replace,
    Siblings,
    Steps,
)
from flink_operator_standin.timings import Timings

PLURALS: dict[Kind, str] = {
    "FlinkDeployment": "flinkdeployments",
    "FlinkSessionJob": "flinksessionjobs",
    "FlinkStateSnapshot": "flinkstatesnapshots",
}
_RECONCILE: dict[Kind, Callable[[Context], Steps]] = {
    "FlinkDeployment": deployment.reconcile,
    "FlinkSessionJob": session_job.reconcile,
    "FlinkStateSnapshot": snapshot.reconcile,
}
_CLEANUP: dict[Kind, Callable[[Context], Decision]] = {
    "FlinkDeployment": deployment.cleanup,
    "FlinkSessionJob": session_job.cleanup,
    "FlinkStateSnapshot": snapshot.cleanup,
}
Key = tuple[Kind, str, str]
"""Kind, namespace and name of an object."""


def key_of(resource: Json) -> Key:
    """The key of an object."""
    return resource["kind"], resource["metadata"]["namespace"], resource["metadata"]["name"]


def finalizer(kind: Kind, group: str) -> str:
    """The finalizer that the operator puts on objects of a kind."""
    return f"{PLURALS[kind]}.{group}/finalizer"


def begin(
    resource: Json,
    siblings: Siblings,
    memory: Memory,
    timings: Timings,
    clock: Clock,
    new_id: Callable[[], str],
) -> Context:
    """The context for reconciling `resource`, which is copied. A fresh `memory` takes the object over as it stands."""
    resource = copy.deepcopy(resource)
    kind: Kind = resource["kind"]
    given = resource.get("status") or {}
    if kind == "FlinkStateSnapshot":
        status: Json = {"state": "TRIGGER_PENDING", "failures": 0} | given
        spec = resource["spec"]
    else:
        status = statuses.default(kind) | given
        status["jobStatus"] = statuses.default(kind)["jobStatus"] | (given.get("jobStatus") or {})
        spec = specs.with_defaults(kind, resource["spec"])
    in_force, _ = commands.parse(resource)
    context = Context(
        kind=kind,
        resource=resource,
        commands=in_force,
        siblings=siblings,
        memory=memory,
        timings=timings,
        clock=clock,
        new_id=new_id,
        status=status,
        saved=copy.deepcopy(given if kind == "FlinkStateSnapshot" else status),
        spec=spec,
        generation=resource["metadata"]["generation"],
    )
    if memory.phase is None and given.get("jobManagerDeploymentStatus") == "READY":
        memory.killed = in_force.kill_jobmanager
    context.enter((status["state"],) if kind == "FlinkStateSnapshot" else statuses.phase(status))
    return context


def reconcile(ctx: Context) -> Steps:
    """Reconcile one object: its finalizer, its deletion, or its spec."""
    metadata = ctx.resource["metadata"]
    mark = finalizer(ctx.kind, ctx.group)
    has_mark = mark in metadata.get("finalizers", [])
    if "deletionTimestamp" in metadata:
        if has_mark:
            return (yield from _delete(ctx, mark))
        return None
    if not has_mark:
        metadata["finalizers"] = [*metadata.get("finalizers", []), mark]
        if ctx.kind in specs.FIELDS:
            ctx.resource["spec"] = specs.with_defaults(ctx.kind, ctx.resource["spec"])
        yield Replace(ctx.resource)
        return None
    yield from _complain(ctx)
    return (yield from _RECONCILE[ctx.kind](ctx))


def _delete(ctx: Context, mark: str) -> Steps:
    gone = yield from _CLEANUP[ctx.kind](ctx)
    if not gone or ctx.commands.stuck_finalizer:
        return ctx.timings.reconcile_interval
    ctx.resource["metadata"]["finalizers"].remove(mark)
    yield Replace(ctx.resource)
    return None


def _complain(ctx: Context) -> Part:
    _, problems = commands.parse(ctx.resource)
    for problem in problems:
        yield from ctx.tell_once(Emit("Warning", "InvalidCommand", "Operator", problem))


def wakes(before: Json | None, after: Json) -> bool:
    """Whether the change from `before` to `after` gives the operator something to do for this object.

    Like the operator it looks at generations, not at every write, plus at finalizers and the stand-in's commands.
    """
    if before is None or before["metadata"]["uid"] != after["metadata"]["uid"]:
        return True
    old, new = before["metadata"], after["metadata"]
    return bool(
        old["generation"] != new["generation"]
        or old.get("finalizers") != new.get("finalizers")
        or old.get("deletionTimestamp") != new.get("deletionTimestamp")
        or commands.parse(before) != commands.parse(after)
    )


def dependants(before: Json | None, after: Json | None, objects: Iterable[Json]) -> Iterator[Key]:
    """The objects whose reconciliation looks at the one that changed; None is an object that is not there.

    Session jobs look at their cluster, clusters at their session jobs, snapshots at their job.
    """
    if _shown(before) == _shown(after):
        return
    changed = after or before
    assert changed is not None
    kind, namespace, name = key_of(changed)
    if kind == "FlinkSessionJob":
        yield "FlinkDeployment", namespace, changed["spec"].get("deploymentName") or ""
    for other in objects:
        spec = other["spec"]
        reference = spec.get("jobReference") or {}
        is_job_of = other["kind"] == "FlinkSessionJob" and kind == "FlinkDeployment"
        is_snapshot_of = other["kind"] == "FlinkStateSnapshot" and reference.get("kind") == kind
        if other["metadata"]["namespace"] == namespace and (
            (is_job_of and spec.get("deploymentName") == name) or (is_snapshot_of and reference.get("name") == name)
        ):
            yield key_of(other)


def _shown(resource: Json | None) -> tuple[object, ...] | None:
    """What other objects' reconciliations look at in an object."""
    if resource is None:
        return None
    status = resource.get("status") or {}
    return (
        resource["metadata"]["uid"],
        "deletionTimestamp" in resource["metadata"],
        status.get("jobManagerDeploymentStatus"),
        (status.get("jobStatus") or {}).get("state"),
    )
