"""Stand-in commands: what an object's annotations or configuration make happen."""

import pytest
from flink_operator_standin import commands
from flink_operator_standin.commands import Commands

from tests.operator_standin import objects
from tests.operator_standin.scenarios import APP, LATE, deployment, job
from tests.operator_standin.simulation import Simulation

SESS, SJ = deployment("sess"), job("sj")


def running(resource: objects.Json | None = None) -> Simulation:
    """A cluster with the application running."""
    world = Simulation()
    world.apply(resource or objects.application())
    world.wait_for(APP, lifecycleState="STABLE")
    return world


def test_annotations_win_over_configuration() -> None:
    resource = objects.with_commands(objects.application(), delay="2.5", fail_job="false")
    resource["spec"]["flinkConfiguration"] |= {"standin.fail-job": "true", "standin.stuck-finalizer": "TRUE"}
    assert commands.parse(resource) == (Commands(delay=2.5, stuck_finalizer=True), [])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("fail_job", "maybe", "give true or false"),
        ("delay", "-1", "give seconds"),
        ("delay", "inf", "give seconds"),
        ("delay", "soon", "soon"),
        ("explode", "true", "known are crash-jobmanager, delay"),
    ],
)
def test_a_bad_command_is_told_and_ignored(name: str, value: str, problem: str) -> None:
    world = running(objects.with_commands(objects.application(), **{name: value}))
    (told,) = [message for reason, message in world.told(APP) if reason == "InvalidCommand"]
    assert problem in told
    assert name.replace("_", "-") in told


def test_a_failed_job_stays_failed_until_it_is_deployed_anew() -> None:
    world = running()
    world.command(APP, fail_job="true")
    world.wait_for(APP, lifecycleState="FAILED", job="FAILED")
    world.command(APP, fail_job=None)
    world.run_for(60)
    assert world.last(APP)["lifecycleState"] == "FAILED"
    world.patch(APP, {"spec": {"restartNonce": 1}})
    state = world.wait_for(APP, lifecycleState="STABLE", job="RUNNING")
    assert "error" not in state
    assert state["savepoint"]["lastTriggerType"] == "UNKNOWN"  # restored from the checkpoint that it left


def test_a_failed_job_without_state_needs_a_person() -> None:
    resource = objects.with_commands(objects.application(), fail_job="true")
    world = Simulation()
    world.apply(resource)
    world.wait_for(APP, lifecycleState="FAILED")
    world.patch(APP, {"spec": {"restartNonce": 1}})
    world.run_for(60)
    assert world.last(APP)["lifecycleState"] == "FAILED"
    assert "Manual restore required." in world.last(APP)["error"]["message"]
    world.command(APP, fail_job=None)
    world.patch(APP, {"spec": {"job": {"upgradeMode": "stateless"}}})
    world.wait_for(APP, lifecycleState="STABLE", job="RUNNING")


def test_a_bounded_job_finishes_and_its_spec_is_stable() -> None:
    world = Simulation()
    world.apply(objects.with_commands(objects.application(), finish_job="true"))
    state = world.wait_for(APP, job="FINISHED")
    assert (state["lifecycleState"], state["jobManagerDeploymentStatus"]) == ("STABLE", "READY")


def test_without_a_taskmanager_a_job_waits_and_a_running_one_restarts() -> None:
    world = Simulation()
    world.apply(objects.with_commands(objects.application(), pending_taskmanager="true"))
    world.wait_for(APP, job="CREATED", jobManagerDeploymentStatus="READY")
    world.run_for(600)
    assert world.last(APP)["job"]["state"] == "CREATED"
    world.command(APP, pending_taskmanager=None)
    world.wait_for(APP, job="RUNNING", lifecycleState="STABLE")
    world.command(APP, pending_taskmanager="true")
    world.wait_for(APP, job="RESTARTING", lifecycleState="STABLE")
    world.command(APP, pending_taskmanager="false")
    world.wait_for(APP, job="RUNNING")


def test_a_crashing_jobmanager_recovers_when_the_command_is_taken_away() -> None:
    world = running()
    world.command(APP, crash_jobmanager="true")
    state = world.wait_for(APP, jobManagerDeploymentStatus="ERROR")
    assert state["error"]["reason"] == "CrashLoopBackOff"
    world.command(APP, crash_jobmanager=None)
    state = world.wait_for(APP, jobManagerDeploymentStatus="READY", job="RUNNING")
    assert "error" not in state


