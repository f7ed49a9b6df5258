"""Instances of applications: one for each deployed specification, and the job that it had."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.hub import Hub, Spoke, application, lookup, message, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]
INSTANCE = "platform.confluent.io/cmf-fa-instance"
ORIGIN = "platform.confluent.io/origin"


@pytest.fixture
def path(environment: str) -> str:
    """Path of the applications of an empty environment."""
    return f"{environment}/applications"


def items(hub: Hub, one: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the instances of an application, the newest first."""
    listed: list[dict[str, Any]] = hub.get(f"{one}/instances", params=parameters).json()["items"]
    return listed


def create(hub: Hub, path: str, **job: Any) -> str:
    """Create an application, wait until its instance runs, and return its path."""
    name = unique("inst")
    assert hub.post(path, application(name, **job)).status_code == 201
    deployed(hub, f"{path}/{name}")
    return f"{path}/{name}"


def update(hub: Hub, one: str, spec: dict[str, Any] | None = None, **job: Any) -> None:
    """Change fields of an application's spec and job."""
    path, _, name = one.rpartition("/")
    present = hub.get(one).json()["spec"]
    body = {**application(name), "spec": {**present, **(spec or {}), "job": {**present["job"], **job}}}
    answer = hub.post(path, body)
    assert answer.status_code == 201, answer.text


def deployed(hub: Hub, one: str, state: str = "RUNNING") -> dict[str, Any]:
    """Wait until the newest instance is the deployed one and has a job in this state, and return it."""

    def reached() -> dict[str, Any]:
        newest = items(hub, one)[0]
        current = hub.get(one).json()["status"].get("currentDeployedInstanceName")
        return newest if current == newest["metadata"]["name"] and job(newest)["state"] == state else {}

    return wait_for(reached, f"the newest instance of {one} to be {state}")


