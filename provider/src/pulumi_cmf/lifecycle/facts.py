"""What CMF knows, for a preview: read in bulk when first needed, and joined by what this update has planned.

Pulumi asks a provider what would change one resource after the other. Facts are therefore lists, read once
and kept for some seconds, never a request a resource. Over them lies the plan: what the same update has said
of resources before. What it creates is there; what it changes may be anything but what it was, so nothing is
foretold from its present state.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cmf_core.calls import (
    DETACHED_SAVEPOINTS,
    ENVIRONMENTS,
    KAFKA_CATALOGS,
    KUBERNETES_CLUSTERS,
    SECRETS,
    Collection,
    namespace,
)
from cmf_core.errors import ClusterUnavailable, Forbidden, HubUnreachable, MethodNotAllowed, NotFound
from cmf_core.models import (
    ClusterState,
    ComputePool,
    Environment,
    EnvironmentSecretMapping,
    FlinkApplication,
    KafkaCatalog,
    KafkaDatabase,
    KubernetesCluster,
    LifecycleState,
    Savepoint,
    Secret,
    Statement,
)
from cmf_core.rules import Verdict
from cmf_core.rules.clusters import writable
from cmf_core.rules.environments import placement
from cmf_core.rules.existence import exists

from pulumi_cmf.lifecycle.answers import Answers
from pulumi_cmf.lifecycle.hub import Hub
from pulumi_cmf.lifecycle.lists import Lists, by_name
from pulumi_cmf.lifecycle.unknowns import UNKNOWN, contains_unknown, known_part

T = TypeVar("T")
M = TypeVar(
    "M",
    KubernetesCluster,
    Environment,
    FlinkApplication,
    ComputePool,
    Statement,
    Savepoint,
    Secret,
    EnvironmentSecretMapping,
    KafkaCatalog,
    KafkaDatabase,
)

FRESH_SECONDS = 15.0
"""Facts older than this are read again: a long update must not be refused for what was true at its start."""
_GLOBAL = (KUBERNETES_CLUSTERS, ENVIRONMENTS, SECRETS, KAFKA_CATALOGS, DETACHED_SAVEPOINTS)
"""Lists that are there even when nothing else is."""
READ_SECONDS = 5.0
"""Limit of one read; a preview does not wait for a CMF that is away."""

_DEFAULTS = ("flink_application_defaults", "compute_pool_defaults", "statement_defaults")


@dataclass(frozen=True)
class Planned:
    """What this update makes of a resource.

    Attributes:
        inputs: what it shall be.
        olds: its present state; empty if it is created.
        changed: it is created or changed.
        mark: the mark of its creation, if it is created.
    """

    inputs: Mapping[str, Any]
    olds: Mapping[str, Any] = field(default_factory=dict)
    changed: bool = True
    mark: str | None = None


class Facts:
    """Facts of one CMF, for one process of the provider.

    Attributes:
        unasked: CMF could not be asked; nobody tries again.
    """

    def __init__(self, hub: Hub) -> None:
        self.unasked = False
        self.hub = hub
        self._lists: Lists = Answers(self._read, hub.clock, FRESH_SECONDS)
        self._planned: defaultdict[str, dict[str, Planned]] = defaultdict(dict)
        self._going: set[tuple[str, str]] = set()
        self._namespaces = Answers(self._ask_for_namespace, hub.clock, FRESH_SECONDS)

    def plan(self, kind: str, id_: str, planned: Planned) -> None:
        """Note what this update makes of a resource."""
        self._planned[kind][id_] = planned

    def planned(self, kind: str, id_: str) -> Planned | None:
        """Return what this update makes of a resource, as far as it has said so; None if it has said nothing."""
        return self._planned[kind].get(id_)

    def all_planned(self, kind: str) -> Mapping[str, Planned]:
        """Return what this update makes of all resources of a kind, by id."""
        return self._planned[kind]

    def all_changed(self, kind: str) -> Mapping[str, Planned]:
        """Return those of them that it creates or changes; the others are there only if CMF has them."""
        return {id_: planned for id_, planned in self.all_planned(kind).items() if planned.changed}

    def changes(self, kind: str, id_: str) -> bool:
        """Tell whether this update creates, changes or replaces a resource, so that its present state says nothing."""
        planned = self.planned(kind, id_)
        return (kind, id_) in self._going or (planned is not None and planned.changed)

    def creates(self, kind: str, id_: str) -> bool:
        """Tell whether this update makes a resource of this name: if there is one that it deletes, that goes before."""
        planned = self.planned(kind, id_)
        return planned is not None and not planned.olds

    def goes(self, kind: str, id_: str) -> None:
        """Note that this update deletes a resource before it makes another one of the same name."""
        self._going.add((kind, id_))

    def is_going(self, kind: str, id_: str) -> bool:
        """Tell whether this update deletes a resource before it makes another one of the same name."""
        return (kind, id_) in self._going

    async def all(self, collection: Collection[M]) -> Mapping[str, M]:
        """Return the resources of a collection by name; none where its environment does not exist.

        Raises:
            CmfError: CMF did not answer, or not with a list.
        """
        return await self._lists.get(collection)

    async def _read(self, collection: Collection[Any]) -> Mapping[str, Any]:
        try:
            return await self._answer(by_name(self.hub.client, collection))
        except NotFound:
            if collection in _GLOBAL:
                raise  # this is no answer of a CMF
            return {}

    async def namespace_exists(self, cluster: str, name: str) -> bool | None:
        """Tell whether a cluster has a namespace, as it is now.

        None where nobody knows: the update changes the cluster's registration, or it cannot be asked, which only the
        open hub lets.

        Raises:
            CmfError: CMF did not answer.
        """
        if self.changes("KubernetesCluster", cluster):
            return None
        return await self._namespaces.get((cluster, name))

    async def _ask_for_namespace(self, place: tuple[str, str]) -> bool | None:
        try:
            return (await self._answer(self.hub.client.send(namespace(*place)))).exists
        except (NotFound, MethodNotAllowed, Forbidden, ClusterUnavailable):
            return None

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(asked, READ_SECONDS)
        except TimeoutError as error:
            url = self.hub.settings.url
            raise HubUnreachable(f"CMF at {url} did not answer within {READ_SECONDS:g} s") from error

    async def environment(self, name: str) -> Environment | None:
        """Return an environment as this update leaves it; None if there is none."""
        planned, found = self.planned("Environment", name), (await self.all(ENVIRONMENTS)).get(name)
        return found if planned is None or not planned.changed else _environment(planned, found)

    async def bound(self, cluster: str) -> list[str]:
        """Return the environments that are on a cluster after this update."""
        names = dict.fromkeys([*await self.all(ENVIRONMENTS), *self.all_planned("Environment")])
        return [name for name in names if await self.cluster_of(name) == cluster]

    async def cluster_of(self, environment: str) -> str | None:
        """Return the cluster that an environment is on after this update; None if nobody knows yet."""
        planned, found = self.planned("Environment", environment), await self.environment(environment)
        if found is None or (planned is not None and planned.inputs.get("kubernetes_cluster_name") is UNKNOWN):
            return None
        return placement(found.kubernetes_cluster_name)

    def knows_defaults(self, environment: str) -> bool:
        """Tell whether the defaults of an environment are known: other resources may give parts of them."""
        planned = self.planned("Environment", environment)
        return planned is None or not any(contains_unknown(planned.inputs.get(name)) for name in _DEFAULTS)

    async def cluster_names(self) -> set[str]:
        """Return the clusters that are registered, or will be."""
        return {*await self.all(KUBERNETES_CLUSTERS), *self.all_changed("KubernetesCluster")}

    async def writable(self, cluster: str) -> Verdict:
        """Foretell whether a cluster takes writes (C33, C36)."""
        planned = self.planned("KubernetesCluster", cluster)
        if planned is not None and planned.changed:
            retired = planned.inputs.get("lifecycle_state") == LifecycleState.DECOMMISSIONED
            return writable(cluster, ClusterState.DECOMMISSIONED) if retired else None
        found = (await self.all(KUBERNETES_CLUSTERS)).get(cluster)
        if found is None or found.status is None:
            return None
        return writable(cluster, found.status.state, found.status.message)

    async def writable_environment(self, name: str) -> Verdict:
        """Foretell whether an environment is there, and its cluster takes writes."""
        found = await self.environment(name)
        if found is None:
            return exists(f"Environment '{name}'", present=False)
        cluster = await self.cluster_of(name)
        return None if cluster is None else await self.writable(cluster)


def _environment(planned: Planned, found: Environment | None) -> Environment:
    """Return an environment with its planned inputs; what they do not mention, and never did, is as it was."""
    present = found.wire() if found is not None and planned.olds else {}
    data: dict[str, Any] = {}
    for name, key in _FIELDS.items():
        given = planned.inputs.get(name)
        if given is None and not planned.olds.get(name):
            given = present.get(key)
        data[key] = known_part(given)
    return Environment.parse(data)


_FIELDS = {
    "name": "name",
    "kubernetes_namespace": "kubernetesNamespace",
    "kubernetes_cluster_name": "kubernetesClusterName",
    "flink_application_defaults": "flinkApplicationDefaults",
    "compute_pool_defaults": "computePoolDefaults",
    "statement_defaults": "statementDefaults",
}
