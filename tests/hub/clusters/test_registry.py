"""The registry on a real store and real files, with clusters that answer as told, in fake time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import prometheus_client
import pytest
from cmf_core.errors import BadRequest, ClusterUnavailable, NotFound, ServerError
from cmf_core.models import (
    DEFAULT_CLUSTER,
    ClusterState,
    KubernetesCluster,
    KubernetesClusterSpec,
    LifecycleState,
    Metadata,
)
from structlog.testing import capture_logs

from tests.hub.clusters import kubeconfigs
from tests.hub.clusters.fakes import Hub, running

CONNECTED, DISCONNECTED = ClusterState.CONNECTED, ClusterState.DISCONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with running(tmp_path) as started:
        yield started


def life_cycle(state: str) -> KubernetesCluster:
    return KubernetesCluster(spec=KubernetesClusterSpec(lifecycle_state=LifecycleState(state)))


def labels(**given: dict[str, str]) -> KubernetesCluster:
    return KubernetesCluster.parse({"metadata": given})


def sample(name: str, **labels: str) -> float | None:
    return prometheus_client.REGISTRY.get_sample_value(name, labels)


class TestDefaultCluster:
    @pytest.mark.rule("C01", "C02", "C03", "C05")
    async def test_it_is_there_and_connected_without_any_file_in_the_directory(self, hub: Hub) -> None:
        assert list(hub.registry.names()) == [DEFAULT_CLUSTER]
        assert hub.state(DEFAULT_CLUSTER) is CONNECTED
        assert hub.registry.require_writable(DEFAULT_CLUSTER).credentials.token == "default"

    async def test_without_a_pod_and_a_setting_it_says_what_to_set(self, tmp_path: Path) -> None:
        hub = Hub(tmp_path)
        hub.settings = hub.settings.model_copy(update={"k8s_default_cluster_kubeconfig": None})
        await hub.start()
        try:
            assert hub.state(DEFAULT_CLUSTER) is DISCONNECTED
            assert "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG" in hub.message(DEFAULT_CLUSTER)
            with pytest.raises(ClusterUnavailable, match="CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG"):
                hub.registry.require_writable(DEFAULT_CLUSTER)
        finally:
            await hub.stop()

    async def test_its_kubeconfig_may_come_later_and_be_replaced(self, tmp_path: Path) -> None:
        async with running(tmp_path, default=None) as hub:
            assert hub.state(DEFAULT_CLUSTER) is DISCONNECTED
            assert f"there is no {tmp_path / 'default'}" in hub.message(DEFAULT_CLUSTER)
            (tmp_path / "default").write_bytes(b"a: [")
            await hub.look()
            assert "is refused: it is not YAML" in hub.message(DEFAULT_CLUSTER)
            for token in ("one", "two"):
                (tmp_path / "default").write_bytes(kubeconfigs.text(user={"token": token}))
                await hub.look()
                assert hub.registry.require_writable(DEFAULT_CLUSTER).credentials.token == token
            (tmp_path / "default").unlink()
            await hub.look()
            assert hub.state(DEFAULT_CLUSTER) is CONNECTED
            assert "there is no" in hub.message(DEFAULT_CLUSTER)

    async def test_the_same_trouble_is_logged_once(self, tmp_path: Path) -> None:
        async with running(tmp_path, default=None) as hub:
            with capture_logs() as logs:
                await hub.look()
                await hub.look()
            assert logs == []

    @pytest.mark.rule("C04")
    async def test_a_file_of_its_name_touches_it_not(self, hub: Hub) -> None:
        uid = hub.registry.get(DEFAULT_CLUSTER).metadata.uid
        with capture_logs() as logs:
            await hub.write(DEFAULT_CLUSTER, "intruder")
        assert any("is reserved" in entry.get("why", "") for entry in logs)
        assert hub.status(DEFAULT_CLUSTER)["message"] == "Cluster is connected"
        await hub.remove(DEFAULT_CLUSTER)
        assert hub.registry.get(DEFAULT_CLUSTER).metadata.uid == uid
        assert hub.registry.require_writable(DEFAULT_CLUSTER).credentials.token == "default"

    async def test_it_can_be_decommissioned_and_stays(self, hub: Hub) -> None:
        await hub.registry.update(DEFAULT_CLUSTER, life_cycle("DECOMMISSIONED"))
        await hub.look()
        assert hub.state(DEFAULT_CLUSTER) is DECOMMISSIONED


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


class TestHeartbeat:
    @pytest.mark.rule("C29", "C30", "C33", "C38", "C39", "C58", "C59")
    async def test_three_failures_in_a_row_disconnect_and_one_success_connects(self, hub: Hub) -> None:
        await hub.write("spoke")
        await hub.advance(60)
        last = hub.status("spoke")["lastHeartbeatTimestamp"]
        seen = []
        for probe in "FFSFFFSFF":
            if probe == "F":
                hub.world.down["spoke"] = "is down"
            else:
                hub.world.down.pop("spoke", None)
            await hub.advance(60)
            status = hub.status("spoke")
            seen.append("C" if status["state"] == "CONNECTED" else "D")
            assert (status["lastHeartbeatTimestamp"] == last) is (probe == "F")
            assert ("kubernetesVersion" in status) is (status["state"] == "CONNECTED")
            last = status["lastHeartbeatTimestamp"]
        assert "".join(seen) == "CCCCCDCCC"

    @pytest.mark.rule("C33", "C34")
    async def test_writes_to_a_disconnected_cluster_only_are_refused(self, hub: Hub) -> None:
        await hub.write("sick")
        await hub.write("well")
        hub.world.down["sick"] = "is down"
        await hub.advance(180)
        with pytest.raises(ClusterUnavailable) as caught:
            hub.registry.require_writable("sick")
        assert str(caught.value).startswith("Kubernetes cluster 'sick' is DISCONNECTED (is down)")
        hub.registry.require_writable("well")

    @pytest.mark.rule("C56", "C61")
    async def test_a_hanging_cluster_fails_at_the_time_limit_and_delays_no_other(self, hub: Hub) -> None:
        await hub.write("hangs")
        await hub.write("well")
        hub.world.down["hangs"] = "hang"
        await hub.advance(190)
        assert hub.state("hangs") is DISCONNECTED
        assert "did not answer in time" in hub.message("hangs")
        assert hub.world.probed("well") == hub.world.probed(DEFAULT_CLUSTER) == 4

    async def test_jumps_of_the_wall_clock_disconnect_nobody(self, hub: Hub) -> None:
        await hub.write("spoke")
        for hours in (1, -24, 24, -1):
            hub.clock.wall_jump = timedelta(hours=hours)
            await hub.advance(60)
            assert hub.state("spoke") is CONNECTED
        assert hub.world.probed("spoke") == 5

    @pytest.mark.rule("C60")
    async def test_without_heartbeats_a_registered_cluster_counts_as_connected(self, tmp_path: Path) -> None:
        async with running(tmp_path, k8s_heartbeat_interval_seconds=0) as hub:
            hub.world.down["spoke"] = "is down"
            await hub.write("spoke")
            await hub.advance(3600)
            assert hub.world.probes == []
            assert hub.status("spoke") == {
                "state": "CONNECTED",
                "message": "Cluster is connected: heartbeats are switched off, so its state is not known",
            }
            hub.registry.require_writable("spoke")
            await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))
            assert hub.state("spoke") is DECOMMISSIONED
            await hub.registry.update("spoke", life_cycle("ACTIVE"))
            assert hub.state("spoke") is CONNECTED

    async def test_metrics_follow_the_state_and_go_with_the_cluster(self, hub: Hub) -> None:
        await hub.write("measured")
        assert sample("cmf_cluster_state", cluster="measured", state="CONNECTED") == 1
        assert sample("cmf_cluster_probes_total", cluster="measured", result="success") == 1
        hub.world.down["measured"] = "is down"
        await hub.advance(180)
        assert sample("cmf_cluster_state", cluster="measured", state="CONNECTED") == 0
        assert sample("cmf_cluster_state", cluster="measured", state="DISCONNECTED") == 1
        assert sample("cmf_cluster_probes_total", cluster="measured", result="failure") == 3
        assert sample("cmf_cluster_transitions_total", cluster="measured", to="DISCONNECTED") == 1
        assert sample("cmf_cluster_probe_seconds_count", cluster="measured") == 4
        await hub.remove("measured")
        assert sample("cmf_cluster_state", cluster="measured", state="DISCONNECTED") is None
        assert sample("cmf_cluster_probes_total", cluster="measured", result="failure") is None


class TestOperator:
    @pytest.mark.rule("C20", "C21", "C23", "C24")
    async def test_a_missing_operator_is_a_warning_that_goes_when_it_comes(self, hub: Hub) -> None:
        hub.world.crds["spoke"] = {"flinkdeployments.flink.apache.org"}
        with capture_logs() as logs:
            await hub.write("spoke")
            await hub.advance(120)
        assert hub.state("spoke") is CONNECTED
        message = hub.status("spoke")["message"]
        assert message.startswith("Cluster is connected; warning: CRD flinksessionjobs.flink.apache.org, flinkstates")
        assert message.endswith("is missing: install the Flink Kubernetes Operator on the cluster")
        warnings = [entry for entry in logs if "warning" in entry]
        assert [entry["log_level"] for entry in warnings] == ["warning"]
        del hub.world.crds["spoke"]
        await hub.advance(60)
        assert hub.status("spoke")["message"] == "Cluster is connected"

    @pytest.mark.rule("C24")
    async def test_recommissioning_looks_again(self, hub: Hub) -> None:
        await hub.write("spoke")
        hub.world.crds["spoke"] = set()
        await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))
        await hub.registry.update("spoke", life_cycle("ACTIVE"))
        await hub.settle()
        assert "is missing" in hub.message("spoke")

    @pytest.mark.rule("C22")
    async def test_it_is_looked_for_at_each_reconnect_and_not_between(self, hub: Hub) -> None:
        await hub.write("spoke")
        await hub.advance(600)
        assert hub.world.inspections.count("spoke") == 1
        hub.world.down["spoke"] = "is down"
        await hub.advance(180)
        del hub.world.down["spoke"]
        hub.world.crds["spoke"] = set()
        await hub.advance(60)
        assert hub.world.inspections.count("spoke") == 2
        assert "is missing" in hub.message("spoke")

    async def test_one_cluster_under_two_names_is_a_warning_on_both_until_one_goes(self, hub: Hub) -> None:
        hub.world.identities["twin"] = hub.world.identities["spoke"] = "the-same"
        await hub.write("spoke")
        await hub.write("other")
        with capture_logs() as logs:
            await hub.write("twin")
        assert "it is the same Kubernetes cluster as spoke: " in hub.message("twin")
        assert "it is the same Kubernetes cluster as twin: " in hub.message("spoke")
        assert "warning" not in hub.message("other")
        assert sorted(entry["cluster"] for entry in logs if "warning" in entry) == ["spoke", "twin"]
        await hub.remove("twin")
        assert hub.message("spoke") == "Cluster is connected"

    @pytest.mark.rule("E14")
    async def test_crds_of_another_version_are_a_warning_that_names_it(self, hub: Hub) -> None:
        hub.world.crds["spoke"] = set()
        hub.world.versions["spoke"] = ["v1", "v2alpha1"]
        await hub.write("spoke")
        assert "served as v1, v2alpha1, and not as flink.apache.org/v1beta1" in hub.message("spoke")

    async def test_another_cluster_under_the_same_name_is_a_warning(self, hub: Hub) -> None:
        await hub.write("spoke", "one")
        hub.world.identities["spoke"] = "another"
        await hub.write("spoke", "two")
        assert "another Kubernetes cluster than before" in hub.message("spoke")

    async def test_what_cannot_be_looked_for_is_a_warning(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        async def crds(_: object) -> set[str]:
            raise ClusterUnavailable("Kubernetes cluster 'spoke' failed to list its Flink CRDs: HTTP 500")

        monkeypatch.setattr("tests.hub.clusters.fakes.ScriptedConnection.crds", crds)
        await hub.write("spoke")
        assert hub.state("spoke") is CONNECTED
        assert "Operator could not be looked for" in hub.message("spoke")


class TestUpdate:
    @pytest.mark.rule("C36", "C40", "C42", "C43")
    async def test_decommission_and_recommission(self, hub: Hub) -> None:
        await hub.write("spoke")
        answer = await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))
        assert answer.wire()["spec"] == {"lifecycleState": "DECOMMISSIONED"}
        assert answer.wire()["status"]["state"] == "DECOMMISSIONED"
        assert "kubernetesVersion" not in answer.wire()["status"]
        with pytest.raises(ClusterUnavailable, match="'spoke' is DECOMMISSIONED"):
            hub.registry.require_writable("spoke")
        assert hub.registry.connection("spoke") is None
        assert hub.events[-1] == ("spoke", "disconnected")
        probes = hub.world.probed("spoke")
        await hub.advance(300)
        assert hub.world.probed("spoke") == probes
        await hub.registry.update("spoke", life_cycle("ACTIVE"))
        await hub.settle()
        assert hub.world.probed("spoke") == probes + 1
        assert hub.state("spoke") is CONNECTED
        assert hub.events[-1] == ("spoke", "connected")

    @pytest.mark.rule("C41")
    async def test_a_bound_cluster_is_not_decommissioned(self, hub: Hub) -> None:
        await hub.write("spoke")
        await hub.bind("prod", "spoke")
        await hub.bind("elsewhere", DEFAULT_CLUSTER)
        message = r"^Cannot decommission cluster 'spoke': referenced by environments \[prod\]$"
        with pytest.raises(BadRequest, match=message):
            await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))
        assert hub.state("spoke") is CONNECTED
        await hub.unbind("prod")
        await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))

    @pytest.mark.rule("C44", "C45", "C46", "C47")
    async def test_labels_and_annotations_are_kept_or_replaced(self, hub: Hub) -> None:
        await hub.write("spoke")
        hub.clock.seconds += 1
        await hub.registry.update("spoke", labels(labels={"a": "1", "b": "2"}, annotations={"n": "1"}))
        await hub.registry.update("spoke", labels(labels={}, annotations={}))
        await hub.registry.update("spoke", life_cycle("ACTIVE"))
        metadata = hub.registry.get("spoke").metadata
        assert (metadata.labels, metadata.annotations) == ({"a": "1", "b": "2"}, {"n": "1"})
        assert metadata.update_timestamp == "2026-11-21T08:00:01.000Z"
        await hub.registry.update("spoke", labels(labels={"a": "1"}, annotations={"m": "2"}))
        metadata = hub.registry.get("spoke").metadata
        assert (metadata.labels, metadata.annotations) == ({"a": "1"}, {"m": "2"})

    @pytest.mark.rule("C44")
    async def test_a_setting_lets_an_empty_set_clear(self, tmp_path: Path) -> None:
        async with running(tmp_path, k8s_labels_empty_clears=True) as hub:
            await hub.registry.update(DEFAULT_CLUSTER, labels(labels={"a": "1"}))
            await hub.registry.update(DEFAULT_CLUSTER, labels(labels={}))
            assert hub.registry.get(DEFAULT_CLUSTER).metadata.labels is None

    async def test_an_update_that_changes_nothing_leaves_the_time_alone(self, hub: Hub) -> None:
        await hub.write("spoke")
        hub.clock.seconds += 100
        answer = await hub.registry.update("spoke", life_cycle("ACTIVE"))
        assert answer.metadata.update_timestamp == answer.metadata.creation_timestamp
        assert hub.world.probed("spoke") == 1

    async def test_the_body_may_not_name_another_cluster(self, hub: Hub) -> None:
        with pytest.raises(BadRequest, match=r"metadata.name 'other' is not 'default-k8s-cluster'"):
            await hub.registry.update(DEFAULT_CLUSTER, KubernetesCluster(metadata=Metadata(name="other")))
        await hub.registry.update(DEFAULT_CLUSTER, KubernetesCluster(metadata=Metadata(name=DEFAULT_CLUSTER)))
        with pytest.raises(NotFound):
            await hub.registry.update("nowhere", KubernetesCluster())

    async def test_a_decommissioned_cluster_takes_new_credentials_without_a_probe(self, hub: Hub) -> None:
        await hub.write("spoke", "old")
        await hub.registry.update("spoke", life_cycle("DECOMMISSIONED"))
        probes = hub.world.probed("spoke")
        await hub.write("spoke", "new")
        assert (hub.state("spoke"), hub.world.probed("spoke")) == (DECOMMISSIONED, probes)
        await hub.registry.update("spoke", life_cycle("ACTIVE"))
        await hub.settle()
        assert hub.world.probes[-1][:2] == ("spoke", "new")


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
