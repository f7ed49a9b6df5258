"""Changes whose answer from the cluster is lost, on a real API server behind a connection that can fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cmf_core.errors import ClusterUnavailable, Conflict
from cmf_core.models import FlinkApplication
from cmf_hub.clusters.refusals import KubernetesRefusal
from cmf_hub.store import Key, Query, Record, StoreError

from tests.support.hub import Spoke, application, unique
from tests.support.inside import Failing, Inside, inside
from tests.support.wait import eventually


@pytest.fixture(autouse=True)
def _connections_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmf_hub.clusters.registry.Connection", Failing)


@pytest.fixture
async def hub(tmp_path: Path, home: Spoke) -> AsyncIterator[Inside]:
    async with inside(tmp_path / "hub.db", home) as running:
        yield running


def deployed(home: Spoke, name: str) -> int | None:
    deployment = home.deployments().get(name)
    return deployment["spec"]["job"]["parallelism"] if deployment else None


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_creation_of_unknown_outcome_is_cleaned_up(hub: Inside, home: Spoke, lost: str) -> None:
    name = unique("app")
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable):
        await hub.write(name, 2)
    record = hub.record(name)
    assert record is not None
    assert (record.deleting, record.dirty) == (True, True)
    assert (record.status or {})["lifecycleState"] == "DELETING"
    await hub.finish()
    await eventually(lambda: deployed(home, name) is None, "the deployment to be gone", every=0.3)
    await hub.reconciler.reconcile(Key("FlinkApplication", "prod", name))
    assert hub.record(name) is None


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_an_update_of_unknown_outcome_is_undone(hub: Inside, home: Spoke, lost: str) -> None:
    name = unique("app")
    await hub.write(name, 2)
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable):
        await hub.write(name, 7)
    assert hub.parallelism(name) == 2
    assert deployed(home, name) == (7 if lost == "answer" else 2)
    await hub.finish()
    assert (hub.parallelism(name), deployed(home, name)) == (2, 2)


def events(hub: Inside, record: Record) -> list[str]:
    """Return the messages of an application's own events, the oldest first."""
    rows = hub.store.page(Query("FlinkApplicationEvent", record.uid, table="history"))
    statuses = [json.loads(row.status or "{}") for row in reversed(rows)]
    return [status["message"] for status in statuses if status["type"] == "CMF_STATUS"]


def instances(hub: Inside, record: Record) -> list[str]:
    """Return the names of an application's instances, the newest first."""
    return [row.key.name for row in hub.store.page(Query("FlinkApplicationInstance", record.uid, table="history"))]


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_an_update_of_unknown_outcome_leaves_its_instance_and_the_former_one_is_deployed(
    hub: Inside, home: Spoke, lost: str
) -> None:
    name = unique("app")
    await hub.write(name, 2)
    first = hub.record(name)
    assert first is not None
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable):
        await hub.write(name, 7)
    restored = hub.record(name)
    assert restored is not None
    assert restored.instance == first.instance
    assert instances(hub, first)[1:] == [first.instance]
    assert events(hub, first) == [
        "FlinkApplication created",
        "FlinkApplication updated",
        "FlinkApplication update taken back: its cluster did not answer",
    ]
    await hub.finish()
    pods = home.deployments()[name]["spec"]["podTemplate"]["metadata"]["annotations"]
    assert pods["platform.confluent.io/cmf-fa-instance"] == first.instance
    await hub.write(name, 7)
    again = hub.record(name)
    assert again is not None
    assert len(instances(hub, first)) == 3
    assert instances(hub, first)[0] == again.instance


