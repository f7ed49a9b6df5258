"""The life of applications, pools and statements with an operator that works on them."""

import pytest
from cmf_hub.clusters.resources import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, FlinkResource
from cmf_localfleet import LocalCluster

from tests.hub.flink.harness import Flink, Kubectl
from tests.hub.flink.samples import application, pool, statement
from tests.support.wait import eventually


@pytest.mark.rule("E02", "C08")
async def test_an_application_is_deployed_changed_suspended_resumed_and_deleted(operated: Flink) -> None:
    app = application("whole-life")
    await operated.write(app)
    await operated.stable(app.key)
    assert operated.status(app.key)["jobStatus"]["state"] == "RUNNING"

    resources = {"resource": {"cpu": 2, "memory": "2048m"}}
    await operated.change(app.key, taskManager=resources)
    assert operated.status(app.key)["observedGeneration"] == 1  # the old spec is STABLE, the new one is not taken up
    await operated.stable(app.key)
    found = await operated.found("whole-life")
    assert found is not None
    assert found["spec"]["taskManager"]["resource"] == resources["resource"]

    job = operated.record(app.key).spec["job"]
    await operated.change(app.key, job={**job, "state": "suspended"})
    await eventually(lambda: operated.status(app.key).get("lifecycleState") == "SUSPENDED", "it to be suspended")
    await operated.change(app.key, job={**job, "state": "running"})
    await operated.stable(app.key)

    await operated.change(app.key, deleting=True)
    await operated.gone(app.key)
    assert await operated.found("whole-life") is None


@pytest.mark.rule("P05", "P18", "P35", "P42", "P43", "P44", "P50")
async def test_a_shared_pool_runs_is_suspended_resumed_and_deleted(operated: Flink) -> None:
    shared = pool(name="shared-life")
    await operated.write(shared)
    assert operated.status(shared.key)["phase"] == "PENDING"
    await operated.phase(shared.key, "RUNNING")

    await operated.change(shared.key, state="SUSPENDED")
    await operated.phase(shared.key, "SUSPENDED")
    assert await operated.found("shared-life") is None

    await operated.change(shared.key, state="RUNNING")
    assert operated.status(shared.key)["phase"] == "PENDING"
    await operated.phase(shared.key, "RUNNING")

    await operated.change(shared.key, deleting=True)
    await operated.gone(shared.key)
    assert await operated.found("shared-life") is None


@pytest.mark.rule("P04", "P05")
@pytest.mark.parametrize(("kind", "resource"), [("DEDICATED", FLINK_DEPLOYMENT), ("SHARED", FLINK_SESSION_JOB)])
async def test_a_statement_runs_is_stopped_resumed_and_deleted(
    operated: Flink, kind: str, resource: FlinkResource
) -> None:
    on = pool(kind, name=f"on-{kind.lower()}")
    await operated.write(on)
    await operated.phase(on.key, "RUNNING" if kind == "SHARED" else "DEDICATED")
    sql = statement(f"sql-on-{kind.lower()}", spec={"computePoolName": on.name})
    await operated.write(sql)
    await operated.phase(sql.key, "RUNNING")
    assert await operated.connection.get(resource, operated.namespace, sql.name)

    await operated.change(sql.key, stopped=True)
    await operated.phase(sql.key, "STOPPED")
    await operated.change(sql.key, stopped=False)
    await operated.phase(sql.key, "RUNNING")

    await operated.change(sql.key, deleting=True)
    await operated.gone(sql.key)
    await operated.change(on.key, deleting=True)
    await operated.gone(on.key)


@pytest.mark.rule("P47", "P50")
@pytest.mark.parametrize("change", [{"deleting": True}, {"state": "SUSPENDED"}])
async def test_finished_statements_do_not_hold_up_the_end_of_their_session_cluster(
    operated: Flink, change: dict[str, object]
) -> None:
    """The operator keeps a session cluster as long as any session job is on it, a finished one too."""
    shared = pool(name="with-finished")
    await operated.write(shared)
    await operated.phase(shared.key, "RUNNING")
    settings = {"standin.finish-job": "true"}
    sql = statement("finished", spec={"computePoolName": shared.name, "flinkConfiguration": settings})
    await operated.write(sql)
    await operated.phase(sql.key, "COMPLETED")

    await operated.change(shared.key, **change)
    if change.get("deleting"):
        await operated.gone(shared.key)
    else:
        await operated.phase(shared.key, "SUSPENDED")
    assert operated.status(sql.key)["phase"] == "COMPLETED"
    assert await operated.found("finished", FLINK_SESSION_JOB) is None

    await operated.change(sql.key, deleting=True)
    await operated.gone(sql.key)
    if not change.get("deleting"):
        await operated.change(shared.key, deleting=True)
        await operated.gone(shared.key)


