"""What CMF knows, for a preview: read in bulk when first needed, and joined by what this update has planned.

Pulumi asks a provider what would change one resource after the other. Facts are therefore lists, read once
and kept for some seconds, never a request a resource. A cluster whose registration this same update changes
may be another one by the time it is used: nothing is foretold from its present state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from cmf_core.calls import ENVIRONMENTS, KUBERNETES_CLUSTERS, Collection
from cmf_core.errors import HubUnreachable, NotFound
from cmf_core.models import ComputePool, Environment, FlinkApplication, KubernetesCluster, Statement
from cmf_core.rules import Verdict
from cmf_core.rules.clusters import writable
from cmf_core.rules.environments import placement

from pulumi_cmf.lifecycle.hub import Hub

M = TypeVar("M", KubernetesCluster, Environment, FlinkApplication, ComputePool, Statement)

FRESH_SECONDS = 15.0
"""Facts older than this are read again: a long update must not be refused for what was true at its start."""
READ_SECONDS = 5.0
"""Limit of one read; a preview does not wait for a CMF that is away."""


class Facts:
    """Facts of one CMF, for one process of the provider.

    Attributes:
        unasked: CMF could not be asked; nobody tries again.
    """

    def __init__(self, hub: Hub) -> None:
        self.unasked = False
        self._hub = hub
        self._lists: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._planned: set[str] = set()

    def plan(self, cluster: str) -> None:
        """Note that this update changes a cluster's registration."""
        self._planned.add(cluster)

    async def all(self, collection: Collection[M]) -> Mapping[str, M]:
        """Return the resources of a collection by name; none where its environment does not exist.

        Raises:
            CmfError: CMF did not answer, or not with a list.
        """
        now = self._hub.clock.monotonic()
        read, items = self._lists.get(collection.path, (0.0, None))
        if items is None or now - read > FRESH_SECONDS:
            items = await self._read(collection)
            self._lists[collection.path] = (now, items)
        return items

    async def _read(self, collection: Collection[M]) -> Mapping[str, M]:
        async def listed() -> dict[str, M]:
            return {item.metadata.name: item async for item in self._hub.client.list(collection)}

        try:
            return await asyncio.wait_for(listed(), READ_SECONDS)
        except NotFound:
            return {}
        except TimeoutError as error:
            url = self._hub.settings.url
            raise HubUnreachable(f"CMF at {url} did not answer within {READ_SECONDS:g} s") from error

    async def writable(self, cluster: str) -> Verdict:
        """Foretell whether a cluster takes writes (C33, C36)."""
        found = (await self.all(KUBERNETES_CLUSTERS)).get(cluster)
        if cluster in self._planned or found is None or found.status is None:
            return None
        return writable(cluster, found.status.state, found.status.message)

    async def writable_environment(self, environment: str) -> Verdict:
        """Foretell whether an environment's cluster takes writes; one that is not there yet foretells nothing."""
        found = (await self.all(ENVIRONMENTS)).get(environment)
        return None if found is None else await self.writable(placement(found.kubernetes_cluster_name))
