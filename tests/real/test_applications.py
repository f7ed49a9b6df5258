"""An application's life on real Flink. Each test goes on where the last one ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.counting import PATIENCE, Counting
from tests.real.fleet import DATA, NAMESPACE, RealFleet
from tests.real.stack import ENVIRONMENTS, Stack, counting
from tests.support.hub import Hub
from tests.support.wait import wait_for

pytestmark = pytest.mark.timeout(900)

APPLICATION = f"/environments/{ENVIRONMENTS['spoke']}/applications/counting"


def flink(hub: Hub, path: str, resource: str = APPLICATION) -> Any:
    """Return what the JobManager's REST API says, through the hub."""
    answer = hub.get(f"{resource}/flink-web-ui/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def job(fleet: RealFleet) -> Counting:
    """What the application counts."""
    return Counting(fleet, "counting")


@pytest.mark.rule("C08", "C10", "E02", "E03", "E04", "E28", "E42")
def test_up_ends_when_the_job_runs_where_its_environment_is(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.set("counting", "FlinkApplication", **counting("counting", ENVIRONMENTS["spoke"]))
    stack.up()
    status = hub.get(APPLICATION).json()["status"]
    assert status["lifecycleState"] == "STABLE"
    assert status["jobStatus"]["state"] == "RUNNING"
    components = {pod.metadata.labels["component"] for pod in fleet.clusters["spoke"].pods(app="counting")}
    assert components == {"jobmanager", "taskmanager"}
    assert fleet.clusters["home"].pods() == []
    job.goes_on()
    assert job.starts == [1]


@pytest.mark.rule("E03", "E06")
def test_the_job_manager_has_the_merged_configuration(hub: Hub) -> None:
    configuration = {each["key"]: each["value"] for each in flink(hub, "jobmanager/config")}
    assert configuration["execution.checkpointing.interval"] == "2 s"  # the environment's
    assert configuration["taskmanager.numberOfTaskSlots"] == "1"  # its own
    assert configuration["kubernetes.namespace"] == NAMESPACE


@pytest.mark.rule("E20", "E21")
def test_suspended_it_has_no_task_managers_and_resumed_it_goes_on_with_its_state(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.change("counting", "spec.job.state", "suspended")
    stack.up()
    spoke = fleet.clusters["spoke"]
    wait_for(lambda: not spoke.pods(app="counting", component="taskmanager"), "TaskManagers to go", PATIENCE)
    assert hub.get(APPLICATION).json()["status"]["lifecycleState"] == "SUSPENDED"
    reached = job.count
    stack.change("counting", "spec.job.state", "running")
    stack.up()
    wait_for(lambda: len(job.starts) == 2, "the second start", PATIENCE)
    assert job.starts[1] > reached
    job.goes_on()


@pytest.mark.rule("E25", "E47")
def test_more_slots_and_task_managers_restart_it_with_its_state_and_can_be_taken_back(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.change("counting", "spec.job.parallelism", 2)
    stack.up()
    assert len(flink(hub, "taskmanagers")["taskmanagers"]) == 2
    stack.change("counting", "spec.job.parallelism", 1)
    stack.up()
    wait_for(lambda: len(job.starts) == 4, "two more starts", PATIENCE)
    assert job.starts == sorted(set(job.starts))


@pytest.mark.rule("E31", "E32", "P60")
def test_a_killed_job_manager_comes_back_with_the_last_checkpoint(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    job.goes_on()
    spoke, before = fleet.clusters["spoke"], job.starts
    (pod,) = spoke.pods(app="counting", component="jobmanager")
    spoke.kill_pod(pod.metadata.name)
    wait_for(lambda: len(job.starts) > len(before), "another start", PATIENCE)
    assert job.starts[-1] > before[-1]
    hub.until(APPLICATION, "status.jobStatus.state", "RUNNING", PATIENCE)


@pytest.mark.rule("E51")
def test_it_moves_to_the_other_cluster_by_a_detached_savepoint(
    stack: Stack, fleet: RealFleet, hub: Hub, job: Counting
) -> None:
    stack.set(
        "before-the-move",
        "Savepoint",
        environment=ENVIRONMENTS["spoke"],
        application="counting",
    )
    stack.up()
    path = hub.get(f"{APPLICATION}/savepoints/before-the-move").json()["status"]["path"]
    assert (fleet.data / path.removeprefix(f"file:{DATA}/").removeprefix(f"//{DATA}/")).exists(), path
    stack.change("counting", "spec.job.state", "suspended")
    stack.up()
    reached = job.count
    moved = counting("moved", ENVIRONMENTS["home"], initial_savepoint_path=path)
    stack.set("moved", "FlinkApplication", **moved)
    stack.up()
    wait_for(lambda: Counting(fleet, "moved").starts, "the moved job to count", PATIENCE)
    assert 1 < Counting(fleet, "moved").starts[0] <= reached + 1
    stack.drop("before-the-move")
    stack.drop("counting")
    stack.up()
    assert job.count == reached  # never two at once
    assert fleet.clusters["spoke"].pods(app="counting") == []
    Counting(fleet, "moved").goes_on()


def test_destroyed_nothing_is_left_on_the_clusters(stack: Stack, fleet: RealFleet) -> None:
    stack.program.run("destroy", "--yes", "--skip-preview")
    for spoke in fleet.clusters.values():
        wait_for(lambda spoke=spoke: not spoke.pods(), "pods to go", PATIENCE)  # type: ignore[misc]
        assert not spoke.deployments()
