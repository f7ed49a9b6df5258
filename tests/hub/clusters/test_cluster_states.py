"""How a cluster's state follows its heartbeats, in fake time."""

from datetime import timedelta
from pathlib import Path

import prometheus_client
import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import (
    DEFAULT_CLUSTER,
    ClusterState,
)

from tests.hub.clusters.fakes import Hub, life_cycle, running

CONNECTED = ClusterState.CONNECTED
DISCONNECTED = ClusterState.DISCONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


def sample(name: str, **labels: str) -> float | None:
    return prometheus_client.REGISTRY.get_sample_value(name, labels)


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
