"""The walk of a new user: up, change, an outage, refusals, destroy. Each test goes on where the last one ended."""

import re
from typing import Any

import pytest

from tests.e2e.program import changes
from tests.e2e.walk import NAMESPACE, Walk
from tests.support.wait import wait_for

INTERVAL = 2.0
"""Heartbeat interval of the local fleet in seconds."""

APPLICATION = f"FlinkDeployment/{NAMESPACE}/state-machine"
POOL = f"FlinkDeployment/{NAMESPACE}/shared-pool"
POOL_STATEMENT = f"FlinkSessionJob/{NAMESPACE}/orders-by-user"
OWN_STATEMENT = f"FlinkDeployment/{NAMESPACE}/big-orders"

pytestmark = pytest.mark.timeout(600)


def application_spec(walk: Walk) -> dict[str, Any]:
    """Return the spec of the application's FlinkDeployment."""
    spec: dict[str, Any] = walk.objects("spoke-1")[APPLICATION]["spec"]
    return spec


@pytest.mark.rule("C08", "C10", "C25", "E02", "E03", "E04", "P04", "P05")
def test_up_puts_everything_where_its_environment_is(walk: Walk) -> None:
    assert changes(walk.up()) == {"created": 11}
    assert set(walk.objects("hub-cluster")) == {POOL, POOL_STATEMENT}
    assert set(walk.objects("spoke-1")) == {APPLICATION}
    assert set(walk.objects("spoke-2")) == {OWN_STATEMENT}


def test_the_fleet_has_its_picture(walk: Walk) -> None:
    walk.has_its_picture()


@pytest.mark.rule("E03", "E06")
def test_the_deployment_has_the_merged_configuration(walk: Walk) -> None:
    deployment = walk.objects("spoke-1")[APPLICATION]
    configuration = deployment["spec"]["flinkConfiguration"]
    assert configuration["execution.checkpointing.interval"] == "30 s"
    assert configuration["taskmanager.numberOfTaskSlots"] == "2"
    assert deployment["metadata"]["labels"]["fleet"] == "example"
    stored = walk.get("environments/fleet-spoke-1/applications/state-machine").json()
    assert "execution.checkpointing.interval" not in stored["spec"]["flinkConfiguration"]
    assert stored["status"]["jobStatus"]["state"] == "RUNNING"


def test_a_second_up_changes_nothing(walk: Walk) -> None:
    assert changes(walk.up()) == {"unchanged": 11}


