"""A hub without HTTP, on a real API server behind a connection that can fail."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cmf_core.errors import ClusterUnavailable
from cmf_core.models import Environment, FlinkApplication
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.flink.preflight import Preflight
from cmf_hub.flink.reconciler import Reconciler
from cmf_hub.services import Services, create_services
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store

from tests.support.hub import Spoke, application
from tests.support.wait import eventually

T = TypeVar("T")


class Failing(Connection):
    """A connection that loses what it is told to lose.

    "request" is lost before it is sent, "answer" after that; "the hub" dies before it sends anything.
    """

    lose: str | None = None

    async def apply(self, manifest: Any, **options: Any) -> dict[str, Any]:
        return await self._losing(super().apply(manifest, **options))

    async def delete(self, *place: Any, **options: Any) -> bool:
        return await self._losing(super().delete(*place, **options))

    async def _losing(self, call: Coroutine[Any, Any, T]) -> T:
        lose, self.lose = self.lose, None
        if lose == "request":
            call.close()
            raise ClusterUnavailable("lost before it was sent")
        if lose == "the hub":
            call.close()
            raise asyncio.CancelledError
        answer = await call
        if lose == "answer":
            raise ClusterUnavailable("lost on the way back")
        return answer


@dataclass
class Inside:
    """A hub without HTTP, whose background work only begins when a test says so."""

    store: Store
    services: Services
    reconciler: Reconciler
    registry: ClusterRegistry

    @property
    def connection(self) -> Failing:
        connection = self.registry.require_writable("default-k8s-cluster")
        assert isinstance(connection, Failing)
        return connection

    async def write(self, name: str, parallelism: int) -> None:
        await self.services.applications.upsert(
            "prod", FlinkApplication.parse(application(name, parallelism=parallelism))
        )

    def record(self, name: str) -> Record | None:
        return self.store.get(Key("FlinkApplication", "prod", name))

    def parallelism(self, name: str) -> int | None:
        record = self.record(name)
        return record.spec["job"]["parallelism"] if record else None

    async def finish(self) -> None:
        """Do what a hub does in the background, until there is nothing left to do."""
        await self.reconciler.start()
        await eventually(lambda: not self.store.dirty(), "the reconciler to finish")
        await self.reconciler.stop()


@asynccontextmanager
async def inside(database: Path, home: Spoke, **more: Any) -> AsyncIterator[Inside]:
    """Run one with this database; its connections must be `Failing` ones."""
    settings = Settings(
        database=database,
        k8s_default_cluster_kubeconfig=home.cluster.kubeconfig,
        k8s_kubeconfig_directory=database.parent / "none",
        k8s_heartbeat_interval_seconds=0,
        **more,
    )
    store, clock = await Store.open(database), SystemClock()
    registry = ClusterRegistry(store, settings, clock)
    reconciler = Reconciler(store, registry.require_writable, settings, clock)
    preflight = Preflight(store, registry.require_writable, settings)
    services = create_services(store, registry, reconciler, settings, clock, preflight)
    await registry.start()
    try:
        environment = {"name": "prod", "kubernetesNamespace": "flink"}
        await services.environments.upsert(Environment.parse(environment))
        yield Inside(store, services, reconciler, registry)
    finally:
        await reconciler.stop()
        await registry.stop()
        await store.close()