async def test_refused_changes_leave_nothing_and_drive_nothing_out(tmp_path: Path, home: Spoke) -> None:
    async with inside(tmp_path / "hub.db", home, application_events_max_events_per_application=10) as hub:
        name = unique("app")
        await hub.write(name, 2)
        record = hub.record(name)
        assert record is not None
        body = application(name)
        body["spec"]["jobManager"] = {"resource": {"cpu": "much"}}
        for _ in range(12):
            with pytest.raises(KubernetesRefusal):
                await hub.services.applications.upsert("prod", FlinkApplication.parse(body))
        assert events(hub, record) == ["FlinkApplication created"]
        assert instances(hub, record) == [record.instance]


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_deletion_of_unknown_outcome_goes_on(hub: Inside, home: Spoke, lost: str) -> None:
    name = unique("app")
    await hub.write(name, 2)
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable, match=f"the deletion of FlinkApplication prod/{name} goes on"):
        await hub.services.applications.delete("prod", name, force=False)
    await hub.finish()
    await eventually(lambda: deployed(home, name) is None, "the deployment to be gone", every=0.3)


async def test_a_hub_that_died_before_it_told_the_cluster_does_so_at_start(tmp_path: Path, home: Spoke) -> None:
    name = unique("app")
    async with inside(tmp_path / "hub.db", home) as first:
        first.connection.lose = "the hub"
        with pytest.raises(asyncio.CancelledError):
            await first.write(name, 4)
        assert deployed(home, name) is None
    async with inside(tmp_path / "hub.db", home) as second:
        await second.finish()
        assert (second.parallelism(name), deployed(home, name)) == (4, 4)
        second.connection.lose = "the hub"
        with pytest.raises(asyncio.CancelledError):
            await second.services.applications.delete("prod", name, force=False)
    async with inside(tmp_path / "hub.db", home) as third:
        await third.finish()
        await eventually(lambda: deployed(home, name) is None, "the deployment to be gone", every=0.3)


@pytest.mark.parametrize("failure", [StoreError("disk full"), RuntimeError("a defect: disk full")])
async def test_a_failure_after_the_cluster_changed_leaves_work_and_no_lie(
    hub: Inside, home: Spoke, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    name = unique("app")
    await hub.write(name, 2)

    async def fails(*_: object) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(hub.reconciler.recorder, "settled", fails)
        with pytest.raises(type(failure), match="disk full"):
            await hub.write(name, 7)
    assert deployed(home, name) == 7
    assert hub.parallelism(name) == 2
    await hub.finish()
    assert (hub.parallelism(name), deployed(home, name)) == (2, 2)


async def test_changes_of_one_resource_come_one_after_the_other(hub: Inside, home: Spoke) -> None:
    name = unique("app")
    await asyncio.gather(*(hub.write(name, number) for number in range(1, 9)))
    record = hub.record(name)
    assert record is not None
    assert record.generation == 8
    assert not record.dirty
    assert deployed(home, name) == hub.parallelism(name)


async def test_a_forced_deletion_remembers_what_may_be_left(hub: Inside, home: Spoke) -> None:
    name = unique("app")
    await hub.write(name, 2)
    record = hub.record(name)
    assert record is not None
    await hub.services.applications.delete("prod", name, force=True)
    (orphan,) = hub.store.orphans("default-k8s-cluster")
    assert (orphan.kind, orphan.namespace, orphan.name, orphan.uid) == ("FlinkApplication", "flink", name, record.uid)
    assert orphan.environment == "prod"


async def test_adopting_never_replaces_a_namesake(hub: Inside) -> None:
    name = unique("app")
    await hub.write(name, 2)
    await hub.services.applications.delete("prod", name, force=True)
    (orphan,) = hub.store.orphans("default-k8s-cluster")
    namesake = Record(
        Key("FlinkApplication", "prod", name), "another", 1, orphan.since, orphan.since, application(name)
    )
    await hub.store.transact(lambda transaction: transaction.put(namesake))
    with pytest.raises(Conflict, match="another one of this name"):
        await hub.services.orphans.adopt("default-k8s-cluster", "flink", name)
    assert hub.record(name) == namesake
    assert hub.store.orphans("default-k8s-cluster") == [orphan]