def job(instance: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = instance["status"]["jobStatus"]
    return found


def pods(home: Spoke, one: str) -> dict[str, str]:
    """Return the annotations that an application's pods get."""
    deployment = home.deployments()[one.rpartition("/")[2]]
    found: dict[str, str] = lookup(deployment, "spec.podTemplate.metadata.annotations") or {}
    return found


def test_a_new_application_has_one_instance_that_follows_its_job(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    (instance,) = items(hub, one)
    name = instance["metadata"]["name"]
    assert (instance["apiVersion"], instance["kind"]) == ("cmf.confluent.io/v1", "FlinkApplicationInstance")
    assert (str(UUID(name)), instance["metadata"]["uid"]) == (name, name)
    assert instance["metadata"]["creationTimestamp"] < instance["metadata"]["updateTimestamp"]
    assert job(instance)["state"] == "RUNNING"
    assert job(instance)["jobId"] == hub.get(one).json()["status"]["jobStatus"]["jobId"]
    assert pods(home, one) == {INSTANCE: name, ORIGIN: "flink"}
    assert lookup(instance, "status.spec.podTemplate.metadata.annotations") == pods(home, one)
    assert hub.get(f"{one}/instances/{name}").json() == instance
    assert "podTemplate" not in hub.get(one).json()["spec"]


def test_every_deployed_change_makes_an_instance_and_ends_the_one_before(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    update(hub, one, parallelism=3)
    second = deployed(hub, one)
    newest, first = items(hub, one)
    assert newest == second
    assert second["status"]["spec"]["job"]["parallelism"] == 3
    assert first["status"]["spec"]["job"]["parallelism"] == 2
    assert job(first)["state"] == "FINISHED"
    assert job(first)["jobId"] != job(second)["jobId"]
    assert pods(home, one)[INSTANCE] == second["metadata"]["name"]


def test_the_same_again_and_what_needs_no_new_pods_make_none(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    before, generation = items(hub, one), home.deployments()[one.rpartition("/")[2]]["metadata"]["generation"]
    update(hub, one)
    body = {**application(one.rpartition("/")[2]), "metadata": {"name": one.rpartition("/")[2], "labels": {"a": "b"}}}
    assert hub.post(path, body).status_code == 201
    assert home.deployments()[one.rpartition("/")[2]]["metadata"]["generation"] == generation
    update(hub, one, allowNonRestoredState=True, savepointTriggerNonce=None)
    update(hub, one, {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 2, "kubernetes.operator.retry": "1"}})
    assert pods(home, one)[INSTANCE] == before[0]["metadata"]["name"]
    assert items(hub, one) == before
    update(hub, one, parallelism=3)
    assert items(hub, one)[0]["status"]["spec"]["job"]["allowNonRestoredState"] is True


def test_suspending_and_resuming_make_instances_too(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    assert hub.post(f"{one}/suspend").status_code == 200
    wait_for(lambda: hub.get(one).json()["status"]["lifecycleState"] == "SUSPENDED", f"{one} to be suspended")
    suspended, running = items(hub, one)
    assert suspended["status"]["spec"]["job"]["state"] == "suspended"
    assert (job(suspended), job(running)["state"]) == ({"jobId": "", "state": ""}, "FINISHED")
    assert hub.post(f"{one}/start").status_code == 200
    resumed = deployed(hub, one)
    assert [each["metadata"]["name"] for each in items(hub, one)] == [
        each["metadata"]["name"] for each in (resumed, suspended, running)
    ]
    assert items(hub, one)[1:] == [suspended, running]


def test_the_environments_defaults_win_and_their_change_makes_an_instance(hub: Hub, home: Spoke) -> None:
    def defaults(slots: int, label: str) -> dict[str, Any]:
        spec = {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": slots}}
        return {"spec": spec, "metadata": {"labels": {"team": label}}}

    environment = hub.environment("flink", flinkApplicationDefaults=defaults(5, "red"))
    one = create(hub, f"{environment}/applications")
    assert lookup(items(hub, one)[0], "status.spec.flinkConfiguration") == {"taskmanager.numberOfTaskSlots": "5"}
    name = environment.rpartition("/")[2]
    assert hub.post("/environments", {"name": name, "flinkApplicationDefaults": defaults(6, "red")}).status_code == 200
    second = deployed(hub, one)
    assert len(items(hub, one)) == 2
    assert second["status"]["spec"]["flinkConfiguration"] == {"taskmanager.numberOfTaskSlots": "6"}
    assert pods(home, one)[INSTANCE] == second["metadata"]["name"]
    assert hub.post("/environments", {"name": name, "flinkApplicationDefaults": defaults(6, "blue")}).status_code == 200
    wait_for(
        lambda: home.deployments()[one.rpartition("/")[2]]["metadata"]["labels"]["team"] == "blue", "the new label"
    )
    assert len(items(hub, one)) == 2


def test_an_application_keeps_its_own_pod_annotations(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("inst")
    body = application(name)
    body["spec"]["podTemplate"] = {"metadata": {"annotations": {"mine": "1", INSTANCE: str(uuid4())}}}
    assert hub.post(path, body).status_code == 201
    (instance,) = items(hub, f"{path}/{name}")
    assert pods(home, f"{path}/{name}") == {"mine": "1", INSTANCE: instance["metadata"]["name"], ORIGIN: "flink"}


def test_a_job_that_fails_is_told_by_its_instance(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    name = one.rpartition("/")[2]
    home.patch(name, {"metadata": {"annotations": {"standin.flink/fail-job": "true"}}})
    deployed(hub, one, "FAILED")
    home.patch(name, {"metadata": {"annotations": {"standin.flink/fail-job": None}}})
    update(hub, one, parallelism=3)
    deployed(hub, one)
    assert [job(each)["state"] for each in items(hub, one)] == ["RUNNING", "FAILED"]


def test_a_hand_edit_is_put_right_without_an_instance(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    name, before = one.rpartition("/")[2], items(hub, one)
    forged = {"podTemplate": {"metadata": {"annotations": {INSTANCE: str(uuid4())}}}}
    home.patch(name, {"spec": {"job": {"parallelism": 9}, **forged}})
    wait_for(
        lambda: (
            home.deployments()[name]["spec"]["job"]["parallelism"] == 2
            and pods(home, one)[INSTANCE] == before[0]["metadata"]["name"]
        ),
        "the hub to put the deployment right",
    )
    deployed(hub, one)
    assert [each["metadata"]["name"] for each in items(hub, one)] == [before[0]["metadata"]["name"]]


def test_nothing_is_deployed_again_for_the_annotation_alone(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    update(hub, one, parallelism=3)
    deployed(hub, one)
    name = one.rpartition("/")[2]
    generation = home.deployments()[name]["metadata"]["generation"]
    update(hub, one)
    home.patch(name, {"metadata": {"annotations": {"touched": "1"}}})
    wait_for(lambda: "touched" in home.deployments()[name]["metadata"]["annotations"], "the touch")
    deployed(hub, one)
    assert home.deployments()[name]["metadata"]["generation"] == generation


def test_a_refused_change_leaves_no_instance(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    before = items(hub, one)
    body = application(one.rpartition("/")[2])
    body["spec"]["jobManager"] = {"resource": {"cpu": "much"}}
    assert hub.post(path, body).status_code == 422
    assert items(hub, one) == before
    assert pods(home, one)[INSTANCE] == before[0]["metadata"]["name"]


def test_a_list_has_pages_and_orders(hub: Hub, path: str) -> None:
    one = create(hub, path)
    for parallelism in (3, 4):
        update(hub, one, parallelism=parallelism)
    answer = hub.get(f"{one}/instances", params={"size": 2, "page": 1}).json()
    assert (answer["metadata"], len(answer["items"])) == ({"size": 3}, 1)
    assert answer["items"][0]["status"]["spec"]["job"]["parallelism"] == 2
    assert items(hub, one, page=2, size=2) == []
    names = [each["metadata"]["name"] for each in items(hub, one)]
    assert [each["metadata"]["name"] for each in items(hub, one, sort="creationTimestamp,asc")] == names[::-1]
    assert [each["metadata"]["name"] for each in items(hub, one, sort="name")] == sorted(names)
    assert items(hub, one, fields="status.jobStatus.state")[0].keys() == {"apiVersion", "kind", "status"}
    assert hub.get(f"{one}/instances", params={"sort": "spec"}).status_code == 400


def test_what_does_not_exist_is_not_found(hub: Hub, environment: str, path: str) -> None:
    one, other = create(hub, path), create(hub, path)
    for missing in (
        f"{path}/none/instances",
        f"{path}/none/instances/x",
        "/environments/none/applications/a/instances",
    ):
        assert hub.get(missing).status_code == 404
    name = items(hub, other)[0]["metadata"]["name"]
    assert message(hub.get(f"{one}/instances/{name}")) == (
        f"FlinkApplicationInstance '{name}' does not exist in FlinkApplication '{one.rpartition('/')[2]}'."
    )


def test_instances_go_with_their_application(hub: Hub, path: str) -> None:
    one = create(hub, path)
    (before,) = items(hub, one)
    assert hub.delete(one).status_code == 204
    hub.gone(one)
    assert hub.get(f"{one}/instances").status_code == 404
    assert hub.post(path, application(one.rpartition("/")[2])).status_code == 201
    (after,) = items(hub, one)
    assert after["metadata"]["name"] != before["metadata"]["name"]


def test_as_many_are_kept_as_the_setting_says(own_hub: StartHub) -> None:
    hub = own_hub(CMF_APPLICATION_INSTANCES_MAX_INSTANCES_PER_APPLICATION="3")
    one = create(hub, f"{hub.environment('flink')}/applications")
    for parallelism in range(3, 8):
        update(hub, one, parallelism=parallelism)
    assert [each["status"]["spec"]["job"]["parallelism"] for each in items(hub, one)][:3] == [7, 6, 5]
    deployed(hub, one)
    assert [each["status"]["spec"]["job"]["parallelism"] for each in items(hub, one)] == [7, 6, 5]


def test_a_restart_makes_none(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub()
    one = create(hub, f"{hub.environment('flink')}/applications")
    update(hub, one, parallelism=3)
    deployed(hub, one)
    before = items(hub, one)
    generation = home.deployments()[one.rpartition("/")[2]]["metadata"]["generation"]
    hub.process.stop()
    hub.start()
    hub.connected("default-k8s-cluster")
    deployed(hub, one)
    assert items(hub, one) == before
    assert home.deployments()[one.rpartition("/")[2]]["metadata"]["generation"] == generation


def test_a_crash_neither_loses_nor_doubles_an_instance(own_hub: StartHub, home: Spoke) -> None:
    """Kill the hub after each of some changes, at once; deployed is what the newest instance says."""
    hub = own_hub()
    path = f"{hub.environment('flink')}/applications"
    one = create(hub, path)
    for parallelism in (3, 4):
        update(hub, one, parallelism=parallelism)
        hub.crash()
    newest = deployed(hub, one)
    listed = items(hub, one)
    assert [each["status"]["spec"]["job"]["parallelism"] for each in listed] == [4, 3, 2]
    assert pods(home, one)[INSTANCE] == newest["metadata"]["name"]


def test_an_adopted_application_keeps_its_instance_and_its_job(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub()
    path = f"{hub.environment('flink')}/applications"
    one = create(hub, path)
    (before,) = items(hub, one)
    name = one.rpartition("/")[2]
    generation = home.deployments()[name]["metadata"]["generation"]
    assert hub.delete(one, params={"force": "true"}).status_code == 204
    adopted = hub.post(f"/kubernetes-clusters/default-k8s-cluster/orphans/flink/{name}/adopt")
    assert adopted.status_code == 200, adopted.text
    assert INSTANCE not in json.dumps(adopted.json()["spec"])
    after = deployed(hub, one)
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert job(after) == job(before)
    assert home.deployments()[name]["metadata"]["generation"] == generation
