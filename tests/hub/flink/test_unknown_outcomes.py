"""Changes whose outcome nobody knows, and changes that the cluster refused, made through the services."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.clusters.resources import FlinkResource
from cmf_hub.services.documents import regenerated
from cmf_hub.services.writes import Writes
from cmf_hub.store import Record, Transaction

from tests.hub.flink.harness import CLUSTER, Flink
from tests.hub.flink.samples import application, pool

T = TypeVar("T")


class Deaf(Connection):
    """A connection that never hears the answer to a change, although the cluster made it."""

    deaf = False

    async def apply(self, manifest: Mapping[str, Any], *, force: bool = True) -> dict[str, Any]:
        return self._heard(await super().apply(manifest, force=force))

    async def delete(self, resource: FlinkResource, namespace: str, name: str, uid: str | None = None) -> bool:
        return self._heard(await super().delete(resource, namespace, name, uid))

    def _heard(self, answer: T) -> T:
        if self.deaf:
            raise ClusterUnavailable(f"Kubernetes cluster '{self.cluster}' did not answer in time")
        return answer


class OneCluster:
    """What the services ask of the registry."""

    def __init__(self, layer: Flink) -> None:
        self.require_writable = layer.connect


@pytest.fixture
async def deaf(bare: Flink) -> AsyncIterator[Deaf]:
    connection = Deaf(CLUSTER, bare.connection.credentials)
    before, bare.connection = bare.connection, connection
    yield connection
    bare.connection = before
    await bare.stop()
    await connection.close()


def writes(layer: Flink) -> Writes:
    return Writes(layer.store, cast(ClusterRegistry, OneCluster(layer)), layer.reconciler, SystemClock())


def spec(record: Record, **fields: Any) -> Record:
    return regenerated(replace(record, document={**record.document, "spec": {**record.spec, **fields}}))


def always(_: Transaction, __: Record) -> None:
    """Nothing refuses."""


async def test_a_deletion_that_nobody_heard_of_goes_on(bare: Flink, deaf: Deaf) -> None:
    """Were the application put back, its job would run a second time, from the beginning."""
    app = application()
    await bare.write(app)
    deaf.deaf = True
    with pytest.raises(ClusterUnavailable):
        await writes(bare).delete(app.key, always)
    assert bare.store.get(app.key) is None or bare.record(app.key).deleting
    deaf.deaf = False
    await bare.gone(app.key)
    assert await bare.found(app.name) is None


async def test_a_creation_that_nobody_heard_of_is_cleaned_up(bare: Flink, deaf: Deaf) -> None:
    app = application()
    deaf.deaf = True
    with pytest.raises(ClusterUnavailable):
        await writes(bare).put(app.key, lambda *_: app)
    deaf.deaf = False
    await bare.gone(app.key)
    assert await bare.found(app.name) is None


async def test_a_change_that_nobody_heard_of_is_taken_back(bare: Flink, deaf: Deaf) -> None:
    app = application()
    await bare.write(app)
    deaf.deaf = True
    with pytest.raises(ClusterUnavailable):
        await writes(bare).put(app.key, lambda *_: spec(app, image="flink:new"))
    deaf.deaf = False
    await bare.clean(app.key)
    found = await bare.found(app.name)
    assert found is not None
    assert found["spec"]["image"] == bare.record(app.key).spec["image"] == "flink:1.19"


async def test_after_a_refused_change_the_status_speaks_of_the_restored_resource(bare: Flink) -> None:
    shared = pool()
    await bare.write(shared)
    refused = {**shared.spec["clusterSpec"], "flinkVersion": "v9_9"}
    with pytest.raises(KubernetesRefusal, match="flinkVersion"):
        await writes(bare).put(shared.key, lambda *_: spec(shared, clusterSpec=refused))
    await bare.clean(shared.key)
    restored, found = bare.record(shared.key), await bare.found(shared.name)
    assert found is not None
    assert restored.spec == shared.spec
    assert restored.document["metadata"]["generation"] == restored.generation
    assert found["metadata"]["annotations"]["cmf-hub.io/generation"] == str(restored.generation)
