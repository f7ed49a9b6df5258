"""Deletion that waits until the resource is gone, and by force where its cluster is not there to help."""

from __future__ import annotations

from collections.abc import Callable

from cmf_core.calls import ENVIRONMENTS, Collection
from cmf_core.errors import ClusterUnavailable, CmfError, NotFound
from cmf_core.rules.environments import placement

from pulumi_cmf.lifecycle.facts import M
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.operations import Operation
from pulumi_cmf.lifecycle.ownership import find
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, WaitInterrupted, wait_until


async def remove(
    hub: Hub,
    collection: Collection[M],
    name: str,
    *,
    what: str,
    describe: Callable[[M], str],
    limit: float,
    force: bool,
    leaves: str | None,
    operation: Operation,
) -> None:
    """Delete a resource and wait until it is gone; one that is gone already is no error, its cluster away or not.

    Args:
        hub: where.
        collection: its collection.
        name: its name.
        what: kind and name, for messages.
        describe: returns what a resource that is still there is doing.
        limit: seconds to wait.
        force: if its cluster is not available, or does not remove it in time, remove CMF's record alone.
        leaves: what a forced deletion may leave on the cluster, for the user; None if nothing.
        operation: takes progress and warnings.

    Raises:
        CmfError: the server refuses the deletion.
        WaitFailed: it is still there after `limit`, or the wait was given up.
    """

    async def look() -> Look:
        try:
            return Look(describe(await hub.client.send(collection.get(name))))
        except NotFound:
            return Look("gone", done=True)

    try:
        await hub.client.send(collection.delete(name))
        await wait_until(look, what, "gone", limit=limit, clock=hub.clock, progress=operation.progress)
    except NotFound:
        return
    except (ClusterUnavailable, WaitFailed) as error:
        if isinstance(error, ClusterUnavailable) and await find(hub, collection, name) is None:
            return  # its cluster may be asked for first, and then whether it is there
        if not force or isinstance(error, WaitInterrupted):
            raise
        operation.progress(f"{what} is removed by force: {error}")
        await _force(hub, collection, name)
        if leaves:
            operation.warn(f"{what} was removed by force, from CMF only: {leaves}")


async def _force(hub: Hub, collection: Collection[M], name: str) -> None:
    try:
        await hub.client.send(collection.delete(name, force=True))
    except NotFound:
        return


async def orphan(hub: Hub, environment: str, kind: str, name: str) -> str:
    """Return the sentence on a Kubernetes object that a forced deletion may leave."""
    try:
        found = await hub.client.send(ENVIRONMENTS.get(environment))
    except CmfError:
        where = f"of environment '{environment}'"
    else:
        cluster = placement(found.kubernetes_cluster_name)
        where = f"in namespace '{found.kubernetes_namespace}' of Kubernetes cluster '{cluster}'"
    return f"{kind} '{name}' {where} may still be there, with its job running: delete it once the cluster is back"