@pytest.mark.rule("E47", "E50")
def test_a_change_of_task_managers_and_slots_is_previewed_and_made(walk: Walk) -> None:
    walk.configure(taskManagers=3, taskSlots=4)
    assert changes(walk.run("preview")) == {"to update": 1, "unchanged": 10}
    assert application_spec(walk)["taskManager"]["replicas"] == 2
    assert changes(walk.up()) == {"updated": 1, "unchanged": 10}
    spec = application_spec(walk)
    assert spec["taskManager"]["replicas"] == 3
    assert spec["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "4"
    assert spec["job"]["parallelism"] == 12


@pytest.mark.rule("C33", "C34", "C58", "P61", "P62")
def test_a_spoke_that_stops_refuses_writes_and_reads_are_stale(walk: Walk) -> None:
    before = walk.get("environments/fleet-spoke-1/applications/state-machine").json()["status"]
    walk.fleet.clusters["spoke-1"].stop()
    # Three intervals and what the probes themselves may take.
    wait_for(lambda: walk.cluster_state("spoke-1") == "DISCONNECTED", "spoke-1 to be DISCONNECTED", 3 * INTERVAL + 5)
    stale = walk.get("environments/fleet-spoke-1/applications/state-machine").json()["status"]
    assert "spoke-1" in stale["warning"]
    assert "stale" in stale["warning"]
    assert stale["jobStatus"] == before["jobStatus"]
    assert walk.get("environments/fleet-spoke-1").json()["status"]["kubernetesCluster"]["state"] == "DISCONNECTED"
    assert "warning" not in walk.get("environments/fleet-hub/compute-pools/shared-pool").json()["status"]


@pytest.mark.rule("C33", "C34")
def test_an_update_there_fails_with_the_clusters_name_while_other_environments_update(walk: Walk) -> None:
    walk.configure(taskManagers=2, checkpointInterval="45 s")
    for text in (walk.run("preview", fails=True), walk.up(fails=True)):
        assert "'spoke-1' is DISCONNECTED" in text
        assert "[C33]" in text
        assert "Traceback" not in text
    walk.run("up", "--yes", "--skip-preview", "--target", walk.urn("fleet-spoke-2"))
    defaults = walk.get("environments/fleet-spoke-2").json()["computePoolDefaults"]["spec"]["clusterSpec"]
    assert defaults["flinkConfiguration"]["execution.checkpointing.interval"] == "45 s"


@pytest.mark.rule("C38", "C39")
def test_when_it_is_back_everything_works_without_a_hand(walk: Walk) -> None:
    walk.fleet.clusters["spoke-1"].start()
    walk.wait_for_state("spoke-1", "CONNECTED")
    assert "warning" not in walk.get("environments/fleet-spoke-1/applications/state-machine").json()["status"]
    walk.up()
    spec = application_spec(walk)
    assert spec["taskManager"]["replicas"] == 2
    assert spec["flinkConfiguration"]["execution.checkpointing.interval"] == "45 s"
    assert changes(walk.up()) == {"unchanged": 11}


@pytest.mark.rule("P38", "P45")
def test_a_running_statement_blocks_the_update_of_its_pool(walk: Walk) -> None:
    walk.configure(poolTaskManagers=2)
    for text in (walk.run("preview", fails=True), walk.up(fails=True)):
        assert "'shared-pool' (SHARED) cannot be updated: statements orders-by-user (RUNNING)" in text
        assert "[P38]" in text
        assert "Traceback" not in text
    assert walk.objects("hub-cluster")[POOL]["spec"]["taskManager"]["replicas"] == 1
    walk.configure(poolTaskManagers=1)
    assert changes(walk.up()) == {"unchanged": 11}


@pytest.mark.rule("C41")
def test_a_cluster_with_environments_is_not_retired(walk: Walk) -> None:
    answer = walk.send("PUT", "kubernetes-clusters/spoke-2", {"spec": {"lifecycleState": "DECOMMISSIONED"}})
    assert answer.status_code == 400
    message = "Cannot decommission cluster 'spoke-2': referenced by environments [fleet-spoke-2]"
    assert answer.json() == {"errors": [{"message": message}]}
    assert walk.cluster_state("spoke-2") == "CONNECTED"


@pytest.mark.rule("C49", "C53")
def test_force_delete_on_a_dead_spoke_says_what_may_be_left(walk: Walk) -> None:
    walk.configure(forceDelete="true")
    walk.up()
    spoke = walk.fleet.clusters["spoke-1"]
    spoke.stop()
    walk.wait_for_state("spoke-1", "DISCONNECTED")
    text = walk.run("destroy", "--yes", "--skip-preview", "--target", walk.urn("state-machine"))
    assert "spoke-1" in text
    assert "state-machine" in text
    assert re.search(r"orphan|left behind|may still|remain", text), text
    assert walk.get("environments/fleet-spoke-1/applications/state-machine").status_code == 404
    spoke.start()
    walk.wait_for_state("spoke-1", "CONNECTED")
    assert APPLICATION in walk.objects("spoke-1")


@pytest.mark.rule("C53")
def test_what_was_left_behind_is_not_taken_over(walk: Walk) -> None:
    text = walk.up(fails=True)
    assert "left behind" in text
    walk.delete_object("spoke-1", APPLICATION)
    walk.up()
    assert walk.get("environments/fleet-spoke-1/applications/state-machine").status_code == 200


@pytest.mark.rule("C14", "C41")
def test_destroy_is_refused_while_a_foreign_environment_is_on_the_cluster(walk: Walk) -> None:
    foreign = {"name": "foreign", "kubernetesNamespace": NAMESPACE, "kubernetesClusterName": "spoke-2"}
    assert walk.send("POST", "environments", foreign).status_code == 200
    text = walk.run("destroy", "--yes", "--skip-preview", fails=True)
    assert "Cannot decommission cluster 'spoke-2': referenced by environments [foreign]" in text
    assert walk.cluster_state("spoke-2") == "CONNECTED"
    assert walk.send("DELETE", "environments/foreign").status_code == 204


@pytest.mark.rule("C14")
def test_destroy_leaves_nothing(walk: Walk) -> None:
    walk.run("destroy", "--yes", "--skip-preview")
    assert [c["metadata"]["name"] for c in walk.get("kubernetes-clusters").json()["items"]] == ["default-k8s-cluster"]
    assert walk.get("environments").json()["items"] == []
    assert list(walk.fleet.kubeconfig_directory.iterdir()) == []
    for cluster in walk.fleet.clusters:
        assert walk.objects(cluster) == {}
    assert [r["type"] for r in walk.state()] in ([], ["pulumi:pulumi:Stack"])


def test_down_leaves_no_process(walk: Walk) -> None:
    processes = [walk.fleet.hub, *walk.fleet.standins.values()]
    processes += [process for cluster in walk.fleet.clusters.values() for process in cluster.processes]
    pids = [process.pid for process in processes]
    assert None not in pids
    walk.fleet.down()
    assert [process.pid for process in processes] == [None] * len(pids)
    assert not walk.fleet.directory.exists()
