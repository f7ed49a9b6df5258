"""All clusters: registered by files, watched by heartbeats, changed by PUT. The package's doc has the whole picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from uuid import uuid4

import structlog
from cmf_core.errors import BadRequest, NotFound, ServerError
from cmf_core.models import DEFAULT_CLUSTER, ClusterState, KubernetesCluster, LifecycleState, timestamp
from cmf_core.rules import enforce
from cmf_core.rules.clusters import writable

from cmf_hub.clock import Clock
from cmf_hub.clusters import records
from cmf_hub.clusters.cluster import Cluster
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.default_cluster import default_cluster
from cmf_hub.clusters.directory import LOOK_SECONDS, Change, KubeconfigDirectory
from cmf_hub.clusters.heartbeat import Heartbeat
from cmf_hub.clusters.inspection import Inspection
from cmf_hub.clusters.kubeconfig import KubeconfigRefused, Policy
from cmf_hub.clusters.probe import Probe
from cmf_hub.clusters.reports import ClusterEvent, Reports, Subscriber
from cmf_hub.settings import Settings
from cmf_hub.store import Store

Connect = Callable[[str, ClusterCredentials], Connection]

log = structlog.get_logger(__name__)


class ClusterRegistry:
    """The clusters of a hub, between `start` and `stop`.

    Args:
        store: where their records are.
        settings: kubeconfig directory, heartbeat, time limits, ...
        clock: where time comes from.
        connect: makes connections; by default real ones.
        directory: where kubeconfigs are; by default the directory that the settings name.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        connect: Connect | None = None,
        directory: KubeconfigDirectory | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._connect = connect or self._connection_with
        self._policy = Policy(settings.k8s_kubeconfig_allow_insecure_tls, settings.k8s_kubeconfig_allow_proxy)
        self._directory = directory or KubeconfigDirectory(settings.k8s_kubeconfig_directory, self._policy)
        self._clusters: dict[str, Cluster] = {}
        self._inspection = Inspection(self._clusters)
        self._reports = Reports(store, clock)
        probe = Probe(self._clusters, self._inspection, self._reports, clock, settings.k8s_heartbeat_timeout_seconds)
        self._heartbeat = Heartbeat(probe, settings.k8s_heartbeat_interval_seconds, clock)
        self._files: asyncio.Task[None] | None = None
        self._first_look = asyncio.Event()

    async def start(self) -> None:
        """Register what records and files there are; returns before the first heartbeats are answered."""
        if self._store.get(records.key(DEFAULT_CLUSTER)) is None:
            await self._register(DEFAULT_CLUSTER)
        for record in self._store.list(records.KIND):
            decommissioned = record.spec.get("lifecycleState") == LifecycleState.DECOMMISSIONED
            heartbeat = (record.status or {}).get("lastHeartbeatTimestamp")
            self._clusters[record.name] = Cluster(
                record.name, record.uid, decommissioned=decommissioned, last_heartbeat=heartbeat
            )
            if record.name != DEFAULT_CLUSTER:
                self._directory.forget(record.name)
        self._files = asyncio.create_task(self._follow_files(), name="kubeconfig files")
        await self._first_look.wait()

    async def stop(self) -> None:
        """End heartbeats and close connections; states stay as they are in the store."""
        if self._files is not None:
            self._files.cancel()
            await asyncio.wait({self._files})
        await self._heartbeat.close()
        await asyncio.gather(*(self._reports.save(cluster, always=True) for cluster in self._clusters.values()))
        for cluster in self._clusters.values():
            if cluster.connection is not None:
                await cluster.connection.close()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` on every event from now on, in the event loop; it must return at once."""
        self._reports.subscribe(subscriber)

    def names(self) -> Iterable[str]:
        """Return the names of all registered clusters."""
        return list(self._clusters)

    def get(self, name: str) -> KubernetesCluster:
        """Return a cluster with its present status.

        Raises:
            NotFound: there is none.
        """
        record = self._store.get(records.key(name))
        if record is None:
            raise NotFound(f"{records.KIND} '{name}' does not exist.")
        resource = KubernetesCluster.parse(record.document)
        resource.status = self._cluster(name).status()
        return resource

    def state(self, name: str) -> tuple[ClusterState, str, str | None]:
        """Return state, message and time of the last heartbeat of a cluster."""
        cluster = self._cluster(name)
        return cluster.state, cluster.message, cluster.last_heartbeat

    def connection(self, name: str) -> Connection | None:
        """Return the connection to a cluster, or None if it has none or is decommissioned."""
        cluster = self._cluster(name)
        return None if cluster.decommissioned else cluster.connection

    def require_writable(self, name: str) -> Connection:
        """Return the connection to a CONNECTED cluster.

        Raises:
            ClusterUnavailable: it is DISCONNECTED or DECOMMISSIONED (C33, C36).
        """
        cluster = self._cluster(name)
        enforce(writable(name, cluster.state, cluster.reason))
        assert cluster.connection is not None, f"{name} is CONNECTED without a connection"
        return cluster.connection

    async def update(self, name: str, sent: KubernetesCluster) -> KubernetesCluster:
        """Set life cycle, labels and annotations; what is absent stays (C40-C47, D12).

        Raises:
            NotFound: there is no such cluster.
            BadRequest: the body names another one, or environments are bound to what is to be decommissioned.
        """
        if sent.name not in ("", name):
            raise BadRequest(f"metadata.name '{sent.name}' is not '{name}': a cluster is named by its kubeconfig file")
        now, clears = self._now(), self._settings.k8s_labels_empty_clears
        record = await self._store.transact(
            lambda transaction: records.update(transaction, name, sent, now, empty_clears=clears)
        )
        cluster = self._cluster(name)
        decommissioned = record.spec["lifecycleState"] == LifecycleState.DECOMMISSIONED
        if decommissioned != cluster.decommissioned:
            before = cluster.state
            if decommissioned:
                cluster.decommissioned = True
                self._heartbeat.stop(name)
            else:
                cluster.recommission()
                self._begin(cluster)
            log.info("cluster's life cycle changed", cluster=name, state=str(cluster.state))
            await self._reports.show(cluster, before)
        return self.get(name)

    async def _follow_files(self) -> None:
        """Let the clusters follow the kubeconfig files for ever."""
        while True:
            try:
                async with aclosing(self._directory.changes(self._clock)) as looks:
                    async for changes in looks:
                        await self._after_look(changes)
                        self._first_look.set()
            except Exception:
                log.exception("kubeconfig files could not be followed, starting again")
            self._first_look.set()
            await self._clock.sleep(LOOK_SECONDS)

    async def _after_look(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.name == DEFAULT_CLUSTER:
                if change.found is not None:
                    log.warning(
                        "kubeconfig refused, cluster not registered", cluster=change.name, why=str(change.found)
                    )
                continue
            try:
                await self._take_in(change)
            except Exception:
                log.exception("kubeconfig could not be acted on, trying again", cluster=change.name)
                self._directory.forget(change.name)
        await self._take_in(await asyncio.to_thread(default_cluster, self._settings, self._policy))
        for cluster in list(self._clusters.values()):
            if cluster.detached:
                await self._remove(cluster)
            elif self._directory.problem and cluster.connection is None and cluster.name != DEFAULT_CLUSTER:
                cluster.detach(
                    f"the kubeconfig directory {self._directory.path} cannot be read ({self._directory.problem})"
                )

    async def _take_in(self, change: Change) -> None:
        name, found = change
        cluster = self._clusters.get(name)
        if isinstance(found, ClusterCredentials):
            if cluster is None:
                cluster = await self._register(name)
            await self._use(cluster, found)
        elif isinstance(found, KubeconfigRefused):
            await self._refuse(name, cluster, found)
        elif cluster is not None:
            await self._remove(cluster)

    async def _register(self, name: str) -> Cluster:
        now, uid = self._now(), str(uuid4())
        # Before the record, so that whoever reads that finds this.
        cluster = self._clusters[name] = Cluster(name, uid)
        try:
            await self._store.transact(lambda transaction: records.create(transaction, name, uid, now))
        except BaseException:
            del self._clusters[name]
            raise
        log.info("cluster registered", cluster=name, uid=uid)
        return cluster

    async def _use(self, cluster: Cluster, credentials: ClusterCredentials) -> None:
        """Connect with these credentials, unless that is how the cluster is connected already (C10, C15)."""
        cluster.notes.pop("kubeconfig", None)
        if cluster.connection is not None and cluster.connection.credentials.fingerprint == credentials.fingerprint:
            return
        before = cluster.state
        former = cluster.attach(self._connect(cluster.name, credentials))
        log.info("cluster has new credentials", cluster=cluster.name, server=credentials.server)
        if former is not None:
            await former.close()
        if not cluster.decommissioned:
            self._begin(cluster)
        await self._reports.show(cluster, before)
        if former is not None and before is cluster.state is ClusterState.CONNECTED:
            self._reports.tell(cluster.name, ClusterEvent.NEW_CREDENTIALS)

    def _begin(self, cluster: Cluster) -> None:
        """Start the heartbeats of a cluster that has a connection."""
        if cluster.connection is None:
            return
        if not self._settings.k8s_heartbeat_interval_seconds:
            cluster.assume_connected()
        self._heartbeat.start(cluster.name)

    async def _refuse(self, name: str, cluster: Cluster | None, refusal: KubeconfigRefused) -> None:
        """Keep what there is, and say why the file is not used (C04, C16)."""
        text = str(refusal) if name == DEFAULT_CLUSTER else f"its kubeconfig is refused: {refusal}"
        if cluster is None:
            log.warning("kubeconfig refused, cluster not registered", cluster=name, why=str(refusal))
            return
        if text in (cluster.reason, cluster.notes.get("kubeconfig")):
            return
        before = cluster.state
        if cluster.connection is None:
            cluster.detach(text)
        else:
            cluster.notes["kubeconfig"] = text
        log.warning("kubeconfig refused, cluster stays as it is", cluster=name, why=str(refusal))
        await self._reports.show(cluster, before)

    async def _remove(self, cluster: Cluster) -> None:
        """Deregister a cluster without a kubeconfig file; its record waits for its last environment (C14)."""
        name, before = cluster.name, cluster.state
        bound = await self._store.transact(lambda transaction: records.remove_unbound(transaction, name))
        if bound and cluster.detached:
            return
        self._heartbeat.stop(name)
        former = cluster.detach("its kubeconfig was removed: put it back, or delete the environments on it by force")
        if former is not None:
            await former.close()
        if bound:
            cluster.detached = True
            log.warning("kubeconfig removed, environments are bound to the cluster", cluster=name, environments=bound)
            await self._reports.show(cluster, before)
            return
        del self._clusters[name]
        self._inspection.compare(cluster.identity)
        log.info("cluster deregistered", cluster=name)
        self._reports.forget(name)

    def _cluster(self, name: str) -> Cluster:
        cluster = self._clusters.get(name)
        if cluster is None:
            raise ServerError(f"{records.KIND} '{name}' is not registered, though something refers to it.")
        return cluster

    def _connection_with(self, name: str, credentials: ClusterCredentials) -> Connection:
        return Connection(
            name,
            credentials,
            request_timeout=self._settings.k8s_request_timeout_seconds,
            flink_api_group=self._settings.k8s_flink_api_group,
        )

    def _now(self) -> str:
        return timestamp(self._clock.now())
