"""Warnings on clusters that are CONNECTED: operator, CRDs, one cluster under two names."""

import pytest
from cmf_core.errors import ClusterUnavailable
from cmf_core.models import (
    ClusterState,
)
from structlog.testing import capture_logs

from tests.hub.clusters.fakes import Hub, life_cycle

CONNECTED = ClusterState.CONNECTED
DECOMMISSIONED = ClusterState.DECOMMISSIONED


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

    @pytest.mark.rule("C20")
    async def test_an_operator_of_before_snapshots_is_told_as_one(self, hub: Hub) -> None:
        hub.world.crds["spoke"] = {f"{kind}.flink.apache.org" for kind in ("flinkdeployments", "flinksessionjobs")}
        await hub.write("spoke")
        await hub.advance(60)
        assert "before version 1.10 of the Flink Kubernetes Operator" in hub.status("spoke")["message"]

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
