"""What the hub promises about objects on a cluster, whatever others do to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cmf_core.errors import ClusterUnavailable, Conflict
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FlinkResource
from cmf_hub.flink.marks import MANAGED_BY, SELECTOR
from cmf_hub.settings import Settings
from cmf_localfleet import LocalCluster

from tests.hub.flink.harness import CLUSTER, Flink, Kubectl, flink
from tests.hub.flink.samples import application, environment, pool, statement
from tests.support.wait import eventually

FINALIZER = ["tests.example.org/hold"]
RUNNING = {"lifecycleState": "STABLE", "jobManagerDeploymentStatus": "READY", "jobStatus": {"state": "RUNNING"}}


def cpu(found: dict[str, Any] | None) -> Any:
    return found and found["spec"]["taskManager"]["resource"]["cpu"]


async def test_an_object_of_others_is_never_taken_over(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    spec = {**app.spec, "taskManager": {"resource": {"cpu": 7, "memory": "1g"}}}
    await kubectl.create(app.name, spec)
    with pytest.raises(Conflict, match=f"'{app.name}' .* '{CLUSTER}' exists and was not made by this hub"):
        await bare.write(app)
    await eventually(lambda: "choose another name" in bare.status(app.key).get("message", ""), "the reason to show")
    assert cpu(await bare.found(app.name)) == 7

    await kubectl.delete(app.name)
    await bare.clean(app.key)
    assert cpu(await bare.found(app.name)) == 1
    assert "message" not in bare.status(app.key)


class Interrupted(Connection):
    """A connection on which others do something between the read of an object and its change."""

    def __init__(self, beneath: Connection, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(beneath.cluster, beneath.credentials)
        self._happens = happens

    async def get(self, resource: FlinkResource, namespace: str, name: str) -> dict[str, Any] | None:
        found = await super().get(resource, namespace, name)
        await self._happens()
        return found


@asynccontextmanager
async def interrupted(layer: Flink, happens: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    await layer.stop()
    before, layer.connection = layer.connection, Interrupted(layer.connection, happens)
    try:
        yield
    finally:
        await layer.connection.close()
        layer.connection = before


async def test_an_object_that_vanishes_during_a_change_is_not_replaced_by_it(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    async with interrupted(bare, lambda: kubectl.delete(app.name)):
        with pytest.raises(KubernetesRefusal) as refused:
            await bare.change(app.key, image="flink:new")
    assert refused.value.code == 409
    assert await bare.found(app.name) is None


async def test_an_object_that_appears_during_a_creation_is_not_taken_over(bare: Flink, kubectl: Kubectl) -> None:
    app = replace(application(), generation=2)  # of a new one nothing is read: it is created or refused in one call
    theirs = {**app.spec, "taskManager": {"resource": {"cpu": 7, "memory": "1g"}}}
    async with interrupted(bare, lambda: kubectl.create(app.name, theirs)):
        with pytest.raises(KubernetesRefusal) as refused:
            await bare.write(app)
    assert refused.value.code == 409
    assert cpu(await bare.found(app.name)) == 7


@pytest.mark.rule("C49", "C53")
async def test_what_a_forced_deletion_left_is_neither_deleted_nor_taken_over(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    await bare.store.transact(lambda transaction: transaction.delete(app.key))
    with pytest.raises(Conflict, match="was left behind by a deleted resource"):
        await bare.write(replace(app, uid="another"))
    left = await bare.found(app.name)
    assert left is not None
    assert left["metadata"]["labels"]["cmf-hub.io/uid"] == app.uid
    await bare.change(app.key, deleting=True)  # nor does it keep the namesake's row
    assert bare.store.get(app.key) is None
    assert await bare.found(app.name) is not None


async def test_a_job_is_not_started_again_before_the_old_one_is_gone(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    first = await bare.found(app.name)
    assert first is not None
    await kubectl.patch(app.name, metadata={"finalizers": FINALIZER})
    await kubectl.delete(app.name)

    with pytest.raises(Conflict, match=r"is being deleted since .*tests.example.org/hold"):
        await bare.change(app.key, taskManager={"resource": {"cpu": 2, "memory": "1g"}})
    assert bare.record(app.key).dirty
    assert cpu(await bare.found(app.name)) == 1

    await kubectl.patch(app.name, metadata={"finalizers": None})
    await bare.clean(app.key)
    second = await bare.found(app.name)
    assert second is not None
    assert cpu(second) == 2
    assert second["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.mark.rule("P35", "P50")
async def test_a_resource_is_deleting_until_its_object_is_gone(bare: Flink, kubectl: Kubectl) -> None:
    shared = pool()
    await bare.write(shared)
    await kubectl.patch(shared.name, metadata={"finalizers": FINALIZER})
    await bare.change(shared.key, deleting=True)
    assert bare.status(shared.key)["phase"] == "DELETING"
    assert FINALIZER[0] in bare.status(shared.key)["message"]
    assert not bare.record(shared.key).dirty
    await kubectl.patch(shared.name, metadata={"finalizers": None})
    await bare.gone(shared.key)


async def test_a_deletion_without_finalizers_is_done_at_once(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    await bare.change(app.key, deleting=True)
    assert bare.store.get(app.key) is None


async def test_deleting_what_was_never_deployed_is_done_at_once(bare: Flink) -> None:
    await bare.write(replace(application(), deleting=True))
    assert bare.store.get(application().key) is None


@pytest.mark.rule("P04", "C50")
async def test_a_dedicated_pool_needs_no_cluster(bare: Flink) -> None:
    bare.connected = False
    dedicated = pool("DEDICATED")
    await bare.write(dedicated)
    assert bare.status(dedicated.key)["phase"] == "DEDICATED"
    await bare.change(dedicated.key, deleting=True)
    assert bare.store.get(dedicated.key) is None


@pytest.mark.rule("P19")
async def test_a_pool_created_suspended_has_no_object(bare: Flink) -> None:
    suspended = pool(state="SUSPENDED")
    await bare.write(suspended)
    assert bare.status(suspended.key)["phase"] == "SUSPENDED"
    assert await bare.found(suspended.name) is None


async def test_an_application_created_suspended_starts_nothing(bare: Flink) -> None:
    app = application(state="suspended")
    await bare.write(app)
    assert bare.status(app.key)["lifecycleState"] == "SUSPENDED"
    assert await bare.found(app.name) is None
    await bare.change(app.key, job={**app.spec["job"], "state": "running"})
    assert await bare.found(app.name) is not None


async def test_a_statement_of_a_deleted_pool_can_be_deleted(bare: Flink) -> None:
    dedicated, sql = pool("DEDICATED"), statement()
    await bare.write(dedicated)
    await bare.write(sql)
    await bare.store.transact(lambda transaction: transaction.delete(dedicated.key))
    await bare.change(sql.key, deleting=True)
    assert bare.store.get(sql.key) is None
    assert await bare.found(sql.name) is None


@pytest.mark.rule("E15")
async def test_what_is_changed_by_hand_is_put_right(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    await kubectl.patch(app.name, spec={"taskManager": {"resource": {"cpu": 9}}, "restartNonce": 5})
    await bare.until(app.name, lambda found: cpu(found) == 1)
    found = await bare.found(app.name)
    assert found is not None
    assert found["spec"]["restartNonce"] == 5  # what the hub does not set is not its business

    await kubectl.patch(app.name, metadata={"labels": {MANAGED_BY: None}})
    await bare.until(app.name, lambda found: found is not None and MANAGED_BY in found["metadata"]["labels"])


async def test_an_object_deleted_by_hand_is_put_back(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    first = await bare.found(app.name)
    assert first is not None
    await kubectl.delete(app.name)
    await bare.until(app.name, lambda found: found is not None and found["metadata"]["uid"] != first["metadata"]["uid"])


async def test_a_copy_of_an_object_elsewhere_is_ignored(bare: Flink, cluster: LocalCluster) -> None:
    """Backups are restored into other namespaces and clusters, labels included."""
    app = application()
    await bare.write(app)
    found = await bare.found(app.name)
    assert found is not None
    elsewhere = f"{bare.namespace}-copy"
    await asyncio.to_thread(cluster.create_namespace, elsewhere)
    kept = {key: found["metadata"][key] for key in ("labels", "annotations")}
    await Kubectl(cluster.kubeconfig, elsewhere).create(app.name, found["spec"], **kept)
    copy = await bare.connection.get(FLINK_DEPLOYMENT, elsewhere, app.name)
    assert copy is not None
    assert bare.watches._resource_of(CLUSTER, FLINK_DEPLOYMENT, found) is not None
    assert bare.watches._resource_of(CLUSTER, FLINK_DEPLOYMENT, copy) is None
    assert bare.watches._resource_of("spoke-2", FLINK_DEPLOYMENT, found) is None


async def test_the_cluster_refuses_and_nothing_has_changed(bare: Flink) -> None:
    app = application(spec={"flinkVersion": "v9_9"})
    with pytest.raises(KubernetesRefusal, match=f"'{CLUSTER}' refuses to apply .*flinkVersion"):
        await bare.write(app)
    assert await bare.found(app.name) is None
    await eventually(lambda: "flinkVersion" in bare.status(app.key).get("message", ""), "the reason to show")


async def test_changes_of_one_resource_come_one_after_the_other(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    sizes = range(2, 12)
    await asyncio.gather(*(bare.change(app.key, taskManager={"resource": {"cpu": size}}) for size in sizes))
    record = bare.record(app.key)
    assert record.generation == 1 + len(sizes)
    assert cpu(await bare.found(app.name)) == record.spec["taskManager"]["resource"]["cpu"]


async def test_a_change_during_the_work_stays_dirty(bare: Flink) -> None:
    app = application()
    await bare.write(app)
    async with bare.reconciler.locks.hold(app.key):
        read = bare.record(app.key)
        await bare.put(replace(read, generation=2, dirty=True))  # as an environment's new defaults do
        await bare.reconciler.recorder.settled(read, await bare.found(app.name))
        assert bare.record(app.key).dirty
    bare.reconciler.wake()
    await bare.clean(app.key)


@pytest.mark.rule("C35")
async def test_statuses_of_a_disconnected_cluster_stay_as_they_were(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    await kubectl.set_status(app.name, **RUNNING)
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the status")
    bare.connected = False
    bare.watches.leave(CLUSTER)
    await kubectl.set_status(app.name, lifecycleState="FAILED")
    before = bare.record(app.key)
    with pytest.raises(ClusterUnavailable):
        await bare.change(app.key, image="flink:2")
    await bare.put(before)
    bare.connected = True
    bare.watches.follow(CLUSTER)
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "FAILED", "the status after reconnecting")


async def test_a_list_without_changes_writes_nothing(bare: Flink) -> None:
    apps = [application(f"app-{number}") for number in range(30)]
    for app in (*apps, pool(), pool("DEDICATED", name="dedicated"), pool(state="SUSPENDED", name="suspended")):
        await bare.write(app)
    await bare.stop()
    listing = await bare.connection.list(FLINK_DEPLOYMENT, SELECTOR)

    async def data_version_after_list() -> Any:
        await bare.watches._compare(CLUSTER, FLINK_DEPLOYMENT, listing.items)
        return bare.store._connection.execute("PRAGMA data_version").get  # another writer's commits change it

    assert await data_version_after_list() == await data_version_after_list()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "down.db"


class TestHubWasDown:
    """A hub starts on the database that another left, and the cluster has gone on meanwhile."""

    @pytest.fixture(autouse=True)
    def _parts(self, cluster: LocalCluster, database: Path, namespace: str, settings: Settings) -> None:
        self.parts = (database, cluster.kubeconfig, namespace, settings)
        self.environment = environment(kubernetesNamespace=namespace)

    def start(self, *, started: bool = True) -> AbstractAsyncContextManager[Flink]:
        return flink(*self.parts, started=started)

    async def test_objects_changed_vanished_and_were_deleted(self, kubectl: Kubectl) -> None:
        changed, vanished, deleted = (application(name) for name in ("changed", "vanished", "deleted"))
        async with self.start() as before:
            await before.put(self.environment)
            for app in (changed, vanished, deleted):
                await before.write(app)
            await kubectl.patch("deleted", metadata={"finalizers": FINALIZER})
            await before.change(deleted.key, deleting=True)
        await kubectl.set_status("changed", **RUNNING)
        await kubectl.delete("vanished")
        await kubectl.patch("deleted", metadata={"finalizers": None})
        async with self.start() as after:
            await eventually(lambda: after.status(changed.key).get("lifecycleState") == "STABLE", "the new status")
            await after.until("vanished", lambda found: found is not None)
            await after.gone(deleted.key)

    async def test_it_died_between_database_and_cluster(self) -> None:
        created, updated, deleted = (application(name) for name in ("created", "updated", "deleted"))
        async with self.start(started=False) as before:
            await before.put(self.environment)
            for app in (updated, deleted):
                await before.write(app)
            await before.put(replace(created, dirty=True))
            bigger = {**updated.spec, "taskManager": {"resource": {"cpu": 4}}}
            document = {**updated.document, "spec": bigger}
            await before.put(replace(updated, document=document, generation=2, dirty=True))
            await before.put(replace(deleted, generation=2, deleting=True, dirty=True))
        async with self.start() as after:
            await after.gone(deleted.key)
            await after.clean(created.key)
            await after.clean(updated.key)
            assert await after.found("deleted") is None
            assert cpu(await after.found("created")) == 1
            assert cpu(await after.found("updated")) == 4

    async def test_it_died_after_the_cluster_was_done(self) -> None:
        """The row is still dirty: doing it once more changes nothing."""
        app = application()
        async with self.start(started=False) as before:
            await before.put(self.environment)
            await before.write(app)
            await before.put(replace(before.record(app.key), dirty=True))
            first = await before.found(app.name)
        async with self.start() as after:
            await after.clean(app.key)
            again = await after.found(app.name)
        assert first is not None
        assert again is not None
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    async def test_a_pool_was_suspended_and_its_statements_still_have_session_jobs(self) -> None:
        """They would keep the session cluster from going, and nothing but what is on the cluster tells of them."""
        shared, sql = pool(), statement()
        async with self.start(started=False) as before:
            await before.put(self.environment)
            await before.write(shared)
            await before.write(sql)
            await before.put(replace(before.record(sql.key), status={"phase": "COMPLETED"}))
            document = {**shared.document, "spec": {**shared.spec, "state": "SUSPENDED"}}
            await before.put(replace(shared, document=document, generation=2))
        async with self.start() as after:
            await after.phase(shared.key, "SUSPENDED")
            async with asyncio.timeout(30):
                while await after.found(sql.name, FLINK_SESSION_JOB):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert after.status(sql.key)["phase"] == "COMPLETED"
            assert await after.found(shared.name) is None


async def test_a_state_that_was_read_before_an_event_does_not_undo_it(bare: Flink, kubectl: Kubectl) -> None:
    app = application()
    await bare.write(app)
    before = await bare.found(app.name)
    await kubectl.set_status(app.name, lifecycleState="STABLE")
    await eventually(lambda: bare.status(app.key).get("lifecycleState") == "STABLE", "the event")
    await bare.reconciler.recorder.settled(bare.record(app.key), before)
    assert bare.status(app.key)["lifecycleState"] == "STABLE"
