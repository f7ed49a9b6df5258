"""Time that tests advance, clusters that answer as told, and a registry on both."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cmf_core.errors import ClusterUnavailable, CmfError
from cmf_core.models import ClusterState, KubernetesCluster, KubernetesClusterSpec, LifecycleState
from cmf_hub.clock import Clock
from cmf_hub.clusters import ClusterEvent, ClusterRegistry, Connection, FlinkResource
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.directory import Change, KubeconfigDirectory
from cmf_hub.clusters.kubeconfig import Policy
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store

from tests.hub.clusters import kubeconfigs

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
CRDS = {f"{resource.plural}.flink.apache.org" for resource in FlinkResource}


class FakeClock:
    """A clock that stands still but for `advance`; pauses under a second pass at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.wall_jump = timedelta()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds) + self.wall_jump

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        if 0 < seconds < 1:
            await asyncio.sleep(0)
            return
        self._count += 1
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + seconds, self._count, wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everybody act when their time has come."""
        until = self.seconds + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, wake = heapq.heappop(self._sleepers)
            self.seconds = max(self.seconds, due)
            if not wake.done():
                wake.set_result(None)
            await turns()
        self.seconds = until


async def turns(count: int = 12) -> None:
    """Let the event loop's tasks run on."""
    for _ in range(count):
        await asyncio.sleep(0)


@dataclass
class World:
    """The clusters out there: what each answers, and what was asked of them.

    Attributes:
        down: names of those that do not answer, and what happens instead: an error, or "hang".
        tokens: the only token that a cluster takes, where there is such.
        crds: what is installed where not everything is.
        versions: of the operator's API group that are served, where some are without its CRDs.
        identities: kube-system's uid, where it is not the cluster's name.
        probes: (name, token, time) of each probe.
        open: connections that are not closed.
    """

    clock: Clock
    down: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    crds: dict[str, set[str]] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    identities: dict[str, str | None] = field(default_factory=dict)
    probes: list[tuple[str, str, float]] = field(default_factory=list)
    inspections: list[str] = field(default_factory=list)
    open: list["ScriptedConnection"] = field(default_factory=list)

    def connect(self, name: str, credentials: ClusterCredentials) -> Connection:
        return ScriptedConnection(self, name, credentials)

    def probed(self, name: str) -> int:
        return sum(1 for probed, _, _ in self.probes if probed == name)


class ScriptedConnection(Connection):
    """A connection whose cluster is a `World`."""

    def __init__(self, world: World, name: str, credentials: ClusterCredentials) -> None:
        super().__init__(name, credentials)
        self.world = world
        world.open.append(self)

    async def close(self) -> None:
        self.world.open.remove(self)
        await super().close()

    async def version(self, request_timeout: float | None = None) -> str:
        self.world.probes.append((self.cluster, self.credentials.token or "", self.world.clock.monotonic()))
        trouble = self.world.down.get(self.cluster)
        if trouble == "hang":
            assert request_timeout is not None
            await self.world.clock.sleep(request_timeout)
            trouble = "did not answer in time"
        if trouble is not None:
            raise ClusterUnavailable(f"Kubernetes cluster '{self.cluster}' {trouble}")
        if self.world.tokens.get(self.cluster, self.credentials.token) != self.credentials.token:
            raise ClusterUnavailable(f"Kubernetes cluster '{self.cluster}' rejects the hub's credentials")
        return "v1.34.1"

    async def crds(self) -> set[str]:
        self.world.inspections.append(self.cluster)
        return self.world.crds.get(self.cluster, CRDS)

    async def served_versions(self) -> list[str]:
        return self.world.versions.get(self.cluster, [])

    async def identity(self) -> str | None:
        return self.world.identities.get(self.cluster, self.cluster)


