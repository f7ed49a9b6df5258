"""The flink layer on a real API server, without the services above it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cmf_core.errors import ClusterUnavailable
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.kubeconfig import Policy, parse
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FlinkResource
from cmf_hub.flink import Reconciler, Watches
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Store
from cmf_localfleet.connection import connect
from kubernetes.client import CustomObjectsApi

from tests.support.wait import eventually

CLUSTER = "spoke-1"


class HurriedClock(SystemClock):
    """Pauses between attempts are a tenth as long."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 10)


class Flink:
    """Store, reconciler and watches of one hub that knows one cluster, in one namespace of it."""

    def __init__(self, store: Store, connection: Connection, namespace: str, settings: Settings) -> None:
        self.store = store
        self.connection = connection
        self.namespace = namespace
        self.connected = True
        self.reconciler = Reconciler(store, self.connect, settings, HurriedClock())
        self.watches = Watches(store, self.connect, self.reconciler, settings, HurriedClock())

    def connect(self, cluster: str) -> Connection:
        if not self.connected:
            raise ClusterUnavailable(f"Kubernetes cluster '{cluster}' is DISCONNECTED")
        return self.connection

    async def write(self, record: Record) -> None:
        """Put a record as services do: intent first, then the cluster."""
        async with self.reconciler.locks.hold(record.key):
            await self.put(replace(record, dirty=True))
            await self.reconciler.reconcile(record.key)

    async def put(self, record: Record) -> None:
        await self.store.transact(lambda transaction: transaction.put(record))

    async def change(self, key: Key, **changes: Any) -> None:
        """Change a resource's spec, or mark it as deleting."""
        deleting = changes.pop("deleting", False)
        async with self.reconciler.locks.hold(key):
            record = self.record(key)
            fields = {"document": {**record.document, "spec": {**record.spec, **changes}}, "deleting": deleting}
            await self.put(replace(record, **fields, generation=record.generation + 1, dirty=True))
            await self.reconciler.reconcile(key)

    def record(self, key: Key) -> Record:
        record = self.store.get(key)
        assert record is not None, f"{key} is not in the store"
        return record

    def status(self, key: Key) -> dict[str, Any]:
        return self.record(key).status or {}

    async def phase(self, key: Key, expected: str, seconds: float = 30) -> None:
        await eventually(lambda: self.status(key).get("phase") == expected, f"{key} to be {expected}", seconds)

    async def stable(self, key: Key) -> None:
        """Wait until the operator runs the newest spec of an application."""

        def reached() -> bool:
            record = self.record(key)
            status = record.status or {}
            return (status.get("lifecycleState"), status.get("observedGeneration")) == ("STABLE", record.generation)

        await eventually(reached, f"{key} to be STABLE")

    async def gone(self, key: Key) -> None:
        await eventually(lambda: self.store.get(key) is None, f"{key} to be gone")

    async def clean(self, key: Key) -> None:
        await eventually(lambda: not self.record(key).dirty, f"{key} to be reconciled")

    async def found(self, name: str, kind: FlinkResource = FLINK_DEPLOYMENT) -> dict[str, Any] | None:
        return await self.connection.get(kind, self.namespace, name)

    async def until(self, name: str, condition: Callable[[dict[str, Any] | None], bool]) -> None:
        """Wait until a deployment on the cluster is as it should be."""
        async with asyncio.timeout(30):
            while not condition(await self.found(name)):  # noqa: ASYNC110 - nothing tells of it but asking
                await asyncio.sleep(0.05)

    async def start(self) -> None:
        await self.reconciler.start()
        self.watches.follow(CLUSTER)

    async def stop(self) -> None:
        await self.watches.stop()
        await self.reconciler.stop()


class Kubectl:
    """What somebody else does to deployments in a namespace."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._kubeconfig = kubeconfig
        self._place = ("flink.apache.org", "v1beta1", namespace, "flinkdeployments")

    async def create(self, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        head = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment"}
        body = {**head, "metadata": {"name": name, **metadata}, "spec": spec}
        await self._call("create_namespaced_custom_object", body)

    async def patch(self, name: str, **body: Any) -> None:
        await self._call("patch_namespaced_custom_object", name, body)

    async def set_status(self, name: str, **status: Any) -> None:
        await self._call("patch_namespaced_custom_object_status", name, {"status": status})

    async def delete(self, name: str) -> None:
        await self._call("delete_namespaced_custom_object", name)

    async def _call(self, method: str, *arguments: Any) -> None:
        def call() -> None:
            with connect(self._kubeconfig) as client:
                getattr(CustomObjectsApi(client), method)(*self._place, *arguments, _request_timeout=10)

        await asyncio.to_thread(call)


@asynccontextmanager
async def flink(
    database: Path, kubeconfig: Path, namespace: str, settings: Settings, *, started: bool = True
) -> AsyncIterator[Flink]:
    """Run the layer on a database that may exist already, as a hub does after a restart."""
    store = await Store.open(database)
    credentials = parse(await asyncio.to_thread(kubeconfig.read_bytes), Policy())
    connection = Connection(CLUSTER, credentials, request_timeout=settings.k8s_request_timeout_seconds)
    layer = Flink(store, connection, namespace, settings)
    try:
        if started:
            await layer.start()
        yield layer
    finally:
        await layer.stop()
        for used in {connection, layer.connection}:
            await used.close()
        await store.close()
