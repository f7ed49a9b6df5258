"""The cluster that the hub itself runs on, which is registered without any file."""

from pathlib import Path

import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import (
    DEFAULT_CLUSTER,
    ClusterState,
)
from structlog.testing import capture_logs

from tests.hub.clusters import kubeconfigs
from tests.hub.clusters.fakes import Hub, life_cycle, running

CONNECTED = ClusterState.CONNECTED
DISCONNECTED = ClusterState.DISCONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


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
