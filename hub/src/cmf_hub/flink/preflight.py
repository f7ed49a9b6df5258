"""What an environment needs on its cluster and the hub does not make: namespace and service account (E43, E60)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace

import structlog
from cmf_core.rules import advice, spokes

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.flink.convergence import Connect
from cmf_hub.flink.placement import ENVIRONMENT, cluster_of
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store, Transaction

log = structlog.get_logger(__name__)


class Preflight:
    """Looks at environments, and shows with each what it lacks.

    Args:
        store: where the environments are.
        connect: returns the connection to a cluster, or raises `ClusterUnavailable`.
        settings: the hub's settings.
    """

    def __init__(self, store: Store, connect: Connect, settings: Settings) -> None:
        self._store = store
        self._connect = connect
        self._settings = settings
        self._looked_at: set[str] = set()
        self._lacking: defaultdict[str, set[Key]] = defaultdict(set)

    def begin(self, cluster: str) -> None:
        """Look at all environments on a cluster the next time, because it is CONNECTED anew."""
        self._looked_at.discard(cluster)

    async def check(self, cluster: str) -> None:
        """Look at the environments on a cluster that lacked something, the first time at all of them.

        Raises:
            ClusterUnavailable: the cluster is not CONNECTED, or did not answer.
        """
        connection = self._connect(cluster)
        if cluster in self._looked_at:
            await self._look_again(connection, cluster)
            return
        for environment in self._store.list(ENVIRONMENT):
            if cluster_of(environment) == cluster:
                await self.look_at(connection, environment)
        self._looked_at.add(cluster)

    async def _look_again(self, connection: Connection, cluster: str) -> None:
        for key in list(self._lacking[cluster]):
            environment = self._store.get(key)
            if environment is None or cluster_of(environment) != cluster:
                self._lacking[cluster].discard(key)
            else:
                await self.look_at(connection, environment)

    async def look_at(self, connection: Connection, environment: Record) -> None:
        """Look at one environment; raises as `check`."""
        told = await self._missing(connection, environment)
        lacking = self._lacking[cluster_of(environment)]
        (lacking.add if told else lacking.discard)(environment.key)
        if told == (environment.status or {}).get("advice", []):
            return

        def work(transaction: Transaction) -> None:
            present = transaction.get(environment.key)
            if present is not None and present.uid == environment.uid:
                transaction.put(replace(present, status={"advice": told} if told else None))

        await self._store.transact(work)
        if told:
            log.warning("environment lacks something on its cluster", environment=environment.name, advice=told)

    async def _missing(self, connection: Connection, environment: Record) -> list[str]:
        name, namespace = environment.name, str(environment.document["kubernetesNamespace"])
        account = _account(environment, self._settings)
        try:
            exists, found = await asyncio.gather(
                connection.namespace_exists(namespace), connection.service_account_exists(namespace, account)
            )
        except KubernetesRefusal as refusal:
            return [f"Environment '{name}': what it needs on its cluster could not be looked for: {refusal}"]
        gone = spokes.namespace(name, namespace, exists=exists)
        lacks = None if gone else spokes.service_account(name, namespace, account, exists=found)
        return [str(each) for each in advice(gone, lacks)]


def _account(environment: Record, settings: Settings) -> str:
    defaults = (environment.document.get("flinkApplicationDefaults") or {}).get("spec") or {}
    return str(defaults.get("serviceAccount") or settings.flink_service_account)