def test_an_image_that_is_put_right_is_deployed() -> None:
    world = Simulation()
    world.apply(objects.with_commands(objects.application(), image_missing="true"))
    world.wait_for(APP, jobManagerDeploymentStatus="ERROR")
    world.command(APP, image_missing=None)
    world.patch(APP, {"spec": {"image": "localhost/flink:good"}})
    world.wait_for(APP, lifecycleState="STABLE", generation=3)


def test_each_value_kills_the_jobmanager_once() -> None:
    world = running()
    for value in ("1", "2"):
        before = len(world.history[APP])
        world.command(APP, kill_jobmanager=value)
        world.wait_for(APP, jobManagerDeploymentStatus="DEPLOYING", lifecycleState="STABLE")
        world.wait_for(APP, jobManagerDeploymentStatus="READY", job="RUNNING")
        assert len(world.history[APP]) == before + 3
        world.run_for(60)
        assert len(world.history[APP]) == before + 3


def test_a_session_cluster_survives_the_death_of_its_jobmanager() -> None:
    world = Simulation()
    world.apply(objects.session())
    world.apply(objects.session_job())
    world.wait_for(SJ, job="RUNNING")
    world.command(SESS, kill_jobmanager="1")
    world.wait_for(SESS, jobManagerDeploymentStatus="DEPLOYING")
    world.wait_for(SESS, jobManagerDeploymentStatus="READY")
    assert world.last(SJ)["job"]["state"] == "RUNNING"


def test_a_delay_is_added_to_start_cancellation_and_deletion() -> None:
    world = Simulation()
    world.apply(objects.with_commands(objects.application(), delay="1000"))
    world.run_for(1000)
    assert world.last(APP)["jobManagerDeploymentStatus"] == "DEPLOYING"
    world.run_for(100)
    assert world.last(APP)["lifecycleState"] == "STABLE"
    world.patch(APP, {"spec": {"job": {"state": "suspended"}}})
    world.run_for(1000)
    assert world.last(APP)["lifecycleState"] == "STABLE"
    world.run_for(100)
    assert world.last(APP)["lifecycleState"] == "SUSPENDED"
    world.delete(APP)
    world.run_for(1000)
    assert world.last(APP)["deleting"]
    world.wait_gone(APP)


@pytest.mark.parametrize("resource", [objects.application(), objects.session("app")])
def test_a_stuck_finalizer_holds_the_object_until_it_is_released(resource: objects.Json) -> None:
    world = running(resource)
    world.command(APP, stuck_finalizer="true")
    world.delete(APP)
    world.run_for(600)
    assert world.last(APP)["deleting"]
    assert world.last(APP)["finalizer"]
    world.command(APP, stuck_finalizer=None)
    world.wait_gone(APP)


def test_a_savepoint_that_fails_leaves_the_job_alone() -> None:
    world = running(objects.with_commands(objects.application(), fail_savepoint="true"))
    world.patch(APP, {"spec": {"job": {"savepointTriggerNonce": 7}}})
    world.run_for(60)
    assert ("SavepointError", "Savepoint failed for savepointTriggerNonce: 7") in world.told(APP)
    assert "savepoint" not in world.last(APP)
    assert world.last(APP)["job"]["state"] == "RUNNING"
    world.patch(APP, {"spec": {"job": {"state": "suspended"}}})
    world.run_for(60)
    assert world.last(APP)["job"]["state"] == "RUNNING"
    assert world.last(APP)["error"]["type"] == "ReconciliationException"
    world.command(APP, fail_savepoint=None)
    world.wait_for(APP, lifecycleState="SUSPENDED", job="FINISHED")


def test_a_command_in_the_configuration_does_not_redeploy() -> None:
    world = running()
    job_id = world.status(APP)["jobStatus"]["jobId"]
    world.patch(APP, {"spec": {"flinkConfiguration": {"standin.pending-taskmanager": "true"}}})
    world.wait_for(APP, job="RESTARTING")
    world.patch(APP, {"spec": {"flinkConfiguration": {"standin.pending-taskmanager": "false"}}})
    world.wait_for(APP, job="RUNNING", lifecycleState="STABLE")
    assert "UPGRADING" not in [state.get("lifecycleState") for state in world.history[APP][5:]]
    assert world.status(APP)["jobStatus"]["jobId"] == job_id


def test_a_session_job_obeys_its_own_commands() -> None:
    world = Simulation()
    world.apply(objects.session())
    late = objects.session_job()
    late["metadata"] |= LATE["metadata"]
    world.apply(late)
    world.wait_for(SJ, job="CREATED")
    world.wait_for(SJ, job="RUNNING", lifecycleState="STABLE")
    world.command(SJ, fail_job="true")
    world.wait_for(SJ, lifecycleState="FAILED")
    assert world.last(SESS)["lifecycleState"] == "STABLE"
