"""What a PUT changes of a cluster: life cycle, labels, annotations."""

from pathlib import Path

import pytest
from cmf_core.errors import BadRequest, ClusterUnavailable, NotFound
from cmf_core.models import (
    DEFAULT_CLUSTER,
    ClusterState,
    KubernetesCluster,
    Metadata,
)

from tests.hub.clusters.fakes import Hub, life_cycle, running

CONNECTED = ClusterState.CONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


def labels(**given: dict[str, str]) -> KubernetesCluster:
    return KubernetesCluster.parse({"metadata": given})


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