class ToldDirectory(KubeconfigDirectory):
    """A directory that is looked at when the test says so, instead of when the file system says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Policy())
        self.told: asyncio.Queue[None] = asyncio.Queue()
        self.seen = asyncio.Event()

    async def changes(self, clock: Clock) -> AsyncGenerator[list[Change], None]:
        while True:
            yield await self._settled(clock)
            self.seen.set()
            await self.told.get()


class Hub:
    """A registry with everything around it under the test's hand.

    Args:
        folder: for the database and the kubeconfig directory; a second hub there finds what the first left.
        default: content of the default cluster's kubeconfig; None for no such file.
        settings: more settings.
    """

    def __init__(self, folder: Path, *, default: bytes | None = b"", **settings: Any) -> None:
        self.folder = folder
        self.kubeconfigs = folder / "kubeconfigs"
        self.kubeconfigs.mkdir(exist_ok=True)
        default_file = folder / "default"
        if default is not None:
            default_file.write_bytes(default or kubeconfigs.text(user={"token": "default"}))
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.settings = Settings(
            k8s_kubeconfig_directory=self.kubeconfigs, k8s_default_cluster_kubeconfig=default_file, **settings
        )
        self.events: list[tuple[str, str]] = []

    async def start(self) -> None:
        self.store = await Store.open(self.folder / "cmf.db")
        self.directory = ToldDirectory(self.kubeconfigs)
        self.registry = ClusterRegistry(
            self.store, self.settings, self.clock, connect=self.world.connect, directory=self.directory
        )
        self.registry.subscribe(self._told)
        await self.registry.start()
        await self.settle()

    async def stop(self) -> None:
        await self.registry.stop()
        await self.store.close()

    def _told(self, name: str, event: ClusterEvent) -> None:
        self.events.append((name, str(event)))

    async def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        for _ in range(5):
            await turns()
            await self.store.transact(lambda _: None)

    async def advance(self, seconds: float) -> None:
        """Let time pass, in steps of five seconds so that what is written is written in between."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            await self.clock.advance(min(5.0, end - self.clock.seconds))
            await self.settle()

    async def look(self) -> None:
        """Let the hub look at its directory."""
        self.directory.seen.clear()
        self.directory.told.put_nowait(None)
        await self.directory.seen.wait()
        await self.settle()

    async def write(self, name: str, token: str | bytes = "token") -> None:
        """Put a kubeconfig file, and let the hub see it."""
        content = token if isinstance(token, bytes) else kubeconfigs.text(user={"token": token})
        (self.kubeconfigs / name).write_bytes(content)
        await self.look()

    async def remove(self, name: str) -> None:
        """Remove a kubeconfig file, and let the hub see it."""
        (self.kubeconfigs / name).unlink()
        await self.look()

    async def bind(self, environment: str, cluster: str) -> None:
        """Write an environment's record, as the services do."""
        document = {"name": environment, "kubernetesClusterName": cluster, "kubernetesNamespace": "default"}
        record = Record(Key("Environment", "", environment), "uid", 1, "", "", document)
        await self.store.transact(lambda transaction: transaction.put(record))

    async def unbind(self, environment: str) -> None:
        await self.store.transact(lambda transaction: transaction.delete(Key("Environment", "", environment)))

    def state(self, name: str) -> ClusterState:
        return self.registry.state(name)[0]

    def message(self, name: str) -> str:
        return self.registry.state(name)[1]

    def status(self, name: str) -> dict[str, Any]:
        status = self.registry.get(name).status
        assert status is not None
        return status.wire()

    def error(self, call: Callable[[], object]) -> CmfError | None:
        """Return the error that a call ends with."""
        try:
            call()
        except CmfError as error:
            return error
        return None


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Hub]:
    """A started hub."""
    hub = Hub(folder, **settings)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


def life_cycle(state: str) -> KubernetesCluster:
    """Return a request that changes a cluster's life cycle."""
    return KubernetesCluster(spec=KubernetesClusterSpec(lifecycle_state=LifecycleState(state)))
