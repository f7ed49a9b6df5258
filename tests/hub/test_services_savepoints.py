"""Savepoints whose hub dies in the middle, or whose answer from the cluster is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cmf_core.errors import ClusterUnavailable, NotFound
from cmf_core.models import Environment, FlinkApplication, Savepoint
from cmf_hub.flink.savepoints import SAVEPOINT, SNAPSHOT, scope_of_job
from cmf_hub.store import Key, Record

from tests.support.hub import Spoke, unique
from tests.support.inside import Failing, Inside, inside
from tests.support.savepoints import durable, savepoint
from tests.support.wait import eventually


@pytest.fixture(autouse=True)
def _connections_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmf_hub.clusters.registry.Connection", Failing)


@pytest.fixture
async def hub(tmp_path: Path, home: Spoke) -> AsyncIterator[Inside]:
    async with inside(tmp_path / "hub.db", home, savepoint_method="nonce") as running:
        yield running


async def an_application(hub: Inside, home: Spoke, **job: Any) -> Key:
    """Create an application and return its key once its job runs."""
    key = Key("FlinkApplication", "prod", unique("app"))
    await hub.services.applications.upsert("prod", FlinkApplication.parse(durable(key.name, **job)))
    await eventually(lambda: _runs(home, key.name), "the job to run", every=0.2)
    return key


def _runs(home: Spoke, name: str) -> bool:
    status = home.deployments()[name].get("status") or {}
    return bool((status.get("jobStatus") or {}).get("state") == "RUNNING")


def job(home: Spoke, key: Key) -> dict[str, Any]:
    found: dict[str, Any] = home.deployments()[key.name]["spec"]["job"]
    return found


def savepoints(home: Spoke, key: Key) -> list[str]:
    """Return the paths of all savepoints that the operator has taken of a job."""
    info = home.deployments()[key.name]["status"]["jobStatus"]["savepointInfo"]
    return [entry["location"] for entry in info.get("savepointHistory") or []]


def snapshots(home: Spoke, key: Key) -> list[dict[str, Any]]:
    return [each for each in home.snapshots().values() if each["spec"]["jobReference"]["name"] == key.name]


def record(hub: Inside, of: Key, name: str = "sp") -> Record | None:
    return hub.store.get(Key(SAVEPOINT, scope_of_job(of), name))


async def take(hub: Inside, of: Key, name: str = "sp") -> None:
    await hub.services.savepoints.create(of, Savepoint.parse(savepoint(name)))


@pytest.mark.rule("E25")
async def test_a_nonce_survives_the_death_of_the_hub_and_is_used_once(tmp_path: Path, home: Spoke) -> None:
    settings: dict[str, Any] = {"savepoint_method": "nonce"}
    async with inside(tmp_path / "hub.db", home, **settings) as first:
        key = await an_application(first, home)
        first.connection.lose = "the hub"
        with pytest.raises(asyncio.CancelledError):
            await take(first, key)
        assert "savepointTriggerNonce" not in job(home, key)
        assert first.store.dirty() == [key]
    async with inside(tmp_path / "hub.db", home, **settings) as second:
        await second.finish()
        nonce = job(home, key)["savepointTriggerNonce"]
        await eventually(lambda: len(savepoints(home, key)) == 1, "the operator to take it", every=0.2)
    async with inside(tmp_path / "hub.db", home, **settings) as third:
        await third.services.applications.upsert("prod", FlinkApplication.parse(durable(key.name, {"changed": "yes"})))
        assert job(home, key)["savepointTriggerNonce"] == nonce
        found = home.deployments()[key.name]
        saved = record(third, key)
        assert saved is not None
        await third.reconciler.recorder.seen(saved.key, saved.uid, found)
        done = record(third, key)
        assert done is not None
        assert (done.status or {})["path"] == savepoints(home, key)[0]
    assert len(savepoints(home, key)) == 1


@pytest.mark.rule("E25")
@pytest.mark.parametrize("own", [None, 5])
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_nonce_of_unknown_outcome_is_withdrawn(hub: Inside, home: Spoke, lost: str, own: int | None) -> None:
    key = await an_application(hub, home, **({"savepointTriggerNonce": own} if own else {}))
    await take(hub, key, "first")
    await eventually(lambda: len(savepoints(home, key)) == 1, "the first to be taken", every=0.2)
    found = home.deployments()[key.name]
    first = record(hub, key, "first")
    assert first is not None
    await hub.reconciler.recorder.seen(first.key, first.uid, found)
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable):
        await take(hub, key)
    assert record(hub, key) is None
    expected = 1 if lost == "request" else 2
    await eventually(lambda: len(savepoints(home, key)) == expected, "the operator to be done", every=0.2)
    await hub.finish()
    assert "savepointTriggerNonce" not in job(home, key)
    await hub.services.applications.upsert(
        "prod", FlinkApplication.parse(durable(key.name, {"a": "b"}, **({"savepointTriggerNonce": own} if own else {})))
    )
    await take(hub, key)
    await eventually(lambda: len(savepoints(home, key)) == expected + 1, "another to be taken", every=0.2)
    assert len(savepoints(home, key)) == expected + 1


@pytest.mark.rule("E27")
async def test_a_snapshot_survives_the_death_of_the_hub_and_is_made_once(tmp_path: Path, home: Spoke) -> None:
    async with inside(tmp_path / "hub.db", home) as first:
        key = await an_application(first, home)
        first.connection.lose = "the hub"
        with pytest.raises(asyncio.CancelledError):
            await take(first, key)
        assert snapshots(home, key) == []
    for _ in range(2):
        async with inside(tmp_path / "hub.db", home) as later:
            await later.finish()
            (snapshot,) = snapshots(home, key)
    assert snapshot["metadata"]["annotations"]["cmf-hub.io/savepoint"] == f"prod/FlinkApplication/{key.name}/sp"


@pytest.mark.rule("E27")
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_snapshot_of_unknown_outcome_is_cleaned_up(tmp_path: Path, home: Spoke, lost: str) -> None:
    async with inside(tmp_path / "hub.db", home) as hub:
        key = await an_application(hub, home)
        hub.connection.lose = lost
        with pytest.raises(ClusterUnavailable):
            await take(hub, key)
        left = record(hub, key)
        assert left is not None
        assert (left.deleting, (left.status or {})["pendingDeletion"]) == (True, True)
        await hub.finish()
        await eventually(lambda: not snapshots(home, key), "the snapshot to be gone", every=0.2)


@pytest.mark.rule("E26")
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_start_of_unknown_outcome_never_goes_back_to_an_older_savepoint(
    hub: Inside, home: Spoke, lost: str
) -> None:
    key = await an_application(hub, home)
    uids = []
    for number in (1, 2):
        body = savepoint(unique("sp"), path=f"s3://bucket/{number}")
        detached = hub.store.get(await hub.services.detached_savepoints.create(Savepoint.parse(body)))
        assert detached is not None
        uids.append(detached.uid)
    await hub.services.applications.start("prod", key.name, uids[0])
    assert job(home, key)["initialSavepointPath"] == "s3://bucket/1"
    hub.connection.lose = lost
    with pytest.raises(ClusterUnavailable):
        await hub.services.applications.start("prod", key.name, uids[1])
    await hub.finish()
    assert "savepointRedeployNonce" not in job(home, key)
    assert "initialSavepointPath" not in job(home, key)


async def test_a_savepoint_that_is_refused_leaves_nothing(hub: Inside, home: Spoke) -> None:
    with pytest.raises(NotFound):
        await take(hub, Key("FlinkApplication", "prod", "nobody"))
    assert hub.store.list(SAVEPOINT) == []


async def test_what_savepoints_leave_is_an_orphan_once_their_environment_goes(tmp_path: Path, home: Spoke) -> None:
    async with inside(tmp_path / "hub.db", home) as hub:
        key = await an_application(hub, home)
        await take(hub, key)
        (snapshot,) = snapshots(home, key)
        await hub.reconciler.stop()  # as if its cluster did not answer any more
        await hub.services.applications.delete("prod", key.name, force=True)
        (left,) = hub.store.list(SNAPSHOT)
        assert (left.deleting, left.dirty) == (True, True)
        await hub.services.environments.delete("prod", force=True)
        assert hub.store.list(SNAPSHOT) == []
        names = {orphan.name: orphan.kind for orphan in hub.store.orphans("default-k8s-cluster")}
        assert names == {key.name: "FlinkApplication", snapshot["metadata"]["name"]: "FlinkStateSnapshot"}
        await hub.services.environments.upsert(Environment.parse({"name": "prod", "kubernetesNamespace": "flink"}))
        cleaned = await hub.services.orphans.clean("default-k8s-cluster")
        assert {each.kind for each in (*cleaned.cleaned, *cleaned.ending)} == {"FlinkApplication", "FlinkStateSnapshot"}
        await eventually(lambda: not snapshots(home, key), "the snapshot to be gone", every=0.2)
