"""FlinkStateSnapshot objects."""

from typing import Any

import pytest
from flink_operator_standin.machine import Key

from tests.operator_standin import objects
from tests.operator_standin.scenarios import APP, job
from tests.operator_standin.simulation import Simulation
from tests.operator_standin.test_commands import running

SNAP: Key = ("FlinkStateSnapshot", "default", "snap")


def states(world: Simulation) -> str:
    """The snapshot's state now."""
    return str(world.status(SNAP).get("state"))


def take(world: Simulation, resource: objects.Json) -> objects.Json:
    """Make the snapshot and give it its time; its status."""
    world.apply(resource)
    world.run_for(30)
    return world.status(SNAP)


def test_a_savepoint_is_pending_then_in_progress_then_completed() -> None:
    world = running()
    take(world, objects.snapshot())
    seen = [state["state"] for state in world.history[SNAP] if "state" in state]
    assert seen == ["TRIGGER_PENDING", "IN_PROGRESS", "COMPLETED"]
    status = world.status(SNAP)
    assert status["path"].startswith("file:///flink-data/app/savepoints/savepoint-")
    assert status["triggerId"]
    assert status["triggerTimestamp"] <= status["resultTimestamp"]
    assert status["failures"] == 0
    assert world.labels(SNAP) == {
        "snapshot.type": "SAVEPOINT",
        "snapshot.state": "COMPLETED",
        "snapshot.trigger-type": "MANUAL",
        "job-reference.kind": "FlinkDeployment",
        "job-reference.name": "app",
    }


def test_the_path_of_the_spec_wins() -> None:
    assert take(running(), objects.snapshot(path="s3://other/"))["path"].startswith("s3://other/savepoint-")


def test_a_checkpoint_goes_where_checkpoints_go() -> None:
    resource = objects.snapshot()
    resource["spec"]["checkpoint"] = resource["spec"].pop("savepoint")
    world = running()
    job_id = world.status(APP)["jobStatus"]["jobId"]
    assert take(world, resource)["path"] == f"file:///flink-data/app/checkpoints/{job_id}/chk-1"


def test_a_savepoint_of_a_session_job_goes_where_its_cluster_says() -> None:
    world = Simulation()
    world.apply(objects.session())
    world.apply(objects.session_job())
    world.wait_for(job("sj"), lifecycleState="STABLE")
    status = take(world, objects.snapshot(job="sj", kind="FlinkSessionJob"))
    assert status["path"].startswith("file:///flink-data/sess/savepoints/savepoint-")


def test_a_savepoint_that_exists_is_completed_at_once() -> None:
    status = take(Simulation(), objects.snapshot(path="s3://there", alreadyExists=True))
    assert (status["state"], status["path"]) == ("COMPLETED", "s3://there")


def test_a_snapshot_of_a_job_that_is_not_there_waits_for_it() -> None:
    world = Simulation()
    assert take(world, objects.snapshot())["state"] == "TRIGGER_PENDING"
    assert ("ValidationError", "Target for snapshot default/app was not found") in world.told(SNAP)


def test_a_snapshot_of_a_job_that_does_not_run_is_abandoned() -> None:
    world = running()
    world.patch(APP, {"spec": {"job": {"state": "suspended"}}})
    world.wait_for(APP, lifecycleState="SUSPENDED")
    status = take(world, objects.snapshot())
    assert status["state"] == "ABANDONED"
    assert "app is not running" in status["error"]


def test_a_snapshot_is_abandoned_when_its_job_goes() -> None:
    world = running()
    world.apply(objects.snapshot())
    world.run_until(lambda: states(world) == "IN_PROGRESS")
    world.delete(APP)
    world.wait_gone(APP)
    world.run_for(1)
    assert states(world) == "ABANDONED"


@pytest.mark.parametrize(("limit", "failures"), [(0, 1), (2, 3)])
def test_a_failing_snapshot_is_tried_again_as_often_as_it_may(limit: int, failures: int) -> None:
    resource = objects.with_commands(objects.snapshot(), fail_savepoint="true")
    resource["spec"]["backoffLimit"] = limit
    world = running()
    world.apply(resource)
    world.run_for(600)
    assert (states(world), world.status(SNAP)["failures"]) == ("FAILED", failures)


def test_a_failed_snapshot_completes_once_it_can() -> None:
    world = running()
    world.apply(objects.with_commands(objects.snapshot(), fail_savepoint="true"))
    world.run_until(lambda: states(world) == "FAILED")
    world.command(SNAP, fail_savepoint=None)
    world.run_for(60)
    assert states(world) == "COMPLETED"
    assert "error" not in world.status(SNAP)


def test_without_a_directory_a_savepoint_fails() -> None:
    resource = objects.application()
    del resource["spec"]["flinkConfiguration"]["state.savepoints.dir"]
    resource["spec"]["job"]["upgradeMode"] = "last-state"
    world = running(resource)
    assert take(world, objects.snapshot())["state"] == "FAILED"
    assert "state.savepoints.dir" in world.status(SNAP)["error"]


@pytest.mark.parametrize("spec", [{"savepoint": None}, {"checkpoint": {}}])
def test_a_snapshot_is_either_a_savepoint_or_a_checkpoint(spec: dict[str, Any]) -> None:
    resource = objects.snapshot()
    resource["spec"] |= spec
    world = running()
    take(world, resource)
    assert world.told(SNAP)[-1][1] == "Exactly one of checkpoint or savepoint configurations has to be set."


@pytest.mark.parametrize("dispose", [True, False])
def test_a_savepoint_that_is_to_be_disposed_of_needs_its_job(dispose: bool) -> None:
    world = running()
    take(world, objects.snapshot(disposeOnDelete=dispose))
    world.patch(APP, {"spec": {"job": {"state": "suspended"}}})
    world.wait_for(APP, lifecycleState="SUSPENDED")
    world.delete(SNAP)
    world.run_for(60)
    if dispose:
        assert (
            "CleanupFailed",
            "Cannot dispose of snapshot because referenced Flink job is not running!",
        ) in world.told(SNAP)
        world.patch(APP, {"spec": {"job": {"state": "running"}}})
        world.run_for(60)
    world.wait_gone(SNAP)


def test_a_savepoint_in_progress_is_not_deleted_before_it_ends() -> None:
    world = running()
    world.apply(objects.snapshot())
    world.run_until(lambda: states(world) == "IN_PROGRESS")
    world.delete(SNAP)
    world.run_for(1)
    assert world.last(SNAP)["deleting"]
    world.wait_gone(SNAP)
