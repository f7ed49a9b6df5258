"""Watches and the reconciler through outages of the API server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_hub.clusters.connection import Connection, Listing
from cmf_hub.clusters.resources import FlinkResource
from cmf_hub.settings import Settings
from cmf_localfleet import LocalCluster, install_crds

from tests.hub.flink.harness import CLUSTER, Flink, Kubectl, flink
from tests.hub.flink.samples import application, environment
from tests.support.wait import eventually


@pytest.fixture
async def impatient(tmp_path: Path, cluster: LocalCluster, namespace: str, settings: Settings) -> AsyncIterator[Flink]:
    """The layer with a time limit of one second a call."""
    short = settings.model_copy(update={"k8s_request_timeout_seconds": 1.0})
    async with flink(tmp_path / "cmf.db", cluster.kubeconfig, namespace, short) as layer:
        await layer.put(environment(kubernetesNamespace=namespace))
        yield layer


async def test_a_paused_api_server_loses_nothing(impatient: Flink, cluster: LocalCluster, kubectl: Kubectl) -> None:
    app, late = application(), application("late")
    await impatient.write(app)
    cluster.pause()
    try:
        with pytest.raises(ClusterUnavailable, match=f"'{CLUSTER}'"):
            await impatient.write(late)
        assert impatient.record(late.key).dirty
        impatient.reconciler.wake()
    finally:
        cluster.resume()
    await impatient.clean(late.key)
    assert await impatient.found("late") is not None
    await kubectl.set_status(app.name, lifecycleState="DEPLOYED")
    await eventually(lambda: impatient.status(app.key).get("lifecycleState") == "DEPLOYED", "the watch to go on")


async def test_a_restarted_api_server_is_listed_and_watched_again(
    bare: Flink, cluster: LocalCluster, kubectl: Kubectl
) -> None:
    app, vanishing = application(), application("vanishing")
    await bare.write(app)
    await bare.write(vanishing)
    cluster.stop()
    bare.connected = False  # what is done before the watch comes back is what it misses
    cluster.start()  # in this thread: the process dies with the thread that started it
    await kubectl.set_status(app.name, lifecycleState="DEPLOYED")
    await kubectl.delete("vanishing")
    bare.connected = True
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "DEPLOYED", "what was missed")
    await bare.until("vanishing", lambda found: found is not None)
    await kubectl.set_status(app.name, lifecycleState="STABLE")
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the watch to go on")


class Outdated(Connection):
    """A connection whose first list is so old that its moment cannot be watched from (410 Gone)."""

    lists = 0

    async def list(self, resource: FlinkResource, label_selector: str) -> Listing:
        self.lists += 1
        listing = await super().list(resource, label_selector)
        return Listing(listing.items, "1") if self.lists <= 2 else listing


async def test_a_watch_from_too_long_ago_lists_again(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    connection = Outdated(CLUSTER, bare.connection.credentials)
    bare.connection = connection
    bare.watches.follow(CLUSTER)
    try:
        await eventually(lambda: connection.lists > 2, "another list")
        await kubectl.set_status(app.name, lifecycleState="STABLE")
        await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the watch to go on")
    finally:
        await bare.watches.stop()
        await connection.close()


async def test_an_object_that_cannot_be_read_does_not_keep_the_others_from_being_followed(
    bare: Flink, kubectl: Kubectl
) -> None:
    broken, app = application("broken"), application()
    await bare.write(broken)
    await bare.write(app)
    damaged = replace(bare.record(broken.key), document={"metadata": {"labels": "no mapping"}, "spec": {}})
    await bare.put(damaged)
    for _ in range(2):  # by an event, then by a list
        bare.watches.follow(CLUSTER)
        await kubectl.set_status(broken.name, lifecycleState="DEPLOYED")
        await kubectl.set_status(app.name, lifecycleState="STABLE")
        await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the other one's status")
        await bare.put(replace(bare.record(app.key), status=None))


async def test_a_cluster_whose_connection_was_replaced_is_followed_on_the_new_one(
    bare: Flink, kubectl: Kubectl
) -> None:
    app = application()
    await bare.write(app)
    old, bare.connection = bare.connection, Connection(CLUSTER, bare.connection.credentials)
    await old.close()
    bare.watches.follow(CLUSTER)
    await kubectl.set_status(app.name, lifecycleState="STABLE")
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the watch to go on")


@pytest.mark.rule("C23", "C24")
async def test_an_operator_that_is_installed_later_is_followed_then(tmp_path: Path, settings: Settings) -> None:
    with LocalCluster(tmp_path / "without-operator", die_with_parent=True) as empty:
        empty.create_namespace("flink")
        app = application()
        async with flink(tmp_path / "cmf.db", empty.kubeconfig, "flink", settings) as layer:
            await layer.put(environment())
            await layer.put(replace(app, dirty=True))
            await eventually(lambda: "install" in layer.status(app.key).get("message", ""), "the way out to show")
            await asyncio.to_thread(install_crds, empty.kubeconfig)
            await layer.clean(app.key)
            kubectl = Kubectl(empty.kubeconfig, "flink")
            await kubectl.set_status(app.name, lifecycleState="STABLE")
            await eventually(lambda: layer.status(app.key).get("lifecycleState") == "STABLE", "the watch to begin")
