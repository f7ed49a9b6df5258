"""Makes the object of one resource on its cluster what the resource wants, or sees to it that it goes.

What the hub promises about Flink jobs is kept here: an object that others made, or that belonged to a deleted namesake,
is never taken over; one that is being deleted is waited for, and only then is a new one made. So one job never runs
twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from cmf_core.errors import ClusterUnavailable, Conflict, ServerError
from cmf_core.rules import enforce, existence

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal, NeverSent
from cmf_hub.clusters.resources import FLINK_STATE_SNAPSHOT, FlinkResource
from cmf_hub.flink.manifests import manifest
from cmf_hub.flink.marks import belongs, owner
from cmf_hub.flink.placement import POOL, Placement, object_name, places
from cmf_hub.flink.presence import Presence, presence
from cmf_hub.flink.savepoints import differs_in_disposal
from cmf_hub.flink.statement_key import ensure_key
from cmf_hub.settings import Settings
from cmf_hub.store import Orphan, Store

Connect = Callable[[str], Connection]

log = structlog.get_logger(__name__)


class OutcomeUnknown(ClusterUnavailable):
    """The cluster was told to change something and did not answer: it may have done so or not."""


class Convergence:
    """Works on objects.

    Args:
        store: knows what forced deletions left behind.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable` if it is not CONNECTED.
        settings: the hub's settings.
    """

    def __init__(self, store: Store, connect: Connect, settings: Settings) -> None:
        self.snapshots_on: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """Clusters on which it has made a FlinkStateSnapshot, so that somebody has to follow them there."""
        self._store = store
        self._connect = connect
        self._settings = settings

    async def converge(self, resource: Placement) -> dict[str, Any] | None:
        """Do what is to be done on the cluster, and return the object that is there afterwards.

        Raises:
            Conflict: an object of this name is not the resource's, or is still being deleted.
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer; nothing has changed ...
            OutcomeUnknown: ... unless it is this one.
            KubernetesRefusal: the cluster refused; nothing has changed.
        """
        connection = self._connect(resource.cluster)
        wanted, remaining = presence(resource), None
        for kind in places(resource):
            if wanted is Presence.PRESENT and resource.record.generation == 1:
                new = await self._prepared(connection, kind, resource)
                with _changing():
                    made = await connection.create(new)
                if made is not None:
                    return made  # otherwise something is there, and a look says whose it is
            found = await connection.get(kind, resource.namespace, object_name(resource.record))
            if wanted is Presence.PRESENT or (wanted is Presence.IF_PRESENT and found is not None):
                return await self._apply(connection, kind, resource, found)
            if found is not None and belongs(found, resource.record):
                left = await self._remove(connection, kind, resource, found) if wanted is Presence.ABSENT else found
                remaining = left or remaining
        return remaining

    async def _apply(
        self, connection: Connection, kind: FlinkResource, resource: Placement, found: dict[str, Any] | None
    ) -> dict[str, Any]:
        wanted = await self._prepared(connection, kind, resource)
        if found is None:
            with _changing():  # an object made since by others is not taken over
                return await connection.apply(wanted, force=False)
        _enforce_ours(kind, resource, found, self._store.orphans(resource.cluster))
        wanted["metadata"]["uid"] = found["metadata"]["uid"]  # refused if this object is gone or was replaced
        with _changing():
            return await connection.apply(wanted)

    async def _prepared(self, connection: Connection, kind: FlinkResource, resource: Placement) -> dict[str, Any]:
        """Return the object that a resource wants, once what has to be there before it is."""
        if resource.record.key.kind == POOL:
            await _ensure_key(connection, resource)
        if kind is FLINK_STATE_SNAPSHOT:
            self.snapshots_on[resource.cluster].set()
        return manifest(resource, self._settings)

    async def _remove(
        self, connection: Connection, kind: FlinkResource, resource: Placement, found: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Delete an object, and return it if finalizers keep it; a savepoint says first what becomes of its data."""
        if kind is FLINK_STATE_SNAPSHOT and differs_in_disposal(found, resource.record):
            wanted = manifest(resource, self._settings)
            wanted["metadata"]["uid"] = found["metadata"]["uid"]
            with _changing():
                found = await connection.apply(wanted)
        return await delete_object(connection, kind, found)


async def _ensure_key(connection: Connection, pool: Placement) -> None:
    """Make the key of statements before the session cluster that mounts it: pods see a new Secret late."""
    try:
        await ensure_key(connection, pool.environment)
    except (KubernetesRefusal, ServerError) as error:
        log.warning("no key for statements, those with catalogs will not run", reason=str(error))


@contextmanager
def _changing() -> Iterator[None]:
    """Tell failures of a change from those of the reads before it."""
    try:
        yield
    except NeverSent:
        raise
    except ClusterUnavailable as error:
        raise OutcomeUnknown(*error.messages, rule=error.rule, retry_after=error.retry_after) from error


async def delete_object(connection: Connection, kind: FlinkResource, found: dict[str, Any]) -> dict[str, Any] | None:
    """Delete an object, and return it if finalizers keep it; it alone, not one that has come in its place."""
    metadata = found["metadata"]
    place = (kind, metadata["namespace"], metadata["name"])
    if "deletionTimestamp" in metadata:
        return found
    with _changing():
        await connection.delete(*place, uid=metadata["uid"])
        left = await connection.get(*place)
    return left if left is not None and left["metadata"]["uid"] == metadata["uid"] else None


def _enforce_ours(
    kind: FlinkResource, resource: Placement, found: Mapping[str, Any], orphans: Sequence[Orphan]
) -> None:
    """Refuse to touch an object that is not this resource's, or that is going.

    Raises:
        Conflict: it is one of these.
    """
    record, metadata = resource.record, found["metadata"]
    what = (
        f"{kind} '{object_name(record)}' in namespace '{resource.namespace}' of Kubernetes cluster '{resource.cluster}'"
    )
    if "deletionTimestamp" in metadata:
        held = ", ".join(metadata.get("finalizers") or []) or "nothing"
        raise Conflict(
            f"{what} is being deleted since {metadata['deletionTimestamp']} (finalizers: {held}): a new one for "
            f"{record.key} can only be made when it is gone, try again then"
        )
    if not belongs(found, record):
        former = next((orphan.kind for orphan in orphans if belongs(found, orphan)), None)
        enforce(
            existence.left_behind(
                str(record.key), former, str(kind), object_name(record), resource.namespace, resource.cluster
            )
        )
        whose = "was left behind by a deleted resource" if owner(found) else "was not made by this hub"
        raise Conflict(
            f"{what} exists and {whose}: {record.key} does not take it over; delete it on the cluster, or choose "
            "another name"
        )