@pytest.mark.rule("P31", "E28")
async def test_a_crashing_session_cluster_is_failing_and_its_statements_with_it(operated: Flink) -> None:
    shared = pool(name="crashing")
    await operated.write(shared)
    await operated.phase(shared.key, "RUNNING")
    sql = statement("on-crashing", spec={"computePoolName": shared.name})
    await operated.write(sql)
    await operated.phase(sql.key, "RUNNING")

    settings = {"taskmanager.numberOfTaskSlots": "4", "standin.crash-jobmanager": "true"}
    spec = {**shared.spec["clusterSpec"], "flinkConfiguration": settings}
    await operated.change(shared.key, clusterSpec=spec)
    await operated.phase(shared.key, "FAILING")
    assert "back-off" in operated.status(shared.key)["message"]
    await eventually(lambda: operated.status(sql.key)["phase"] != "RUNNING", "the statement not to run")
    for key in (sql.key, shared.key):
        await operated.change(key, deleting=True)
    await operated.gone(sql.key)
    await operated.gone(shared.key)


@pytest.mark.rule("P33")
async def test_a_good_spec_brings_a_failed_pool_back(operated: Flink) -> None:
    bad = pool(name="was-bad", cluster_spec={"flinkConfiguration": {"kubernetes.cluster-id": "x"}})
    await operated.write(bad)
    await operated.phase(bad.key, "FAILED")
    assert "Forbidden Flink config key" in operated.status(bad.key)["message"]
    await operated.change(bad.key, clusterSpec=pool().spec["clusterSpec"])
    await operated.phase(bad.key, "RUNNING")
    await operated.change(bad.key, deleting=True)
    await operated.gone(bad.key)


async def test_an_application_deleted_by_hand_comes_back_once_it_is_gone(operated: Flink) -> None:
    app = application("deleted-by-hand")
    await operated.write(app)
    await operated.stable(app.key)
    first = await operated.found(app.name)
    assert first is not None
    await operated.connection.delete(FLINK_DEPLOYMENT, operated.namespace, app.name)

    def replaced() -> bool:
        return bool(operated.status(app.key).get("jobStatus", {}).get("state") != "RUNNING")

    await eventually(replaced, "the deletion to be seen")
    await operated.stable(app.key)
    second = await operated.found(app.name)
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    await operated.change(app.key, deleting=True)
    await operated.gone(app.key)


async def test_a_finished_application_deleted_by_hand_does_not_run_again(operated: Flink) -> None:
    configuration = {"standin.finish-job": "true"}
    app = application("ran-once", spec={"flinkConfiguration": configuration})
    await operated.write(app)
    await eventually(
        lambda: (
            operated.status(app.key)["jobStatus"]["state"] == "FINISHED"
            and operated.status(app.key)["observedGeneration"] == 1
        ),
        "the job to finish",
    )
    await operated.connection.delete(FLINK_DEPLOYMENT, operated.namespace, app.name)
    await eventually(lambda: "not started again" in operated.status(app.key).get("message", ""), "it to be seen")
    await operated.clean(app.key)
    assert await operated.found(app.name) is None
    await operated.change(app.key, deleting=True)
    await operated.gone(app.key)


@pytest.mark.rule("P35")
async def test_a_stuck_finalizer_keeps_the_resource_deleting_with_the_reason(
    operated: Flink, cluster: LocalCluster
) -> None:
    kubectl = Kubectl(cluster.kubeconfig, operated.namespace)
    app = application("stuck", metadata={"annotations": {"standin.flink/stuck-finalizer": "true"}})
    await operated.write(app)
    await operated.stable(app.key)
    await operated.change(app.key, deleting=True)
    await eventually(lambda: "held by finalizer" in operated.status(app.key).get("message", ""), "the reason")
    assert operated.status(app.key)["lifecycleState"] == "DELETING"
    await operated.clean(app.key)

    await kubectl.patch(app.name, metadata={"annotations": {"standin.flink/stuck-finalizer": "false"}})
    await operated.gone(app.key)
