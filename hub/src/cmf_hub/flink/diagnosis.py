"""Why something waits: looked for on the cluster when a resource is not up for some time, and shown in its status.

Only what waits is looked at, so a fleet that runs costs nothing, and only so much of it at a time, so that a fleet
that waits costs little: what was never looked into first, then what was looked into longest ago. What the operator
itself says comes first; where it says nothing, it may not watch the namespace (E12). Pods that cannot be scheduled or
started, and where there are none the cluster's own warnings, say the rest (E59).
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from math import inf
from typing import Any

from cmf_core.rules import spokes

from cmf_hub.clock import Clock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.flink.convergence import Connect
from cmf_hub.flink.marks import belongs
from cmf_hub.flink.placement import Placement, is_shared, places
from cmf_hub.flink.recorder import Recorder, placement
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Store

LOOKS = 50
"""Resources of a cluster that one check looks into at most; each takes up to three requests."""


@dataclass
class _Wait:
    """Since when something waits, and when it was looked into last, on the monotonic clock in seconds."""

    since: float
    looked: float = -inf


class Diagnosis:
    """Looks into what waits.

    Args:
        store: where the resources are.
        recorder: knows what waits, and shows why.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable`.
        settings: the hub's settings.
        clock: for the time that things wait.
    """

    def __init__(self, store: Store, recorder: Recorder, connect: Connect, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._connect = connect
        self._patience = settings.flink_operator_patience_seconds
        self._clock = clock
        self._waits: dict[str, dict[tuple[Key, tuple[str, int]], _Wait]] = {}

    async def check(self, cluster: str) -> None:
        """Look into what has waited since the last check, at most `LOOKS` resources.

        Raises:
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer.
        """
        now, before = self._clock.monotonic(), self._waits.get(cluster, {})
        waits = {each: before.get(each) or _Wait(now) for each in self._recorder.waiting(cluster).items()}
        self._waits[cluster] = waits
        for each in nsmallest(LOOKS, [each for each in waits if each in before], key=lambda each: waits[each].looked):
            (key, version), wait = each, waits[each]
            wait.looked = now
            resource = placement(self._store, key)
            if resource is None:
                self._recorder.waits_no_more(cluster, key)
                continue
            same = (resource.record.uid, resource.record.generation) == version
            await self._look_into(self._connect(cluster), resource, now - wait.since if same else 0)

    async def _look_into(self, connection: Connection, resource: Placement, seconds: float) -> None:
        kind, record, namespace = places(resource)[0], resource.record, resource.namespace
        found = await connection.get(kind, namespace, record.name)
        if found is None or not belongs(found, record):
            return
        cause = None
        if found.get("status"):
            cause = await _on_pods(connection, namespace, _flink_cluster(resource))
        elif seconds >= self._patience:
            cause = spokes.unwatched(f"{kind} '{record.name}'", namespace, seconds)
        await self._recorder.explain(record.key, record.uid, found, cause)


async def _on_pods(connection: Connection, namespace: str, flink_cluster: str) -> str | None:
    """Return what the pods of a Flink cluster wait for; that they may not be seen is said too."""
    try:
        pods: list[dict[str, Any]] = await connection.pods(namespace, f"app={flink_cluster}")
        if pods:
            return spokes.held_up(pods)
        return spokes.told_by(await connection.events(namespace, flink_cluster))
    except KubernetesRefusal as refusal:
        return f"what it waits for is not known: {refusal}"


def _flink_cluster(resource: Placement) -> str:
    """Return the FlinkDeployment whose pods a resource runs on."""
    if resource.pool is not None and is_shared(resource.pool):
        return resource.pool.name
    return resource.record.name
