"""A spoke's API server goes away while its jobs run. Each test goes on where the last one ended."""

from __future__ import annotations

import pytest

from tests.real.counting import PATIENCE, Counting
from tests.real.fleet import RealFleet
from tests.real.stack import ENVIRONMENTS, Stack, counting
from tests.real.writers import Writers, load
from tests.support.hub import Hub, message
from tests.support.wait import wait_for

pytestmark = pytest.mark.timeout(900)

APPLICATION = f"/environments/{ENVIRONMENTS['spoke']}/applications/lasting"


@pytest.fixture
def job(fleet: RealFleet) -> Counting:
    """The job that must not stop."""
    return Counting(fleet, "lasting")


@pytest.mark.rule("C33", "C34", "C58")
def test_a_cluster_that_is_cut_off_takes_no_writes_and_its_job_goes_on(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.set("lasting", "FlinkApplication", **counting("lasting", ENVIRONMENTS["spoke"]))
    stack.up()
    fleet.clusters["spoke"].node.cut()
    try:
        hub.connected("spoke", "DISCONNECTED")
        hub.crash()
        job.goes_on()
        stale = hub.get(APPLICATION).json()["status"]
        assert stale["jobStatus"]["state"] == "RUNNING"
        assert "stale" in stale["warning"]
        refused = hub.post(f"{APPLICATION}/suspend")
        assert refused.status_code == 503
        assert "spoke" in message(refused)
        stack.change("lasting", "spec.job.parallelism", 2)
        assert "C33" in stack.program.preview(stack.text(), fails=True)
        stack.change("lasting", "spec.job.parallelism", 1)
    finally:
        fleet.clusters["spoke"].node.mend()
    hub.connected("spoke")
    hub.until(APPLICATION, "status.jobStatus.state", "RUNNING", PATIENCE)
    assert "warning" not in hub.get(APPLICATION).json()["status"]
    assert job.starts == [1]


@pytest.mark.rule("C33", "C34", "E57")
def test_under_load_an_api_server_that_freezes_or_crashes_loses_nothing(
    fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    node = fleet.clusters["spoke"].node
    with Writers(hub) as writers:
        writers.until_answered("spoke", 201)
        node.pause()
        try:
            hub.connected("spoke", "DISCONNECTED")
            hub.crash()
            writers.until_answered("spoke", 503)
            writers.until_answered("home", 201)
        finally:
            node.resume()
        hub.connected("spoke")
        writers.until_answered("spoke", 201)
        node.stop_server()
        try:
            hub.connected("spoke", "DISCONNECTED")
            writers.until_answered("spoke", 503)
        finally:
            node.launch_server()
            node.wait_ready()
        hub.connected("spoke")
        writers.until_answered("spoke", 201)
        writers.end()
        assert set(writers.answers["home"].values()) == {201}
        assert set(writers.answers["spoke"].values()) == {201, 503}
        for cluster in fleet.clusters:
            _has_what_was_accepted(cluster, fleet, writers)
    job.goes_on()


def _has_what_was_accepted(cluster: str, fleet: RealFleet, writers: Writers) -> None:
    """Wait until hub and cluster have it, and nothing else: what may have arrived without an answer is taken back."""
    accepted, spoke = writers.accepted(cluster), fleet.clusters[cluster]
    wait_for(lambda: writers.kept(cluster) == accepted, f"the hub to have what was accepted on {cluster}", PATIENCE)
    wait_for(lambda: load(spoke.deployments()) == accepted, f"{cluster} to have what was accepted", PATIENCE)


@pytest.mark.rule("E57")
def test_a_hub_that_is_killed_in_the_middle_finishes_what_it_was_told(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    before = len(job.starts)
    assert hub.post(f"{APPLICATION}/suspend").status_code == 200
    hub.crash()
    hub.until(APPLICATION, "status.lifecycleState", "SUSPENDED", PATIENCE)
    reached = job.count
    assert hub.post(f"{APPLICATION}/start").status_code == 200
    hub.crash()
    job.starts_again(before + 1)
    assert job.starts[-1] > reached
    stack.up()
    assert len(fleet.clusters["spoke"].deployments()) == 1


@pytest.mark.rule("E57")
def test_an_update_survives_a_hub_that_is_killed_meanwhile(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    starts, generation = job.starts, hub.get(APPLICATION).json()["metadata"]["generation"]
    stack.change("lasting", "spec.job.parallelism", 2)
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(APPLICATION).json()["metadata"]["generation"] > generation)
    assert hub.get(APPLICATION).json()["status"]["jobStatus"]["state"] == "RUNNING"
    job.starts_again(len(starts) + 1)
    assert job.starts[-1] > starts[-1]
    assert len(job.starts) == len(starts) + 1
    assert len(fleet.clusters["spoke"].deployments()) == 1


@pytest.mark.rule("C48", "C49", "C53")
def test_a_forced_deletion_on_a_dead_cluster_leaves_an_orphan_that_is_cleaned_afterwards(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    spoke = fleet.clusters["spoke"]
    spoke.node.stop_server()
    try:
        hub.connected("spoke", "DISCONNECTED")
        assert hub.delete(APPLICATION).status_code == 503
        assert hub.delete(APPLICATION, params={"force": "true"}).status_code == 204
        hub.crash()
        assert hub.get(APPLICATION).status_code == 404
        job.goes_on()
    finally:
        spoke.node.launch_server()
        spoke.node.wait_ready()
    hub.connected("spoke")
    path = "/kubernetes-clusters/spoke"
    (orphan,) = wait_for(lambda: hub.get(path).json()["status"].get("orphans"), "the orphan to be seen", PATIENCE)
    assert orphan["name"] == "lasting"
    assert hub.post(f"{path}/orphans/clean").status_code in {200, 202}
    hub.crash()
    wait_for(lambda: not spoke.pods(app="lasting"), "its pods to go", PATIENCE)
    stack.drop("lasting")
    stack.program.run("refresh", "--yes", "--skip-preview")
    stack.up()
