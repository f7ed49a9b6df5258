"""Upgrades beyond the recorded ones, session jobs and their clusters, and taking over after a restart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.operator_standin import objects
from tests.operator_standin.scenarios import APP, deployment, job
from tests.operator_standin.simulation import Simulation
from tests.operator_standin.test_commands import running

SESS, SJ = deployment("sess"), job("sj")


def with_session_job(**job_fields: Any) -> Simulation:
    """A session cluster with a running job."""
    world = Simulation()
    resource = objects.session_job()
    resource["spec"]["job"] |= job_fields
    world.apply(objects.session())
    world.apply(resource)
    world.wait_for(SJ, lifecycleState="STABLE")
    return world


def test_the_finalizer_comes_with_the_spec_s_defaults_and_a_new_generation() -> None:
    resource = objects.application()
    del resource["spec"]["jobManager"]["replicas"], resource["spec"]["job"]["state"]
    resource["spec"]["job"]["upgradeMode"] = "stateless"
    world = running(resource)
    spec = world.spec(APP)
    assert world.history[APP][:2] == [{"generation": 1, "finalizer": False}, {"generation": 2, "finalizer": True}]
    assert spec["jobManager"]["replicas"] == 1
    assert spec["job"] == {**resource["spec"]["job"], "state": "running", "args": []}
    assert (spec["podTemplate"]["apiVersion"], spec["podTemplate"]["kind"]) == ("v1", "Pod")


def test_an_application_that_is_made_suspended_is_not_deployed() -> None:
    resource = objects.application()
    resource["spec"]["job"]["state"] = "suspended"
    world = Simulation()
    world.apply(resource)
    world.run_for(60)
    assert world.status(APP) == {}
    world.patch(APP, {"spec": {"job": {"state": "running"}}})
    world.wait_for(APP, lifecycleState="STABLE")


def test_an_initial_savepoint_makes_the_first_deployment_one_by_savepoint() -> None:
    resource = objects.application()
    resource["spec"]["job"]["initialSavepointPath"] = "s3://savepoints/1"
    world = running(resource)
    assert world.last(APP)["reconciliation"]["specUpgradeMode"] == "savepoint"
    assert world.status(APP)["jobStatus"]["savepointInfo"]["lastSavepoint"]["location"] == "s3://savepoints/1"


def test_a_new_redeploy_nonce_deploys_from_the_given_savepoint() -> None:
    world = running()
    change = {"savepointRedeployNonce": 1, "initialSavepointPath": "s3://savepoints/2"}
    world.patch(APP, {"spec": {"job": change}})
    world.wait_for(APP, lifecycleState="UPGRADING", generation=3)
    world.wait_for(APP, lifecycleState="STABLE")
    assert world.status(APP)["jobStatus"]["savepointInfo"]["lastSavepoint"]["location"] == "s3://savepoints/2"


def test_a_change_while_the_first_deployment_starts_is_deployed_at_once() -> None:
    world = Simulation()
    world.apply(objects.application())
    world.wait_for(APP, jobManagerDeploymentStatus="DEPLOYING")
    world.patch(APP, {"spec": {"image": "other"}})
    state = world.wait_for(APP, lifecycleState="STABLE")
    assert state["reconciliation"]["specGeneration"] == 3


def test_a_change_of_a_suspended_job_is_recorded_and_used_at_its_restore() -> None:
    world = running()
    world.patch(APP, {"spec": {"job": {"state": "suspended"}}})
    world.wait_for(APP, lifecycleState="SUSPENDED")
    world.patch(APP, {"spec": {"job": {"parallelism": 4}}})
    world.wait_for(APP, lifecycleState="SUSPENDED", generation=4)
    world.run_for(5)
    assert world.last(APP)["reconciliation"]["specGeneration"] == 4
    world.patch(APP, {"spec": {"job": {"state": "running"}}})
    state = world.wait_for(APP, lifecycleState="STABLE")
    assert state["taskManager"]["replicas"] == 2


def test_a_job_id_is_kept_by_a_savepoint_and_changed_by_a_stateless_upgrade() -> None:
    world = running()
    first = world.status(APP)["jobStatus"]["jobId"]
    world.patch(APP, {"spec": {"restartNonce": 1}})
    world.wait_for(APP, lifecycleState="UPGRADING")
    world.wait_for(APP, lifecycleState="STABLE")
    assert world.status(APP)["jobStatus"]["jobId"] == first
    world.patch(APP, {"spec": {"restartNonce": 2, "job": {"upgradeMode": "stateless"}}})
    world.wait_for(APP, lifecycleState="UPGRADING")
    world.wait_for(APP, lifecycleState="STABLE")
    assert world.status(APP)["jobStatus"]["jobId"] != first


def test_another_flink_version_is_upgraded_to_by_savepoint() -> None:
    resource = objects.application()
    resource["spec"]["job"]["upgradeMode"] = "last-state"
    world = running(resource)
    world.patch(APP, {"spec": {"flinkVersion": "v1_19"}})
    world.wait_for(APP, lifecycleState="UPGRADING")
    assert world.last(APP)["reconciliation"]["specUpgradeMode"] == "savepoint"
    world.wait_for(APP, lifecycleState="STABLE")
    assert world.status(APP)["clusterInfo"]["flink-version"] == "1.19.1"


def test_the_history_of_savepoints_is_bounded() -> None:
    world = running()
    for nonce in range(1, 14):
        world.patch(APP, {"spec": {"job": {"savepointTriggerNonce": nonce}}})
        world.run_for(30)
    assert world.last(APP)["savepoint"]["history"] == 10
    assert world.last(APP)["savepoint"]["lastNonce"] == 13


def test_a_session_job_waits_for_its_cluster() -> None:
    world = Simulation()
    world.apply(objects.session_job())
    world.run_for(60)
    assert world.status(SJ) == {}
    world.apply(objects.session())
    world.wait_for(SJ, lifecycleState="STABLE", job="RUNNING")


def test_a_session_job_is_suspended_with_a_savepoint() -> None:
    world = with_session_job(upgradeMode="savepoint")
    world.patch(SJ, {"spec": {"job": {"state": "suspended"}}})
    state = world.wait_for(SJ, lifecycleState="SUSPENDED")
    assert state["savepoint"]["lastTriggerType"] == "UPGRADE"
    assert world.status(SJ)["jobStatus"]["savepointInfo"]["lastSavepoint"]["location"].startswith(
        "file:///flink-data/sess/savepoints/savepoint-"
    )


def test_a_session_job_is_missing_after_its_cluster_was_deployed_anew() -> None:
    world = with_session_job()
    world.patch(SESS, {"spec": {"restartNonce": 1}})
    state = world.wait_for(SJ, job="RECONCILING")
    assert state["error"]["message"] == "Missing Session Job"
    world.patch(SJ, {"spec": {"restartNonce": 1}})
    state = world.wait_for(SJ, job="RUNNING", lifecycleState="STABLE")
    assert "error" not in state


def test_a_session_job_outlives_a_new_deployment_of_a_cluster_with_high_availability() -> None:
    world = Simulation()
    cluster = objects.session()
    cluster["spec"]["flinkConfiguration"] |= {"high-availability.type": "kubernetes"}
    world.apply(cluster)
    world.apply(objects.session_job())
    world.wait_for(SJ, lifecycleState="STABLE")
    world.patch(SESS, {"spec": {"restartNonce": 1}})
    world.wait_for(SESS, lifecycleState="UPGRADING")
    world.wait_for(SESS, lifecycleState="STABLE")
    world.run_for(60)
    assert world.last(SJ)["job"]["state"] == "RUNNING"


def test_a_session_job_can_go_when_its_cluster_is_gone() -> None:
    world = with_session_job()
    world.command(SJ, stuck_finalizer="true")
    world.delete(SJ)
    world.run_for(1)
    world.command(SJ, stuck_finalizer=None)
    world.wait_gone(SJ)
    world.delete(SESS)
    world.wait_gone(SESS)


# Taking over.

ACTS: list[tuple[str, Any]] = [
    ("patch", {"spec": {"job": {"state": "suspended"}}}),
    ("patch", {"spec": {"job": {"state": "running"}}}),
    ("patch", {"spec": {"restartNonce": 1}}),
    ("patch", {"spec": {"restartNonce": 2, "job": {"upgradeMode": "last-state"}}}),
    ("patch", {"spec": {"image": "x", "job": {"upgradeMode": "stateless"}}}),
    ("patch", {"spec": {"job": {"savepointTriggerNonce": 5}}}),
    ("patch", {"spec": {"job": {"parallelism": 0}}}),
    ("patch", {"spec": {"job": {"parallelism": 3}}}),
]


@given(
    acts=st.lists(st.tuples(st.sampled_from(ACTS), st.floats(0, 60)), max_size=6),
    restarts=st.lists(st.floats(0, 30), max_size=6),
)
def test_restarts_at_any_time_change_nothing_in_the_end(
    acts: list[tuple[tuple[str, Any], float]], restarts: list[float]
) -> None:
    world = Simulation()
    world.apply(objects.application())
    for (_, change), wait in acts:
        world.patch(APP, change)
        world.run_for(wait)
    for wait in restarts:
        world.restart_operator()
        world.run_for(wait)
    world.patch(APP, {"spec": {"job": {"parallelism": 2, "state": "running"}}})
    world.run_for(400)
    state = world.last(APP)
    assert (state["lifecycleState"], state["job"]["state"]) == ("STABLE", "RUNNING")
    assert state["reconciliation"]["specGeneration"] == state["reconciliation"]["lastStableGeneration"]
    assert state["generation"] == state["reconciliation"]["specGeneration"]
    assert "error" not in state


@pytest.mark.parametrize("resource", [objects.application(), objects.session("app")])
def test_a_quiet_object_is_taken_over_without_a_write(resource: objects.Json) -> None:
    world = running(objects.with_commands(resource, kill_jobmanager="1"))
    world.command(APP, kill_jobmanager="2")
    world.run_for(120)
    before, status = list(world.history[APP]), world.status(APP)
    world.restart_operator()
    world.run_for(120)
    assert world.history[APP] == before
    assert world.status(APP) == status


def test_a_deletion_goes_on_after_a_restart() -> None:
    world = running()
    world.delete(APP)
    world.run_for(1)
    world.restart_operator()
    world.wait_gone(APP)
