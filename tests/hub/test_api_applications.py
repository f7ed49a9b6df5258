from typing import Any

import pytest

from tests.support.hub import RESOURCES, Hub, Spoke, application, message, pool, statement, unique
from tests.support.wait import wait_for


@pytest.fixture
def path(environment: str) -> str:
    """Path of the applications of an empty environment."""
    return f"{environment}/applications"


@pytest.mark.rule("E02", "E07", "E19", "D13")
def test_an_application_becomes_a_deployment_and_shows_its_status(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    answer = hub.post(path, application(name))
    assert answer.status_code == 201
    created = answer.json()
    assert created["kind"] == "FlinkApplication"
    assert created["spec"] == application(name)["spec"]
    assert created["metadata"]["uid"]
    assert isinstance(created["status"]["jobStatus"]["jobName"], str)
    assert isinstance(created["status"]["jobStatus"]["state"], str)
    running = hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    assert running["status"]["lifecycleState"] == "STABLE"
    deployed = home.deployments()[name]
    assert deployed["spec"]["job"]["jarURI"] == application(name)["spec"]["job"]["jarURI"]
    assert deployed["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "cmf-hub"


def test_an_update_is_deployed_and_answers_201_too(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    first = hub.post(path, application(name)).json()
    answer = hub.post(path, application(name, parallelism=7))
    assert answer.status_code == 201
    second = answer.json()
    assert (first["metadata"]["generation"], second["metadata"]["generation"]) == (1, 2)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["metadata"]["creationTimestamp"] == first["metadata"]["creationTimestamp"]
    assert home.deployments()[name]["spec"]["job"]["parallelism"] == 7


def test_the_same_application_again_changes_nothing(hub: Hub, path: str) -> None:
    name = unique("app")
    first = hub.post(path, application(name)).json()
    again = hub.post(path, application(name)).json()
    assert again["metadata"] == first["metadata"]


def _spec(**changes: Any) -> dict[str, Any]:
    body = application(unique("app"))
    body["spec"] |= changes
    return body


@pytest.mark.rule("E16", "E19", "E20", "E21", "FKO1", "FKO2", "FKO3", "FKO14", "NAME", "SHAPE")
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({**_spec(), "metadata": {}}, 400, "no name"),
        ({**_spec(), "metadata": {"name": "abc"}}, 400, "size must be between 4"),
        ({**_spec(), "metadata": {"name": "x" * 46}}, 422, "45 characters"),
        ({**_spec(), "metadata": {"name": "1digit-first"}}, 422, "a letter first"),
        ({**_spec(), "metadata": {"name": "has.dots"}}, 422, "no dots"),
        ({**_spec(), "apiVersion": "v1"}, 400, "cmf.confluent.io/v1"),
        ({**_spec(), "apiVersion": "platform.confluent.io/v1beta1"}, 400, "is not cmf.confluent.io/v1"),
        ({**_spec(), "kind": "ComputePool"}, 400, "kind"),
        (_spec(flinkConfiguration=True), 400, "spec.flinkConfiguration is not an object"),
        (_spec(jobManager={"resource": {"cpu": "much"}}), 422, "spec.jobManager.resource.cpu: expected numeric"),
        (_spec(imgae="typo"), 422, ".spec.imgae: field not declared in schema"),
        (_spec(job=None), 422, "no spec.job"),
        (_spec(job={"parallelism": 1}), 422, "jarURI is missing"),
        (_spec(job={"jarURI": "local:///x.jar", "state": "paused"}), 422, "state 'paused'"),
        (_spec(job={"jarURI": "local:///x.jar", "upgradeMode": "blue-green"}), 422, "upgradeMode 'blue-green'"),
        (_spec(job={"jarURI": "local:///x.jar"}), 422, "spec.job.parallelism is missing"),
        (_spec(flinkVersion=None), 422, "spec.flinkVersion is missing"),
        (_spec(flinkConfiguration={"kubernetes": {"namespace": "x"}}), 422, "kubernetes.namespace"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_leaves_nothing(
    hub: Hub, path: str, body: dict[str, Any], status: int, text: str
) -> None:
    answer = hub.post(path, body)
    assert answer.status_code == status, answer.text
    assert text in message(answer)
    assert hub.get(path).json()["items"] == []


def test_what_kubernetes_refuses_is_refused_with_its_words_and_leaves_nothing(hub: Hub, path: str) -> None:
    name = unique("app")
    wrong = application(name)
    wrong["spec"]["flinkVersion"] = "v99"
    answer = hub.post(path, wrong)
    assert answer.status_code == 422
    assert "v99" in message(answer)
    assert "default-k8s-cluster" in message(answer)
    assert hub.get(f"{path}/{name}").status_code == 404


def test_an_update_that_kubernetes_refuses_changes_nothing(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    wrong = application(name)
    wrong["spec"]["flinkVersion"] = "v99"
    assert hub.post(path, wrong).status_code == 422
    after = hub.get(f"{path}/{name}").json()
    assert after["spec"] == application(name)["spec"]
    assert home.deployments()[name]["spec"]["flinkVersion"] == "v1_20"
    hub.until(f"{path}/{name}", "status.observedGeneration", after["metadata"]["generation"])


def test_an_object_of_somebody_else_is_never_taken_over(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    foreign = {"metadata": {"name": name}, "spec": application(name)["spec"]}
    home.create(foreign)
    answer = hub.post(path, application(name, parallelism=5))
    assert answer.status_code == 409
    assert "was not made by this hub" in message(answer)
    assert home.deployments()[name]["spec"]["job"]["parallelism"] == 2
    assert hub.get(f"{path}/{name}").status_code == 404


@pytest.mark.rule("OBJECT")
def test_one_name_is_one_object_in_a_namespace(hub: Hub, environment: str) -> None:
    name = unique("name")
    assert hub.post(f"{environment}/applications", application(name)).status_code == 201
    hub.post(f"{environment}/compute-pools", pool("template", "DEDICATED"))
    neighbour = hub.environment("flink")
    for answer in (
        hub.post(f"{environment}/compute-pools", pool(name)),
        hub.post(f"{environment}/statements", statement(name, "template")),
        hub.post(f"{neighbour}/applications", application(name)),
    ):
        assert answer.status_code == 409
        assert "choose another name" in message(answer)
    assert hub.post(f"{environment}/compute-pools", pool(name, "DEDICATED")).status_code == 200


def test_suspend_and_start_change_the_job_once(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    answer = hub.post(f"{path}/{name}/suspend")
    assert answer.status_code == 200
    assert answer.json()["spec"]["job"]["state"] == "suspended"
    hub.until(f"{path}/{name}", "status.lifecycleState", "SUSPENDED")
    assert hub.post(f"{path}/{name}/suspend").status_code == 304
    assert hub.post(f"{path}/{name}/start").json()["spec"]["job"]["state"] == "running"
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    assert hub.post(f"{path}/{name}/start").status_code == 304
    assert home.deployments()[name]["spec"]["job"]["state"] == "running"


def test_an_unknown_savepoint_or_application_cannot_be_started(hub: Hub, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    answer = hub.post(f"{path}/{name}/start?startFromSavepointUid=none")
    assert answer.status_code == 404
    assert "none" in message(answer)
    assert hub.post(f"{path}/nobody/start").status_code == 404
    assert hub.post(f"{path}/nobody/suspend").status_code == 404


def test_a_deleted_application_goes_with_its_deployment(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    assert hub.delete(f"{path}/{name}").status_code == 204
    hub.gone(f"{path}/{name}")
    assert name not in home.deployments()
    assert hub.delete(f"{path}/{name}").status_code == 404


def test_while_a_finalizer_holds_its_deployment_an_application_is_deleting(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    home.patch(name, {"metadata": {"finalizers": ["example.com/held"]}})
    assert hub.delete(f"{path}/{name}").status_code == 204
    held = hub.get(f"{path}/{name}").json()
    assert held["status"]["lifecycleState"] == "DELETING"
    for answer in (hub.post(path, application(name)), hub.post(f"{path}/{name}/suspend")):
        assert answer.status_code == 409
        assert "is being deleted" in message(answer)
    assert hub.delete(f"{path}/{name}").status_code == 204
    home.patch(name, {"metadata": {"finalizers": None}})
    hub.gone(f"{path}/{name}")
    assert hub.post(path, application(name)).status_code == 201


@pytest.mark.rule("C49", "C53")
def test_a_forced_deletion_leaves_the_deployment(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    assert hub.delete(f"{path}/{name}?force=true").status_code == 204
    assert hub.get(f"{path}/{name}").status_code == 404
    assert name in home.deployments()
    answer = hub.post(path, application(name))
    assert answer.status_code == 409
    assert "left behind" in message(answer)


@pytest.mark.rule("E15")
def test_a_hand_edit_is_put_right(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    home.patch(name, {"spec": {"job": {"parallelism": 9}}})
    wait_for(lambda: home.deployments()[name]["spec"]["job"]["parallelism"] == 2, "the hub to put parallelism right")


def test_applications_are_filtered_by_job_state(hub: Hub, path: str) -> None:
    running, suspended = unique("app"), unique("app")
    hub.post(path, application(running))
    hub.post(path, application(suspended, state="suspended"))
    hub.until(f"{path}/{running}", "status.jobStatus.state", "RUNNING")

    def names(query: str) -> list[str]:
        return [item["metadata"]["name"] for item in hub.get(f"{path}?{query}").json()["items"]]

    assert names("filter=state=RUNNING") == [running]
    assert names("filter=state notin (RUNNING, FAILED)") == [suspended]
    assert names(f"filter=name={running[:-1]}*,state in (RUNNING)&sort=name,desc") == [running]
    assert hub.get(f"{path}?filter=phase=RUNNING").status_code == 400


def test_everything_below_an_unknown_environment_is_not_found(hub: Hub) -> None:
    path = "/environments/nowhere/applications"
    for answer in (
        hub.get(path), hub.post(path, application("some-app")), hub.get(f"{path}/app1"), hub.delete(f"{path}/app1"),
        hub.delete(f"{path}/app1?force=true"), hub.post(f"{path}/app1/start"),
    ):  # fmt: skip
        assert answer.status_code == 404
        assert "Environment 'nowhere'" in message(answer)


@pytest.mark.rule("E29", "E33", "FKO8")
def test_what_the_operator_refuses_is_an_error_and_the_job_goes_on_with_the_former_specification(
    hub: Hub, path: str
) -> None:
    name = unique("app")
    hub.post(path, application(name))
    before = hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")["status"]
    answer = hub.post(path, application(name, upgradeMode="savepoint", parallelism=3))
    assert answer.status_code == 201
    assert any(
        "upgradeMode savepoint needs state.checkpoints.dir" in told for told in answer.json()["status"]["advice"]
    )
    told = wait_for(lambda: hub.get(f"{path}/{name}").json()["status"].get("error"), "the operator's error")
    assert "Checkpoint directory[state.checkpoints.dir] must be defined" in told
    after = hub.get(f"{path}/{name}").json()["status"]
    assert (after["jobStatus"]["state"], after["jobStatus"]["jobId"]) == ("RUNNING", before["jobStatus"]["jobId"])


@pytest.mark.rule("FKO26", "FKO28")
def test_what_is_deployed_keeps_its_mode(hub: Hub, path: str) -> None:
    name = unique("app")
    hub.post(path, application(name))
    hub.until(f"{path}/{name}", "status.jobStatus.state", "RUNNING")
    sent = application(name)
    sent["spec"]["mode"] = "standalone"
    answer = hub.post(path, sent)
    assert (answer.status_code, "cannot change from native to standalone" in message(answer)) == (422, True)
    answer = hub.post(path, application(name, savepointRedeployNonce=1))
    assert (answer.status_code, "initialSavepointPath is empty" in message(answer)) == (422, True)


@pytest.mark.rule("E18", "E58")
def test_pod_templates_and_the_autoscaler_reach_the_operator(hub: Hub, home: Spoke, path: str) -> None:
    sent = application(unique("app"))
    sent["spec"]["podTemplate"] = {"spec": {"containers": [{"name": "flink-main-container"}]}}
    node = {"podTemplate": {"spec": {"nodeSelector": {"disk": "ssd"}}}}
    sent["spec"]["taskManager"] = RESOURCES | node
    sent["spec"]["flinkConfiguration"] |= {"job.autoscaler.enabled": True}
    assert hub.post(path, sent).status_code == 201
    spec = home.deployments()[sent["metadata"]["name"]]["spec"]
    assert spec["podTemplate"]["spec"]["containers"][0]["name"] == "flink-main-container"
    assert spec["taskManager"]["podTemplate"]["spec"] == node["podTemplate"]["spec"]
    assert "podTemplate" not in spec["jobManager"]
    assert spec["flinkConfiguration"]["job.autoscaler.enabled"] == "true"
