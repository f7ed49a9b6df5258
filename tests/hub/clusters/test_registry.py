"""How clusters are registered, keep their credentials, and survive restarts, with clusters that answer as told."""

from pathlib import Path

import pytest
from cmf_core.errors import ClusterUnavailable, NotFound, ServerError
from cmf_core.models import (
    DEFAULT_CLUSTER,
    ClusterState,
    KubernetesCluster,
)
from structlog.testing import capture_logs

from tests.hub.clusters import kubeconfigs
from tests.hub.clusters.fakes import Hub, life_cycle, running

CONNECTED = ClusterState.CONNECTED
DISCONNECTED = ClusterState.DISCONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


def labels(**given: dict[str, str]) -> KubernetesCluster:
    return KubernetesCluster.parse({"metadata": given})


class TestRegistration:
    @pytest.mark.rule("C10", "C11", "C25", "C26", "C27", "C28", "C31")
    async def test_a_file_makes_a_cluster_that_is_probed_at_once(self, hub: Hub) -> None:
        await hub.write("my-cluster")
        wire = hub.registry.get("my-cluster").wire()
        uid = wire["metadata"].pop("uid")
        assert len(uid) == 36
        assert wire == {
            "apiVersion": "cmf.confluent.io/v1",
            "kind": "KubernetesCluster",
            "metadata": {
                "name": "my-cluster",
                "creationTimestamp": "2026-11-21T08:00:00.000Z",
                "updateTimestamp": "2026-11-21T08:00:00.000Z",
            },
            "spec": {"lifecycleState": "ACTIVE"},
            "status": {
                "state": "CONNECTED",
                "message": "Cluster is connected",
                "lastHeartbeatTimestamp": "2026-11-21T08:00:00.000Z",
                "kubernetesVersion": "v1.34.1",
            },
        }
        assert ("my-cluster", "connected") in hub.events

    async def test_a_cluster_that_never_answered_is_disconnected(self, hub: Hub) -> None:
        hub.world.down["spoke"] = "cannot be reached: connection refused"
        await hub.write("spoke")
        assert hub.status("spoke") == {
            "state": "DISCONNECTED",
            "message": "Cluster is disconnected: cannot be reached: connection refused",
        }
        assert ("spoke", "connected") not in hub.events
        del hub.world.down["spoke"]
        await hub.advance(60)
        assert hub.state("spoke") is CONNECTED

    async def test_until_the_first_answer_it_says_that_it_waits(self, hub: Hub) -> None:
        hub.world.down["spoke"] = "hang"
        await hub.write("spoke")
        assert hub.status("spoke")["message"] == "Cluster is disconnected: its first heartbeat is running"

    @pytest.mark.rule("C16")
    async def test_a_refused_file_makes_none(self, hub: Hub) -> None:
        with capture_logs() as logs:
            await hub.write("spoke", kubeconfigs.text(user={"exec": {"command": "/bin/sh"}}))
        assert list(hub.registry.names()) == [DEFAULT_CLUSTER]
        assert hub.error(lambda: hub.registry.get("spoke")).__class__ is NotFound
        assert any("'exec'" in entry.get("why", "") for entry in logs)
        await hub.write("spoke", "token")
        assert hub.state("spoke") is CONNECTED

    @pytest.mark.rule("C14")
    async def test_without_its_file_it_is_gone(self, hub: Hub) -> None:
        await hub.write("spoke")
        await hub.remove("spoke")
        assert list(hub.registry.names()) == [DEFAULT_CLUSTER]
        with pytest.raises(NotFound):
            hub.registry.get("spoke")
        with pytest.raises(ServerError):
            hub.registry.state("spoke")
        assert hub.events[-1] == ("spoke", "removed")
        assert [connection.cluster for connection in hub.world.open] == [DEFAULT_CLUSTER]
        probes = hub.world.probed("spoke")
        await hub.advance(120)
        assert hub.world.probed("spoke") == probes

    @pytest.mark.rule("C14")
    async def test_with_environments_its_record_and_uid_outlive_the_file(self, hub: Hub) -> None:
        await hub.write("spoke")
        uid = hub.registry.get("spoke").metadata.uid
        await hub.bind("prod", "spoke")
        await hub.remove("spoke")
        assert hub.state("spoke") is DISCONNECTED
        assert "kubeconfig was removed" in hub.message("spoke")
        with pytest.raises(ClusterUnavailable, match=r"'spoke' is DISCONNECTED .*kubeconfig was removed"):
            hub.registry.require_writable("spoke")
        assert hub.registry.connection("spoke") is None
        assert hub.events[-1] == ("spoke", "disconnected")
        await hub.write("spoke", "new")
        assert (hub.state("spoke"), hub.registry.get("spoke").metadata.uid) == (CONNECTED, uid)
        assert hub.events[-1] == ("spoke", "connected")
        await hub.remove("spoke")
        await hub.unbind("prod")
        await hub.look()
        assert list(hub.registry.names()) == [DEFAULT_CLUSTER]

    async def test_what_the_store_refuses_is_tried_again(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise ServerError("The database cannot be written: disk full")

        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr("cmf_hub.clusters.records.create", full)
            await hub.write("spoke")
        assert any("trying again" in entry["event"] for entry in logs)
        assert list(hub.registry.names()) == [DEFAULT_CLUSTER]
        await hub.look()
        assert hub.state("spoke") is CONNECTED

    async def test_a_full_disk_does_not_stop_the_heartbeat(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise ServerError("The database cannot be written: disk full")

        await hub.write("spoke")
        hub.world.down["spoke"] = "is down"
        monkeypatch.setattr("cmf_hub.clusters.records.save_status", full)
        await hub.advance(180)
        assert hub.state("spoke") is DISCONNECTED


class TestRotation:
    @pytest.mark.rule("C15")
    async def test_new_credentials_are_used_at_once_and_the_uid_stays(self, hub: Hub) -> None:
        await hub.write("spoke", "old")
        uid, former = hub.registry.get("spoke").metadata.uid, hub.registry.require_writable("spoke")
        hub.events.clear()
        await hub.write("spoke", "new")
        assert hub.registry.require_writable("spoke").credentials.token == "new"
        assert hub.registry.get("spoke").metadata.uid == uid
        assert former not in hub.world.open
        assert hub.events == [("spoke", "reconnected-with-new-credentials")]
        assert hub.world.probes[-1][:2] == ("spoke", "new")
        switched = len(hub.world.probes)
        await hub.advance(300)
        assert {token for name, token, _ in hub.world.probes[switched:] if name == "spoke"} == {"new"}

    async def test_the_same_credentials_in_other_words_change_nothing(self, hub: Hub) -> None:
        await hub.write("spoke", "same")
        connection, events = hub.registry.require_writable("spoke"), len(hub.events)
        await hub.write("spoke", b"# renewed\n" + kubeconfigs.text(user={"token": "same"}))
        assert hub.registry.require_writable("spoke") is connection
        assert len(hub.events) == events

    @pytest.mark.rule("C15", "C58")
    async def test_wrong_credentials_disconnect_after_three_failures_and_right_ones_connect(self, hub: Hub) -> None:
        hub.world.tokens["spoke"] = "right"
        await hub.write("spoke", "right")
        await hub.write("spoke", "wrong")
        assert hub.state("spoke") is CONNECTED
        assert "last 1 of 3 heartbeats failed: rejects the hub's credentials" in hub.message("spoke")
        await hub.advance(120)
        assert hub.state("spoke") is DISCONNECTED
        await hub.write("spoke", "right")
        assert hub.state("spoke") is CONNECTED

    async def test_a_refused_file_keeps_the_connection_and_says_so(self, hub: Hub) -> None:
        await hub.write("spoke", "good")
        connection = hub.registry.require_writable("spoke")
        await hub.write("spoke", kubeconfigs.text(user={"tokenFile": "/etc/shadow"}))
        assert hub.registry.require_writable("spoke") is connection
        assert "its kubeconfig is refused" in hub.status("spoke")["message"]
        assert "'tokenFile'" in hub.status("spoke")["message"]
        await hub.advance(60)
        assert "'tokenFile'" in hub.message("spoke")
        await hub.write("spoke", "good")
        assert hub.status("spoke")["message"] == "Cluster is connected"
        assert hub.registry.require_writable("spoke") is connection

    async def test_many_rotations_leave_one_connection(self, hub: Hub) -> None:
        for n in range(20):
            await hub.write("spoke", f"token-{n}")
        assert sorted(connection.cluster for connection in hub.world.open) == [DEFAULT_CLUSTER, "spoke"]


class TestRestart:
    async def test_uid_labels_life_cycle_and_last_heartbeat_survive(self, tmp_path: Path) -> None:
        async with running(tmp_path) as hub:
            await hub.write("spoke")
            await hub.write("retired")
            await hub.registry.update("spoke", labels(labels={"region": "eu"}))
            await hub.registry.update("retired", life_cycle("DECOMMISSIONED"))
            before = hub.registry.get("spoke").wire()
        again = Hub(tmp_path)
        again.clock.seconds = 3600
        again.world.down["spoke"] = "is down"
        await again.start()
        try:
            after = again.registry.get("spoke").wire()
            assert after["metadata"] == before["metadata"]
            assert after["status"]["state"] == "DISCONNECTED"
            assert after["status"]["lastHeartbeatTimestamp"] == before["status"]["lastHeartbeatTimestamp"]
            assert again.state("retired") is DECOMMISSIONED
            assert again.world.probed("retired") == 0
        finally:
            await again.stop()

    @pytest.mark.rule("C14")
    async def test_files_that_went_meanwhile_deregister(self, tmp_path: Path) -> None:
        async with running(tmp_path) as hub:
            await hub.write("free")
            await hub.write("bound")
            await hub.bind("prod", "bound")
        for name in ("free", "bound"):
            (tmp_path / "kubeconfigs" / name).unlink()
        async with running(tmp_path) as hub:
            assert sorted(hub.registry.names()) == ["bound", DEFAULT_CLUSTER]
            assert "kubeconfig was removed" in hub.message("bound")

    @pytest.mark.rule("C17", "C19")
    async def test_a_directory_that_is_not_mounted_deregisters_nobody(self, tmp_path: Path) -> None:
        async with running(tmp_path) as hub:
            await hub.write("spoke")
        hub = Hub(tmp_path)
        (tmp_path / "kubeconfigs").rename(tmp_path / "elsewhere")
        await hub.start()
        try:
            assert hub.state("spoke") is DISCONNECTED
            assert "kubeconfigs cannot be read (No such file or directory)" in hub.message("spoke")
            (tmp_path / "elsewhere").rename(tmp_path / "kubeconfigs")
            await hub.look()
            assert hub.state("spoke") is CONNECTED
        finally:
            await hub.stop()

    async def test_stopping_closes_everything(self, tmp_path: Path) -> None:
        async with running(tmp_path) as hub:
            await hub.write("spoke")
            hub.world.down["spoke"] = "hang"
            await hub.advance(60)
        assert hub.world.open == []
